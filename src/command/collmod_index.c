/* command/collmod_index.c - hidden, expireAfterSeconds; unique where it comes to nothing. */
#include "command/collmod_index.h"

#include "command/args.h"
#include "command/index_spec.h"
#include "doc/compare.h"
#include "doc/view.h"

struct collmod_index_args {
    struct slice name;
    struct slice key;
    bool hidden;
    bool unique;
    bool prepare;
    int64_t expire;
};

static const struct command_arg collmod_index_table[] = {
    {"name", COMMAND_ARG_STRING, offsetof(struct collmod_index_args, name), 0},
    {"keyPattern", COMMAND_ARG_DOC, offsetof(struct collmod_index_args, key), 0},
    {"hidden", COMMAND_ARG_BOOL, offsetof(struct collmod_index_args, hidden), 0},
    {"expireAfterSeconds", COMMAND_ARG_INT, offsetof(struct collmod_index_args, expire), 0},
    {"unique", COMMAND_ARG_BOOL, offsetof(struct collmod_index_args, unique), 0},
    {"prepareUnique", COMMAND_ARG_BOOL, offsetof(struct collmod_index_args, prepare), 0},
    {NULL},
};

static bool collmod_gives(struct slice wanted, const char *name)
{
    return !doc_value_is_nullish(doc_get_str(wanted, name));
}

static int collmod_check_args(struct command_op *op, struct slice wanted,
                              const struct collmod_index_args *args)
{
    bool named = args->name.data != NULL;
    if (named == (args->key.data != NULL)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       named ? "Cannot specify both key pattern and name"
                             : "Must specify either index name or key pattern");
    }
    if (!collmod_gives(wanted, "hidden") && !collmod_gives(wanted, "expireAfterSeconds") &&
        !collmod_gives(wanted, "unique") && !collmod_gives(wanted, "prepareUnique")) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "no expireAfterSeconds, hidden, unique, or prepareUnique field");
    }
    if (collmod_gives(wanted, "unique") && !args->unique) {
        return err_set(&op->err, LT_EBADVALUE, "'unique: false' is not supported");
    }
    if (args->prepare) {
        return err_set(&op->err, LT_ENOTIMPLEMENTED,
                       "collMod: the option 'prepareUnique' is not supported yet");
    }
    return 0;
}

/* NULL: none, or -181 when several have the key. */
static int collmod_find(struct command_op *op, const struct store_collection *collection,
                        const struct collmod_index_args *args, const struct store_index **ret_index)
{
    *ret_index = NULL;
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        const struct store_index *index = &collection->indexes[i];
        if (args->name.data != NULL ? slice_equal(index->name, args->name)
                                    : doc_compare_docs(index->key, args->key) == 0) {
            if (*ret_index != NULL) {
                return err_set(&op->err, LT_EAMBIGUOUSINDEXKEYPATTERN,
                               "several indexes of %.*s have that key, with other options: give a "
                               "name",
                               SLICE_FMT(collection->ns));
            }
            *ret_index = index;
        }
    }
    return 0;
}

static int collmod_set_expire(struct command_op *op, struct command_collmod_index *change,
                              int64_t seconds)
{
    if (seconds < 0 || seconds > COMMAND_EXPIRE_MAX) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "TTL index 'expireAfterSeconds' option must be within 0 and %d, not %lld",
                       COMMAND_EXPIRE_MAX, (long long)seconds);
    }
    if (change->index->is_id || change->index->fields_count > 1) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "TTL indexes are single-field indexes, and not on _id");
    }
    change->expire = seconds;
    return 0;
}

int command_collmod_index(struct command_op *op, const struct store_collection *collection,
                          struct slice wanted, struct command_collmod_index *ret_change)
{
    static const struct command_args_spec spec = {"collMod.index", collmod_index_table, false,
                                                  false};
    struct collmod_index_args args = {0};
    int code = command_args_read(&spec, wanted, &args, &op->err);
    code = code < 0 ? code : collmod_check_args(op, wanted, &args);
    const struct store_index *index = NULL;
    code = code < 0 ? code : collmod_find(op, collection, &args, &index);
    if (code < 0) {
        return code;
    }
    *ret_change = (struct command_collmod_index){
        .index = index,
        .sets_hidden = collmod_gives(wanted, "hidden"),
        .hidden = args.hidden,
        .expire = -1,
    };
    if (index == NULL) {
        return err_set(&op->err, LT_EINDEXNOTFOUND, "cannot find index %.*s for ns %.*s",
                       SLICE_FMT(args.name), SLICE_FMT(collection->ns));
    }
    if (ret_change->sets_hidden && index->is_id) {
        return err_set(&op->err, LT_EBADVALUE, "can't hide _id index");
    }
    if (args.unique && !index->unique) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Cannot make index unique without 'prepareUnique' set");
    }
    return collmod_gives(wanted, "expireAfterSeconds")
               ? collmod_set_expire(op, ret_change, args.expire)
               : 0;
}

struct slice command_collmod_index_spec(struct command_op *op,
                                        const struct command_collmod_index *change)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    struct doc_iter iter;
    struct doc_elem elem;
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_iter_init(&iter, change->index->spec);
    while (doc_iter_next(&iter, &elem)) {
        bool changes = (change->sets_hidden && slice_is(elem.name, "hidden")) ||
                       (change->expire >= 0 && slice_is(elem.name, "expireAfterSeconds"));
        if (!changes) {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    if (change->expire >= 0) {
        doc_build_i64(builder, "expireAfterSeconds", change->expire);
    }
    if (change->sets_hidden && change->hidden) {
        doc_build_bool(builder, "hidden", true);
    }
    return doc_build_end(builder);
}

void command_collmod_index_build(const struct command_collmod_index *change,
                                 struct doc_builder *builder)
{
    doc_build_open(builder, SLICE("index"));
    doc_build_string(builder, "name", change->index->name);
    if (change->sets_hidden) {
        doc_build_bool(builder, "hidden", change->hidden);
    }
    if (change->expire >= 0) {
        doc_build_i64(builder, "expireAfterSeconds", change->expire);
    }
    doc_build_close(builder);
}

void command_collmod_index_reply(struct command_op *op, const struct command_collmod_index *change)
{
    struct doc_value old = doc_get_str(change->index->spec, "expireAfterSeconds");
    if (change->sets_hidden && change->index->hidden != change->hidden) {
        doc_build_bool(&op->builder, "hidden_old", change->index->hidden);
        doc_build_bool(&op->builder, "hidden_new", change->hidden);
    }
    if (change->expire >= 0 && doc_value_exists(old)) {
        doc_build_i64(&op->builder, "expireAfterSeconds_old", doc_value_to_i64_clamped(old));
    }
    if (change->expire >= 0) {
        doc_build_i64(&op->builder, "expireAfterSeconds_new", change->expire);
    }
}
