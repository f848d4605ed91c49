/* query/stage_rank.c - $rankFusion: several orders of the same documents made one.
 *
 * All documents are kept; each input pipeline runs over them, and a document earns weight / (60 +
 * rank) from each that gives it. Documents that earned something go out, the highest score first,
 * of equals by _id. The score is a variable that {$meta: "score"} reads. */
#include <math.h>
#include <stdlib.h>

#include "doc/compare.h"
#include "query/fields.h"
#include "query/pipeline_private.h"
#include "query/set.h"

enum {
    RANK_CONSTANT = 60, /* of reciprocal rank fusion */
    RANK_SLICE = 128,   /* documents between two yields */
};

struct rank_input {
    struct slice name;
    double weight;
    struct query_pipeline *pipeline;
};

struct rank_parsed {
    struct rank_input *inputs;
    uint32_t count;
    uint32_t score_slot;
    int32_t details_slot; /* -1: not asked for */
};

struct rank_document {
    struct slice doc;
    struct doc_value id;
    double score;
    uint32_t *ranks; /* by number of the input; 0: it did not give the document */
};

struct rank_state {
    struct query__keep keep;
    struct query__set ids; /* of the documents that an input gave */
    struct rank_document *documents;
    uint32_t room;         /* of documents */
    struct arena meta;     /* score and details of the document that went out last */
    struct query_run *run; /* of input number `input` */
    uint32_t input;
    uint32_t rank;   /* of the document that comes next */
    uint64_t source; /* next document for the input, in keep */
    uint32_t at;     /* next to go out */
    bool kept;
    bool yielded;
    bool sorted;
};

/* ---- parsing ---- */

enum { RANK_INPUT, RANK_COMBINATION, RANK_DETAILS, RANK_FIELDS };

static const struct query__field rank_fields[] = {
    {"input", DOC_OBJECT, true},
    {"combination", DOC_OBJECT, false},
    {"scoreDetails", DOC_BOOL, false},
    {0},
};

static const struct query__field rank_input_fields[] = {{"pipelines", DOC_OBJECT, true}, {0}};

static const struct query__field rank_combination_fields[] = {{"weights", DOC_OBJECT, false}, {0}};

/* Stages that choose documents, or order them, and change none. */
static bool rank_selects(const struct query_stage_ops *ops)
{
    return ops == &query__stage_match || ops == &query__stage_sort || ops == &query__stage_limit ||
           ops == &query__stage_skip || ops == &query__stage_sample ||
           strcmp(ops->name, "$geoNear") == 0;
}

static int rank_check_pipeline(const struct query_pipeline *pipeline, struct slice name,
                               struct err *err)
{
    bool ordered = false;
    for (uint32_t i = 0; i < pipeline->count; i++) {
        const struct query_stage_ops *ops = pipeline->stages[i].ops;
        ordered =
            ordered || ops == &query__stage_sort || (i == 0 && strcmp(ops->name, "$geoNear") == 0);
    }
    if (!ordered) {
        return err_set(err, 9191100,
                       "All subpipelines to the $rankFusion stage must begin with one of $search, "
                       "$vectorSearch, $geoNear, or have a custom $sort in the pipeline: %.*s",
                       SLICE_FMT(name));
    }
    for (uint32_t i = 0; i < pipeline->count; i++) {
        if (!rank_selects(pipeline->stages[i].ops)) {
            return err_set(err, 9191103,
                           "stage %s in the input pipeline %.*s is not a selection stage because "
                           "it modifies or transforms the input documents. Only stages that "
                           "retrieve, limit, or order documents are allowed.",
                           pipeline->stages[i].ops->name, SLICE_FMT(name));
        }
    }
    return 0;
}

