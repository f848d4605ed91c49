/* query/stage_graph.c - $graphLookup: the documents of another collection that can be reached from
 * each document, step by step.
 *
 * A step asks for all documents whose connectToField is one of the values found in the step before;
 * a document is found once, a value is asked for once, so that circles end. */
#include "query/pipeline_private.h"
#include "query/set.h"

struct graph_parsed {
    const struct query_pipeline_options *options;
    struct slice from;
    struct query_expr *start;
    struct doc_path connect_from;
    struct slice connect_to;
    struct query_expr *as;
    struct query_expr *depth_field; /* NULL: none */
    struct slice restrict_to;       /* a filter; empty: none */
    struct query_scope *scope;      /* variables that it may name */
    int64_t depth_max;              /* -1: no limit */
};

struct graph_state {
    struct arena arena; /* of the document in hand */
    struct slice doc;
    bool active;
    struct query_run *run; /* of the step in hand */
    int64_t depth;
    struct query__set asked; /* values; those from number `frontier` on are still to be asked */
    uint32_t frontier;
    struct query__set found; /* _ids */
    struct query__list result;
};

/* ---- parsing ---- */

static int graph_path(struct query_context *context, struct slice text, struct doc_path *ret_path,
                      struct err *err)
{
    struct query_expr checked;
    int rc = query__path_parse(context, text, &checked, err);
    return rc < 0 ? rc : doc_path_parse(context->arena, text, ret_path, err);
}

static int graph_text_option(struct query_context *context, struct doc_elem elem,
                             struct graph_parsed *parsed, struct err *err)
{
    if (elem.value.type != DOC_STRING) {
        return err_set(err, 40103, "expected string as argument for %.*s, found: %s",
                       SLICE_FMT(elem.name), doc_type_name(elem.value.type));
    }
    struct slice text = doc_value_get_string(elem.value);
    struct doc_path path;
    if (slice_is(elem.name, "from")) {
        parsed->from = text;
        return 0;
    }
    if (slice_is(elem.name, "connectFromField")) {
        return graph_path(context, text, &parsed->connect_from, err);
    }
    if (slice_is(elem.name, "connectToField")) {
        parsed->connect_to = text;
        return graph_path(context, text, &path, err);
    }
    struct query_expr **field = slice_is(elem.name, "as") ? &parsed->as : &parsed->depth_field;
    *field = arena_zero(context->arena, 1, sizeof **field);
    return query__path_parse(context, text, *field, err);
}

static int graph_option(struct query_context *context, struct doc_elem elem,
                        struct graph_parsed *parsed, struct err *err)
{
    static const char *const texts[] = {"from", "connectFromField", "connectToField", "as",
                                        "depthField"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (slice_is(elem.name, texts[i])) {
            return graph_text_option(context, elem, parsed, err);
        }
    }
    if (slice_is(elem.name, "startWith")) {
        return query_expr_parse(context, elem.value, &parsed->start, err);
    }
    if (slice_is(elem.name, "maxDepth")) {
        if (!doc_value_is_number(elem.value)) {
            return err_set(err, 40100, "maxDepth requires numeric argument, found type: %s",
                           doc_type_name(elem.value.type));
        }
        if (!doc_value_to_i64_exact(elem.value, &parsed->depth_max)) {
            return err_set(err, 40102, "maxDepth could not be represented as a long long");
        }
        return parsed->depth_max < 0
                   ? err_set(err, 40101, "maxDepth requires a nonnegative argument")
                   : 0;
    }
    if (!slice_is(elem.name, "restrictSearchWithMatch")) {
        return err_set(err, 40104, "Unknown argument to $graphLookup: %.*s", SLICE_FMT(elem.name));
    }
    if (elem.value.type != DOC_OBJECT) {
        return err_set(err, 40185, "restrictSearchWithMatch must be an object, found %s",
                       doc_type_name(elem.value.type));
    }
    struct query_match *match;
    parsed->restrict_to = doc_value_get_doc(elem.value);
    return query_match_parse(context, parsed->restrict_to, &match, err);
}

