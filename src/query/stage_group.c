/* query/stage_group.c - $group and $sortByCount.
 *
 * Groups are found by the hash of their _id and go out in the order in which they came up. */
#include "query/accumulate.h"
#include "query/pipeline_private.h"

struct group_parsed {
    struct query_expr *id;
    struct query__accumulator *accumulators;
    uint32_t count;
};

struct group_state {
    struct query__set ids;
    struct query__accumulator_state **groups; /* by number: parsed->count states each */
    uint32_t room;                            /* of groups */
    uint32_t at;                              /* next to go out */
    bool full;                                /* all documents are in */
};

/* ---- parsing ---- */

static int group_parse_field(struct query_context *context, struct doc_elem elem,
                             struct group_parsed *parsed, struct err *err)
{
    if (slice_is(elem.name, "_id")) {
        if (parsed->id != NULL) {
            return err_set(err, 15948, "a group's _id may only be specified once");
        }
        return query_expr_parse(context, elem.value, &parsed->id, err);
    }
    return query__accumulator_parse(context, elem, &parsed->accumulators[parsed->count++], err);
}

static int group_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 15947, "a group's fields must be specified in an object");
    }
    struct query_context *context = parse->context;
    struct group_parsed *parsed = arena_zero(context->arena, 1, sizeof *parsed);
    size_t count = doc_count(doc_value_get_doc(spec));
    parsed->accumulators = arena_zero(context->arena, count, sizeof *parsed->accumulators);
    struct doc_iter iter;
    doc_iter_value(&iter, spec);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        int rc = group_parse_field(context, elem, parsed, err);
        if (rc < 0) {
            return rc;
        }
    }
    if (parsed->id == NULL) {
        return err_set(err, 15955, "a group specification must include an _id");
    }
    query_stage_add(parse, &query__stage_group, parsed);
    return 0;
}

void query__stage_group_fields(const struct query_stage *stage,
                               void (*cb)(void *context, struct slice path), void *cb_context)
{
    const struct group_parsed *parsed = stage->parsed;
    query_expr_fields(parsed->id, cb, cb_context);
    for (uint32_t i = 0; i < parsed->count; i++) {
        const struct query__accumulator *accumulator = &parsed->accumulators[i];
        query_expr_fields(accumulator->input, cb, cb_context);
        for (uint32_t f = 0; accumulator->sort != NULL && f < accumulator->sort->count; f++) {
            cb(cb_context, accumulator->sort->fields[f].path.text);
        }
    }
}

/* ---- running ---- */

static void group_room(struct query_stage_run *self, struct group_state *state)
{
    if (state->ids.count < state->room) {
        return;
    }
    uint32_t room = state->room == 0 ? 16 : 2 * state->room;
    struct query__accumulator_state **groups = arena_zero(&self->hold, room, sizeof *groups);
    if (state->room > 0) {
        memcpy(groups, state->groups, state->room * sizeof *groups);
    }
    state->groups = groups;
    state->room = room;
}

static int group_find(struct query_stage_run *self, struct query__accumulator_state **ret_states,
                      struct err *err)
{
    const struct group_parsed *parsed = self->stage->parsed;
    struct group_state *state = self->state;
    struct doc_value id;
    int rc = query_expr_eval(parsed->id, self->eval, &id, err);
    if (rc < 0) {
        return rc;
    }
    if (doc_value_is_nullish(id)) {
        id = doc_null;
    }
    if (state->ids.arena == NULL) {
        query__set_init(&state->ids, &self->hold, self->eval->context->collation);
    }
    group_room(self, state);
    uint32_t number;
    if (query__set_add(&state->ids, id, &number)) {
        id = doc_value_copy(&self->hold, id);
        state->ids.values[number] = id;
        state->groups[number] = arena_zero(&self->hold, parsed->count, sizeof **state->groups);
        for (uint32_t i = 0; i < parsed->count; i++) {
            struct query__accumulate work = {&parsed->accumulators[i], &state->groups[number][i],
                                             self->eval, &self->hold};
            rc = query__accumulator_begin(&work, id, err);
            if (rc < 0) {
                return rc;
            }
        }
    }
    *ret_states = state->groups[number];
    return 0;
}

