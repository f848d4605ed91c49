/* query/window_place.c - window operators that know documents by their place: at the ends of a
 * frame, in front of another, the n-th of the partition. */
#include "query/window_private.h"

/* ---- $first, $last: sign -1; and the first n of them ---- */

static int place_end(struct query__window_work *work, struct doc_value *ret_value, struct err *err)
{
    const struct query__window_frame *frame = work->frame;
    *ret_value = doc_null;
    if (frame->from == frame->to) {
        return 0;
    }
    uint64_t at = work->window->op->sign < 0 ? frame->to - 1 : frame->from;
    int rc = query__window_eval(work, work->window->accumulator.input, at, ret_value, err);
    if (rc == 0 && !doc_value_exists(*ret_value)) {
        *ret_value = doc_null;
    }
    return rc;
}

static int place_end_n(struct query__window_work *work, struct doc_value *ret_value,
                       struct err *err)
{
    const struct query__window_frame *frame = work->frame;
    uint64_t from = frame->from;
    uint64_t to = frame->to;
    if (to - from > (uint64_t)frame->n) {
        from = work->window->op->sign < 0 ? to - (uint64_t)frame->n : from;
        to = from + (uint64_t)frame->n;
    }
    struct query__list list;
    query__list_begin(&list, work->eval->arena, DOC_ARRAY);
    int rc = 0;
    for (; rc == 0 && from < to; from++) {
        struct doc_value value;
        rc = query__window_eval(work, work->window->accumulator.input, from, &value, err);
        if (rc == 0) {
            query__list_add(&list, value);
        }
    }
    *ret_value = query__list_end(&list);
    return rc;
}

/* ---- $push, $concatArrays ---- */

static int place_pushed(struct query__window_work *work, struct doc_value *ret_value,
                        struct err *err)
{
    (void)err;
    struct query__list list;
    query__list_begin(&list, work->eval->arena, DOC_ARRAY);
    for (const struct query__window_item *item = work->frame->first; item != NULL;
         item = item->next) {
        if (doc_value_exists(item->ordered.value)) {
            query__list_add(&list, item->ordered.value);
        }
    }
    *ret_value = query__list_end(&list);
    return 0;
}

int query__window_array(const struct query__window_work *work, struct doc_value value,
                        struct err *err)
{
    bool fits = value.type == DOC_ARRAY || !doc_value_exists(value);
    return fits
               ? 0
               : err_set(err, LT_ETYPEMISMATCH, "%s requires array inputs, but input is of type %s",
                         work->window->op->name, doc_type_name(value.type));
}

static int place_concat(struct query__window_work *work, struct query__window_item *item,
                        struct err *err)
{
    return query__window_array(work, item->ordered.value, err);
}

static int place_concatenated(struct query__window_work *work, struct doc_value *ret_value,
                              struct err *err)
{
    (void)err;
    struct query__list list;
    query__list_begin(&list, work->eval->arena, DOC_ARRAY);
    for (const struct query__window_item *item = work->frame->first; item != NULL;
         item = item->next) {
        if (!doc_value_exists(item->ordered.value)) {
            continue;
        }
        struct doc_iter iter;
        doc_iter_value(&iter, item->ordered.value);
        struct doc_elem elem;
        while (doc_iter_next(&iter, &elem)) {
            query__list_add(&list, elem.value);
        }
    }
    *ret_value = query__list_end(&list);
    return 0;
}

/* ---- $rank, $denseRank, $documentNumber ---- */

static int place_parse_rank(struct query__window_parse *parse, struct doc_value spec,
                            struct query__window *window, struct err *err)
{
    if (parse->given) {
        return err_set(err, 5371601, "a rank is of the whole partition: it takes no 'window'");
    }
    if (spec.type != DOC_OBJECT || !doc_is_empty(doc_value_get_doc(spec))) {
        return err_set(err, 5371603, "%s takes an empty document, {}", window->op->name);
    }
    return parse->sort_value != NULL
               ? 0
               : err_set(err, 5371602, "%s needs a sortBy of exactly one field", window->op->name);
}

static int place_rank_value(struct query__window_work *work, struct doc_value *ret_value)
{
    *ret_value = doc_value_integer(work->eval->arena, (int64_t)work->frame->rank);
    return 0;
}

static int place_rank(struct query__window_work *work, struct doc_value *ret_value, struct err *err)
{
    (void)err;
    if (work->at == 0 || !query__window_tie(work, work->at)) {
        work->frame->rank = work->at + 1;
    }
    return place_rank_value(work, ret_value);
}

static int place_dense_rank(struct query__window_work *work, struct doc_value *ret_value,
                            struct err *err)
{
    (void)err;
    work->frame->rank += work->at == 0 || !query__window_tie(work, work->at);
    return place_rank_value(work, ret_value);
}

static int place_number(struct query__window_work *work, struct doc_value *ret_value,
                        struct err *err)
{
    (void)err;
    work->frame->rank = work->at + 1;
    return place_rank_value(work, ret_value);
}

