/* command/warm.c - warmCache: read records into the cache before they are asked for.
 *
 *   {warmCache: "orders", filter: {day: 7}, keys: [1, 2], limit: 1000, documentsPerSecond: 20000}
 *
 * What the filter or the keys find is read as a find would, and each record is looked up once more
 * by its key, which is what caches it. It ends when others would have to leave for it, and
 * goes no faster than it was told, so that others do not wait for it. */
#include "command/cache_rule.h"
#include "command/handlers.h"
#include "command/read.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"

enum { WARM_RATE = 20000 };

struct warm_state {
    struct slice ns;
    struct slice filter;
    struct slice keys;
    int64_t limit;
    int64_t rate; /* documents a second */
    struct query_context context;
    struct store_view view;
    struct command_read read;
    struct arena scratch;
    uint64_t evictions; /* before */
    uint64_t documents;
    uint64_t bytes;
};

static const struct command_arg warm_args[] = {
    {"filter", COMMAND_ARG_DOC, offsetof(struct warm_state, filter), 0},
    {"keys", COMMAND_ARG_ARRAY, offsetof(struct warm_state, keys), 0},
    {"limit", COMMAND_ARG_INT, offsetof(struct warm_state, limit), COMMAND_ARG_NOT_NEGATIVE},
    {"documentsPerSecond", COMMAND_ARG_INT, offsetof(struct warm_state, rate),
     COMMAND_ARG_NOT_NEGATIVE},
    {NULL},
};

static void warm_release(struct command_op *op)
{
    struct warm_state *state = op->state;
    command_read_close(&state->read);
    store_view_close(&state->view);
    arena_close(&state->scratch);
}

/* {_id: {$in: keys}} */
static struct slice warm_filter_of(struct command_op *op, struct slice keys)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_open(builder, SLICE("_id"));
    doc_build_array(builder, "$in", keys);
    doc_build_close(builder);
    return doc_build_end(builder);
}

static int warm_check(struct command_op *op, const struct warm_state *state)
{
    if (state->filter.len > 0 && state->keys.len > 0) {
        return err_set(&op->err, LT_EINVALIDOPTIONS, "warmCache: give filter or keys, not both");
    }
    if (store_catalog_find(op->catalog, state->ns) == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "ns %.*s does not exist",
                       SLICE_FMT(state->ns));
    }
    return 0;
}

/* Evictions from the space of the collection. */
static uint64_t warm_evictions(struct command_op *op, const struct warm_state *state)
{
    struct cache *cache = op->server->cache;
    uint32_t id = state->read.collection->id;
    return cache_stats(cache, cache_manner_of(cache, id).own ? id : 0).counts.evictions;
}

static int warm_open(struct command_op *op, struct warm_state *state)
{
    struct command_read_spec spec = {
        .collection = store_catalog_find(op->catalog, state->ns),
        .filter = state->keys.len > 0     ? warm_filter_of(op, state->keys)
                  : state->filter.len > 0 ? state->filter
                                          : doc_value_get_doc(doc_empty_object),
        .hint = doc_missing,
    };
    state->context = command_context(op, &op->arena, &op->memory.query);
    store_view_init(&state->view, op->server->kv, NULL);
    arena_init(&state->scratch);
    op->state = state;
    op->release = warm_release;
    int code = command_read_open(&state->read, &state->context, &state->view, &spec, &op->err);
    if (code == 0) {
        command_read_begin(&state->read, &state->context);
        state->evictions = warm_evictions(op, state);
    }
    return code;
}

static int warm_begin(struct command_op *op)
{
    struct warm_state *state = arena_zero(&op->arena, 1, sizeof *state);
    state->rate = WARM_RATE;
    int code = command_args(op, warm_args, state);
    code = code < 0 ? code : command_namespace(op, &state->ns);
    code = code < 0 ? code : warm_check(op, state);
    if (code == 0 && state->rate == 0) {
        code = err_set(&op->err, LT_EBADVALUE, "warmCache: documentsPerSecond must be 1 at least");
    }
    return code < 0 ? code : warm_open(op, state);
}

/* What was just read is in the engine's memory. */
static void warm_keep(struct warm_state *state, struct slice doc)
{
    struct store_pin pin = {0};
    arena_reset(&state->scratch);
    struct slice key =
        store_record_key(&state->scratch, state->read.collection, doc_get_str(doc, "_id"));
    uint64_t len = doc.len;
    if (store_view_get(&state->view, key, &pin) == 0) {
        store_pin_release(&pin);
        state->documents++;
        state->bytes += len;
    }
}

/* Ahead of its rate, it rests until it is not. */
static int warm_pace(struct command_op *op, const struct warm_state *state)
{
    uint64_t due_us = state->documents * 1000000 / (uint64_t)state->rate;
    uint64_t past_us = op->mono_us - op->started_us;
    op->wake_us = due_us > past_us ? op->started_us + due_us : 0;
    return -LT_EYIELD;
}

int command_warm_cache(struct command_op *op)
{
    int code = op->state == NULL ? warm_begin(op) : 0;
    struct warm_state *state = op->state;
    struct slice doc;
    op->wake_us = 0;
    if (code == 0) {
        code = command_read_slice(&state->read, op->server, &op->err);
    }
    if (code < 0) {
        return code;
    }
    bool full = warm_evictions(op, state) != state->evictions;
    bool enough = full;
    while (!enough && (code = command_read_next(&state->read, &doc)) > 0) {
        warm_keep(state, doc);
        enough = state->limit > 0 && state->documents >= (uint64_t)state->limit;
    }
    if (code == -LT_EYIELD || code == -LT_EAGAIN) {
        command_read_pause(&state->read);
        return code == -LT_EYIELD ? warm_pace(op, state)
                                  : command_wants(op, &state->view, state->read.scan.backward);
    }
    if (code < 0) {
        return code;
    }
    doc_build_i64(&op->builder, "documents", (int64_t)state->documents);
    doc_build_i64(&op->builder, "bytes", (int64_t)state->bytes);
    doc_build_bool(&op->builder, "full", full);
    return 0;
}
