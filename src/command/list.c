/* command/list.c - listDatabases, listCollections and listIndexes.
 *
 * The last two give their results through a cursor, as every driver expects. The results are made
 * at once: a catalog is small. */
#include "command/authorize.h"
#include "command/cursor.h"
#include "command/handlers.h"
#include "command/series.h"
#include "command/series_index.h"
#include "command/status.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"

/* ---- results made beforehand, given through a cursor ---- */

struct list_results {
    struct buf docs; /* one after another, in the cursor's arena */
    size_t at;
    struct query_match *match; /* NULL: all */
    struct query_eval eval;
};

static int list_next(struct command_cursor *cursor, struct slice *ret_doc, struct err *err)
{
    struct list_results *results = cursor->plan;
    while (results->at < results->docs.len) {
        uint32_t len = doc_load_u32(results->docs.data + results->at);
        *ret_doc = slice_of(results->docs.data + results->at, len);
        results->at += len;
        if (results->match == NULL) {
            return 1;
        }
        results->eval.root = doc_value_object(*ret_doc);
        int code = query_match_doc(results->match, &results->eval, *ret_doc, NULL, err);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

struct list_cursor_args {
    struct slice filter;
    struct slice cursor;
    bool name_only;
    bool authorized;
    bool uuids; /* of index builds: */
    bool builds;
};

/* Of {batchSize: ...}; -1: as many as fit. */
static int list_batch_size(struct command_op *op, struct slice cursor, int64_t *ret_size)
{
    static const struct command_arg table[] = {{"batchSize", COMMAND_ARG_INT, 0, 0}, {NULL}};
    struct slice prefix = arena_format(&op->arena, "%s.cursor", op->command->name);
    struct command_args_spec spec = {(const char *)prefix.data, table, false, false};
    *ret_size = -1;
    if (cursor.len == 0 || doc_value_is_nullish(doc_get_str(cursor, "batchSize"))) {
        return 0;
    }
    int code = command_args_read(&spec, cursor, ret_size, &op->err);
    return code < 0 || *ret_size >= 0
               ? code
               : err_set(&op->err, LT_EBADVALUE, "%.*s.batchSize must not be negative, but is %lld",
                         SLICE_FMT(prefix), (long long)*ret_size);
}

/* Begin a cursor over results that the caller then fills in. */
static int list_begin(struct command_op *op, struct slice ns, const struct list_cursor_args *args,
                      struct command_batch **ret_batch)
{
    int64_t batch_size;
    int code = list_batch_size(op, args->cursor, &batch_size);
    if (code < 0) {
        return code;
    }
    struct command_cursor *cursor = command_cursor_new(op, ns);
    struct list_results *results = arena_zero(&cursor->arena, 1, sizeof *results);
    buf_init(&results->docs, &cursor->arena);
    cursor->plan = results;
    cursor->next = list_next;
    *ret_batch = command_batch_new(op, cursor, batch_size);
    if (args->filter.len == 0) {
        return 0;
    }
    struct slice filter = arena_copy(&cursor->arena, args->filter);
    cursor->context.timeless = true;
    code = query_match_parse(&cursor->context, filter, &results->match, &op->err);
    if (code == 0) {
        query_eval_init(&results->eval, &cursor->context, &cursor->arena);
    }
    return code;
}

/* ---- listCollections ---- */

static const struct command_arg list_collections_args[] = {
    {"filter", COMMAND_ARG_DOC, offsetof(struct list_cursor_args, filter), 0},
    {"cursor", COMMAND_ARG_DOC, offsetof(struct list_cursor_args, cursor), 0},
    {"nameOnly", COMMAND_ARG_STRICT_BOOL, offsetof(struct list_cursor_args, name_only), 0},
    {"authorizedCollections", COMMAND_ARG_STRICT_BOOL,
     offsetof(struct list_cursor_args, authorized), 0},
    {NULL},
};

void command_build_collection(struct doc_builder *builder,
                              const struct store_collection *collection, bool name_only)
{
    bool is_series = command_series_is(collection);
    bool is_view = collection->view_on.len > 0;
    doc_build_text(builder, "type", is_series ? "timeseries" : is_view ? "view" : "collection");
    if (name_only) {
        return;
    }
    if (is_series) {
        command_series_build(builder, collection);
    } else {
        doc_build_doc(builder, "options", collection->options);
    }
    doc_build_open(builder, SLICE("info"));
    doc_build_bool(builder, "readOnly",
                   (is_view && !is_series) || command_shown_of(collection) != NULL);
    if (!is_view) {
        doc_build_binary(builder, "uuid", 4, slice_of(collection->uuid, 16));
    }
    doc_build_close(builder);
    if (!is_view && collection->indexes_count > 0 &&
        !doc_value_exists(doc_get_str(collection->options, "clusteredIndex"))) {
        doc_build_doc(builder, "idIndex", collection->indexes[0].spec);
    }
}

int command_list_collections(struct command_op *op)
{
    struct list_cursor_args args = {0};
    struct command_batch *batch = op->state;
    if (batch != NULL) {
        return command_batch_fill(op, batch);
    }
    int code = command_args(op, list_collections_args, &args);
    struct slice ns = arena_format(&op->arena, "%.*s.$cmd.listCollections", SLICE_FMT(op->db));
    code = code < 0 ? code : list_begin(op, ns, &args, &batch);
    if (code < 0) {
        return code;
    }
    struct list_results *results = batch->cursor->plan;
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    uint32_t count;
    uint32_t first = store_catalog_db(op->catalog, op->db, &count);
    for (uint32_t i = first; i < first + count; i++) {
        const struct store_collection *collection = op->catalog->collections[i];
        if (command_shows(op, collection->db, collection->name)) {
            doc_build_begin(builder, &results->docs);
            doc_build_string(builder, "name", collection->name);
            command_build_collection(builder, collection, args.name_only);
            doc_build_end(builder);
        }
    }
    return command_batch_fill(op, batch);
}

/* ---- listIndexes ---- */

static const struct command_arg list_indexes_args[] = {
    {"cursor", COMMAND_ARG_DOC, offsetof(struct list_cursor_args, cursor), 0},
    {"includeBuildUUIDs", COMMAND_ARG_BOOL, offsetof(struct list_cursor_args, uuids), 0},
    {"includeIndexBuildInfo", COMMAND_ARG_BOOL, offsetof(struct list_cursor_args, builds), 0},
    {NULL},
};

/* Of a time series: those of its buckets, but for their _id's, as they were asked for. */
static void list_add_indexes(struct command_op *op, struct list_results *results,
                             const struct store_collection *collection, bool is_series)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    for (uint32_t i = is_series; i < collection->indexes_count; i++) {
        if (!collection->indexes[i].ready) {
            continue;
        }
        if (is_series) {
            doc_build_begin(builder, &results->docs);
            command_series_index_build(builder, collection->indexes[i].spec);
            doc_build_end(builder);
        } else {
            buf_append_slice(&results->docs, collection->indexes[i].spec);
        }
    }
}

int command_list_indexes(struct command_op *op)
{
    struct list_cursor_args args = {0};
    struct command_batch *batch = op->state;
    struct slice ns;
    if (batch != NULL) {
        return command_batch_fill(op, batch);
    }
    int code = command_args(op, list_indexes_args, &args);
    code = code < 0 ? code : command_namespace(op, &ns);
    struct slice read = code < 0 ? ns : command_series_buckets(&op->arena, op->catalog, ns);
    code = code < 0 ? code : command_view_refuse(op, read);
    if (code == 0 && args.uuids && args.builds) {
        code = err_set(&op->err, LT_EINVALIDOPTIONS,
                       "The includeBuildUUIDs flag and includeIndexBuildInfo flag cannot both be "
                       "set to true");
    }
    if (code < 0) {
        return code;
    }
    const struct store_collection *collection = store_catalog_find(op->catalog, read);
    if (collection == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "ns does not exist: %.*s", SLICE_FMT(ns));
    }
    code = list_begin(op, ns, &args, &batch);
    if (code < 0) {
        return code;
    }
    list_add_indexes(op, batch->cursor->plan, collection, read.data != ns.data);
    return command_batch_fill(op, batch);
}

