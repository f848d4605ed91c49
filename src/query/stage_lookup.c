/* query/stage_lookup.c - $lookup: for each document, those of another collection that belong to it;
 * and $unionWith: those of another collection after all.
 *
 * Other collections come through query_foreign_ops. While a foreign run yields, the document in
 * hand and what was found so far stay in the stage's own memory. */
#include "query/pipeline_private.h"

struct lookup_parsed {
    const struct query_pipeline_options *options;
    struct slice from; /* empty: none, the pipeline begins with $documents */
    struct query_expr *as;
    struct doc_path local; /* count 0: no equality */
    struct slice foreign;
    struct query_pipeline *pipeline; /* NULL: none */
    struct query_expr **let;
    uint32_t *slots;
    uint32_t let_count;
};

struct lookup_state {
    struct arena arena; /* of the document in hand */
    struct slice doc;
    struct query_run *run; /* NULL: no document in hand */
    struct query__list found;
};

/* ---- parsing ---- */

static int lookup_text(struct slice spec, const char *name, struct slice *ret_text, struct err *err)
{
    struct doc_value value = doc_get_str(spec, name);
    if (doc_value_is_nullish(value)) {
        return 0;
    }
    if (value.type != DOC_STRING) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field '$lookup.%s' is the wrong type '%s', "
                       "expected type 'string'",
                       name, doc_type_name(value.type));
    }
    *ret_text = doc_value_get_string(value);
    return 1;
}

static int lookup_parse_let(struct query_context *context, struct doc_value let,
                            struct lookup_parsed *parsed, struct err *err)
{
    if (doc_value_is_nullish(let)) {
        return 0;
    }
    if (let.type != DOC_OBJECT) {
        return err_set(err, LT_ETYPEMISMATCH, "$lookup argument 'let: %s' must be an object",
                       doc_type_name(let.type));
    }
    uint32_t count = (uint32_t)doc_count(doc_value_get_doc(let));
    parsed->let = arena_zero(context->arena, count, sizeof(struct query_expr *));
    parsed->slots = arena_zero(context->arena, count, sizeof *parsed->slots);
    struct doc_iter iter;
    doc_iter_value(&iter, let);
    struct doc_elem elem;
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        int rc = query_variable_name(elem.name, err);
        rc = rc < 0 ? rc : query_expr_parse(context, elem.value, &parsed->let[i], err);
        if (rc < 0) {
            return rc;
        }
    }
    doc_iter_value(&iter, let);
    while (doc_iter_next(&iter, &elem)) {
        parsed->slots[parsed->let_count++] = query_scope_push(context, elem.name);
    }
    return 0;
}

static bool lookup_names_documents(struct doc_value stages)
{
    if (stages.type != DOC_ARRAY) {
        return false;
    }
    struct doc_value first = doc_first(doc_value_get_doc(stages)).value;
    return first.type == DOC_OBJECT &&
           slice_is(doc_first(doc_value_get_doc(first)).name, "$documents");
}

static int lookup_parse_pipeline(struct query_stage_parse *parse, struct slice spec,
                                 struct lookup_parsed *parsed, struct err *err)
{
    struct doc_value stages = doc_get_str(spec, "pipeline");
    if (parsed->from.len == 0 && !lookup_names_documents(stages)) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$lookup stage without explicit collection must "
                       "have a pipeline with $documents as first stage");
    }
    int rc = lookup_parse_let(parse->context, doc_get_str(spec, "let"), parsed, err);
    if (rc == 0 && doc_value_exists(stages)) {
        rc = stages.type != DOC_ARRAY
                 ? err_set(err, LT_ETYPEMISMATCH, "'pipeline' option must be specified as an array")
                 : query_stage_parse_sub(parse, stages, QUERY_PIPELINE_LOOKUP, &parsed->pipeline,
                                         err);
    }
    query_scope_pop(parse->context, parsed->let_count);
    return rc;
}

static bool lookup_has_documents(const struct query_pipeline *pipeline)
{
    return pipeline != NULL && pipeline->count > 0 &&
           pipeline->stages[0].ops == &query__stage_documents;
}

static int lookup_check(struct slice spec, const struct lookup_parsed *parsed, struct err *err)
{
    bool local = doc_value_exists(doc_get_str(spec, "localField"));
    bool foreign = doc_value_exists(doc_get_str(spec, "foreignField"));
    if (local != foreign) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$lookup requires both or neither of 'localField' "
                       "and 'foreignField' to be specified");
    }
    if (!local && parsed->pipeline == NULL) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$lookup requires either 'pipeline' or both "
                       "'localField' and 'foreignField' to be specified");
    }
    return 0;
}

