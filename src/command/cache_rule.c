/* command/cache_rule.c - reading, checking and following collections' cache options. */
#include "command/cache_rule.h"

#include "command/args.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"

struct rule_args {
    struct slice policy;
    int64_t quota_mb;
    int64_t ttl_s;
    bool pin;
    bool results;
};

static const struct command_arg rule_arg_table[] = {
    {"policy", COMMAND_ARG_STRING, offsetof(struct rule_args, policy), 0},
    {"quotaMB", COMMAND_ARG_INT, offsetof(struct rule_args, quota_mb), COMMAND_ARG_NOT_NEGATIVE},
    {"pin", COMMAND_ARG_BOOL, offsetof(struct rule_args, pin), 0},
    {"ttlSecs", COMMAND_ARG_INT, offsetof(struct rule_args, ttl_s), COMMAND_ARG_NOT_NEGATIVE},
    {"results", COMMAND_ARG_BOOL, offsetof(struct rule_args, results), 0},
    {NULL},
};

static int rule_read(struct slice option, struct rule_args *ret_args, struct err *err)
{
    struct command_args_spec spec = {.prefix = "cache", .args = rule_arg_table};
    return command_args_read(&spec, option, ret_args, err);
}

static const struct cache_policy_ops *rule_policy(const struct rule_args *args)
{
    const struct cache_policy_ops *ops;
    if (args->pin) {
        return &cache_policy_pin;
    }
    for (size_t i = 0; (ops = cache_policy_at(i)) != NULL; i++) {
        if (args->policy.len == 0 || slice_is(args->policy, ops->name)) {
            return ops;
        }
    }
    return NULL;
}

static struct cache_rule rule_of(const struct rule_args *args, uint32_t collection)
{
    return (struct cache_rule){.policy = args->quota_mb == 0 ? NULL : rule_policy(args),
                               .quota = (uint64_t)args->quota_mb << 20,
                               .collection = collection,
                               .ttl_s = (uint32_t)args->ttl_s};
}

bool command_cache_rule(const struct store_collection *collection, struct cache_rule *ret_rule)
{
    struct doc_value option = doc_get_str(collection->options, "cache");
    struct rule_args args = {0};
    struct err err = {0};
    if (option.type != DOC_OBJECT || rule_read(doc_value_get_doc(option), &args, &err) < 0) {
        return false;
    }
    *ret_rule = rule_of(&args, collection->id);
    return ret_rule->quota > 0 || ret_rule->ttl_s > 0;
}

bool command_cache_keeps_results(const struct store_collection *collection)
{
    struct doc_value option = doc_get_str(collection->options, "cache");
    return option.type == DOC_OBJECT &&
           doc_value_truth(doc_get_str(doc_value_get_doc(option), "results"));
}

void command_cache_follow(struct cache *cache, const struct store_catalog *catalog)
{
    struct cache_rule rules[CACHE_RULES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < catalog->count && count < CACHE_RULES_MAX; i++) {
        count += command_cache_rule(catalog->collections[i], &rules[count]);
    }
    cache_set_rules(cache, rules, count);
}

struct slice command_cache_option(struct arena *arena, struct slice options, struct slice option)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_without(builder, options, "cache");
    if (!doc_is_empty(option)) {
        doc_build_doc(builder, "cache", option);
    }
    return doc_build_end(builder);
}

/* ---- checking ---- */

static int rule_check_words(const struct rule_args *args, struct err *err)
{
    if (rule_policy(args) == NULL) {
        return err_set(err, LT_EBADVALUE,
                       "cache.policy '%.*s' is none of adaptive, s3fifo, lru, lfu, fifo, random, "
                       "ttl",
                       SLICE_FMT(args->policy));
    }
    if (args->pin && args->policy.len > 0) {
        return err_set(err, LT_EBADVALUE, "cache.pin and cache.policy exclude each other");
    }
    if ((args->pin || args->policy.len > 0) && args->quota_mb == 0) {
        return err_set(err, LT_EBADVALUE, "cache.%s needs cache.quotaMB",
                       args->pin ? "pin" : "policy");
    }
    if (slice_is(args->policy, cache_policy_ttl.name) && args->ttl_s == 0) {
        return err_set(err, LT_EBADVALUE, "cache.policy 'ttl' needs cache.ttlSecs");
    }
    return 0;
}

static int rule_check_numbers(const struct rule_args *args, uint64_t room, struct err *err)
{
    if (args->ttl_s > CACHE_TTL_MAX_S) {
        return err_set(err, LT_EBADVALUE, "cache.ttlSecs is %lld, and may be %d at most",
                       (long long)args->ttl_s, CACHE_TTL_MAX_S);
    }
    if (args->quota_mb != 0 && args->quota_mb < CACHE_QUOTA_MIN >> 20) {
        return err_set(err, LT_EBADVALUE, "cache.quotaMB is %lld, and must be %d at least",
                       (long long)args->quota_mb, CACHE_QUOTA_MIN >> 20);
    }
    if ((uint64_t)args->quota_mb > room >> 20) {
        return err_set(err, LT_EBADVALUE,
                       "cache.quotaMB is %lld, and %llu MB are left: quotas take half of the cache "
                       "at most, which --cacheSizeMB makes larger",
                       (long long)args->quota_mb, (unsigned long long)(room >> 20));
    }
    return 0;
}

/* What all others leave. */
static int rule_check_count(uint32_t rules, uint32_t spaces, bool wants_space, struct err *err)
{
    if (rules >= CACHE_RULES_MAX) {
        return err_set(err, LT_EBADVALUE,
                       "cache: %d collections have this option already, which is the most",
                       CACHE_RULES_MAX);
    }
    if (wants_space && spaces >= CACHE_SPACES_MAX - 1) {
        return err_set(err, LT_EBADVALUE,
                       "cache.quotaMB: %d collections have one already, which is the most",
                       CACHE_SPACES_MAX - 1);
    }
    return 0;
}

int command_cache_check(struct command_op *op, struct slice ns, struct slice option)
{
    struct rule_args args = {0};
    const struct store_catalog *catalog = op->writer->catalog;
    uint64_t size = op->server->cache == NULL ? 0 : cache_bytes_max(op->server->cache);
    uint64_t room = size / CACHE_QUOTAS_PART;
    uint32_t rules = 0;
    uint32_t spaces = 0;
    for (uint32_t i = 0; i < catalog->count; i++) {
        struct cache_rule rule;
        if (slice_equal(catalog->collections[i]->ns, ns) ||
            !command_cache_rule(catalog->collections[i], &rule)) {
            continue;
        }
        room -= rule.quota < room ? rule.quota : room;
        rules++;
        spaces += rule.quota > 0;
    }
    int code = rule_read(option, &args, &op->err);
    code = code < 0 ? code : rule_check_words(&args, &op->err);
    code = code < 0 ? code : rule_check_numbers(&args, room, &op->err);
    return code < 0 ? code : rule_check_count(rules, spaces, args.quota_mb > 0, &op->err);
}