/* What may be in the way of a pipeline before it is read: its stages' names alone. */
static int rank_check_names(struct doc_value stages, struct err *err)
{
    struct doc_iter iter;
    doc_iter_value(&iter, stages);
    struct doc_elem elem;
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        if (elem.value.type != DOC_OBJECT || doc_is_empty(doc_value_get_doc(elem.value))) {
            continue;
        }
        struct slice name = doc_first(doc_value_get_doc(elem.value)).name;
        bool fusion = slice_is(name, "$rankFusion") || slice_is(name, "$scoreFusion");
        if (fusion && i == 0) {
            return err_set(err, 10473002,
                           "$rankFusion input pipeline has a nested hybrid search "
                           "stage. %.*s is not allowed there",
                           SLICE_FMT(name));
        }
        if (fusion) {
            return query__stage_rank_place(err);
        }
        if (slice_is(name, "$out") || slice_is(name, "$merge") || slice_is(name, "$geoNear") ||
            slice_is(name, "$documents")) {
            if (i > 0) {
                return err_set(err, 9191103, "stage %.*s is not a selection stage",
                               SLICE_FMT(name));
            }
        }
    }
    return 0;
}

static int rank_parse_pipeline(struct query_stage_parse *parse, struct doc_elem elem,
                               struct rank_input *input, struct err *err)
{
    if (elem.value.type != DOC_ARRAY) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field '$rankFusion.input.pipelines.%.*s' is the wrong type '%s', "
                       "expected type 'array'",
                       SLICE_FMT(elem.name), doc_type_name(elem.value.type));
    }
    int rc = query__path_part_check(elem.name, err);
    if (rc == 0 && memchr(elem.name.data, '.', elem.name.len) != NULL) {
        rc = err_set(err, 16412, "FieldPath field names may not contain '.'.");
    }
    rc = rc < 0 ? rc : rank_check_names(elem.value, err);
    if (rc == 0) {
        rc = query_stage_parse_sub(parse, elem.value, parse->options->place, &input->pipeline, err);
    }
    input->name = elem.name;
    input->weight = 1;
    return rc < 0 ? rc : rank_check_pipeline(input->pipeline, elem.name, err);
}

static int rank_parse_inputs(struct query_stage_parse *parse, struct doc_value spec,
                             struct rank_parsed *parsed, struct err *err)
{
    struct doc_value pipelines;
    int rc = query__fields_read("$rankFusion.input", doc_value_get_doc(spec), rank_input_fields,
                                &pipelines, err);
    if (rc < 0) {
        return rc;
    }
    size_t count = doc_count(doc_value_get_doc(pipelines));
    if (count == 0) {
        return err_set(err, 9834300, "$rankFusion requires at least one pipeline");
    }
    parsed->inputs = arena_zero(parse->context->arena, count, sizeof *parsed->inputs);
    struct doc_iter iter;
    doc_iter_value(&iter, pipelines);
    struct doc_elem elem;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        rc = rank_parse_pipeline(parse, elem, &parsed->inputs[parsed->count++], err);
    }
    return rc;
}

static int rank_weigh(struct rank_parsed *parsed, struct doc_elem elem, struct err *err)
{
    for (uint32_t i = 0; i < parsed->count; i++) {
        if (!slice_equal(parsed->inputs[i].name, elem.name)) {
            continue;
        }
        if (!doc_value_is_number(elem.value)) {
            return err_set(err, 13118, "$rankFusion pipeline weight must be a number, but is %s",
                           doc_type_name(elem.value.type));
        }
        parsed->inputs[i].weight = doc_value_to_double(elem.value);
        return parsed->inputs[i].weight >= 0
                   ? 0
                   : err_set(err, 9460300, "Rank fusion pipeline weight must be non-negative");
    }
    return err_set(err, 9967500,
                   "$rankFusion stage contained a weight for a pipeline that does not exist: %.*s",
                   SLICE_FMT(elem.name));
}

static int rank_parse_weights(struct doc_value spec, struct rank_parsed *parsed, struct err *err)
{
    struct doc_value weights = doc_missing;
    int rc = doc_value_exists(spec)
                 ? query__fields_read("$rankFusion.combination", doc_value_get_doc(spec),
                                      rank_combination_fields, &weights, err)
                 : 0;
    if (rc < 0 || !doc_value_exists(weights)) {
        return rc;
    }
    if (doc_count(doc_value_get_doc(weights)) > parsed->count) {
        return err_set(err, 9460301,
                       "$rankFusion input has more weights than pipelines. If "
                       "combination.weights is specified, there must be no more weights than "
                       "pipelines");
    }
    struct doc_iter iter;
    doc_iter_value(&iter, weights);
    struct doc_elem elem;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        rc = rank_weigh(parsed, elem, err);
    }
    return rc;
}