static int lookup_fields(struct query_stage_parse *parse, struct slice spec,
                         struct lookup_parsed *parsed, struct err *err)
{
    struct query_context *context = parse->context;
    struct slice as;
    struct slice local;
    struct query_expr path;
    int rc = lookup_text(spec, "as", &as, err);
    if (rc == 0) {
        return err_set(err, 40414, "BSON field '$lookup.as' is missing but a required field");
    }
    parsed->as = arena_zero(context->arena, 1, sizeof *parsed->as);
    rc = rc < 0 ? rc : query__path_parse(context, as, parsed->as, err);
    rc = rc < 0 ? rc : lookup_text(spec, "from", &parsed->from, err);
    rc = rc < 0 ? rc : lookup_text(spec, "localField", &local, err);
    if (rc > 0) {
        rc = query__path_parse(context, local, &path, err);
        rc = rc < 0 ? rc : doc_path_parse(context->arena, local, &parsed->local, err);
    }
    rc = rc < 0 ? rc : lookup_text(spec, "foreignField", &parsed->foreign, err);
    if (rc > 0) {
        rc = query__path_parse(context, parsed->foreign, &path, err);
    }
    return rc < 0 ? rc : 0;
}

static int lookup_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    static const char *const names[] = {"from",         "as",  "localField",
                                        "foreignField", "let", "pipeline"};
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "the $lookup stage specification must be an "
                       "object, but found %s",
                       doc_type_name(spec.type));
    }
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        bool known = false;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            known |= slice_is(elem.name, names[i]);
        }
        if (!known) {
            return err_set(err, 40415, "BSON field '$lookup.%.*s' is an unknown field.",
                           SLICE_FMT(elem.name));
        }
    }
    struct lookup_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    struct slice doc = doc_value_get_doc(spec);
    parsed->options = parse->options;
    int rc = lookup_fields(parse, doc, parsed, err);
    rc = rc < 0 ? rc : lookup_parse_pipeline(parse, doc, parsed, err);
    rc = rc < 0 ? rc : lookup_check(doc, parsed, err);
    rc = rc < 0 ? rc : query__foreign_check(parse, parsed->from, err);
    if (rc == 0) {
        query_stage_add(parse, &query__stage_lookup, parsed);
    }
    return rc;
}

/* ---- running ---- */

bool query__filter_value(void *context, const struct doc_path_hit *hit)
{
    struct query__list *values = context;
    if (hit->value.type == DOC_ARRAY) {
        struct doc_iter iter;
        doc_iter_value(&iter, hit->value);
        struct doc_elem elem;
        while (doc_iter_next(&iter, &elem)) {
            query__list_add(values, elem.value);
        }
    } else if (doc_value_exists(hit->value)) {
        query__list_add(values, hit->value);
    }
    return false;
}

struct slice query__filter_any(struct arena *arena, struct slice field, struct doc_value values)
{
    struct query__list alternatives;
    query__list_begin(&alternatives, arena, DOC_ARRAY);
    struct doc_iter iter;
    doc_iter_value(&iter, values);
    struct doc_elem elem;
    struct doc_value filter = doc_missing;
    while (doc_iter_next(&iter, &elem)) {
        struct query__list equal;
        struct query__list one;
        query__list_begin(&equal, arena, DOC_OBJECT);
        query__list_field(&equal, SLICE("$eq"), elem.value);
        query__list_begin(&one, arena, DOC_OBJECT);
        query__list_field(&one, field, query__list_end(&equal));
        filter = query__list_end(&one);
        query__list_add(&alternatives, filter);
    }
    assert(alternatives.count > 0);
    if (alternatives.count > 1) {
        struct query__list either;
        query__list_begin(&either, arena, DOC_OBJECT);
        query__list_field(&either, SLICE("$or"), query__list_end(&alternatives));
        filter = query__list_end(&either);
    }
    return doc_value_get_doc(filter);
}