/* ---- listDatabases ---- */

struct list_databases_args {
    struct slice filter;
    bool name_only;
    bool authorized;
};

static const struct command_arg list_databases_args[] = {
    {"filter", COMMAND_ARG_DOC, offsetof(struct list_databases_args, filter), 0},
    {"nameOnly", COMMAND_ARG_BOOL, offsetof(struct list_databases_args, name_only), 0},
    {"authorizedDatabases", COMMAND_ARG_BOOL, offsetof(struct list_databases_args, authorized), 0},
    {NULL},
};

/* The bytes of the documents of a database's collections. */
static int list_database_size(struct command_op *op, uint32_t first, uint32_t count,
                              int64_t *ret_bytes)
{
    struct store_view view;
    int code = 0;
    *ret_bytes = 0;
    store_view_init(&view, op->server->kv, NULL);
    view.wait = op->wait;
    for (uint32_t i = first; i < first + count && code == 0; i++) {
        struct store_counts counts;
        code = store_read_counts(&view, op->catalog->collections[i]->id, &counts);
        *ret_bytes += counts.bytes;
    }
    if (code == -LT_EAGAIN) {
        code = command_wants(op, &view, false);
    }
    store_view_close(&view);
    return code;
}

struct list_databases_state {
    struct list_databases_args args;
    struct query_context context;
    struct query_match *match;
    struct query_eval eval;
    struct buf docs; /* made before the reply is begun: a miss starts over */
    int64_t total;
};

