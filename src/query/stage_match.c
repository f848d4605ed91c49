/* query/stage_match.c - stages that let documents pass or not: $match, $limit, $skip, $count. */
#include "query/pipeline_private.h"

/* ---- $match ---- */

static int match_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 15959, "the match filter must be an expression in an object");
    }
    struct query_match *match = NULL;
    bool first = parse->pipeline->count == 0;
    int rc = query_match_parse_stage(parse->context, doc_value_get_doc(spec), first, &match, err);
    if (rc == 0) {
        struct query_text *text = query_match_text(match);
        parse->context->text = parse->context->text == NULL ? text : parse->context->text;
        query_stage_add(parse, &query__stage_match, match);
    }
    return rc;
}

static int match_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    for (;;) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc <= 0) {
            return rc;
        }
        self->eval->root = doc_value_object(doc);
        rc = query_match_doc(self->stage->parsed, self->eval, doc, NULL, err);
        if (rc != 0) {
            *ret_doc = doc;
            return rc;
        }
    }
}

const struct query_match *query__stage_match_filter(const struct query_stage *stage)
{
    return stage->parsed;
}

const struct query_stage_ops query__stage_match = {
    .name = "$match", .flags = QUERY_STAGE_META, .parse = match_parse, .next = match_next};

/* ---- $limit and $skip ---- */

struct match_counter {
    uint64_t done;
};

static int match_parse_number(struct query_stage_parse *parse, struct doc_value spec, int code,
                              struct err *err)
{
    int64_t number;
    if (!doc_value_is_number(spec) || !doc_value_to_i64_exact(spec, &number)) {
        return err_set(err, code, "invalid argument to %s stage: Expected an integer",
                       parse->ops->name);
    }
    if (number < 0) {
        return err_set(err, code, "invalid argument to %s stage: Expected a non-negative number",
                       parse->ops->name);
    }
    if (number == 0 && parse->ops == &query__stage_limit) {
        return err_set(err, 15958, "the limit must be positive");
    }
    uint64_t *count = arena_alloc(parse->context->arena, sizeof *count);
    *count = (uint64_t)number;
    query_stage_add(parse, parse->ops, count);
    return 0;
}

static int match_parse_limit(struct query_stage_parse *parse, struct doc_value spec,
                             struct err *err)
{
    return match_parse_number(parse, spec, 5107201, err);
}

static int match_parse_skip(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    return match_parse_number(parse, spec, 5107200, err);
}

uint64_t query__stage_limit_count(const struct query_stage *stage)
{
    return *(const uint64_t *)stage->parsed;
}

static int match_limit_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct match_counter *counter = self->state;
    if (counter->done >= query__stage_limit_count(self->stage)) {
        return 0;
    }
    int rc = query_stage_pull(self, ret_doc, err);
    counter->done += rc > 0;
    return rc;
}

static int match_skip_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct match_counter *counter = self->state;
    while (counter->done < query__stage_limit_count(self->stage)) {
        int rc = query_stage_pull(self, ret_doc, err);
        if (rc <= 0) {
            return rc;
        }
        counter->done++;
    }
    return query_stage_pull(self, ret_doc, err);
}

const struct query_stage_ops query__stage_limit = {.name = "$limit",
                                                   .flags = QUERY_STAGE_META,
                                                   .state_size = sizeof(struct match_counter),
                                                   .parse = match_parse_limit,
                                                   .next = match_limit_next};
const struct query_stage_ops query__stage_skip = {.name = "$skip",
                                                  .flags = QUERY_STAGE_META,
                                                  .state_size = sizeof(struct match_counter),
                                                  .parse = match_parse_skip,
                                                  .next = match_skip_next};

/* ---- $count: its parsed form is the field's name ---- */

struct match_total {
    int64_t count;
    bool done;
};

static int match_parse_count(struct query_stage_parse *parse, struct doc_value spec,
                             struct err *err)
{
    if (spec.type != DOC_STRING) {
        return err_set(err, 40156, "the count field must be a non-empty string");
    }
    struct slice name = doc_value_get_string(spec);
    if (name.len == 0) {
        return err_set(err, 40157, "the count field must be a non-empty string");
    }
    if (name.data[0] == '$') {
        return err_set(err, 40158, "the count field cannot be a $-prefixed path");
    }
    if (memchr(name.data, '\0', name.len) != NULL) {
        return err_set(err, 40159, "the count field cannot contain a null byte");
    }
    if (memchr(name.data, '.', name.len) != NULL) {
        return err_set(err, 40160, "the count field cannot contain '.'");
    }
    if (slice_is(name, "_id")) {
        return err_set(err, 9039800, "the count field cannot be '_id'");
    }
    struct slice *copy = arena_alloc(parse->context->arena, sizeof *copy);
    *copy = name;
    query_stage_add(parse, &query__stage_count, copy);
    return 0;
}

static int match_count_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct match_total *total = self->state;
    while (!total->done) {
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            total->done = true;
            if (total->count > 0) {
                struct arena *arena = self->eval->arena;
                struct query__list list;
                query_stage_fresh(self);
                query__list_begin(&list, arena, DOC_OBJECT);
                query__list_field(&list, *(const struct slice *)self->stage->parsed,
                                  doc_value_integer(arena, total->count));
                *ret_doc = doc_value_get_doc(query__list_end(&list));
                return 1;
            }
        }
        total->count++;
    }
    return 0;
}

const struct query_stage_ops query__stage_count = {.name = "$count",
                                                   .state_size = sizeof(struct match_total),
                                                   .parse = match_parse_count,
                                                   .next = match_count_next};
