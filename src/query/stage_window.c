/* query/stage_window.c - $setWindowFields.
 *
 * Every document is kept, in the order of its partition and then of sortBy; documents go out in
 * that order, with the values of their windows put in as $addFields would. */
#include "doc/compare.h"
#include "doc/key.h"
#include "query/fields.h"
#include "query/window_private.h"

enum { WINDOW_SLICE = 1024 }; /* documents that enter frames between two yields */

struct window_parsed {
    struct query_expr *partition; /* NULL: all documents are one */
    struct query_sort *sort;      /* NULL: none */
    struct query__window *windows;
    uint32_t count;
    struct query_project *project; /* puts the windows' variables into the document */
};

struct window_state {
    struct query__keep keep;
    struct query__window_partition partition;
    struct query__window_frame *frames;
    struct arena hold;  /* what the frames of the partition keep */
    struct arena inner; /* scratch */
    uint64_t at;        /* next to go out, in keep */
    bool sorted;
};

/* ---- parsing ---- */

enum { WINDOW_PARTITION, WINDOW_SORT, WINDOW_OUTPUT, WINDOW_FIELDS };

static const struct query__field window_fields[] = {
    {"partitionBy", QUERY__FIELD_ANY, false},
    {"sortBy", DOC_OBJECT, false},
    {"output", DOC_OBJECT, true},
    {0},
};

static int window_partition_array(struct err *err)
{
    return err_set(err, LT_ETYPEMISMATCH,
                   "An expression used to partition cannot evaluate to value of type array");
}

static int window_parse_partition(struct query_context *context, struct doc_value spec,
                                  struct window_parsed *parsed, struct err *err)
{
    if (!doc_value_exists(spec)) {
        return 0;
    }
    int rc = query_expr_parse(context, spec, &parsed->partition, err);
    const struct doc_value *constant = rc < 0 ? NULL : query_expr_constant(parsed->partition);
    if (constant != NULL && constant->type == DOC_ARRAY) {
        return window_partition_array(err);
    }
    parsed->partition = constant != NULL ? NULL : parsed->partition;
    return rc;
}

/* The one field of sortBy as an expression, for windows that ask for its value. */
static int window_sort_value(struct query__window_parse *parse, struct err *err)
{
    const struct query_sort *sort = parse->sort;
    if (sort == NULL || sort->count != 1 || sort->fields[0].random || sort->fields[0].nothing) {
        return 0;
    }
    struct slice path = sort->fields[0].path.text;
    struct slice text = arena_format(parse->context->arena, "$%.*s", SLICE_FMT(path));
    return query_expr_parse(parse->context, doc_value_string(parse->context->arena, text),
                            &parse->sort_value, err);
}

static int window_parse_output(struct query__window_parse *parse, struct slice output,
                               struct window_parsed *parsed, struct err *err)
{
    struct query_context *context = parse->context;
    parsed->windows = arena_zero(context->arena, doc_count(output), sizeof *parsed->windows);
    struct query__list spec;
    query__list_begin(&spec, context->arena, DOC_OBJECT);
    struct doc_iter iter;
    doc_iter_init(&iter, output);
    struct doc_elem elem;
    int rc = 0;
    while (rc == 0 && doc_iter_next(&iter, &elem)) {
        struct query__window *window = &parsed->windows[parsed->count++];
        rc = query__window_field(parse, elem, window, err);
        struct slice name = arena_format(context->arena, "WINDOW%u", parsed->count);
        window->slot = query_scope_push(context, name);
        struct slice text = arena_format(context->arena, "$$%.*s", SLICE_FMT(name));
        query__list_field(&spec, elem.name, doc_value_string(context->arena, text));
    }
    if (rc == 0) {
        rc = query_project_parse(context, doc_value_get_doc(query__list_end(&spec)),
                                 QUERY_PROJECT_ADD, &parsed->project, err);
    }
    query_scope_pop(context, parsed->count);
    return rc != -40176 ? rc
                        : err_set(err, 6307900,
                                  "$setWindowFields 'output' specification contains two "
                                  "conflicting paths");
}

static int window_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "the $setWindowFields stage specification must be an object, found %s",
                       doc_type_name(spec.type));
    }
    struct query_context *context = parse->context;
    struct doc_value values[WINDOW_FIELDS];
    struct window_parsed *parsed = arena_zero(context->arena, 1, sizeof *parsed);
    struct query__window_parse window = {.context = context};
    int rc =
        query__fields_read("$setWindowFields", doc_value_get_doc(spec), window_fields, values, err);
    rc = rc < 0 ? rc : window_parse_partition(context, values[WINDOW_PARTITION], parsed, err);
    if (rc == 0 && doc_value_exists(values[WINDOW_SORT])) {
        rc = query_sort_parse(context, doc_value_get_doc(values[WINDOW_SORT]), &parsed->sort, err);
    }
    if (rc == 0 && parsed->sort != NULL && parsed->sort->natural != 0) {
        rc = err_set(err, 16410,
                     "FieldPath field names may not start with '$'. Consider using $getField or "
                     "$setField.");
    }
    window.sort = parsed->sort;
    rc = rc < 0 ? rc : window_sort_value(&window, err);
    if (rc == 0) {
        struct slice output = doc_value_get_doc(values[WINDOW_OUTPUT]);
        rc = window_parse_output(&window, output, parsed, err);
    }
    if (rc == 0) {
        query_stage_add(parse, &query__stage_set_window_fields, parsed);
    }
    return rc;
}

