/* command/count.c - count and distinct. */
#include <stdlib.h>

#include "command/collation.h"
#include "command/handlers.h"
#include "command/results.h"
#include "command/server.h"
#include "command/txn.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"
#include "query/distinct.h"

/* What both keep across slices. */
struct count_state {
    struct slice ns;
    struct slice filter;
    struct doc_value limit;
    struct doc_value skip;
    struct doc_value hint;
    struct doc_value key;
    struct slice collation;
    struct query_context context;
    struct store_view view;
    struct command_read read;
    bool reading;
    struct command_cursor *cursor; /* of the aggregate that it is on a view; NULL: it is not */
    int64_t count;
    int64_t limit_count;
    int64_t skip_count;
    struct query_distinct *distinct;
};

static const struct command_arg count_args[] = {
    {"query", COMMAND_ARG_DOC, offsetof(struct count_state, filter), 0},
    {"limit", COMMAND_ARG_VALUE, offsetof(struct count_state, limit), 0},
    {"skip", COMMAND_ARG_VALUE, offsetof(struct count_state, skip), 0},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct count_state, hint), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct count_state, collation), 0},
    {"fields", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static const struct command_arg distinct_args[] = {
    {"key", COMMAND_ARG_VALUE, offsetof(struct count_state, key), COMMAND_ARG_REQUIRED},
    {"query", COMMAND_ARG_DOC, offsetof(struct count_state, filter), 0},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct count_state, hint), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct count_state, collation), 0},
    {NULL},
};

static void count_release(struct command_op *op)
{
    struct count_state *state = op->state;
    if (state->reading) {
        command_read_close(&state->read);
        state->reading = false;
    }
    if (state->cursor != NULL) {
        command_cursor_free(state->cursor);
        state->cursor = NULL;
    }
    store_view_close(&state->view);
}

static int count_open_view(struct command_op *op, struct count_state *state)
{
    struct slice body = op->body;
    struct command_view_query query = {.filter = state->filter,
                                       .collation = state->collation,
                                       .hint = state->hint,
                                       .batch_size = -1};
    op->body = command_view_aggregate(op, &query);
    op->release = count_release;
    int code = command_aggregate_open(op, &state->cursor);
    op->body = body;
    return code;
}

/* The limit is a whole number, not further from 0 than an int64 can say of both signs. */
static int count_limit(struct command_op *op, struct doc_value value, int64_t *ret_limit)
{
    if (!doc_value_exists(value)) {
        return 0;
    }
    if (!doc_value_is_number(value)) {
        return err_set(&op->err, LT_EBADVALUE, "limit value is not a valid number");
    }
    if (!doc_value_to_i64_exact(value, ret_limit)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE, "limit value is not a valid number");
    }
    return *ret_limit != INT64_MIN
               ? 0
               : err_set(&op->err, LT_EBADVALUE, "limit value for count cannot be min long");
}

static int count_skip(struct command_op *op, struct doc_value value, int64_t *ret_skip)
{
    if (doc_value_is_nullish(value)) {
        return 0;
    }
    if (!doc_value_is_number(value)) {
        return err_set(
            &op->err, LT_ETYPEMISMATCH,
            "BSON field 'count.skip' is the wrong type '%s', expected types '[long, int, "
            "decimal, double]'",
            doc_type_name(value.type));
    }
    *ret_skip = doc_value_to_i64_clamped(value);
    return *ret_skip >= 0
               ? 0
               : err_set(&op->err, LT_EBADVALUE, "skip value is negative in count query");
}

static int count_open(struct command_op *op, struct count_state *state)
{
    struct command_read_spec spec = {
        .server = op->server,
        .collection = store_catalog_find(op->catalog, state->ns),
        .filter = state->filter,
        .hint = state->hint,
    };
    state->context = command_context(op, &op->arena, &op->memory.query);
    state->context.timeless = true;
    command_view_init(op, &state->view);
    op->release = count_release;
    int code = command_collation(op, state->collation, spec.collection, &state->context);
    if (code == 0) {
        code = command_read_open(&state->read, &state->context, &state->view, &spec, &op->err);
        state->reading = true;
    }
    if (code == 0) {
        command_read_begin(&state->read, &state->context);
    }
    return code;
}

static int count_begin(struct command_op *op, const struct command_arg *args)
{
    struct count_state *state = arena_zero(&op->arena, 1, sizeof *state);
    state->filter = doc_value_get_doc(doc_empty_object);
    int code = command_args(op, args, state);
    code = code < 0 ? code : command_namespace(op, &state->ns);
    code = code < 0 ? code : count_limit(op, state->limit, &state->limit_count);
    code = code < 0 ? code : count_skip(op, state->skip, &state->skip_count);
    if (code < 0) {
        return code;
    }
    state->limit_count = llabs(state->limit_count);
    op->state = state;
    return command_view_find(op->catalog, state->ns) != NULL ? count_open_view(op, state)
                                                             : count_open(op, state);
}