/* ---- $shift ---- */

static int place_parse_by(struct doc_value by, struct query__window *window, struct err *err)
{
    int32_t number;
    if (!query__value_i32(by, &number)) {
        return err_set(err, LT_EFAILEDTOPARSE, "'$shift:by' field must be an integer, but found %s",
                       doc_type_name(by.type));
    }
    window->by = number;
    return 0;
}

static int place_parse_default(struct query__window_parse *parse, struct doc_value spec,
                               struct query__window *window, struct err *err)
{
    window->constant = doc_null;
    if (!doc_value_exists(spec)) {
        return 0;
    }
    struct query_expr *expr;
    int rc = query_expr_parse(parse->context, spec, &expr, err);
    if (rc < 0) {
        return rc;
    }
    const struct doc_value *constant = query_expr_constant(expr);
    if (constant == NULL) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "'$shift:default' expression must yield a constant value.");
    }
    window->constant = *constant;
    return 0;
}

static int place_parse_shift(struct query__window_parse *parse, struct doc_value spec,
                             struct query__window *window, struct err *err)
{
    int rc = query__window_no_window(parse, window, err);
    rc = rc < 0 ? rc : query__window_needs_sort(parse, window, err);
    if (rc < 0) {
        return rc;
    }
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE, "Argument to $shift must be an object");
    }
    struct slice doc = doc_value_get_doc(spec);
    struct doc_value output = doc_get_str(doc, "output");
    struct doc_value by = doc_get_str(doc, "by");
    struct doc_value constant = doc_get_str(doc, "default");
    if (!doc_value_exists(output) || !doc_value_exists(by) ||
        doc_count(doc) != (size_t)2 + doc_value_exists(constant)) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$shift requires 'output' and 'by', and takes no more than a 'default'");
    }
    rc = place_parse_by(by, window, err);
    rc = rc < 0 ? rc : place_parse_default(parse, constant, window, err);
    return rc < 0 ? rc : query__window_parse_plain(parse, output, window, err);
}

static int place_shift(struct query__window_work *work, struct doc_value *ret_value,
                       struct err *err)
{
    int64_t at = (int64_t)work->at + work->window->by;
    if (at < 0 || (uint64_t)at >= work->partition->count) {
        *ret_value = work->window->constant;
        return 0;
    }
    int rc =
        query__window_eval(work, work->window->accumulator.input, (uint64_t)at, ret_value, err);
    if (rc == 0 && !doc_value_exists(*ret_value)) {
        *ret_value = doc_null;
    }
    return rc;
}

/* ---- $locf: the last value that was one ---- */

static int place_parse_locf(struct query__window_parse *parse, struct doc_value spec,
                            struct query__window *window, struct err *err)
{
    int rc = query__window_no_window(parse, window, err);
    return rc < 0 ? rc : query__window_parse_plain(parse, spec, window, err);
}

static int place_locf(struct query__window_work *work, struct doc_value *ret_value, struct err *err)
{
    struct query__window_frame *frame = work->frame;
    struct doc_value value;
    int rc = query__window_eval(work, work->window->accumulator.input, work->at, &value, err);
    if (rc < 0) {
        return rc;
    }
    if (!doc_value_is_nullish(value)) {
        struct slice bytes = slice_of(value.data, value.len);
        value.data = query__room_copy(work->hold, &frame->room, bytes);
        frame->value = value;
    }
    *ret_value = doc_value_exists(frame->value) ? frame->value : doc_null;
    return 0;
}

const struct query__window_op query__window_ops_place[] = {
    {"$first", QUERY__WINDOW_ENDS, 1, query__window_parse_accumulator, .value = place_end},
    {"$last", QUERY__WINDOW_ENDS, -1, query__window_parse_accumulator, .value = place_end},
    {"$firstN", QUERY__WINDOW_ENDS, 1, query__window_parse_accumulator, .value = place_end_n},
    {"$lastN", QUERY__WINDOW_ENDS, -1, query__window_parse_accumulator, .value = place_end_n},
    {"$push", 0, 1, query__window_parse_accumulator, .value = place_pushed},
    {"$concatArrays", 0, 1, query__window_parse_accumulator, place_concat,
     .value = place_concatenated},
    {"$rank", QUERY__WINDOW_SEQUENCE, 1, place_parse_rank, .value = place_rank},
    {"$denseRank", QUERY__WINDOW_SEQUENCE, 1, place_parse_rank, .value = place_dense_rank},
    {"$documentNumber", QUERY__WINDOW_SEQUENCE, 1, place_parse_rank, .value = place_number},
    {"$shift", QUERY__WINDOW_SEQUENCE, 1, place_parse_shift, .value = place_shift},
    {"$locf", QUERY__WINDOW_SEQUENCE, 1, place_parse_locf, .value = place_locf},
    {0},
};
