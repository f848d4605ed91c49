/* command/db_hash.c - dbHash and dataSize: documents read to the end and added up, in slices. */
#include <openssl/evp.h>
#include <stdio.h>

#include "command/handlers.h"
#include "command/read.h"
#include "command/server.h"
#include "command/txn.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"

enum { SUM_MD5 = 16 };

/* A reading of one collection. */
struct sum_read {
    struct query_context context;
    struct store_view view;
    struct command_read read;
    bool open;
};

static int sum_open(struct command_op *op, struct sum_read *sum,
                    const struct command_read_spec *spec)
{
    sum->context = command_context(op, &op->arena, &op->memory.query);
    command_view_init(op, &sum->view);
    sum->open = true;
    int code = command_read_open(&sum->read, &sum->context, &sum->view, spec, &op->err);
    if (code == 0) {
        command_read_begin(&sum->read, &sum->context);
    }
    return code;
}

static void sum_close(struct sum_read *sum)
{
    if (sum->open) {
        command_read_close(&sum->read);
        store_view_close(&sum->view);
        sum->open = false;
    }
}

/* The next document: 1, 0 the end, negative; -LT_EYIELD and -LT_EAGAIN: let go until the next
 * step. */
static int sum_next(struct command_op *op, struct sum_read *sum, struct slice *ret_doc)
{
    int code = command_read_next(&sum->read, ret_doc);
    if (code == -LT_EYIELD || code == -LT_EAGAIN) {
        command_read_pause(&sum->read);
    }
    return code == -LT_EAGAIN ? command_read_wants(op, &sum->read) : code;
}

/* ---- dbHash ---- */

struct db_hash {
    struct sum_read sum;
    EVP_MD_CTX *one; /* of the collection in hand */
    EVP_MD_CTX *all; /* of the sums of all */
    uint32_t at;     /* in the catalog */
    uint32_t end;
    struct doc_value wanted; /* names; no array: all */
    char (*texts)[2 * SUM_MD5 + 1];
    uint32_t first;
};

static void db_hash_release(struct command_op *op)
{
    struct db_hash *state = op->state;
    sum_close(&state->sum);
    EVP_MD_CTX_free(state->one);
    EVP_MD_CTX_free(state->all);
    state->one = NULL;
    state->all = NULL;
}

static int db_hash_begin(struct command_op *op)
{
    struct db_hash *state = arena_zero(&op->arena, 1, sizeof *state);
    uint32_t count;
    state->wanted = doc_get_str(op->body, "collections");
    state->at = state->first = store_catalog_db(op->catalog, op->db, &count);
    state->end = state->first + count;
    state->texts = arena_zero(&op->arena, count, sizeof *state->texts);
    state->one = EVP_MD_CTX_new();
    state->all = EVP_MD_CTX_new();
    EVP_DigestInit_ex(state->all, EVP_md5(), NULL);
    op->state = state;
    op->release = db_hash_release;
    return 0;
}

static bool db_hash_wants(const struct db_hash *state, const struct store_collection *collection)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (collection->view_on.len > 0) {
        return false;
    }
    if (state->wanted.type != DOC_ARRAY) {
        return true;
    }
    doc_iter_value(&iter, state->wanted);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type == DOC_STRING &&
            slice_equal(doc_value_get_string(elem.value), collection->name)) {
            return true;
        }
    }
    return false;
}