/* A new slice of reading. */
static int count_slice(struct command_op *op, struct count_state *state)
{
    struct command_server *server = op->txn == NULL ? op->server : NULL;
    if (state->cursor == NULL) {
        return command_read_slice(&state->read, server, &op->err);
    }
    return state->cursor->has_read ? command_read_slice(&state->cursor->read, server, &op->err) : 0;
}

/* 1 a document, 0 the end, negative. */
static int count_next(struct command_op *op, struct count_state *state, struct slice *ret_doc)
{
    return state->cursor == NULL ? command_read_next(&state->read, ret_doc)
                                 : state->cursor->next(state->cursor, ret_doc, &op->err);
}

/* A step of reading ended early: let go, say what is missing. */
static int count_pause(struct command_op *op, struct count_state *state, int code)
{
    if (state->cursor != NULL) {
        return command_cursor_pause(op, state->cursor, code);
    }
    command_read_pause(&state->read);
    return code == -LT_EAGAIN ? command_read_wants(op, &state->read) : code;
}

static int64_t count_clip(const struct count_state *state, int64_t count)
{
    count = count > state->skip_count ? count - state->skip_count : 0;
    return state->limit_count > 0 && count > state->limit_count ? state->limit_count : count;
}

static void count_reply(struct command_op *op, int64_t count)
{
    if (count <= INT32_MAX) {
        doc_build_i32(&op->builder, "n", (int32_t)count);
    } else {
        doc_build_i64(&op->builder, "n", count);
    }
}

/* Without a filter the collection's own count is the answer. */
static int count_all(struct command_op *op, struct count_state *state)
{
    struct store_counts counts = {0};
    int code = 0;
    if (state->read.collection != NULL) {
        code = store_read_counts(&state->view, state->read.collection->id, &counts);
    }
    if (code < 0) {
        return count_pause(op, state, code);
    }
    count_reply(op, count_clip(state, counts.documents));
    return 0;
}

int command_count(struct command_op *op)
{
    int code = op->state == NULL ? count_begin(op, count_args) : 0;
    struct count_state *state = op->state;
    struct slice doc;
    if (code < 0) {
        return code;
    }
    bool is_counted = state->cursor == NULL && command_shown_of(state->read.collection) == NULL;
    if (is_counted && doc_is_empty(state->filter) && !doc_value_exists(state->hint)) {
        return count_all(op, state);
    }
    int64_t enough = state->limit_count > 0 ? state->limit_count + state->skip_count : INT64_MAX;
    code = count_slice(op, state);
    if (code < 0) {
        return code;
    }
    while (state->count < enough) {
        code = count_next(op, state, &doc);
        if (code < 0) {
            return count_pause(op, state, code);
        }
        if (code == 0) {
            break;
        }
        state->count++;
    }
    count_reply(op, count_clip(state, state->count));
    return 0;
}

/* ---- distinct ---- */

static int distinct_begin(struct command_op *op)
{
    int code = count_begin(op, distinct_args);
    struct count_state *state = op->state;
    if (code < 0) {
        return code;
    }
    if (state->key.type != DOC_STRING) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'distinct.key' is the wrong type '%s', expected type 'string'",
                       doc_type_name(state->key.type));
    }
    struct slice key = doc_value_get_string(state->key);
    if (memchr(key.data, '\0', key.len) != NULL) {
        return err_set(&op->err, 31032, "Key field cannot contain an embedded null byte");
    }
    struct doc_path path;
    code = doc_path_parse(&op->arena, key, &path, &op->err);
    if (code == 0) {
        state->distinct = query_distinct_new(
            &op->arena, &path,
            state->cursor == NULL ? state->context.collation : state->cursor->context.collation);
    }
    return code;
}

int command_distinct(struct command_op *op)
{
    int code = op->state == NULL ? distinct_begin(op) : 0;
    struct count_state *state = op->state;
    struct slice doc;
    if (code < 0) {
        return code;
    }
    code = count_slice(op, state);
    if (code < 0) {
        return code;
    }
    while ((code = count_next(op, state, &doc)) > 0) {
        code = query_distinct_add(state->distinct, doc, &op->err);
        if (code < 0) {
            return code;
        }
    }
    if (code < 0) {
        return count_pause(op, state, code);
    }
    doc_build_value(&op->builder, SLICE("values"), query_distinct_values(state->distinct));
    if (op->snapshot != NULL) {
        doc_build_timestamp(&op->builder, "atClusterTime", op->snapshot->clock);
    }
    return 0;
}