/* ---- running ---- */

static int window_key(struct query_stage_run *self, struct slice doc, struct buf *key,
                      struct err *err)
{
    const struct window_parsed *parsed = self->stage->parsed;
    self->eval->root = doc_value_object(doc);
    int rc = 0;
    if (parsed->partition != NULL) {
        struct doc_value value;
        rc = query_expr_eval(parsed->partition, self->eval, &value, err);
        if (rc == 0 && value.type == DOC_ARRAY) {
            rc = window_partition_array(err);
        }
        if (rc == 0) {
            doc_key_encode_by(key, value, false, self->eval->context->collation);
        }
    }
    if (rc == 0 && parsed->sort != NULL) {
        rc = query_sort_key(parsed->sort, self->eval, doc, key, err);
    }
    return rc;
}

static int window_holds(struct query_stage_run *self, struct err *err)
{
    const struct window_state *state = self->state;
    return query__stage_holds(self, state->keep.bytes + arena_used(&state->hold), err);
}

static int window_take(struct query_stage_run *self, struct slice doc, struct err *err)
{
    struct window_state *state = self->state;
    struct buf key;
    buf_init(&key, self->eval->arena);
    int rc = window_key(self, doc, &key, err);
    if (rc < 0) {
        return rc;
    }
    query__keep_add(&state->keep, buf_slice(&key), doc);
    return window_holds(self, err);
}

/* The part of a document's key that its partition shares. */
static struct slice window_partition_key(const struct query_stage_run *self, uint64_t at)
{
    const struct window_parsed *parsed = self->stage->parsed;
    const struct window_state *state = self->state;
    struct slice key = query__keep_key(&state->keep, at);
    return parsed->partition == NULL ? (struct slice){0}
                                     : slice_of(key.data, doc_key_size(key, false));
}

/* The next document begins a partition: find its end, and forget what the last one kept. */
static void window_begin(struct query_stage_run *self)
{
    const struct window_parsed *parsed = self->stage->parsed;
    struct window_state *state = self->state;
    arena_reset(&state->hold);
    state->frames = arena_zero(&state->hold, parsed->count, sizeof *state->frames);
    uint64_t end = state->at + 1;
    if (parsed->partition == NULL) {
        end = state->keep.count;
    }
    struct slice key = window_partition_key(self, state->at);
    while (end < state->keep.count && slice_equal(key, window_partition_key(self, end))) {
        end++;
    }
    state->partition = (struct query__window_partition){&state->keep, state->at, end - state->at};
}

static int window_emit(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct window_parsed *parsed = self->stage->parsed;
    struct window_state *state = self->state;
    if (state->at == state->partition.first + state->partition.count) {
        window_begin(self);
    }
    query_stage_fresh(self);
    struct query__window_work work = {.partition = &state->partition,
                                      .eval = self->eval,
                                      .hold = &state->hold,
                                      .inner = &state->inner,
                                      .at = state->at - state->partition.first,
                                      .budget = WINDOW_SLICE};
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < parsed->count; i++) {
        work.window = &parsed->windows[i];
        work.frame = &state->frames[i];
        rc = query__window_bring(&work, err);
    }
    if (rc == 0 || rc == -LT_EYIELD) {
        int held = window_holds(self, err);
        rc = held < 0 ? held : rc;
    }
    for (uint32_t i = 0; rc == 0 && i < parsed->count; i++) {
        work.window = &parsed->windows[i];
        work.frame = &state->frames[i];
        rc = query__window_value(&work, &self->eval->slots[work.window->slot], err);
    }
    if (rc < 0) {
        return rc;
    }
    struct query_project_io io = {.doc = query__keep_doc(&state->keep, state->at),
                                  .array_index = -1};
    self->eval->root = doc_value_object(io.doc);
    rc = query_project_doc(parsed->project, self->eval, &io, err);
    if (rc < 0) {
        return rc;
    }
    state->at++;
    *ret_doc = io.new_doc;
    return 1;
}

static int window_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct window_state *state = self->state;
    while (!state->sorted) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc > 0) {
            rc = window_take(self, doc, err);
        } else if (rc == 0) {
            query__keep_sort(&state->keep, 0);
            state->sorted = true;
        }
        if (rc < 0) {
            return rc;
        }
    }
    return state->at == state->keep.count ? 0 : window_emit(self, ret_doc, err);
}

static void window_close(struct query_stage_run *self)
{
    struct window_state *state = self->state;
    query__keep_close(&state->keep);
    arena_close(&state->hold);
    arena_close(&state->inner);
}

const struct query_stage_ops query__stage_set_window_fields = {.name = "$setWindowFields",
                                                               .state_size =
                                                                   sizeof(struct window_state),
                                                               .parse = window_parse,
                                                               .next = window_next,
                                                               .close = window_close};
