/* command/cached.c - a result's name: what is asked, and of which versions.
 *
 * What is asked is the command without the fields that any command may carry. When the pipeline
 * reads other collections, any change anywhere makes the result unfindable: that is coarse, but
 * never wrong. */
#include "command/cached.h"

#include <string.h>
#include <xxhash.h>

#include "command/args.h"
#include "command/cache_rule.h"
#include "command/server.h"
#include "doc/view.h"

enum { CACHED_BYTES_MAX = 1 << 20 };

struct cached_name {
    XXH128_hash_t asked;
    uint64_t version;
    uint32_t collection;
    uint32_t read; /* whose version: the collection, or all */
};

_Static_assert(sizeof(struct cached_name) <= CACHE_RESULT_NAME_MAX, "a name fits");

struct command_cached {
    struct cached_name name;
};

static bool cached_mentions(struct slice doc, const char *word)
{
    return memmem(doc.data, doc.len, word, strlen(word)) != NULL;
}

/* Wherever one of these words stands in the command, if only in a string, the result may depend on
 * more than the records as they are now. */
static bool cached_is_pure(struct slice body)
{
    static const char *const words[] = {
        "$rand",      "$sample",       "$$NOW",       "$$CLUSTER_TIME", "$out",
        "$merge",     "$currentOp",    "$collStats",  "$indexStats",    "$planCacheStats",
        "$function",  "$accumulator",  "$where",      "$listSessions",  "$listLocalSessions",
        "$documents", "$changeStream", "$$USER_ROLES"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (cached_mentions(body, words[i])) {
            return false;
        }
    }
    return true;
}

static bool cached_reads_others(struct slice pipeline)
{
    return cached_mentions(pipeline, "$lookup") || cached_mentions(pipeline, "$unionWith") ||
           cached_mentions(pipeline, "$graphLookup");
}

/* Of the database's name and the fields' types, names and values, one after the other. */
static XXH128_hash_t cached_hash(struct command_op *op)
{
    struct buf asked;
    struct doc_iter iter;
    struct doc_elem elem;
    buf_init(&asked, &op->arena);
    buf_append_slice(&asked, op->db);
    doc_iter_init(&iter, op->body);
    while (doc_iter_next(&iter, &elem)) {
        if (!command_arg_is_generic(elem.name)) {
            buf_append_byte(&asked, elem.value.type);
            buf_append(&asked, elem.name.data, elem.name.len + 1);
            buf_append(&asked, elem.value.data, elem.value.len);
        }
    }
    return XXH3_128bits(asked.data, asked.len);
}

struct command_cached *command_cached_begin(struct command_op *op,
                                            const struct store_collection *collection,
                                            struct slice pipeline, bool asked)
{
    struct cache *cache = op->server->cache;
    if (cache == NULL || collection == NULL || command_shown_of(collection) != NULL ||
        !(asked || command_cache_keeps_results(collection)) || !cached_is_pure(op->body)) {
        return NULL;
    }
    struct command_cached *cached = arena_zero(&op->arena, 1, sizeof *cached);
    struct cached_name *name = &cached->name;
    name->collection = collection->id;
    name->read = cached_reads_others(pipeline) ? CACHE_ALL_COLLECTIONS : collection->id;
    name->asked = cached_hash(op);
    return cache_version(cache, name->read, &name->version) ? cached : NULL;
}

static struct slice cached_name(const struct command_cached *cached)
{
    return slice_of(&cached->name, sizeof cached->name);
}

bool command_cached_find(struct command_op *op, const struct command_cached *cached)
{
    struct store_pin pin = {0};
    if (!cache_result_find(op->server->cache, cached_name(cached), &pin)) {
        return false;
    }
    doc_build_fields(&op->builder, pin.value);
    store_pin_release(&pin);
    return true;
}

void command_cached_keep(struct command_op *op, const struct command_cached *cached)
{
    uint64_t version;
    struct doc_builder *builder = &op->builder;
    size_t begin = builder->open[0].start + sizeof(uint32_t);
    uint32_t len = (uint32_t)(builder->buf->len - begin + sizeof(uint32_t) + 1);
    bool same = cache_version(op->server->cache, cached->name.read, &version) &&
                version == cached->name.version;
    if (!same || len > CACHED_BYTES_MAX) {
        return;
    }
    struct buf doc;
    buf_init(&doc, &op->arena);
    buf_append(&doc, &len, sizeof len);
    buf_append(&doc, builder->buf->data + begin, builder->buf->len - begin);
    buf_append_byte(&doc, 0);
    cache_result_keep(op->server->cache, cached_name(cached), buf_slice(&doc));
}
