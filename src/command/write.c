/* command/write.c - results, document checks, and implicit collections. */
#include "command/write.h"

#include <assert.h>
#include <strings.h>

#include "command/audit.h"
#include "command/capped.h"
#include "command/retry.h"
#include "command/server.h"
#include "command/view.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "store/claim.h"
#include "store/describe.h"

void command_results_init(struct command_results *results, struct command_op *op)
{
    *results = (struct command_results){0};
    buf_init(&results->errors, &op->arena);
    buf_init(&results->upserted, &op->arena);
}

void command_results_fail(struct command_results *results, struct command_op *op, uint32_t index)
{
    struct doc_builder builder;
    doc_build_begin(&builder, &results->errors);
    doc_build_i32(&builder, "index", (int32_t)index);
    doc_build_i32(&builder, "code", op->err.code);
    if (op->err.info.len > 0) {
        doc_build_fields(&builder, op->err.info);
    }
    doc_build_text(&builder, "errmsg", op->err.text);
    doc_build_end(&builder);
    results->errors_count++;
    op->err.code = 0;
    op->failed = true;
}

void command_results_upserted(struct command_results *results, uint32_t index, struct doc_value id)
{
    struct doc_builder builder;
    doc_build_begin(&builder, &results->upserted);
    doc_build_i32(&builder, "index", (int32_t)index);
    doc_build_value(&builder, SLICE("_id"), id);
    doc_build_end(&builder);
}

static void results_build_docs(struct command_op *op, const char *name, struct slice docs)
{
    if (docs.len == 0) {
        return;
    }
    doc_build_open_array(&op->builder, slice_str(name));
    while (docs.len > 0) {
        uint32_t len = doc_load_u32(docs.data);
        doc_build_doc(&op->builder, "", slice_of(docs.data, len));
        docs = slice_from(docs, len);
    }
    doc_build_close(&op->builder);
}

void command_results_build_upserted(const struct command_results *results, struct command_op *op)
{
    results_build_docs(op, "upserted", buf_slice(&results->upserted));
}

void command_results_build(const struct command_results *results, struct command_op *op)
{
    results_build_docs(op, "writeErrors", buf_slice(&results->errors));
    if (op->retried.len > 0) {
        doc_build_open_array(&op->builder, SLICE("retriedStmtIds"));
        for (size_t at = 0; at < op->retried.len; at += sizeof(int32_t)) {
            doc_build_i32(&op->builder, "", (int32_t)doc_load_u32(op->retried.data + at));
        }
        doc_build_close(&op->builder);
    }
}

bool command_write_is_fatal(int code)
{
    static const int fatal[] = {LT_EIO,
                                LT_ECORRUPT,
                                LT_ENOTWRITABLEPRIMARY,
                                LT_EINTERRUPTED,
                                LT_EYIELD,
                                LT_EMAXTIMEMSEXPIRED,
                                LT_EAGAIN,
                                LT_EWAIT,
                                LT_EWRITECONFLICT,
                                LT_EINTERRUPTEDATSHUTDOWN};
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) {
        if (code == -fatal[i]) {
            return true;
        }
    }
    return false;
}

/* ---- statements that come again ---- */

int32_t command_first_statement(const struct command_op *op)
{
    struct doc_value first = op->common.statement;
    return doc_value_is_number(first) ? (int32_t)doc_value_to_i64_clamped(first) : 0;
}

static int32_t statements_id(const struct command_op *op,
                             const struct command_statements *statements)
{
    return statements->ids != NULL ? statements->ids[statements->index]
                                   : command_first_statement(op) + (int32_t)statements->index;
}

/* stmtIds: one for each statement. */
static int statements_read_ids(struct command_op *op, struct command_statements *statements)
{
    struct doc_value list = op->common.statements;
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t count = 0;
    if (list.type != DOC_ARRAY) {
        return 0;
    }
    int32_t *ids = arena_zero(&op->arena, statements->docs.count, sizeof *ids);
    doc_iter_value(&iter, list);
    while (count < statements->docs.count && doc_iter_next(&iter, &elem)) {
        ids[count++] = (int32_t)doc_value_to_i64_clamped(elem.value);
    }
    if (count != statements->docs.count || iter.next != iter.end) {
        return err_set(&op->err, LT_EINVALIDLENGTH,
                       "Number of statement ids must match the number of batch entries: %u",
                       statements->docs.count);
    }
    statements->ids = ids;
    return 0;
}