static void db_hash_text(EVP_MD_CTX *context, char text[2 * SUM_MD5 + 1])
{
    uint8_t bytes[SUM_MD5];
    EVP_DigestFinal_ex(context, bytes, NULL);
    for (size_t i = 0; i < SUM_MD5; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* The collection in hand, to its end. */
static int db_hash_collection(struct command_op *op, struct db_hash *state)
{
    struct slice doc;
    int code = 0;
    if (!state->sum.open) {
        struct command_read_spec spec = {.collection = op->catalog->collections[state->at],
                                         .filter = doc_value_get_doc(doc_empty_object),
                                         .hint = doc_missing};
        code = sum_open(op, &state->sum, &spec);
        EVP_DigestInit_ex(state->one, EVP_md5(), NULL);
    }
    code = code < 0 ? code : command_read_slice(&state->sum.read, op->server, &op->err);
    while (code >= 0 && (code = sum_next(op, &state->sum, &doc)) > 0) {
        EVP_DigestUpdate(state->one, doc.data, doc.len);
    }
    if (code == 0) {
        char *text = state->texts[state->at - state->first];
        sum_close(&state->sum);
        db_hash_text(state->one, text);
        EVP_DigestUpdate(state->all, text, 2 * SUM_MD5);
    }
    return code;
}

static void db_hash_reply(struct command_op *op, const struct db_hash *state)
{
    struct doc_builder *builder = &op->builder;
    char all[2 * SUM_MD5 + 1];
    doc_build_text(builder, "host", op->server->address);
    doc_build_open(builder, SLICE("collections"));
    for (uint32_t i = state->first; i < state->end; i++) {
        const struct store_collection *collection = op->catalog->collections[i];
        if (db_hash_wants(state, collection)) {
            struct slice text = slice_str(state->texts[i - state->first]);
            doc_build_value(builder, collection->name, doc_value_string(&op->arena, text));
        }
    }
    doc_build_close(builder);
    doc_build_open_array(builder, SLICE("capped"));
    for (uint32_t i = state->first; i < state->end; i++) {
        const struct store_collection *collection = op->catalog->collections[i];
        if (collection->capped != NULL && db_hash_wants(state, collection)) {
            doc_build_string(builder, "", collection->name);
        }
    }
    doc_build_close(builder);
    doc_build_open(builder, SLICE("uuids"));
    for (uint32_t i = state->first; i < state->end; i++) {
        const struct store_collection *collection = op->catalog->collections[i];
        if (db_hash_wants(state, collection)) {
            char *name = (char *)arena_format(&op->arena, "%.*s", SLICE_FMT(collection->name)).data;
            doc_build_binary(builder, name, 4, slice_of(collection->uuid, 16));
        }
    }
    doc_build_close(builder);
    doc_build_i64(builder, "timeMillis", (int64_t)(op->mono_us - op->started_us) / 1000);
    db_hash_text(state->all, all);
    doc_build_text(builder, "md5", all);
}

int command_db_hash(struct command_op *op)
{
    int code = op->state == NULL ? db_hash_begin(op) : 0;
    struct db_hash *state = op->state;
    while (code == 0 && state->at < state->end) {
        if (db_hash_wants(state, op->catalog->collections[state->at])) {
            code = db_hash_collection(op, state);
        }
        state->at += code == 0;
    }
    if (code == 0) {
        db_hash_reply(op, state);
    }
    return code;
}

/* ---- dataSize ---- */

struct data_size {
    struct sum_read sum;
    struct slice ns;
    struct slice key;
    struct slice min;
    struct slice max;
    bool estimate;
    int64_t documents;
    int64_t bytes;
};

static const struct command_arg data_size_args[] = {
    {"keyPattern", COMMAND_ARG_DOC, offsetof(struct data_size, key), 0},
    {"min", COMMAND_ARG_DOC, offsetof(struct data_size, min), 0},
    {"max", COMMAND_ARG_DOC, offsetof(struct data_size, max), 0},
    {"estimate", COMMAND_ARG_BOOL, offsetof(struct data_size, estimate), 0},
    {NULL},
};

static void data_size_release(struct command_op *op)
{
    struct data_size *state = op->state;
    sum_close(&state->sum);
}

/* "db.collection": whole, unlike elsewhere. */
static int data_size_namespace(struct command_op *op, struct slice *ret_ns)
{
    struct doc_value value = doc_first(op->body).value;
    struct slice ns = value.type == DOC_STRING ? doc_value_get_string(value) : (struct slice){0};
    const uint8_t *dot = ns.len == 0 ? NULL : memchr(ns.data, '.', ns.len);
    if (dot == NULL || (size_t)(dot - ns.data) + 1 == ns.len) {
        return err_set(&op->err, LT_EINVALIDNAMESPACE, "Invalid namespace specified '%.*s'",
                       SLICE_FMT(ns));
    }
    *ret_ns = ns;
    return command_view_refuse(op, ns);
}

static int data_size_begin(struct command_op *op)
{
    struct data_size *state = arena_zero(&op->arena, 1, sizeof *state);
    int code = command_args(op, data_size_args, state);
    code = code < 0 ? code : data_size_namespace(op, &state->ns);
    if (code == 0 && (state->min.len > 0) != (state->max.len > 0)) {
        code = err_set(&op->err, LT_EBADVALUE, "only one of min or max specified");
    }
    if (code < 0) {
        return code;
    }
    bool bounded = state->min.len > 0;
    struct command_read_spec spec = {
        .collection = store_catalog_find(op->catalog, state->ns),
        .filter = doc_value_get_doc(doc_empty_object),
        .hint = bounded && state->key.len > 0 ? doc_value_object(state->key) : doc_missing,
        .min = state->min,
        .max = state->max,
    };
    op->state = state;
    op->release = data_size_release;
    return sum_open(op, &state->sum, &spec);
}

/* As the collection's own counts have it. */
static int data_size_estimate(struct command_op *op, struct data_size *state)
{
    const struct store_collection *collection = state->sum.read.collection;
    struct store_counts counts = {0};
    int code =
        collection == NULL ? 0 : store_read_counts(&state->sum.view, collection->id, &counts);
    state->documents = counts.documents;
    state->bytes = counts.bytes;
    return code == -LT_EAGAIN ? command_wants(op, &state->sum.view, false) : code;
}

static int data_size_run(struct command_op *op, struct data_size *state)
{
    struct slice doc;
    if (state->estimate && state->min.len == 0) {
        return data_size_estimate(op, state);
    }
    int code = command_read_slice(&state->sum.read, op->server, &op->err);
    while (code >= 0 && (code = sum_next(op, &state->sum, &doc)) > 0) {
        state->documents++;
        state->bytes += (int64_t)doc.len;
    }
    return code;
}

int command_data_size(struct command_op *op)
{
    int code = op->state == NULL ? data_size_begin(op) : 0;
    struct data_size *state = op->state;
    bool is_empty = code == -51175; /* max is not above min */
    code = code < 0 ? code : data_size_run(op, state);
    if (code < 0 && !is_empty) {
        return code;
    }
    op->err.code = 0;
    doc_build_bool(&op->builder, "estimate", state->estimate);
    doc_build_i64(&op->builder, "size", state->bytes);
    doc_build_i64(&op->builder, "numObjects", state->documents);
    doc_build_i32(&op->builder, "millis", (int32_t)((op->mono_us - op->started_us) / 1000));
    return 0;
}
