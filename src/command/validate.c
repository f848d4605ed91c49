/* command/validate.c - does a collection hold together?
 *
 * All documents are read and checked, and the entries that each index should have for them are
 * summed up: their number, and the sum of a hash of each, which does not depend on the order. Then
 * the entries that are there are summed up likewise. Both are of one moment, so that they are equal
 * or something is wrong. Nothing is kept but the sums. */
#include <xxhash.h>

#include "command/handlers.h"
#include "command/read.h"
#include "command/series.h"
#include "command/server.h"
#include "command/txn.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "store/keys.h"
#include "store/record.h"

/* Entries of an index. */
struct validate_sum {
    uint64_t count;
    uint64_t hash;
};

struct validate_args {
    struct doc_value metadata;
    struct doc_value full;
    struct doc_value background;
    struct doc_value repair;
    struct doc_value fix_multikey;
    struct doc_value conformance;
};

struct validate {
    struct validate_args args;
    struct query_context context;
    struct store_view view;
    struct command_read read;
    bool open;
    bool read_all;              /* documents */
    struct validate_sum *wants; /* by index: what the documents make, */
    struct validate_sum *has;   /* and what is there */
    uint32_t index;             /* whose entries are being read */
    struct buf last;            /* the entry that was read last; empty: none of this index */
    uint64_t places;            /* of documents, in the order of a capped collection */
    uint64_t misplaced;         /* whose document is gone, or has another */
    uint64_t documents;
    uint64_t invalid;
    struct arena scratch; /* for each document anew */
};

static const struct command_arg validate_arg_table[] = {
    {"metadata", COMMAND_ARG_VALUE, offsetof(struct validate_args, metadata), 0},
    {"full", COMMAND_ARG_VALUE, offsetof(struct validate_args, full), 0},
    {"background", COMMAND_ARG_VALUE, offsetof(struct validate_args, background), 0},
    {"repair", COMMAND_ARG_VALUE, offsetof(struct validate_args, repair), 0},
    {"fixMultikey", COMMAND_ARG_VALUE, offsetof(struct validate_args, fix_multikey), 0},
    {"checkBSONConformance", COMMAND_ARG_VALUE, offsetof(struct validate_args, conformance), 0},
    {"scandata", COMMAND_ARG_IGNORE, 0, 0},
    {"enforceFastCount", COMMAND_ARG_IGNORE, 0, 0},
    {"atClusterTime", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* ---- begin ---- */

static bool validate_is_set(struct doc_value option)
{
    return doc_value_exists(option) && doc_value_truth(option);
}

static int validate_check(struct command_op *op, const struct validate_args *args)
{
    bool repairs = validate_is_set(args->repair) || validate_is_set(args->fix_multikey);
    bool more = validate_is_set(args->full) || validate_is_set(args->conformance) ||
                validate_is_set(args->background) || repairs;
    if (validate_is_set(args->metadata) && more) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Running the validate command with { metadata: true } is not supported "
                       "with any other options");
    }
    if (repairs) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Running the validate command with { repair: true } in standalone mode "
                       "only: drop and create the index that is told to be wrong");
    }
    return 0;
}

static void validate_release(struct command_op *op)
{
    struct validate *state = op->state;
    if (state->open) {
        command_read_close(&state->read);
        store_view_close(&state->view);
        arena_close(&state->scratch);
        buf_close(&state->last);
        state->open = false;
    }
}

static int validate_open(struct command_op *op, struct validate *state,
                         struct store_collection *collection)
{
    struct slice id_index = collection->indexes[0].name; /* the records, in any case */
    struct command_read_spec spec = {.collection = collection,
                                     .filter = doc_value_get_doc(doc_empty_object),
                                     .hint = doc_value_string(&op->arena, id_index)};
    state->context = command_context(op, &op->arena, &op->memory.query);
    command_view_init(op, &state->view);
    arena_init(&state->scratch);
    buf_init(&state->last, NULL);
    state->wants = arena_zero(&op->arena, collection->indexes_count, sizeof *state->wants);
    state->has = arena_zero(&op->arena, collection->indexes_count, sizeof *state->has);
    state->open = true;
    op->state = state;
    op->release = validate_release;
    int code = command_read_open(&state->read, &state->context, &state->view, &spec, &op->err);
    if (code == 0) {
        command_read_begin(&state->read, &state->context);
    }
    return code;
}

/* A name that no collection can have is that of none. */
static int validate_namespace(struct command_op *op, struct slice *ret_ns)
{
    struct doc_value name = doc_first(op->body).value;
    int code = command_namespace(op, ret_ns);
    if (code < 0 && name.type == DOC_STRING) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "Collection '%.*s.%.*s' does not exist",
                       SLICE_FMT(op->db), SLICE_FMT(doc_value_get_string(name)));
    }
    if (code == 0) {
        *ret_ns = command_series_buckets(&op->arena, op->catalog, *ret_ns);
    }
    return code < 0 ? code : command_view_refuse(op, *ret_ns);
}