int command_statements_open(struct command_op *op, const char *name,
                            struct command_statements *statements)
{
    command_results_init(&statements->results, op);
    int code = command_docs_open(op, name, &statements->docs);
    uint32_t count = statements->docs.count;
    if (code == 0 && (count == 0 || count > COMMAND_BATCH_MAX)) {
        code = err_set(&op->err, LT_EINVALIDLENGTH,
                       "Write batch sizes must be between 1 and %d. Got %u operations.",
                       COMMAND_BATCH_MAX, count);
    }
    return code < 0 ? code : statements_read_ids(op, statements);
}

int command_check_single(struct command_op *op, bool is_single, const char *option)
{
    return is_single || op->retry == NULL ? 0
                                          : err_set(&op->err, LT_EINVALIDOPTIONS,
                                                    "Cannot use retryable writes with %s", option);
}

bool command_statements_known(struct command_op *op, struct command_statements *statements,
                              struct command_retry_result *ret_known)
{
    struct command_results *results = &statements->results;
    struct command_retry_result known;
    struct slice doc;
    if (op->retry == NULL || op->retry->runs.len == 0) {
        return false;
    }
    int32_t id = statements_id(op, statements);
    if (!command_retry_find(op->retry, id, &op->retry_at, &known)) {
        return false;
    }
    results->n += known.n;
    results->n_modified += known.n_modified;
    if (known.extra.len > 0) {
        command_results_upserted(results, statements->index, doc_get_str(known.extra, "_id"));
    }
    buf_append(&op->retried, &id, sizeof id);
    command_docs_next(&statements->docs, &doc);
    *ret_known = known;
    return true;
}

/* What a statement added to the results. */
struct statements_mark {
    int64_t n;
    int64_t n_modified;
    size_t upserted;
    size_t effects;
};

static struct statements_mark statements_mark(const struct command_op *op,
                                              const struct command_results *results)
{
    return (struct statements_mark){results->n, results->n_modified, results->upserted.len,
                                    op->writer->effects.len};
}

void command_statements_note(struct command_op *op, const struct command_statements *statements,
                             const struct command_retry_result *result)
{
    if (op->retry != NULL) {
        command_retry_note(op->retry, statements_id(op, statements), result);
    }
}

/* It is done and wrote something: that is to be known if it comes again. */
static void statements_note(struct command_op *op, const struct command_statements *statements,
                            const struct statements_mark *mark)
{
    const struct command_results *results = &statements->results;
    if (op->retry == NULL || op->writer->effects.len == mark->effects) {
        return;
    }
    struct command_retry_result result = {
        .n = (int32_t)(results->n - mark->n),
        .n_modified = (int32_t)(results->n_modified - mark->n_modified),
        .extra = slice_from(buf_slice(&results->upserted), mark->upserted),
    };
    command_statements_note(op, statements, &result);
}

int command_statements_run(struct command_op *op, struct command_statements *statements,
                           int (*step)(struct command_op *op))
{
    for (uint32_t slice = 0; statements->index < statements->docs.count; slice++) {
        if (slice == COMMAND_SLICE_DOCS || command_entry_is_full(op)) {
            return -LT_EYIELD;
        }
        struct statements_mark mark = statements_mark(op, &statements->results);
        struct command_retry_result known;
        bool is_known = command_statements_known(op, statements, &known);
        int code = is_known ? 0 : step(op);
        if (command_write_is_fatal(code)) {
            return code;
        }
        if (code == 0 && !is_known) {
            statements_note(op, statements, &mark);
        }
        if (statements->over != NULL) {
            statements->over(op, code, is_known ? &known : NULL);
        } else if (code < 0) {
            command_results_fail(&statements->results, op, statements->index);
        }
        statements->index++;
        if (code < 0 && (statements->ordered || op->txn != NULL)) {
            break;
        }
    }
    return 0;
}

/* A key that is missed again after it was fetched does not fit the engine's cache (a document
 * larger than it, or a cache that is too small for what is going on): then this op waits for the
 * disk. */
static bool write_is_thrashing(struct command_op *op, struct slice key)
{
    bool again = op->fetch_key.len > 0 && slice_equal(buf_slice(&op->fetch_key), key);
    op->fetch_tries = again ? op->fetch_tries + 1 : 0;
    return op->fetch_tries >= COMMAND_FETCH_TRIES;
}

int command_wants(struct command_op *op, struct store_view *view, bool backward)
{
    if (write_is_thrashing(op, buf_slice(&view->miss))) {
        op->wait = STORE_MAY_WAIT;
        view->wait = STORE_MAY_WAIT;
    }
    op->fetch_blocking = NULL;
    op->fetch_key.len = 0;
    buf_append_slice(&op->fetch_key, buf_slice(&view->miss));
    op->fetch_backward = backward;
    op->fetch_alone = view->miss_is_alone;
    return -LT_EAGAIN;
}

