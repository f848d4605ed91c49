/* command/find_id.c - a find by _id: no plan, no filter to apply, no cursor.
 *
 * Most requests are of this kind: one record, by a value that is equal to one key only. Its key is
 * made from the value; what is there is the answer, whole, so no cursor remains, and the reply
 * lends its bytes from where they are. Whatever asks for more (a sort, a projection, an operator, a
 * field that is not expected) goes the general way, and would get the same bytes there. */
#include "command/find_id.h"

#include "command/args.h"
#include "command/server.h"
#include "command/txn.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"

/* What stands around a document in a reply, roughly. */
enum { FIND_ID_REPLY_ROOM = 384 };

struct find_id_fields {
    struct slice filter;
    int64_t batch_size;
    bool single_batch;
};

/* Does it match what has the same key, and nothing else? So do all values but patterns, which
 * match, objects, which may hold operators, and null, which what is missing equals too. */
static bool find_id_is_plain(struct doc_value id)
{
    switch (id.type) {
    case DOC_STRING:
    case DOC_OID:
    case DOC_INT32:
    case DOC_INT64:
    case DOC_DOUBLE:
    case DOC_DECIMAL:
    case DOC_DATE:
    case DOC_TIMESTAMP:
    case DOC_BOOL:
    case DOC_BINARY:
        return true;
    default:
        return false;
    }
}

static bool find_id_count(struct doc_value value, int64_t *ret_count)
{
    if (value.type != DOC_INT32 && value.type != DOC_INT64) {
        return false;
    }
    *ret_count = doc_value_to_i64_clamped(value);
    return *ret_count >= 0;
}

/* Take in one field: false when this is no business of ours. */
static bool find_id_field(const struct doc_elem *elem, struct find_id_fields *fields)
{
    int64_t limit;
    if (slice_is(elem->name, "filter")) {
        bool fits = elem->value.type == DOC_OBJECT && fields->filter.len == 0;
        fields->filter = fits ? doc_value_get_doc(elem->value) : fields->filter;
        return fits;
    }
    if (slice_is(elem->name, "limit")) {
        return find_id_count(elem->value, &limit);
    }
    if (slice_is(elem->name, "singleBatch")) {
        fields->single_batch = elem->value.type == DOC_BOOL && doc_value_get_bool(elem->value);
        return elem->value.type == DOC_BOOL;
    }
    if (slice_is(elem->name, "batchSize")) {
        return find_id_count(elem->value, &fields->batch_size);
    }
    return command_arg_is_generic(elem->name);
}

bool command_find_is_by_id(const struct command_op *op, struct doc_value *ret_id)
{
    struct find_id_fields fields = {.batch_size = 2};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, op->body);
    doc_iter_next(&iter, &elem);
    while (doc_iter_next(&iter, &elem)) {
        if (!find_id_field(&elem, &fields)) {
            return false;
        }
    }
    /* A batch that is full before the end is known leaves a cursor. */
    if (fields.filter.len == 0 || fields.batch_size < (fields.single_batch ? 1 : 2)) {
        return false;
    }
    doc_iter_init(&iter, fields.filter);
    if (!doc_iter_next(&iter, &elem) || iter.next != iter.end || !slice_is(elem.name, "_id")) {
        return false;
    }
    *ret_id = elem.value;
    return find_id_is_plain(elem.value);
}

/* The record of that key: 1, 0 there is none, negative. */
static int find_id_get(struct command_op *op, struct slice ns, struct doc_value id,
                       struct store_pin *ret_pin)
{
    struct store_view view;
    const struct store_collection *collection = store_catalog_find(op->catalog, ns);
    if (collection == NULL) {
        return command_view_find(op->catalog, ns) == NULL ? 0 : -LT_ECOMMANDNOTSUPPORTEDONVIEW;
    }
    command_view_init(op, &view);
    view.wait = op->wait;
    int code = store_view_get(&view, store_record_key(&op->arena, collection, id), ret_pin);
    if (code == -LT_EAGAIN) {
        command_wants(op, &view, false);
    }
    store_view_close(&view);
    return code == 0 ? 1 : code == -LT_ENOSUCHKEY ? 0 : code;
}

static void find_id_build(struct command_op *op, struct slice ns, struct slice doc)
{
    struct doc_builder *builder = &op->builder;
    buf_reserve(builder->buf, FIND_ID_REPLY_ROOM);
    doc_build_open(builder, SLICE("cursor"));
    doc_build_open_array(builder, SLICE("firstBatch"));
    if (doc.len > 0) {
        if (op->txn == NULL) {
            doc_build_lend(builder, "", doc);
        } else { /* the transaction may end before the reply is out */
            doc_build_doc(builder, "", doc);
        }
    }
    doc_build_close(builder);
    doc_build_i64(builder, "id", 0);
    doc_build_string(builder, "ns", ns);
    doc_build_close(builder);
}

int command_find_by_id(struct command_op *op, struct doc_value id)
{
    struct slice ns;
    struct slice doc = {0};
    int code = command_namespace(op, &ns);
    code = code < 0 ? code : find_id_get(op, ns, id, &op->lent);
    code = code <= 0 ? code : store_record_doc(op->lent.value, &doc);
    if (code == 0) {
        atomic_fetch_add(&op->server->opcounters.query, 1);
        find_id_build(op, ns, doc);
    }
    return code;
}