static int validate_begin(struct command_op *op)
{
    struct validate *state = arena_zero(&op->arena, 1, sizeof *state);
    struct slice ns;
    int code = command_args(op, validate_arg_table, &state->args);
    code = code < 0 ? code : validate_check(op, &state->args);
    code = code < 0 ? code : validate_namespace(op, &ns);
    if (code < 0) {
        return code;
    }
    struct store_collection *collection = store_catalog_find(op->catalog, ns);
    if (collection == NULL || command_shown_of(collection) != NULL) {
        return err_set(&op->err, LT_ENAMESPACENOTFOUND, "Collection '%.*s' does not exist",
                       SLICE_FMT(ns));
    }
    return validate_open(op, state, collection);
}

/* ---- sums ---- */

/* An entry of a unique index has its record in the value, another one in the key. */
static void validate_add(struct validate_sum *sum, const struct store_index *index,
                         struct slice key, struct slice value)
{
    uint64_t hash = XXH3_64bits(key.data, key.len);
    sum->count++;
    sum->hash += index->unique ? XXH3_64bits_withSeed(value.data, value.len, hash) : hash;
}

static int validate_document(struct command_op *op, struct validate *state, struct slice doc)
{
    const struct store_collection *collection = state->read.collection;
    arena_reset(&state->scratch);
    state->documents++;
    if (doc_validate(doc, DOC_DEPTH_STORED, NULL) < 0) {
        state->invalid++;
        return 0;
    }
    struct slice record = store_record_key(&state->scratch, collection, doc_get_str(doc, "_id"));
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        const struct store_index *index = &collection->indexes[i];
        struct store_index_keys keys = {0};
        if (index->is_id || !index->ready) {
            continue;
        }
        int code = store_index_keys(&state->scratch, index, doc, &keys, &op->err);
        for (uint32_t k = 0; k < keys.count && code == 0; k++) {
            struct slice key = store_index_entry_key(&state->scratch, index, keys.keys[k], record);
            validate_add(&state->wants[i], index, key, slice_from(record, 4));
        }
        if (code < 0) {
            return code;
        }
    }
    return 0;
}

static int validate_documents(struct command_op *op, struct validate *state)
{
    struct slice doc;
    int code = 0;
    while (code >= 0 && (code = command_read_next(&state->read, &doc)) > 0) {
        code = validate_document(op, state, doc);
    }
    if (code == -LT_EYIELD || code == -LT_EAGAIN) {
        command_read_pause(&state->read);
    }
    state->read_all = code == 0;
    return code == -LT_EAGAIN ? command_read_wants(op, &state->read) : code;
}

/* Keys of an id from the one that was read last on, for a slice: 1 there may be more, 0, negative.
 */
static int validate_walk(struct validate *state, uint32_t id,
                         int (*each)(struct validate *state, struct slice key, struct slice value))
{
    struct store_view_cursor cursor;
    struct buf from;
    buf_init(&from, NULL);
    store_key_id(&from, id);
    struct slice prefix = buf_slice(&from);
    struct slice last = state->last.len > 0 ? buf_slice(&state->last) : prefix;
    store_view_cursor_open(&cursor, &state->view);
    int code = store_view_seek(&cursor, last, false);
    int left = COMMAND_READ_SLICE;
    while (code > 0 && slice_starts(store_view_key(&cursor), prefix) && left > 0) {
        struct slice key = store_view_key(&cursor);
        if (!slice_equal(key, buf_slice(&state->last))) {
            code = each(state, key, store_view_value(&cursor));
            if (code < 0) {
                break;
            }
            state->last.len = 0;
            buf_append_slice(&state->last, key);
        }
        left--;
        code = store_view_step(&cursor);
    }
    bool more = code > 0 && left == 0;
    store_view_cursor_close(&cursor);
    buf_close(&from);
    return code < 0 ? code : more;
}

static int validate_entry(struct validate *state, struct slice key, struct slice value)
{
    const struct store_index *index = &state->read.collection->indexes[state->index];
    validate_add(&state->has[state->index], index, key, value);
    return 0;
}

static int validate_entries(struct command_op *op, struct validate *state)
{
    const struct store_collection *collection = state->read.collection;
    while (state->index < collection->indexes_count) {
        const struct store_index *index = &collection->indexes[state->index];
        bool skip = index->is_id || !index->ready;
        int code = skip ? 0 : validate_walk(state, index->id, validate_entry);
        if (code != 0) {
            return code == -LT_EAGAIN ? command_wants(op, &state->view, false)
                   : code > 0         ? -LT_EYIELD
                                      : code;
        }
        state->last.len = 0;
        state->index++;
    }
    return 0;
}

/* ---- the order of a capped collection ---- */

/* Each place is another number, and a document has one: as many places as documents, all of which
 * lead to a document that has that number, are one for each. */
static int validate_place(struct validate *state, struct slice key, struct slice value)
{
    const struct store_collection *collection = state->read.collection;
    struct store_pin pin;
    struct buf record;
    uint64_t sequence = 0;
    arena_reset(&state->scratch);
    buf_init(&record, &state->scratch);
    store_key_id(&record, collection->id);
    buf_append_slice(&record, value);
    int code = store_view_get(&state->view, buf_slice(&record), &pin);
    if (code == 0) {
        store_record_sequence(pin.value, &sequence);
        store_pin_release(&pin);
    }
    if (code == -LT_EAGAIN) {
        return code;
    }
    state->places++;
    state->misplaced += code < 0 || sequence != store_key_load_sequence(key);
    return 0;
}

