/* command/indexes.c - createIndexes and dropIndexes.
 *
 * A build is online. The index enters the catalog not ready: from then on every write keeps it up.
 * Then the documents that were there before are walked in slices and their entries added; the same
 * entry twice is harmless. At the end the index becomes ready. A document that does not fit (a
 * duplicate, parallel arrays) takes the index out again. */
#include "command/ddl.h"
#include "command/handlers.h"
#include "command/index_spec.h"
#include "command/series_index.h"
#include "command/server.h"
#include "command/txn.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/compare.h"
#include "doc/view.h"
#include "store/describe.h"
#include "store/scan.h"

struct create_indexes_state {
    struct slice ns;
    struct slice list;
    struct doc_value commit_quorum;
    struct command_index *specs;
    uint32_t specs_count;
    uint32_t before; /* indexes when the command began */
    bool is_series;  /* `ns` is that of its buckets */
    bool created;    /* the collection, too */
    /* ---- the build ---- */
    uint32_t first_id; /* ids of the new indexes: first_id .. first_id + specs_count */
    bool building;
    bool finished;
    struct store_scan scan;
    struct arena scratch;
    struct store_collection *held; /* as it was when the build began */
};

static const struct command_arg create_indexes_args[] = {
    {"indexes", COMMAND_ARG_ARRAY, offsetof(struct create_indexes_state, list),
     COMMAND_ARG_REQUIRED},
    {"commitQuorum", COMMAND_ARG_VALUE, offsetof(struct create_indexes_state, commit_quorum), 0},
    {"ignoreUnknownIndexOptions", COMMAND_ARG_IGNORE, 0, 0},
    {"returnOnStart", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* ---- changing the catalog ---- */

enum indexes_edit { INDEXES_READY, INDEXES_REMOVE };

static bool indexes_is_ours(const struct create_indexes_state *state, uint32_t id)
{
    return id >= state->first_id && id < state->first_id + state->specs_count;
}

/* The collection that is being indexed, whatever its name is by now; NULL: it is gone. */
static struct store_collection *indexes_collection(const struct command_op *op,
                                                   const struct create_indexes_state *state)
{
    return store_catalog_find_uuid(op->writer->catalog, state->held->uuid);
}

static uint32_t indexes_count_ours(const struct create_indexes_state *state,
                                   const struct store_collection *collection)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        found += indexes_is_ours(state, collection->indexes[i].id);
    }
    return found;
}

/* The collection, with all our indexes in it: else the build ends. */
static int indexes_check(struct command_op *op, const struct create_indexes_state *state,
                         struct store_collection **ret_collection)
{
    *ret_collection = indexes_collection(op, state);
    if (*ret_collection == NULL) {
        return err_set(&op->err, LT_EINDEXBUILDABORTED,
                       "Index build aborted: the collection was dropped");
    }
    if (indexes_count_ours(state, *ret_collection) != state->specs_count) {
        return err_set(&op->err, LT_EINDEXBUILDABORTED,
                       "Index build aborted: the index was dropped");
    }
    return 0;
}

/* {indexes: [...]} of those that are ours, or that `marks` names. */
static void indexes_note(struct command_op *op, const struct store_collection *collection,
                         enum store_note_type type, const bool *marks)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf details;
    buf_init(&details, &op->arena);
    doc_build_begin(builder, &details);
    doc_build_open_array(builder, SLICE("indexes"));
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        if (marks[i]) {
            doc_build_doc(builder, "", collection->indexes[i].spec);
        }
    }
    doc_build_close(builder);
    command_note(op, collection, type, doc_build_end(builder));
}

/* Our indexes are there from now on. */
static void indexes_note_created(struct command_op *op, const struct create_indexes_state *state)
{
    const struct store_collection *collection =
        state->building ? indexes_collection(op, state)
                        : store_catalog_find(op->writer->catalog, state->ns);
    bool *marks = arena_zero(&op->arena, collection->indexes_count, sizeof *marks);
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        marks[i] = indexes_is_ours(state, collection->indexes[i].id);
    }
    indexes_note(op, collection, STORE_NOTE_CREATE_INDEXES, marks);
}