static struct slice lookup_filter_doc(struct query_stage_run *self, struct slice doc)
{
    const struct lookup_parsed *parsed = self->stage->parsed;
    struct lookup_state *state = self->state;
    struct query__list values;
    query__list_begin(&values, &state->arena, DOC_ARRAY);
    doc_path_visit(&parsed->local, doc, query__filter_value, &values);
    if (values.count == 0) {
        query__list_add(&values, doc_null);
    }
    return query__filter_any(&state->arena, parsed->foreign, query__list_end(&values));
}

static int lookup_filter(struct query_stage_run *self, struct slice doc,
                         struct query_match **ret_match, struct err *err)
{
    const struct lookup_parsed *parsed = self->stage->parsed;
    struct lookup_state *state = self->state;
    *ret_match = NULL;
    if (parsed->local.count == 0) {
        return 0;
    }
    struct query_context context = *self->eval->context; /* only for its arena */
    context.arena = &state->arena;
    return query_match_parse(&context, lookup_filter_doc(self, doc), ret_match, err);
}

static int lookup_let(struct query_stage_run *self, struct err *err)
{
    const struct lookup_parsed *parsed = self->stage->parsed;
    struct lookup_state *state = self->state;
    for (uint32_t i = 0; i < parsed->let_count; i++) {
        struct doc_value value;
        int rc = query_expr_eval(parsed->let[i], self->eval, &value, err);
        if (rc < 0) {
            return rc;
        }
        self->eval->slots[parsed->slots[i]] = doc_value_copy(&state->arena, value);
    }
    return 0;
}

int query__foreign_check(const struct query_stage_parse *parse, struct slice from, struct err *err)
{
    const struct query_foreign_ops *foreign =
        parse->options == NULL ? NULL : parse->options->foreign;
    return foreign == NULL || foreign->check == NULL || from.len == 0
               ? 0
               : foreign->check(parse->options->owner, parse->context, from, err);
}

int query__foreign_open(const struct query_pipeline_options *options,
                        const struct query_foreign *foreign, const struct query_eval *eval,
                        struct query_run **ret_run, struct err *err)
{
    if (foreign->from.len == 0) {
        *ret_run = query_run_new(foreign->pipeline, 0, eval, (struct query_source){0});
        return 0;
    }
    if (options->foreign == NULL) {
        return err_set(err, LT_ECOMMANDNOTSUPPORTED, "other collections cannot be read here");
    }
    return options->foreign->open(options->owner, foreign, eval, ret_run, err);
}

static int lookup_begin(struct query_stage_run *self, struct slice doc, struct err *err)
{
    const struct lookup_parsed *parsed = self->stage->parsed;
    struct lookup_state *state = self->state;
    struct query_match *filter;
    arena_reset(&state->arena);
    state->doc = arena_copy(&state->arena, doc);
    self->eval->root = doc_value_object(state->doc);
    int rc = lookup_let(self, err);
    rc = rc < 0 ? rc : lookup_filter(self, state->doc, &filter, err);
    if (rc < 0) {
        return rc;
    }
    struct query_foreign foreign = {parsed->from, filter, parsed->pipeline};
    query__list_begin(&state->found, &state->arena, DOC_ARRAY);
    return query__foreign_open(parsed->options, &foreign, self->eval, &state->run, err);
}

static int lookup_collect(struct query_stage_run *self, struct err *err)
{
    struct lookup_state *state = self->state;
    for (;;) {
        struct slice doc;
        int rc = query_run_next(state->run, &doc, err);
        if (rc <= 0) {
            return rc;
        }
        query__list_add(&state->found, doc_value_object(doc));
        if (state->found.buf.len > QUERY_STAGE_BYTES_MAX) {
            return err_set(err, 4568,
                           "Total size of documents in matching pipeline's $lookup "
                           "stage exceeds %d bytes",
                           QUERY_STAGE_BYTES_MAX);
        }
        rc = query_hold_set(&self->counted, arena_used(&state->arena), err);
        if (rc < 0) {
            return rc;
        }
    }
}

static int lookup_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct lookup_parsed *parsed = self->stage->parsed;
    struct lookup_state *state = self->state;
    if (state->run == NULL) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc <= 0) {
            return rc;
        }
        rc = lookup_begin(self, doc, err);
        if (rc < 0) {
            return rc;
        }
    }
    int rc = lookup_collect(self, err);
    if (rc < 0) {
        return rc;
    }
    query_run_close(state->run);
    state->run = NULL;
    query_stage_fresh(self);
    struct doc_value joined = query__path_set(self->eval->arena, state->doc, parsed->as, 0,
                                              query__list_end(&state->found));
    *ret_doc = doc_value_get_doc(joined);
    return 1;
}