static int validate_places(struct command_op *op, struct validate *state)
{
    const struct store_capped *capped = state->read.collection->capped;
    int code = capped == NULL ? 0 : validate_walk(state, capped->natural.id, validate_place);
    return code == -LT_EAGAIN ? command_wants(op, &state->view, false)
           : code > 0         ? -LT_EYIELD
                              : code;
}

static bool validate_has_order(const struct validate *state)
{
    return state->misplaced == 0 &&
           (state->read.collection->capped == NULL || state->places == state->documents);
}

/* ---- the reply ---- */

static bool validate_is_good(const struct validate *state, uint32_t i)
{
    return state->wants[i].count == state->has[i].count &&
           state->wants[i].hash == state->has[i].hash;
}

static void validate_build_indexes(struct command_op *op, const struct validate *state)
{
    const struct store_collection *collection = state->read.collection;
    struct doc_builder *builder = &op->builder;
    doc_build_open(builder, SLICE("keysPerIndex"));
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        uint64_t keys = collection->indexes[i].is_id ? state->documents : state->has[i].count;
        doc_build_value(builder, collection->indexes[i].name,
                        doc_value_integer(&op->arena, (int64_t)keys));
    }
    doc_build_close(builder);
    doc_build_open(builder, SLICE("indexDetails"));
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        doc_build_open(builder, collection->indexes[i].name);
        doc_build_bool(builder, "valid", validate_is_good(state, i));
        doc_build_doc(builder, "spec", collection->indexes[i].spec);
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

static void validate_build_errors(struct command_op *op, const struct validate *state)
{
    const struct store_collection *collection = state->read.collection;
    struct doc_builder *builder = &op->builder;
    doc_build_open_array(builder, SLICE("errors"));
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        if (!validate_is_good(state, i)) {
            struct slice text = arena_format(
                &op->arena,
                "index '%.*s' has %llu entries, the documents make %llu, and they are others: drop "
                "it and create it again",
                SLICE_FMT(collection->indexes[i].name), (unsigned long long)state->has[i].count,
                (unsigned long long)state->wants[i].count);
            doc_build_string(builder, "", text);
        }
    }
    if (!validate_has_order(state)) {
        doc_build_string(builder, "",
                         arena_format(&op->arena,
                                      "the order of the capped collection has %llu places for "
                                      "%llu documents, %llu of them wrong",
                                      (unsigned long long)state->places,
                                      (unsigned long long)state->documents,
                                      (unsigned long long)state->misplaced));
    }
    if (state->invalid > 0) {
        doc_build_string(builder, "",
                         arena_format(&op->arena, "%llu documents are no BSON",
                                      (unsigned long long)state->invalid));
    }
    doc_build_close(builder);
}

static bool validate_is_valid(const struct validate *state)
{
    bool valid = state->invalid == 0 && validate_has_order(state);
    for (uint32_t i = 0; i < state->read.collection->indexes_count; i++) {
        valid = valid && validate_is_good(state, i);
    }
    return valid;
}

static void validate_reply(struct command_op *op, const struct validate *state)
{
    static const char *const empty[] = {"warnings", "extraIndexEntries", "missingIndexEntries",
                                        "corruptRecords"};
    const struct store_collection *collection = state->read.collection;
    struct doc_builder *builder = &op->builder;
    doc_build_string(builder, "ns", collection->ns);
    doc_build_binary(builder, "uuid", 4, slice_of(collection->uuid, sizeof collection->uuid));
    if (!validate_is_set(state->args.metadata)) {
        doc_build_i32(builder, "nInvalidDocuments", (int32_t)state->invalid);
        doc_build_i32(builder, "nNonCompliantDocuments", 0);
        doc_build_value(builder, SLICE("nrecords"),
                        doc_value_integer(&op->arena, (int64_t)state->documents));
    }
    doc_build_i32(builder, "nIndexes", (int32_t)collection->indexes_count);
    validate_build_indexes(op, state);
    doc_build_bool(builder, "valid", validate_is_valid(state));
    doc_build_bool(builder, "repaired", false);
    doc_build_text(builder, "repairMode", "None");
    validate_build_errors(op, state);
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        doc_build_open_array(builder, slice_str(empty[i]));
        doc_build_close(builder);
    }
}

int command_validate_collection(struct command_op *op)
{
    int code = op->state == NULL ? validate_begin(op) : 0;
    struct validate *state = op->state;
    bool all = code == 0 && !validate_is_set(state->args.metadata);
    if (all) {
        code = command_read_slice(&state->read, op->server, &op->err);
    }
    if (all && code == 0 && !state->read_all) {
        code = validate_documents(op, state);
    }
    if (all && code == 0) {
        code = validate_entries(op, state);
    }
    if (all && code == 0) {
        code = validate_places(op, state);
    }
    if (code == 0) {
        validate_reply(op, state);
    }
    return code;
}