static int list_database(struct command_op *op, struct list_databases_state *state, uint32_t first,
                         uint32_t count)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    size_t start = state->docs.len;
    int64_t bytes = 0;
    int code = state->args.name_only ? 0 : list_database_size(op, first, count, &bytes);
    if (code < 0) {
        return code;
    }
    doc_build_begin(builder, &state->docs);
    doc_build_string(builder, "name", op->catalog->collections[first]->db);
    if (!state->args.name_only) {
        doc_build_i64(builder, "sizeOnDisk", bytes);
        doc_build_bool(builder, "empty", false);
    }
    struct slice doc = doc_build_end(builder);
    if (state->match != NULL) {
        state->eval.root = doc_value_object(doc);
        code = query_match_doc(state->match, &state->eval, doc, NULL, &op->err);
        if (code <= 0) {
            state->docs.len = start;
            return code;
        }
    }
    state->total += bytes;
    return 0;
}

static int list_databases_begin(struct command_op *op, struct list_databases_state *state)
{
    int code = command_args(op, list_databases_args, &state->args);
    state->context =
        (struct query_context){.arena = &op->arena, .now_ms = op->wall_ms, .timeless = true};
    buf_init(&state->docs, &op->arena);
    if (code == 0 && state->args.filter.len > 0) {
        code = query_match_parse(&state->context, state->args.filter, &state->match, &op->err);
        query_eval_init(&state->eval, &state->context, &op->arena);
    }
    return code;
}

int command_list_databases(struct command_op *op)
{
    struct list_databases_state state = {0};
    int code = list_databases_begin(op, &state);
    for (uint32_t i = 0; i < op->catalog->count && code == 0;) {
        uint32_t count;
        uint32_t first = store_catalog_db(op->catalog, op->catalog->collections[i]->db, &count);
        if (command_shows_db(op, op->catalog->collections[i]->db)) {
            code = list_database(op, &state, first, count);
        }
        i = first + count;
    }
    if (code < 0) {
        return code;
    }
    doc_build_open_array(&op->builder, SLICE("databases"));
    for (size_t at = 0; at < state.docs.len;) {
        uint32_t len = doc_load_u32(state.docs.data + at);
        doc_build_doc(&op->builder, "", slice_of(state.docs.data + at, len));
        at += len;
    }
    doc_build_close(&op->builder);
    if (!state.args.name_only) {
        doc_build_i64(&op->builder, "totalSize", state.total);
        doc_build_i64(&op->builder, "totalSizeMb", state.total >> 20);
    }
    return 0;
}