static int graph_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 40327,
                       "the $graphLookup stage specification must be an object, but "
                       "found %s",
                       doc_type_name(spec.type));
    }
    struct graph_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    parsed->options = parse->options;
    parsed->depth_max = -1;
    parsed->scope = parse->context->scope;
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc = graph_option(parse->context, elem, parsed, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (parsed->from.len == 0 || parsed->start == NULL || parsed->as == NULL ||
        parsed->connect_from.count == 0 || parsed->connect_to.len == 0) {
        return err_set(err, 40105,
                       "$graphLookup requires 'from', 'as', 'startWith', "
                       "'connectFromField', and 'connectToField' to be specified.");
    }
    int rc = query__foreign_check(parse, parsed->from, err);
    if (rc == 0) {
        query_stage_add(parse, &query__stage_graph_lookup, parsed);
    }
    return rc;
}

/* ---- running ---- */

static void graph_ask(struct graph_state *state, struct doc_value values)
{
    struct doc_iter iter;
    doc_iter_value(&iter, values);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        uint32_t number;
        if (query__set_add(&state->asked, elem.value, &number)) {
            state->asked.values[number] = doc_value_copy(&state->arena, elem.value);
        }
    }
}

static int graph_begin(struct query_stage_run *self, struct slice doc, struct err *err)
{
    const struct graph_parsed *parsed = self->stage->parsed;
    struct graph_state *state = self->state;
    struct arena arena = state->arena;
    arena_reset(&arena);
    *state = (struct graph_state){.arena = arena, .active = true};
    state->doc = arena_copy(&state->arena, doc);
    query__set_init(&state->asked, &state->arena, self->eval->context->collation);
    query__set_init(&state->found, &state->arena, NULL);
    query__list_begin(&state->result, &state->arena, DOC_ARRAY);
    struct doc_value start;
    self->eval->root = doc_value_object(state->doc);
    int rc = query_expr_eval(parsed->start, self->eval, &start, err);
    if (rc < 0) {
        return rc;
    }
    struct query__list values;
    query__list_begin(&values, self->eval->arena, DOC_ARRAY);
    struct doc_path_hit hit = {.value = doc_value_exists(start) ? start : doc_null};
    query__filter_value(&values, &hit);
    graph_ask(state, query__list_end(&values));
    return 0;
}

/* The filter of the next step: the new values, and the user's restriction. */
static struct slice graph_filter(const struct graph_parsed *parsed, struct graph_state *state)
{
    struct query__list values;
    query__list_begin(&values, &state->arena, DOC_ARRAY);
    while (state->frontier < state->asked.count) {
        query__list_add(&values, state->asked.values[state->frontier++]);
    }
    struct slice filter =
        query__filter_any(&state->arena, parsed->connect_to, query__list_end(&values));
    if (parsed->restrict_to.len == 0) {
        return filter;
    }
    struct query__list parts;
    struct query__list both;
    query__list_begin(&parts, &state->arena, DOC_ARRAY);
    query__list_add(&parts, doc_value_object(filter));
    query__list_add(&parts, doc_value_object(parsed->restrict_to));
    query__list_begin(&both, &state->arena, DOC_OBJECT);
    query__list_field(&both, SLICE("$and"), query__list_end(&parts));
    return doc_value_get_doc(query__list_end(&both));
}