int query__stage_rank_place(struct err *err)
{
    return err_set(err, 10170100,
                   "$rankFusion is only valid as the first stage in an aggregation pipeline.");
}

static int rank_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (parse->pipeline->count > 0 || parse->options->behind) {
        return query__stage_rank_place(err);
    }
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "The $rankFusion stage specification must be an object, found %s",
                       doc_type_name(spec.type));
    }
    struct doc_value values[RANK_FIELDS];
    struct rank_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    int rc = query__fields_read("$rankFusion", doc_value_get_doc(spec), rank_fields, values, err);
    rc = rc < 0 ? rc : rank_parse_inputs(parse, values[RANK_INPUT], parsed, err);
    rc = rc < 0 ? rc : rank_parse_weights(values[RANK_COMBINATION], parsed, err);
    if (rc < 0) {
        return rc;
    }
    bool details = doc_value_truth(values[RANK_DETAILS]);
    parsed->details_slot = -1;
    if (details) {
        parsed->details_slot =
            (int32_t)query_scope_push(parse->context, SLICE(QUERY__META_SCORE_DETAILS));
    }
    parsed->score_slot = query_scope_push(parse->context, SLICE(QUERY__META_SCORE));
    query_stage_add(parse, &query__stage_rank_fusion, parsed);
    return 0;
}

/* ---- the inputs ---- */

static int rank_source_next(void *context, struct slice *ret_doc, struct err *err)
{
    struct rank_state *state = context;
    if (state->source == state->keep.count) {
        return 0;
    }
    if (state->source % RANK_SLICE == RANK_SLICE - 1 && !state->yielded) {
        state->yielded = true;
        return err_set(err, LT_EYIELD, "the slice is used up");
    }
    state->yielded = false;
    *ret_doc = query__keep_doc(&state->keep, state->source++);
    return 1;
}

static struct rank_document *rank_document(struct query_stage_run *self, uint32_t number)
{
    const struct rank_parsed *parsed = self->stage->parsed;
    struct rank_state *state = self->state;
    if (number >= state->room) {
        uint32_t room = state->room == 0 ? 16 : 2 * state->room;
        struct rank_document *documents = arena_zero(&self->hold, room, sizeof *documents);
        if (state->room > 0) {
            memcpy(documents, state->documents, state->room * sizeof *documents);
        }
        state->documents = documents;
        state->room = room;
    }
    struct rank_document *document = &state->documents[number];
    if (document->ranks == NULL) {
        document->ranks = arena_zero(&self->hold, parsed->count, sizeof *document->ranks);
    }
    return document;
}

/* The input gives a document at its next rank. */
static int rank_give(struct query_stage_run *self, struct slice doc, struct err *err)
{
    const struct rank_parsed *parsed = self->stage->parsed;
    struct rank_state *state = self->state;
    uint32_t number;
    bool fresh = query__set_add(&state->ids, doc_get_str(doc, "_id"), &number);
    struct rank_document *document = rank_document(self, number);
    if (fresh) {
        document->doc = doc_value_get_doc(doc_value_copy(&self->hold, doc_value_object(doc)));
        document->id = doc_get_str(document->doc, "_id");
        state->ids.values[number] = document->id;
    }
    uint32_t rank = ++state->rank;
    document->ranks[state->input] = rank;
    document->score += parsed->inputs[state->input].weight * (1.0 / (RANK_CONSTANT + rank));
    return query__stage_holds(self, state->keep.bytes + arena_used(&self->hold), err);
}