/* The collection with our new indexes made ready, or taken out. */
static int indexes_edit(struct command_op *op, const struct create_indexes_state *state,
                        enum indexes_edit edit)
{
    struct store_collection *collection = indexes_collection(op, state);
    struct store_describe_head head = store_describe_head_of(collection);
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        struct store_index index = collection->indexes[i];
        bool ours = indexes_is_ours(state, index.id);
        if (ours && edit == INDEXES_REMOVE) {
            continue;
        }
        index.ready |= ours;
        store_describe_index(describe, &index);
    }
    return store_writer_put_collection(op->writer, store_describe_end(describe), collection);
}

/* Put the new indexes into the catalog; ready at once when the collection is empty. */
static int indexes_add(struct command_op *op, struct create_indexes_state *state, bool ready)
{
    struct store_collection *collection = store_catalog_find(op->writer->catalog, state->ns);
    struct store_describe_head head = store_describe_head_of(collection);
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        store_describe_index(describe, &collection->indexes[i]);
    }
    for (uint32_t i = 0; i < state->specs_count; i++) {
        struct store_index index = {
            .id = store_writer_new_id(op->writer), .ready = ready, .spec = state->specs[i].spec};
        state->first_id = i == 0 ? index.id : state->first_id;
        store_describe_index(describe, &index);
    }
    return store_writer_put_collection(op->writer, store_describe_end(describe), collection);
}

int command_copy_indexes(struct command_op *op, struct store_collection *to,
                         const struct store_collection *from)
{
    struct store_describe_head head = store_describe_head_of(to);
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    bool *marks = arena_zero(&op->arena, from->indexes_count, sizeof *marks);
    uint32_t count = 1;
    store_describe_index(describe, &to->indexes[0]);
    for (uint32_t i = 1; i < from->indexes_count; i++) {
        if (from->indexes[i].ready) {
            struct store_index index = {.id = store_writer_new_id(op->writer),
                                        .ready = true,
                                        .spec = from->indexes[i].spec};
            store_describe_index(describe, &index);
            marks[count++] = true;
        }
    }
    struct slice ns = arena_copy(&op->arena, to->ns);
    int code = store_writer_put_collection(op->writer, store_describe_end(describe), to);
    if (code == 0 && count > 1) {
        indexes_note(op, store_catalog_find(op->writer->catalog, ns), STORE_NOTE_CREATE_INDEXES,
                     marks);
    }
    return code;
}

/* ---- building ---- */

/* Also when the command was killed or ran out of time: an index that is not finished goes. */
static void create_indexes_release(struct command_op *op)
{
    struct create_indexes_state *state = op->state;
    struct err first = op->err;
    store_scan_close(&state->scan);
    arena_close(&state->scratch);
    if (!state->finished && indexes_collection(op, state) != NULL) {
        indexes_edit(op, state, INDEXES_REMOVE);
    }
    store_collection_release(state->held);
    op->err = first;
}

static int indexes_add_document(struct command_op *op, struct create_indexes_state *state,
                                struct slice doc)
{
    struct store_collection *collection;
    int code = indexes_check(op, state, &collection);
    for (uint32_t i = 0; code == 0 && i < collection->indexes_count; i++) {
        if (indexes_is_ours(state, collection->indexes[i].id)) {
            struct store_write write = {op->writer, collection, &state->scratch, &op->err};
            code = store_index_add(&write, &collection->indexes[i], doc);
            collection = indexes_collection(op, state);
        }
    }
    return code;
}

/* Walk on: 0 everything is in, -LT_EYIELD, -LT_EAGAIN, or what is wrong with a document. */
static int indexes_build(struct command_op *op, struct create_indexes_state *state)
{
    struct store_scan_record record;
    for (uint32_t i = 0; i < COMMAND_SLICE_DOCS; i++) {
        arena_reset(&state->scratch);
        int code = store_scan_next(&state->scan, &record);
        if (code == 0) {
            return 0;
        }
        code = code < 0 ? code : indexes_add_document(op, state, record.doc);
        if (code == -LT_EAGAIN) {
            store_scan_retry(&state->scan);
            return command_wants(op, &op->writer->view, false);
        }
        if (code < 0) {
            return code;
        }
        if (command_entry_is_full(op)) {
            break;
        }
    }
    store_scan_pause(&state->scan);
    return -LT_EYIELD;
}

/* ---- the command ---- */

