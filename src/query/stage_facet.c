/* query/stage_facet.c - $facet: several pipelines over the same documents; and $documents.
 *
 * All documents are kept, then each pipeline runs over them: resumable between its documents. */
#include "query/pipeline_private.h"

struct facet_parsed {
    struct slice *names;
    struct query_pipeline **pipelines;
    uint32_t count;
};

struct facet_state {
    struct query__keep keep;
    uint64_t at; /* next document for the pipeline that runs */
    bool full;
    bool done;
    uint32_t number;          /* the pipeline that runs */
    struct query_run *run;    /* NULL between pipelines */
    struct query__list lists; /* the result so far, in hold */
    struct query__list list;  /* the running pipeline's part */
};

/* ---- parsing ---- */

static int facet_parse_one(struct query_stage_parse *parse, struct doc_elem elem,
                           struct facet_parsed *parsed, struct err *err)
{
    int rc = query__field_name(elem.name, err);
    if (rc < 0) {
        return rc;
    }
    if (elem.value.type != DOC_ARRAY) {
        return err_set(err, 40170, "arguments to $facet must be arrays, %.*s is type %s",
                       SLICE_FMT(elem.name), doc_type_name(elem.value.type));
    }
    parsed->names[parsed->count] = elem.name;
    return query_stage_parse_sub(parse, elem.value, QUERY_PIPELINE_FACET,
                                 &parsed->pipelines[parsed->count++], err);
}

static int facet_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT || doc_is_empty(doc_value_get_doc(spec))) {
        return err_set(err, 40169, "the $facet specification must be a non-empty object");
    }
    struct arena *arena = parse->context->arena;
    struct facet_parsed *parsed = arena_zero(arena, 1, sizeof *parsed);
    size_t count = doc_count(doc_value_get_doc(spec));
    parsed->names = arena_zero(arena, count, sizeof *parsed->names);
    parsed->pipelines = arena_zero(arena, count, sizeof(struct query_pipeline *));
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc = facet_parse_one(parse, elem, parsed, err);
        if (rc < 0) {
            return rc;
        }
    }
    query_stage_add(parse, &query__stage_facet, parsed);
    return 0;
}

/* ---- running ---- */

static int facet_source_next(void *context, struct slice *ret_doc, struct err *err)
{
    (void)err;
    struct facet_state *state = context;
    if (state->at == state->keep.count) {
        return 0;
    }
    *ret_doc = query__keep_doc(&state->keep, state->at++);
    return 1;
}

static const struct query_source_ops facet_source = {facet_source_next};

static int facet_fill(struct query_stage_run *self, struct err *err)
{
    struct facet_state *state = self->state;
    while (!state->full) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            state->full = true;
            query__list_begin(&state->lists, &self->hold, DOC_OBJECT);
        } else {
            query__keep_add(&state->keep, SLICE(""), doc);
        }
        rc = query__stage_holds(self, state->keep.bytes, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* The documents were within the stage's limit when they came; the results have the same limit. */
static int facet_holds(struct query_stage_run *self, struct err *err)
{
    const struct facet_state *state = self->state;
    int rc = query_hold_check("$facet", arena_used(&self->hold), err);
    return rc < 0
               ? rc
               : query_hold_set(&self->counted, state->keep.bytes + arena_used(&self->hold), err);
}

/* Run one pipeline to its end, going on where it stopped. */
static int facet_run(struct query_stage_run *self, struct err *err)
{
    const struct facet_parsed *parsed = self->stage->parsed;
    struct facet_state *state = self->state;
    if (state->run == NULL) {
        state->at = 0;
        struct query_source source = {&facet_source, state};
        state->run = query_run_new(parsed->pipelines[state->number], 0, self->eval, source);
        query__list_begin(&state->list, &self->hold, DOC_ARRAY);
    }
    for (;;) {
        struct slice doc;
        int rc = query_run_next(state->run, &doc, err);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            break;
        }
        query__list_add(&state->list, doc_value_object(doc));
        rc = facet_holds(self, err);
        if (rc < 0) {
            return rc;
        }
    }
    query_run_close(state->run);
    state->run = NULL;
    struct slice name = parsed->names[state->number++];
    query__list_field(&state->lists, name, query__list_end(&state->list));
    return 0;
}

static int facet_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct facet_parsed *parsed = self->stage->parsed;
    struct facet_state *state = self->state;
    if (state->done) {
        return 0;
    }
    int rc = facet_fill(self, err);
    while (rc == 0 && state->number < parsed->count) {
        rc = facet_run(self, err);
    }
    if (rc < 0) {
        return rc;
    }
    state->done = true;
    *ret_doc = doc_value_get_doc(query__list_end(&state->lists));
    return 1;
}

static void facet_close(struct query_stage_run *self)
{
    struct facet_state *state = self->state;
    query_run_close(state->run);
    query__keep_close(&state->keep);
}

const struct query_stage_ops query__stage_facet = {.name = "$facet",
                                                   .flags = QUERY_STAGE_NO_FACET,
                                                   .state_size = sizeof(struct facet_state),
                                                   .parse = facet_parse,
                                                   .next = facet_next,
                                                   .close = facet_close};

/* ---- $documents: the parsed form is an expression for an array of documents ---- */

struct facet_documents {
    struct doc_iter iter;
    bool started;
};

static int facet_parse_documents(struct query_stage_parse *parse, struct doc_value spec,
                                 struct err *err)
{
    struct query_expr *expr = NULL;
    int rc = query_expr_parse(parse->context, spec, &expr, err);
    if (rc == 0) {
        query_stage_add(parse, &query__stage_documents, expr);
    }
    return rc;
}

static int facet_documents_start(struct query_stage_run *self, struct err *err)
{
    struct facet_documents *state = self->state;
    struct doc_value list;
    self->eval->root = doc_empty_object;
    int rc = query_expr_eval(self->stage->parsed, self->eval, &list, err);
    if (rc < 0) {
        return rc;
    }
    if (list.type != DOC_ARRAY) {
        return err_set(err, 5858203,
                       "error during aggregation :: caused by :: $documents must "
                       "evaluate to an array");
    }
    list = doc_value_copy(&self->hold, list);
    doc_iter_value(&state->iter, list);
    state->started = true;
    return 0;
}

static int facet_documents_next(struct query_stage_run *self, struct slice *ret_doc,
                                struct err *err)
{
    struct facet_documents *state = self->state;
    int rc = state->started ? 0 : facet_documents_start(self, err);
    struct doc_elem elem;
    if (rc < 0 || !doc_iter_next(&state->iter, &elem)) {
        return rc;
    }
    if (elem.value.type != DOC_OBJECT) {
        return err_set(err, 40228,
                       "'newRoot' expression  must evaluate to an object, but "
                       "resulting value was: %.*s. Type of resulting value: '%s'.",
                       SLICE_FMT(query__print(self->eval, elem.value)),
                       doc_type_name(elem.value.type));
    }
    query_stage_fresh(self);
    *ret_doc = doc_value_get_doc(elem.value);
    return 1;
}

const struct query_stage_ops query__stage_documents = {.name = "$documents",
                                                       .flags = QUERY_STAGE_FIRST,
                                                       .state_size = sizeof(struct facet_documents),
                                                       .parse = facet_parse_documents,
                                                       .next = facet_documents_next};