/* In $group, MongoDB's other engine is at work, which has its own numbers for these two. */
static int group_error(int rc, struct err *err)
{
    if (rc == -16610) {
        return err_set(err, 4848403, "can't $mod by zero");
    }
    if (rc == -LT_EBADVALUE && err != NULL && strstr(err->text, "$divide by zero") != NULL) {
        return err_set(err, 4848401, "can't $divide by zero");
    }
    return rc;
}

static int group_take(struct query_stage_run *self, struct slice doc, struct err *err)
{
    const struct group_parsed *parsed = self->stage->parsed;
    struct query__accumulator_state *states;
    self->eval->root = doc_value_object(doc);
    int rc = group_find(self, &states, err);
    for (uint32_t i = 0; rc == 0 && i < parsed->count; i++) {
        struct query__accumulate work = {&parsed->accumulators[i], &states[i], self->eval,
                                         &self->hold};
        rc = query__accumulator_add(&work, err);
    }
    rc = rc < 0 ? rc : query__stage_holds(self, arena_used(&self->hold), err);
    return group_error(rc, err);
}

static void group_emit(struct query_stage_run *self, struct slice *ret_doc)
{
    const struct group_parsed *parsed = self->stage->parsed;
    struct group_state *state = self->state;
    uint32_t number = state->at++;
    struct query__list list;
    query_stage_fresh(self);
    query__list_begin(&list, self->eval->arena, DOC_OBJECT);
    struct doc_value id = state->ids.values[number];
    query__list_field(&list, SLICE("_id"), query__accumulator_group_value(self->eval->arena, id));
    for (uint32_t i = 0; i < parsed->count; i++) {
        struct query__accumulate work = {&parsed->accumulators[i], &state->groups[number][i],
                                         self->eval, &self->hold};
        query__list_field(&list, parsed->accumulators[i].name,
                          query__accumulator_group_result(&work));
    }
    *ret_doc = doc_value_get_doc(query__list_end(&list));
}

static int group_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct group_state *state = self->state;
    while (!state->full) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc > 0) {
            rc = group_take(self, doc, err);
        } else if (rc == 0) {
            state->full = true;
        }
        if (rc < 0) {
            return rc;
        }
    }
    if (state->at == state->ids.count) {
        return 0;
    }
    group_emit(self, ret_doc);
    return 1;
}

const struct query_stage_ops query__stage_group = {.name = "$group",
                                                   .state_size = sizeof(struct group_state),
                                                   .parse = group_parse,
                                                   .next = group_next};

/* ---- $sortByCount: a $group and a $sort ---- */

static struct doc_value group_object(struct arena *arena, const char *name, struct doc_value value)
{
    struct query__list list;
    query__list_begin(&list, arena, DOC_OBJECT);
    query__list_field(&list, slice_str(name), value);
    return query__list_end(&list);
}

static struct doc_value group_count_one(struct arena *arena)
{
    return group_object(arena, "$sum", doc_value_i32(arena, 1));
}

static int group_parse_sort_by_count(struct query_stage_parse *parse, struct doc_value spec,
                                     struct err *err)
{
    struct arena *arena = parse->context->arena;
    if (spec.type == DOC_OBJECT && !query__is_operator(spec)) {
        return err_set(err, 40147,
                       "the sortByCount field must be defined as a $-prefixed path or "
                       "an expression inside an object");
    }
    if (spec.type == DOC_STRING) {
        struct slice text = doc_value_get_string(spec);
        if (text.len == 0 || text.data[0] != '$') {
            return err_set(err, 40148,
                           "the sortByCount field must be defined as a $-prefixed path "
                           "or an expression inside an object");
        }
    } else if (spec.type != DOC_OBJECT) {
        return err_set(err, 40149,
                       "the sortByCount field must be specified as a string or as an "
                       "object");
    }
    struct query__list list;
    query__list_begin(&list, arena, DOC_OBJECT);
    query__list_field(&list, SLICE("_id"), spec);
    query__list_field(&list, SLICE("count"), group_count_one(arena));
    int rc = query_stage_parse_as(parse, "$group", query__list_end(&list), err);
    struct doc_value order = group_object(arena, "count", doc_value_i32(arena, -1));
    return rc < 0 ? rc : query_stage_parse_as(parse, "$sort", order, err);
}

const struct query_stage_ops query__stage_sort_by_count = {.name = "$sortByCount",
                                                           .parse = group_parse_sort_by_count};
