/* query/stage_redact.c - $redact: an expression decides for a document, and if it says $$DESCEND
 * for each document in it, whether it stays. */
#include "query/pipeline_private.h"

enum redact_choice { REDACT_PRUNE, REDACT_KEEP, REDACT_DESCEND, REDACT_CHOICES };

static const char *const redact_names[] = {"PRUNE", "KEEP", "DESCEND"};

struct redact_parsed {
    struct query_expr *expr;
    uint32_t choices[REDACT_CHOICES]; /* slots of $$PRUNE ... */
    uint32_t current;                 /* slot of $$CURRENT */
};

static int redact_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct query_context *context = parse->context;
    struct redact_parsed *parsed = arena_zero(context->arena, 1, sizeof *parsed);
    for (int i = 0; i < REDACT_CHOICES; i++) {
        parsed->choices[i] = query_scope_push(context, slice_str(redact_names[i]));
    }
    parsed->current = query_scope_push(context, SLICE("CURRENT"));
    int rc = query_expr_parse(context, spec, &parsed->expr, err);
    query_scope_pop(context, REDACT_CHOICES + 1);
    if (rc == 0) {
        query_stage_add(parse, &query__stage_redact, parsed);
    }
    return rc;
}

/* What the expression says about a document; its address is the answer's identity. */
static int redact_choose(struct query_stage_run *self, struct doc_value doc, struct err *err)
{
    const struct redact_parsed *parsed = self->stage->parsed;
    struct query_eval *eval = self->eval;
    for (int i = 0; i < REDACT_CHOICES; i++) {
        eval->slots[parsed->choices[i]] = doc_value_string(eval->arena, slice_str(redact_names[i]));
    }
    eval->slots[parsed->current] = doc;
    struct doc_value answer;
    int rc = query_expr_eval(parsed->expr, eval, &answer, err);
    if (rc < 0) {
        return rc;
    }
    for (int i = 0; i < REDACT_CHOICES; i++) {
        if (answer.type == DOC_STRING && slice_is(doc_value_get_string(answer), redact_names[i])) {
            return i;
        }
    }
    return err_set(err, 17053,
                   "$redact's expression should not return anything aside from the "
                   "variables $$KEEP, $$DESCEND, and $$PRUNE, but returned %.*s",
                   SLICE_FMT(query__print(eval, answer)));
}

static int redact_value(struct query_stage_run *self, struct doc_value *value, struct err *err);

/* Every field or element, without those that are pruned. */
static int redact_children(struct query_stage_run *self, struct doc_value *value, struct err *err)
{
    struct query__list list;
    query__list_begin(&list, self->eval->arena, value->type);
    struct doc_iter iter;
    doc_iter_value(&iter, *value);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc = redact_value(self, &elem.value, err);
        if (rc < 0) {
            return rc;
        }
        if (rc > 0 && value->type == DOC_ARRAY) {
            query__list_add(&list, elem.value);
        } else if (rc > 0) {
            query__list_field(&list, elem.name, elem.value);
        }
    }
    *value = query__list_end(&list);
    return 1;
}

/* 1: *value stays, as it is now; 0: it goes. As deep as documents nest. */
static int redact_value(struct query_stage_run *self, struct doc_value *value, struct err *err)
{
    if (value->type == DOC_ARRAY) {
        return redact_children(self, value, err);
    }
    if (value->type != DOC_OBJECT) {
        return 1;
    }
    int choice = redact_choose(self, *value, err);
    return choice == REDACT_DESCEND ? redact_children(self, value, err) : choice;
}

static int redact_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    for (;;) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc <= 0) {
            return rc;
        }
        struct doc_value value = doc_value_object(doc);
        self->eval->root = value;
        rc = redact_value(self, &value, err);
        if (rc != 0) {
            *ret_doc = doc_value_get_doc(value);
            return rc;
        }
    }
}

const struct query_stage_ops query__stage_redact = {
    .name = "$redact", .parse = redact_parse, .next = redact_next};