static void lookup_close(struct query_stage_run *self)
{
    struct lookup_state *state = self->state;
    query_run_close(state->run);
    arena_close(&state->arena);
}

const struct query_stage_ops query__stage_lookup = {.name = "$lookup",
                                                    .flags = QUERY_STAGE_ONE_TO_ONE,
                                                    .state_size = sizeof(struct lookup_state),
                                                    .parse = lookup_parse,
                                                    .next = lookup_next,
                                                    .close = lookup_close};

/* ---- $unionWith ---- */

struct lookup_union {
    const struct query_pipeline_options *options;
    struct query_foreign foreign;
};

struct lookup_union_state {
    struct query_run *run;
    bool own_done;
};

static int lookup_union_option(struct query_stage_parse *parse, struct doc_elem elem,
                               struct lookup_union *parsed, struct err *err)
{
    if (slice_is(elem.name, "coll")) {
        if (elem.value.type != DOC_STRING) {
            return err_set(err, LT_ETYPEMISMATCH,
                           "BSON field '$unionWith.coll' is the wrong type "
                           "'%s', expected type 'string'",
                           doc_type_name(elem.value.type));
        }
        parsed->foreign.from = doc_value_get_string(elem.value);
        return 0;
    }
    if (!slice_is(elem.name, "pipeline")) {
        return err_set(err, 40415, "BSON field '$unionWith.%.*s' is an unknown field.",
                       SLICE_FMT(elem.name));
    }
    if (elem.value.type != DOC_ARRAY) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field '$unionWith.pipeline' is the wrong type "
                       "'%s', expected type 'array'",
                       doc_type_name(elem.value.type));
    }
    struct query_pipeline *pipeline = NULL;
    int rc = query_stage_parse_sub(parse, elem.value, QUERY_PIPELINE_UNION, &pipeline, err);
    parsed->foreign.pipeline = pipeline;
    return rc;
}

static int lookup_union_parse(struct query_stage_parse *parse, struct doc_value spec,
                              struct err *err)
{
    struct lookup_union *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    parsed->options = parse->options;
    int rc = 0;
    if (spec.type == DOC_STRING) {
        parsed->foreign.from = doc_value_get_string(spec);
    } else if (spec.type == DOC_OBJECT) {
        struct doc_iter iter;
        doc_iter_value(&iter, spec);
        struct doc_elem elem;
        while (rc == 0 && doc_iter_next(&iter, &elem)) {
            rc = lookup_union_option(parse, elem, parsed, err);
        }
    } else {
        rc = err_set(err, LT_EFAILEDTOPARSE,
                     "the $unionWith stage specification must be an object "
                     "or string, but found %s",
                     doc_type_name(spec.type));
    }
    if (rc == 0 && parsed->foreign.from.len == 0 &&
        !lookup_has_documents(parsed->foreign.pipeline)) {
        rc = err_set(err, LT_EFAILEDTOPARSE,
                     "$unionWith stage without explicit collection must "
                     "have a pipeline with $documents as first stage");
    }
    rc = rc < 0 ? rc : query__foreign_check(parse, parsed->foreign.from, err);
    if (rc == 0) {
        query_stage_add(parse, &query__stage_union_with, parsed);
    }
    return rc;
}

static int lookup_union_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct lookup_union *parsed = self->stage->parsed;
    struct lookup_union_state *state = self->state;
    if (!state->own_done) {
        int rc = query_stage_pull(self, ret_doc, err);
        if (rc != 0) {
            return rc;
        }
        state->own_done = true;
    }
    if (state->run == NULL) {
        int rc =
            query__foreign_open(parsed->options, &parsed->foreign, self->eval, &state->run, err);
        if (rc < 0) {
            return rc;
        }
    }
    query_stage_fresh(self);
    return query_run_next(state->run, ret_doc, err);
}

static void lookup_union_close(struct query_stage_run *self)
{
    struct lookup_union_state *state = self->state;
    query_run_close(state->run);
}

const struct query_stage_ops query__stage_union_with = {.name = "$unionWith",
                                                        .state_size =
                                                            sizeof(struct lookup_union_state),
                                                        .parse = lookup_union_parse,
                                                        .next = lookup_union_next,
                                                        .close = lookup_union_close};