uint64_t command_random(struct command_server *server)
{
    uint64_t z = atomic_fetch_add(&server->random, 0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void command_new_oid(struct command_op *op, uint8_t ret_oid[12])
{
    uint32_t seconds = (uint32_t)(op->wall_ms / 1000);
    uint32_t count = atomic_fetch_add(&op->server->oid_count, 1);
    for (int i = 0; i < 4; i++) {
        ret_oid[i] = (uint8_t)(seconds >> (24 - 8 * i));
    }
    memcpy(ret_oid + 4, op->server->process_id + 4, 5);
    for (int i = 0; i < 3; i++) {
        ret_oid[9 + i] = (uint8_t)(count >> (16 - 8 * i));
    }
}

/* ---- documents ---- */

static int write_check_id(struct command_op *op, struct doc_value id)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (id.type == DOC_ARRAY || id.type == DOC_REGEX || id.type == DOC_UNDEFINED) {
        return err_set(&op->err, LT_EINVALIDIDFIELD, "The '_id' value cannot be of type %s",
                       doc_type_name(id.type));
    }
    if (id.type != DOC_OBJECT) {
        return 0;
    }
    doc_iter_value(&iter, id);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.name.len > 0 && elem.name.data[0] == '$') {
            return err_set(&op->err, LT_EDOLLARPREFIXEDFIELDNAME,
                           "_id fields may not contain '$'-prefixed fields: %.*s is not valid for "
                           "storage.",
                           SLICE_FMT(elem.name));
        }
    }
    return 0;
}

static int write_check_size(struct command_op *op, struct slice doc)
{
    if (doc.len > DOC_SIZE_MAX) {
        return err_set(&op->err, LT_EBSONOBJECTTOOLARGE,
                       "object to insert too large. size in bytes: %zu, max size: %d", doc.len,
                       DOC_SIZE_MAX);
    }
    if (doc.len > DOC_DEPTH_STORED * DOC_LEVEL_SIZE && doc_depth(doc) > DOC_DEPTH_STORED) {
        return err_set(&op->err, LT_EOVERFLOW,
                       "cannot insert document because it exceeds %d levels of nesting",
                       DOC_DEPTH_STORED);
    }
    return 0;
}

static bool write_is_zero_timestamp(struct doc_value value)
{
    return value.type == DOC_TIMESTAMP && doc_value_get_i64(value) == 0;
}

/* Does the document need rewriting: _id not first, or an empty timestamp to fill? */
static bool write_is_ready(struct slice doc)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    for (bool first = true; doc_iter_next(&iter, &elem); first = false) {
        if (first && !slice_is(elem.name, "_id")) {
            return false;
        }
        if (!first && write_is_zero_timestamp(elem.value)) {
            return false;
        }
    }
    return !doc_is_empty(doc);
}

static struct slice write_rewrite(struct command_op *op, struct slice doc, struct doc_value id,
                                  struct arena *arena)
{
    struct doc_iter iter;
    struct doc_elem elem;
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    buf_reserve(buf, doc.len + 32);
    doc_build_begin(builder, buf);
    doc_build_value(builder, SLICE("_id"), id);
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_is(elem.name, "_id")) {
            continue;
        }
        if (write_is_zero_timestamp(elem.value)) {
            uint64_t clock = op->writer->clock;
            doc_build_value(builder, elem.name,
                            doc_value_timestamp(arena, (uint32_t)(clock >> 32), (uint32_t)clock));
        } else {
            doc_build_value(builder, elem.name, elem.value);
        }
    }
    return doc_build_end(builder);
}

int command_prepare_document(struct command_op *op, struct slice doc, struct arena *arena,
                             struct slice *ret_doc)
{
    struct doc_value id = doc_get_str(doc, "_id");
    int code = doc_value_exists(id) ? write_check_id(op, id) : 0;
    if (code < 0) {
        return code;
    }
    *ret_doc = doc;
    if (!doc_value_exists(id)) {
        uint8_t oid[12];
        command_new_oid(op, oid);
        *ret_doc = write_rewrite(op, doc, doc_value_oid(arena, oid), arena);
    } else if (!write_is_ready(doc)) {
        *ret_doc = write_rewrite(op, doc, id, arena);
    }
    return write_check_size(op, *ret_doc);
}

/* ---- collections ---- */