static int graph_open(struct query_stage_run *self, struct err *err)
{
    const struct graph_parsed *parsed = self->stage->parsed;
    struct graph_state *state = self->state;
    struct query_context context = *self->eval->context;
    uint32_t slots_count = context.slots_count;
    context.arena = &state->arena;
    context.scope = parsed->scope;
    struct query_match *match;
    int rc = query_match_parse(&context, graph_filter(parsed, state), &match, err);
    if (rc < 0) {
        return rc;
    }
    struct query_eval eval = *self->eval;
    eval.slots = arena_zero(&state->arena, context.slots_count, sizeof *eval.slots);
    if (slots_count > 0) { /* the restriction may have brought variables of its own */
        memcpy(eval.slots, self->eval->slots, slots_count * sizeof *eval.slots);
    }
    struct query_foreign foreign = {parsed->from, match, NULL};
    return query__foreign_open(parsed->options, &foreign, &eval, &state->run, err);
}

static void graph_take(struct query_stage_run *self, struct slice doc)
{
    const struct graph_parsed *parsed = self->stage->parsed;
    struct graph_state *state = self->state;
    struct doc_value id = doc_get_str(doc, "_id");
    uint32_t number;
    if (!query__set_add(&state->found, doc_value_exists(id) ? id : doc_null, &number)) {
        return;
    }
    doc = arena_copy(&state->arena, doc);
    state->found.values[number] = doc_get_str(doc, "_id");
    struct query__list values;
    query__list_begin(&values, &state->arena, DOC_ARRAY);
    doc_path_visit(&parsed->connect_from, doc, query__filter_value, &values);
    graph_ask(state, query__list_end(&values));
    struct doc_value result = doc_value_object(doc);
    if (parsed->depth_field != NULL) {
        struct doc_value depth = doc_value_i64(&state->arena, state->depth);
        result = query__path_set(&state->arena, doc, parsed->depth_field, 0, depth);
    }
    query__list_add(&state->result, result);
}

/* All steps, going on where they stopped. */
static int graph_search(struct query_stage_run *self, struct err *err)
{
    const struct graph_parsed *parsed = self->stage->parsed;
    struct graph_state *state = self->state;
    for (;;) {
        if (state->run == NULL) {
            bool deep = parsed->depth_max >= 0 && state->depth > parsed->depth_max;
            if (deep || state->frontier == state->asked.count) {
                return 0;
            }
            int rc = graph_open(self, err);
            if (rc < 0) {
                return rc;
            }
        }
        struct slice doc;
        int rc = query_run_next(state->run, &doc, err);
        if (rc < 0) {
            return rc;
        }
        if (rc > 0) {
            graph_take(self, doc);
        } else {
            query_run_close(state->run);
            state->run = NULL;
            state->depth++;
        }
        if (arena_used(&state->arena) > QUERY_STAGE_BYTES_MAX) {
            return err_set(err, 40099, "$graphLookup reached maximum memory consumption");
        }
        rc = query_hold_set(&self->counted, arena_used(&state->arena), err);
        if (rc < 0) {
            return rc;
        }
    }
}

static int graph_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct graph_parsed *parsed = self->stage->parsed;
    struct graph_state *state = self->state;
    int rc = 1;
    if (!state->active) {
        struct slice doc;
        rc = query_stage_pull(self, &doc, err);
        if (rc <= 0) {
            return rc;
        }
        rc = graph_begin(self, doc, err);
    }
    rc = rc < 0 ? rc : graph_search(self, err);
    if (rc < 0) {
        return rc;
    }
    state->active = false;
    query_stage_fresh(self);
    struct doc_value joined = query__path_set(self->eval->arena, state->doc, parsed->as, 0,
                                              query__list_end(&state->result));
    *ret_doc = doc_value_get_doc(joined);
    return 1;
}

static void graph_close(struct query_stage_run *self)
{
    struct graph_state *state = self->state;
    query_run_close(state->run);
    arena_close(&state->arena);
}

const struct query_stage_ops query__stage_graph_lookup = {.name = "$graphLookup",
                                                          .flags = QUERY_STAGE_ONE_TO_ONE,
                                                          .state_size = sizeof(struct graph_state),
                                                          .parse = graph_parse,
                                                          .next = graph_next,
                                                          .close = graph_close};
