/* command/rights_bulk.c - what a bulkWrite needs: of each op, on the collection it names.
 *
 * The first field of an op and the first `ns` of a namespace count, here as in the handler. */
#include "command/args.h"
#include "command/rights_private.h"
#include "doc/view.h"

struct bulk_places {
    struct security_resource *all;
    uint32_t count;
};

static void bulk_read_places(const struct rights_ask *ask, struct bulk_places *places)
{
    struct command_docs docs;
    struct slice doc;
    if (command_docs_open(ask->op, "nsInfo", &docs) < 0) {
        ask->op->err.code = 0; /* the handler will say so */
        return;
    }
    places->all = arena_zero(&ask->op->arena, docs.count + 1, sizeof *places->all);
    while (command_docs_next(&docs, &doc)) {
        struct doc_value value = doc_get_str(doc, "ns");
        struct slice ns = value.type == DOC_STRING ? doc_value_get_string(value) : SLICE("");
        places->all[places->count++] = security_place(command_db_of(ns), command_name_of(ns));
    }
}

static int bulk_ask_op(const struct rights_ask *ask, const struct bulk_places *places,
                       struct slice doc, bool bypass)
{
    static const struct {
        const char *name;
        enum security_action action;
    } kinds[] = {
        {"insert", SECURITY_insert}, {"update", SECURITY_update}, {"delete", SECURITY_remove}};
    struct doc_elem first = doc_first(doc);
    int64_t at = doc_value_is_number(first.value) ? doc_value_to_i64_clamped(first.value) : -1;
    int code = 0;
    if (at < 0 || at >= places->count) {
        return 0; /* the handler refuses it */
    }
    const struct security_resource *place = &places->all[at];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (slice_is(first.name, kinds[i].name)) {
            code = rights__may(ask, place, kinds[i].action);
        }
    }
    if (code == 0 && slice_is(first.name, "update") && rights__says(doc, "upsert")) {
        code = rights__may(ask, place, SECURITY_insert);
    }
    return code == 0 && bypass ? rights__may(ask, place, SECURITY_bypassDocumentValidation) : code;
}

/* Of a cursor, which is its user's, the results are asked for: nothing is written any more. */
int rights_bulk_write(const struct rights_ask *ask, enum security_action what)
{
    struct bulk_places places = {0};
    struct command_docs docs;
    struct slice doc;
    int code = 0;
    (void)what;
    if (ask->body.data != ask->op->body.data) {
        return 0;
    }
    bulk_read_places(ask, &places);
    if (command_docs_open(ask->op, "ops", &docs) < 0) {
        ask->op->err.code = 0;
        return 0;
    }
    bool bypass = rights__says(ask->body, "bypassDocumentValidation");
    while (code == 0 && command_docs_next(&docs, &doc)) {
        code = bulk_ask_op(ask, &places, doc, bypass);
    }
    return code;
}