static void write_new_uuid(struct command_server *server, uint8_t uuid[16])
{
    uint64_t high = command_random(server);
    uint64_t low = command_random(server);
    memcpy(uuid, &high, 8);
    memcpy(uuid + 8, &low, 8);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

void command_note(struct command_op *op, const struct store_collection *collection,
                  enum store_note_type type, struct slice details)
{
    struct store_note note = {.type = type, .details = details};
    store_note_put(op->writer, collection, &note);
}

static void write_note_create(struct command_op *op, struct slice ns, struct slice options)
{
    const struct store_collection *collection = store_catalog_find_any(op->writer->catalog, ns);
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf details;
    buf_init(&details, &op->arena);
    doc_build_begin(builder, &details);
    doc_build_fields(builder, options);
    if (collection->view_on.len == 0) {
        doc_build_doc(builder, "idIndex", collection->indexes[0].spec);
    }
    command_note(op, collection, STORE_NOTE_CREATE, doc_build_end(builder));
}

int command_check_db_case(struct command_op *op, struct slice db)
{
    const struct store_catalog *catalog = op->writer->catalog;
    uint32_t count;
    store_catalog_db(catalog, db, &count);
    for (uint32_t i = 0; i < catalog->count && count == 0; i++) {
        struct slice other = catalog->collections[i]->db;
        if (other.len == db.len &&
            strncasecmp((const char *)other.data, (const char *)db.data, db.len) == 0) {
            return err_set(&op->err, 13297,
                           "db already exists with different case already have: [%.*s] trying to "
                           "create [%.*s]",
                           SLICE_FMT(other), SLICE_FMT(db));
        }
    }
    return 0;
}

int command_create_collection(struct command_op *op, struct slice ns, struct slice options)
{
    int code = command_check_db_case(op, command_db_of(ns));
    code = code < 0 ? code : store_claim_name(op->writer, ns);
    if (code < 0) {
        return code;
    }
    struct slice db = command_db_of(ns);
    struct store_describe_head head = {.id = store_writer_new_id(op->writer),
                                       .db = db,
                                       .name = command_name_of(ns),
                                       .options = options};
    if (doc_value_truth(doc_get_str(options, "capped"))) {
        head.natural = store_writer_new_id(op->writer);
    }
    write_new_uuid(op->server, head.uuid);
    struct store_describe *describe = store_describe_begin(&op->arena, &head);
    if (!doc_value_exists(doc_get_str(options, "viewOn"))) {
        store_describe_id_index(describe, head.id);
    }
    code = store_writer_put_collection(op->writer, store_describe_end(describe), NULL);
    if (code == 0) {
        write_note_create(op, ns, options);
    }
    return code;
}

int command_check_new_name(struct command_op *op, struct slice ns)
{
    struct slice db = command_db_of(ns);
    struct slice name = command_name_of(ns);
    if (memchr(name.data, '$', name.len) != NULL) {
        return err_set(&op->err, LT_EINVALIDNAMESPACE, "Invalid collection name: %.*s",
                       SLICE_FMT(name));
    }
    if (slice_is(db, "local") || slice_is(db, "config")) {
        return 0;
    }
    static const char *const writable[] = {"system.js", "system.roles", "system.users",
                                           "system.views"};
    for (size_t i = 0; i < sizeof writable / sizeof writable[0]; i++) {
        if (slice_is(name, writable[i])) {
            return 0;
        }
    }
    if (slice_starts(name, SLICE("system."))) {
        return err_set(&op->err, LT_EINVALIDNAMESPACE, "cannot write to '%.*s'", SLICE_FMT(ns));
    }
    return 0;
}

int command_write_collection(struct command_op *op, struct slice ns, bool create,
                             struct store_collection **ret_collection)
{
    int code = command_check_new_name(op, ns);
    code = code < 0 ? code : command_view_refuse(op, ns);
    if (code < 0) {
        return code;
    }
    struct store_collection *collection = store_catalog_find(op->writer->catalog, ns);
    if (collection == NULL && create) {
        code = command_create_collection(op, ns, doc_value_get_doc(doc_empty_object));
        if (code < 0) {
            return code == -LT_EWAIT
                       ? code
                       : err_set(&op->err, -code, "cannot create collection %.*s", SLICE_FMT(ns));
        }
        command_audit_created(op, ns);
        collection = store_catalog_find(op->writer->catalog, ns);
        assert(collection != NULL);
    }
    *ret_collection = collection;
    code = command_capped_refuse(op, collection);
    return code < 0 ? code : command_shown_refuse(op, collection);
}