static int create_indexes_collection(struct command_op *op, struct create_indexes_state *state,
                                     struct store_collection **ret_collection)
{
    if (state->is_series) {
        *ret_collection = store_catalog_find(op->writer->catalog, state->ns);
        return 0;
    }
    int code = command_check_new_name(op, state->ns);
    code = code < 0 ? code : command_write_collection(op, state->ns, false, ret_collection);
    if (code < 0 || *ret_collection != NULL) {
        return code;
    }
    state->created = true;
    return command_write_collection(op, state->ns, true, ret_collection);
}

/* Of a time series they become those of its buckets. */
static int create_indexes_parse(struct command_op *op, struct create_indexes_state *state)
{
    struct command_series series;
    state->is_series = command_series_find(&op->arena, op->writer->catalog, state->ns, &series);
    struct slice ns = state->is_series ? series.buckets->ns : state->ns;
    int code = state->is_series ? command_series_index_check(op, &series, state->list) : 0;
    code = code < 0 ? code
                    : command_index_parse_all(op, store_catalog_find(op->writer->catalog, ns),
                                              state->list, &state->specs, &state->specs_count);
    if (code == 0 && state->is_series) {
        command_series_index_specs(op, &series, state->specs, state->specs_count);
        state->ns = arena_copy(&op->arena, series.buckets->ns);
    }
    return code;
}

static int create_indexes_begin(struct command_op *op, struct create_indexes_state **ret_state)
{
    struct create_indexes_state *state = arena_zero(&op->arena, 1, sizeof *state);
    struct store_collection *collection;
    struct store_counts counts;
    *ret_state = op->state = state;
    int code = command_args(op, create_indexes_args, state);
    code = code < 0 ? code : command_namespace(op, &state->ns);
    code = code < 0 ? code : create_indexes_parse(op, state);
    code = code < 0 ? code : create_indexes_collection(op, state, &collection);
    if (code < 0) {
        op->state = NULL; /* when it waits for a name it begins anew */
        return code;
    }
    state->before = collection->indexes_count - state->is_series; /* the buckets' _id */
    code = command_index_drop_existing(op, collection, state->specs, &state->specs_count);
    code = code < 0 ? code : store_writer_counts(op->writer, collection->id, &counts);
    if (code == -LT_EAGAIN) {
        op->state = NULL;
        return command_wants(op, &op->writer->view, false);
    }
    if (code < 0 || state->specs_count == 0) {
        return code;
    }
    if (op->txn != NULL && store_catalog_find(op->txn->fork.began, state->ns) != NULL) {
        return err_set(&op->err, LT_EOPERATIONNOTSUPPORTEDINTRANSACTION,
                       "Cannot create new indexes on existing collection %.*s in a multi-document "
                       "transaction.",
                       SLICE_FMT(state->ns));
    }
    state->held = store_collection_hold(collection); /* adding replaces it */
    code = indexes_add(op, state, counts.documents == 0);
    if (code < 0 || counts.documents == 0) {
        store_collection_release(state->held);
    } else {
        arena_init(&state->scratch);
        store_scan_init(&state->scan, &op->writer->view, state->held, NULL);
        store_scan_set_ranges(&state->scan, &op->arena, NULL, 0, false);
        state->building = true;
        op->release = create_indexes_release;
    }
    return code;
}

static void create_indexes_reply(struct command_op *op, const struct create_indexes_state *state)
{
    doc_build_i32(&op->builder, "numIndexesBefore", (int32_t)state->before);
    doc_build_i32(&op->builder, "numIndexesAfter", (int32_t)(state->before + state->specs_count));
    doc_build_bool(&op->builder, "createdCollectionAutomatically", state->created);
    if (state->specs_count == 0) {
        doc_build_text(&op->builder, "note", "all indexes already exist");
    } else {
        doc_build_text(&op->builder, "commitQuorum", "votingMembers");
    }
}

int command_create_indexes(struct command_op *op)
{
    struct create_indexes_state *state = op->state;
    int code = state == NULL ? create_indexes_begin(op, &state) : 0;
    if (code < 0) {
        return code;
    }
    if (state->building) {
        struct store_collection *collection;
        code = indexes_build(op, state);
        code = code < 0 ? code : indexes_check(op, state, &collection);
        code = code < 0 ? code : indexes_edit(op, state, INDEXES_READY);
        if (code < 0) {
            return code;
        }
        state->finished = true;
    }
    if (state->specs_count > 0) {
        indexes_note_created(op, state);
    }
    create_indexes_reply(op, state);
    return code;
}

