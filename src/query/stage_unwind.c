/* query/stage_unwind.c - $unwind: one document for each element of an array. */
#include "query/pipeline_private.h"

struct unwind_parsed {
    struct query_expr *path;  /* its names and names_count */
    struct query_expr *index; /* NULL: no index wanted; likewise */
    bool preserve;
};

struct unwind_state {
    struct arena arena; /* the document in hand */
    struct slice doc;
    struct doc_iter iter; /* over its array */
    int64_t index;
    bool active;
};

static int unwind_path(struct query_stage_parse *parse, struct doc_value spec,
                       struct unwind_parsed *parsed, struct err *err)
{
    if (spec.type != DOC_STRING) {
        return err_set(err, 28808, "expected a string as the path for $unwind stage, got %s",
                       doc_type_name(spec.type));
    }
    struct slice text = doc_value_get_string(spec);
    if (text.len == 0) {
        return err_set(err, 28812, "no path specified to $unwind stage");
    }
    if (text.data[0] != '$') {
        return err_set(err, 28818,
                       "path option to $unwind stage should be prefixed with a '$': "
                       "%.*s",
                       SLICE_FMT(text));
    }
    if (memchr(text.data, '\0', text.len) != NULL) {
        return err_set(err, 16419, "field path must not contain embedded null characters");
    }
    parsed->path = arena_zero(parse->context->arena, 1, sizeof *parsed->path);
    return query__path_parse(parse->context, slice_from(text, 1), parsed->path, err);
}

static int unwind_index(struct query_stage_parse *parse, struct doc_value spec,
                        struct unwind_parsed *parsed, struct err *err)
{
    if (spec.type != DOC_STRING || doc_value_get_string(spec).len == 0) {
        return err_set(err, 28810,
                       "expected a non-empty string for the includeArrayIndex  option "
                       "to $unwind stage, got %s",
                       doc_type_name(spec.type));
    }
    struct slice text = doc_value_get_string(spec);
    if (text.data[0] == '$') {
        return err_set(err, 28822,
                       "includeArrayIndex option to $unwind stage should not be "
                       "prefixed with a '$': %.*s",
                       SLICE_FMT(text));
    }
    parsed->index = arena_zero(parse->context->arena, 1, sizeof *parsed->index);
    return query__path_parse(parse->context, text, parsed->index, err);
}

static int unwind_option(struct query_stage_parse *parse, struct doc_elem elem,
                         struct unwind_parsed *parsed, struct err *err)
{
    if (slice_is(elem.name, "path")) {
        return unwind_path(parse, elem.value, parsed, err);
    }
    if (slice_is(elem.name, "includeArrayIndex")) {
        return unwind_index(parse, elem.value, parsed, err);
    }
    if (!slice_is(elem.name, "preserveNullAndEmptyArrays")) {
        return err_set(err, 28811, "unrecognized option to $unwind stage: %.*s",
                       SLICE_FMT(elem.name));
    }
    if (elem.value.type != DOC_BOOL) {
        return err_set(err, 28809,
                       "expected a boolean for the preserveNullAndEmptyArrays option "
                       "to $unwind stage, got %s",
                       doc_type_name(elem.value.type));
    }
    parsed->preserve = doc_value_get_bool(elem.value);
    return 0;
}

static int unwind_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct unwind_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    int rc = 0;
    if (spec.type == DOC_OBJECT) {
        struct doc_iter iter;
        doc_iter_value(&iter, spec);
        struct doc_elem elem;
        while (rc == 0 && doc_iter_next(&iter, &elem)) {
            rc = unwind_option(parse, elem, parsed, err);
        }
        if (rc == 0 && parsed->path == NULL) {
            rc = err_set(err, 28812, "no path specified to $unwind stage");
        }
    } else if (spec.type == DOC_STRING) {
        rc = unwind_path(parse, spec, parsed, err);
    } else {
        rc = err_set(err, 15981,
                     "expected either a string or an object as specification for "
                     "$unwind stage, got %s",
                     doc_type_name(spec.type));
    }
    if (rc == 0) {
        query_stage_add(parse, &query__stage_unwind, parsed);
    }
    return rc;
}

static struct doc_value unwind_get(const struct query_expr *path, struct slice doc)
{
    struct doc_value value = doc_value_object(doc);
    for (uint32_t i = 0; i < path->names_count; i++) {
        if (value.type != DOC_OBJECT) {
            return doc_missing;
        }
        value = doc_get(doc_value_get_doc(value), path->names[i]);
    }
    return value;
}

static struct slice unwind_result(struct query_stage_run *self, struct slice doc,
                                  struct doc_value value, int64_t index)
{
    const struct unwind_parsed *parsed = self->stage->parsed;
    struct arena *arena = self->eval->arena;
    doc = doc_value_get_doc(query__path_set(arena, doc, parsed->path, 0, value));
    if (parsed->index != NULL) {
        struct doc_value number = index < 0 ? doc_null : doc_value_i64(arena, index);
        doc = doc_value_get_doc(query__path_set(arena, doc, parsed->index, 0, number));
    }
    return doc;
}

/* The next element of the array in hand: false when it is used up. */
static bool unwind_element(struct query_stage_run *self, struct slice *ret_doc)
{
    struct unwind_state *state = self->state;
    struct doc_elem elem;
    if (!doc_iter_next(&state->iter, &elem)) {
        state->active = false;
        return false;
    }
    query_stage_fresh(self);
    *ret_doc = unwind_result(self, state->doc, elem.value, state->index++);
    return true;
}

static int unwind_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    const struct unwind_parsed *parsed = self->stage->parsed;
    struct unwind_state *state = self->state;
    for (;;) {
        if (state->active && unwind_element(self, ret_doc)) {
            return 1;
        }
        struct slice doc;
        int rc = query_stage_pull(self, &doc, err);
        if (rc <= 0) {
            return rc;
        }
        struct doc_value value = unwind_get(parsed->path, doc);
        bool empty = value.type == DOC_ARRAY && doc_is_empty(doc_value_get_doc(value));
        if (value.type == DOC_ARRAY && !empty) {
            arena_reset(&state->arena);
            state->doc = arena_copy(&state->arena, doc);
            doc_iter_value(&state->iter, unwind_get(parsed->path, state->doc));
            state->index = 0;
            state->active = true;
        } else if (!empty && !doc_value_is_nullish(value)) {
            *ret_doc = unwind_result(self, doc, value, -1);
            return 1;
        } else if (parsed->preserve) {
            *ret_doc = unwind_result(self, doc, empty ? doc_missing : value, -1);
            return 1;
        }
    }
}

static void unwind_close(struct query_stage_run *self)
{
    struct unwind_state *state = self->state;
    arena_close(&state->arena);
}

const struct query_stage_ops query__stage_unwind = {.name = "$unwind",
                                                    .flags = QUERY_STAGE_META,
                                                    .state_size = sizeof(struct unwind_state),
                                                    .parse = unwind_parse,
                                                    .next = unwind_next,
                                                    .close = unwind_close};
