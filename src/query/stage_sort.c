/* query/stage_sort.c - $sort and $sample, which must see every document before the first goes out.
 *
 * Documents are kept on the heap with their sort keys. Under a $limit only twice as many as wanted
 * are kept at any time: each time that many have come, the worse half goes. */
#include "query/pipeline_private.h"

struct sort_parsed {
    struct query_sort *sort;
    uint64_t limit; /* 0: all */
};

struct sort_state {
    struct query__keep keep;
    uint64_t at; /* next to go out */
    bool sorted;
};

static int sort_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 15973, "the $sort key specification must be an object");
    }
    struct slice doc = doc_value_get_doc(spec);
    if (doc_is_empty(doc)) {
        return err_set(err, 15976, "$sort stage must have at least one sort key");
    }
    struct sort_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    int rc = query_sort_parse(parse->context, doc, &parsed->sort, err);
    if (rc == 0 && parsed->sort->natural != 0) {
        return err_set(err, 16410,
                       "FieldPath field names may not start with '$'. Consider using "
                       "$getField or $setField.");
    }
    if (rc == 0) {
        query_stage_add(parse, &query__stage_sort, parsed);
    }
    return rc;
}

const struct query_sort *query__stage_sort_pattern(const struct query_stage *stage,
                                                   uint64_t *ret_limit)
{
    const struct sort_parsed *parsed = stage->parsed;
    *ret_limit = parsed->limit;
    return parsed->sort;
}

void query__stage_sort_limit(struct query_stage *stage, uint64_t limit)
{
    struct sort_parsed *parsed = stage->parsed;
    parsed->limit = limit;
}

static int sort_take(struct query_stage_run *self, struct slice doc, struct err *err)
{
    const struct sort_parsed *parsed = self->stage->parsed;
    struct sort_state *state = self->state;
    struct buf key;
    buf_init(&key, self->eval->arena);
    self->eval->root = doc_value_object(doc);
    int rc = query_sort_key(parsed->sort, self->eval, doc, &key, err);
    if (rc < 0) {
        return rc;
    }
    query__keep_add(&state->keep, buf_slice(&key), doc);
    if (parsed->limit > 0 && state->keep.count / 2 >= parsed->limit) {
        query__keep_sort(&state->keep, parsed->limit);
    }
    return query__stage_holds(self, state->keep.bytes, err);
}

static int sort_emit(struct query_stage_run *self, struct slice *ret_doc)
{
    struct sort_state *state = self->state;
    if (state->at == state->keep.count) {
        return 0;
    }
    query_stage_fresh(self);
    *ret_doc = query__keep_doc(&state->keep, state->at++);
    return 1;
}

static int sort_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct sort_state *state = self->state;
    while (!state->sorted) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc > 0) {
            rc = sort_take(self, doc, err);
        } else if (rc == 0) {
            query__keep_sort(&state->keep,
                             ((const struct sort_parsed *)self->stage->parsed)->limit);
            state->sorted = true;
        }
        if (rc < 0) {
            return rc;
        }
    }
    return sort_emit(self, ret_doc);
}

static void sort_close(struct query_stage_run *self)
{
    struct sort_state *state = self->state;
    query__keep_close(&state->keep);
}

const struct query_stage_ops query__stage_sort = {.name = "$sort",
                                                  .state_size = sizeof(struct sort_state),
                                                  .parse = sort_parse,
                                                  .next = sort_next,
                                                  .close = sort_close};

/* ---- $sample: a sort by random keys of which the first `size` are wanted ---- */

static int sort_sample_size(struct doc_value spec, uint64_t *ret_size, struct err *err)
{
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    bool given = false;
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "size")) {
            return err_set(err, 28748, "unrecognized option to $sample: %.*s",
                           SLICE_FMT(elem.name));
        }
        if (!doc_value_is_number(elem.value)) {
            return err_set(err, 28746, "size argument to $sample must be a number");
        }
        int64_t size = doc_value_to_i64_clamped(elem.value);
        if (size < 0) {
            return err_set(err, 28747, "size argument to $sample must not be negative");
        }
        if (size == 0) {
            return err_set(err, 28747, "size argument to $sample must be a positive integer");
        }
        *ret_size = (uint64_t)size;
        given = true;
    }
    return given ? 0 : err_set(err, 28749, "$sample stage must specify a size");
}

static int sort_parse_sample(struct query_stage_parse *parse, struct doc_value spec,
                             struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 28745, "the $sample stage specification must be an object");
    }
    struct sort_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    int rc = sort_sample_size(spec, &parsed->limit, err);
    if (rc == 0) {
        query_stage_add(parse, &query__stage_sample, parsed);
    }
    return rc;
}

static int sort_sample_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct sort_parsed *parsed = self->stage->parsed;
    struct sort_state *state = self->state;
    while (!state->sorted) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            query__keep_sort(&state->keep, parsed->limit);
            state->sorted = true;
            break;
        }
        uint64_t key = query_random(self->eval->context);
        query__keep_add(&state->keep, slice_of(&key, sizeof key), doc);
        if (state->keep.count / 2 >= parsed->limit) {
            query__keep_sort(&state->keep, parsed->limit);
        }
        rc = query__stage_holds(self, state->keep.bytes, err);
        if (rc < 0) {
            return rc;
        }
    }
    return sort_emit(self, ret_doc);
}

const struct query_stage_ops query__stage_sample = {.name = "$sample",
                                                    .state_size = sizeof(struct sort_state),
                                                    .parse = sort_parse_sample,
                                                    .next = sort_sample_next,
                                                    .close = sort_close};