static int rank_run(struct query_stage_run *self, struct err *err)
{
    static const struct query_source_ops ops = {.next = rank_source_next};
    const struct rank_parsed *parsed = self->stage->parsed;
    struct rank_state *state = self->state;
    if (state->run == NULL) {
        struct query_source source = {&ops, state};
        state->source = 0;
        state->rank = 0;
        state->run = query_run_new(parsed->inputs[state->input].pipeline, 0, self->eval, source);
    }
    struct slice doc;
    int rc;
    while ((rc = query_run_next(state->run, &doc, err)) > 0) {
        rc = rank_give(self, doc, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (rc == 0) {
        query_run_close(state->run);
        state->run = NULL;
        state->input++;
    }
    return rc;
}

static int rank_keep(struct query_stage_run *self, struct err *err)
{
    struct rank_state *state = self->state;
    struct slice doc;
    int rc;
    while ((rc = query_stage_pull(self, &doc, err)) > 0) {
        query__keep_add(&state->keep, (struct slice){0}, doc);
        rc = query__stage_holds(self, state->keep.bytes, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (rc == 0) {
        query__set_init(&state->ids, &self->hold, NULL);
        state->kept = true;
    }
    return rc;
}

static int rank_order(const void *left, const void *right)
{
    const struct rank_document *a = left;
    const struct rank_document *b = right;
    int order = (a->score < b->score) - (a->score > b->score);
    return order != 0 ? order : doc_compare(a->id, b->id);
}

/* ---- output ---- */

static struct doc_value rank_details(struct query_stage_run *self,
                                     const struct rank_document *document)
{
    static const char text[] =
        "value output by reciprocal rank fusion algorithm, computed as sum of (weight * (1 / (60 + "
        "rank))) across input pipelines from which this document is output, from:";
    const struct rank_parsed *parsed = self->stage->parsed;
    struct arena *arena = &((struct rank_state *)self->state)->meta;
    struct query__list inputs;
    query__list_begin(&inputs, arena, DOC_ARRAY);
    for (uint32_t i = 0; i < parsed->count; i++) {
        const struct rank_input *input = &parsed->inputs[i];
        struct doc_value rank = document->ranks[i] == 0
                                    ? doc_value_string(arena, SLICE("NA"))
                                    : doc_value_i32(arena, (int32_t)document->ranks[i]);
        struct query__list one;
        query__list_begin(&one, arena, DOC_OBJECT);
        query__list_field(&one, SLICE("inputPipelineName"), doc_value_string(arena, input->name));
        query__list_field(&one, SLICE("rank"), rank);
        if (document->ranks[i] > 0) {
            query__list_field(&one, SLICE("weight"), doc_value_double(arena, input->weight));
            query__list_field(&one, SLICE("details"), doc_empty_array);
        }
        query__list_add(&inputs, query__list_end(&one));
    }
    struct query__list all;
    query__list_begin(&all, arena, DOC_OBJECT);
    query__list_field(&all, SLICE("value"), doc_value_double(arena, document->score));
    query__list_field(&all, SLICE("description"), doc_value_string(arena, slice_str(text)));
    query__list_field(&all, SLICE("details"), query__list_end(&inputs));
    return query__list_end(&all);
}

static int rank_emit(struct query_stage_run *self, struct slice *ret_doc)
{
    const struct rank_parsed *parsed = self->stage->parsed;
    struct rank_state *state = self->state;
    if (state->at == state->ids.count) {
        return 0;
    }
    const struct rank_document *document = &state->documents[state->at++];
    query_stage_fresh(self);
    arena_reset(&state->meta);
    self->eval->slots[parsed->score_slot] = doc_value_double(&state->meta, document->score);
    if (parsed->details_slot >= 0) {
        self->eval->slots[parsed->details_slot] = rank_details(self, document);
    }
    *ret_doc = document->doc;
    return 1;
}

static int rank_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct rank_parsed *parsed = self->stage->parsed;
    struct rank_state *state = self->state;
    int rc = state->kept ? 0 : rank_keep(self, err);
    while (rc == 0 && state->input < parsed->count) {
        rc = rank_run(self, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (!state->sorted) {
        if (state->ids.count > 1) {
            qsort(state->documents, state->ids.count, sizeof *state->documents, rank_order);
        }
        state->sorted = true;
    }
    return rank_emit(self, ret_doc);
}

static void rank_close(struct query_stage_run *self)
{
    struct rank_state *state = self->state;
    query_run_close(state->run);
    query__keep_close(&state->keep);
    arena_close(&state->meta);
}

const struct query_stage_ops query__stage_rank_fusion = {.name = "$rankFusion",
                                                         .flags = QUERY_STAGE_META,
                                                         .state_size = sizeof(struct rank_state),
                                                         .parse = rank_parse,
                                                         .next = rank_next,
                                                         .close = rank_close};