/* ---- dropIndexes ---- */

struct drop_indexes_args {
    struct doc_value index;
};

static const struct command_arg drop_indexes_args[] = {
    {"index", COMMAND_ARG_VALUE, offsetof(struct drop_indexes_args, index), 0},
    {NULL},
};

/* Mark the indexes that one value names: a name, "*", or a key pattern. */
static int drop_indexes_mark(struct command_op *op, const struct store_collection *collection,
                             struct doc_value which, bool *marks)
{
    bool all = which.type == DOC_STRING && slice_is(doc_value_get_string(which), "*");
    bool found = all;
    if (which.type != DOC_STRING && which.type != DOC_OBJECT) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'dropIndexes.index' is the wrong type '%s', expected types "
                       "'[string, object, array]'",
                       doc_type_name(which.type));
    }
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        const struct store_index *index = &collection->indexes[i];
        bool named = which.type == DOC_STRING
                         ? slice_equal(index->name, doc_value_get_string(which))
                         : doc_compare_docs(index->key, doc_value_get_doc(which)) == 0;
        if (named && index->is_id) {
            return err_set(&op->err, LT_EINVALIDOPTIONS, "cannot drop _id index");
        }
        if (named && found && !all) {
            return err_set(&op->err, LT_EAMBIGUOUSINDEXKEYPATTERN,
                           "several indexes of %.*s have that key, with other options: drop them "
                           "by their names",
                           SLICE_FMT(collection->ns));
        }
        marks[i] |= !index->is_id && (all || named);
        found |= named;
    }
    if (found) {
        return 0;
    }
    if (which.type == DOC_OBJECT) {
        return err_set(&op->err, LT_EINDEXNOTFOUND, "can't find index with key");
    }
    return err_set(&op->err, LT_EINDEXNOTFOUND, "index not found with name [%.*s]",
                   SLICE_FMT(doc_value_get_string(which)));
}

static int drop_indexes_mark_all(struct command_op *op, const struct store_collection *collection,
                                 struct doc_value which, bool *marks)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (which.type != DOC_ARRAY) {
        return drop_indexes_mark(op, collection, which, marks);
    }
    doc_iter_value(&iter, which);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_STRING) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "dropIndexes: an array of indexes may hold names only");
        }
        int code = drop_indexes_mark(op, collection, elem.value, marks);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

int command_drop_indexes(struct command_op *op)
{
    struct drop_indexes_args args = {.index = doc_get_str(op->body, "index")};
    struct command_series series;
    struct slice ns;
    bool is_series = false;
    int code = command_args(op, drop_indexes_args, &args);
    if (code == 0 && !doc_value_exists(args.index)) {
        code = err_set(&op->err, 40414,
                       "BSON field 'dropIndexes.index' is missing but a required field");
    }
    code = code < 0 ? code : command_namespace(op, &ns);
    if (code == 0 && command_series_find(&op->arena, op->writer->catalog, ns, &series)) {
        is_series = true;
        ns = series.buckets->ns;
        args.index = command_series_index_named(&op->arena, &series, args.index);
    }
    code = code < 0 ? code : command_view_refuse(op, ns);
    if (code < 0) {
        return code;
    }
    struct store_collection *collection = store_catalog_find(op->writer->catalog, ns);
    if (collection == NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "ns not found %.*s", SLICE_FMT(ns));
    }
    bool *marks = arena_zero(&op->arena, collection->indexes_count, sizeof *marks);
    code = command_shown_refuse(op, collection);
    code = code < 0 ? code : drop_indexes_mark_all(op, collection, args.index, marks);
    if (code < 0) {
        return code;
    }
    struct store_describe_head head = store_describe_head_of(collection);
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        if (!marks[i]) {
            store_describe_index(describe, &collection->indexes[i]);
        }
    }
    doc_build_i32(&op->builder, "nIndexesWas", (int32_t)collection->indexes_count - is_series);
    indexes_note(op, collection, STORE_NOTE_DROP_INDEXES, marks);
    return store_writer_put_collection(op->writer, store_describe_end(describe), collection);
}
