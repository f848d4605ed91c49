/* query/window_order.c - window operators that ask for the values of a frame by their order. */
#include "query/window_private.h"

static struct query__window_item *order_item(struct query__ordered *ordered)
{
    return (struct query__window_item *)ordered; /* its first member */
}

static void order_take(struct query__window_work *work, struct query__window_item *item)
{
    item->taken = true;
    query__order_add(&work->frame->order, &item->ordered);
}

static void order_remove(struct query__window_work *work, struct query__window_item *item)
{
    if (item->taken) {
        query__order_remove(&work->frame->order, &item->ordered);
    }
}

/* The values from rank `from` to `to` - 1, as an array. */
static struct doc_value order_list(struct query__window_work *work, uint64_t from, uint64_t to)
{
    struct query__list list;
    query__list_begin(&list, work->eval->arena, DOC_ARRAY);
    for (; from < to; from++) {
        query__list_add(&list, query__order_at(&work->frame->order, from)->value);
    }
    return query__list_end(&list);
}

static uint64_t order_n(const struct query__window_work *work)
{
    uint64_t count = query__order_count(&work->frame->order);
    return (uint64_t)work->frame->n < count ? (uint64_t)work->frame->n : count;
}

/* ---- $min, $minN; $max and $maxN are ordered downwards ---- */

static int order_add(struct query__window_work *work, struct query__window_item *item,
                     struct err *err)
{
    (void)err;
    if (!doc_value_is_nullish(item->ordered.value)) {
        order_take(work, item);
    }
    return 0;
}

static int order_first(struct query__window_work *work, struct doc_value *ret_value,
                       struct err *err)
{
    (void)err;
    const struct query__order *order = &work->frame->order;
    *ret_value = query__order_count(order) == 0 ? doc_null : query__order_at(order, 0)->value;
    return 0;
}

static int order_first_n(struct query__window_work *work, struct doc_value *ret_value,
                         struct err *err)
{
    (void)err;
    *ret_value = order_list(work, 0, order_n(work));
    return 0;
}

/* ---- $top, $bottom and the first n of them, by sort key ---- */

static int order_add_key(struct query__window_work *work, struct query__window_item *item,
                         struct err *err)
{
    struct buf key;
    buf_init(&key, work->inner);
    struct slice doc = doc_value_get_doc(work->eval->root);
    int rc = query_sort_key(work->window->accumulator.sort, work->eval, doc, &key, err);
    if (rc < 0) {
        return rc;
    }
    const uint8_t *bytes = query__room_copy(work->hold, &item->key_room, buf_slice(&key));
    item->ordered.key = slice_of(bytes, key.len);
    if (!doc_value_exists(item->ordered.value)) {
        item->ordered.value = doc_null;
    }
    order_take(work, item);
    return 0;
}

static int order_last(struct query__window_work *work, struct doc_value *ret_value, struct err *err)
{
    (void)err;
    const struct query__order *order = &work->frame->order;
    uint64_t count = query__order_count(order);
    *ret_value = count == 0 ? doc_null : query__order_at(order, count - 1)->value;
    return 0;
}

static int order_last_n(struct query__window_work *work, struct doc_value *ret_value,
                        struct err *err)
{
    (void)err;
    uint64_t count = query__order_count(&work->frame->order);
    *ret_value = order_list(work, count - order_n(work), count);
    return 0;
}

/* ---- $median, $percentile ---- */

static int order_add_number(struct query__window_work *work, struct query__window_item *item,
                            struct err *err)
{
    (void)err;
    double number;
    if (query__percentile_takes(item->ordered.value, &number)) {
        order_take(work, item);
    }
    return 0;
}

static double order_number(const void *context, uint64_t rank)
{
    return doc_value_to_double(query__order_at(context, rank)->value);
}

static int order_percentile(struct query__window_work *work, struct doc_value *ret_value,
                            struct err *err)
{
    (void)err;
    const struct query__order *order = &work->frame->order;
    *ret_value =
        query__percentile_of(work->window->accumulator.percentile, query__order_count(order),
                             order_number, order, work->eval->arena);
    return 0;
}

/* ---- $addToSet, $setUnion: items of their own, one for equal values ---- */

static void order_set_add(struct query__window_work *work, struct doc_value value)
{
    struct query__ordered *found = query__order_find(&work->frame->order, value);
    if (found == NULL) {
        struct query__window_item *item = query__window_item(work, value);
        item->copies = 0;
        order_take(work, item);
        found = &item->ordered;
    }
    order_item(found)->copies++;
}

static void order_set_drop(struct query__window_work *work, struct doc_value value)
{
    struct query__window_item *item = order_item(query__order_find(&work->frame->order, value));
    if (--item->copies == 0) {
        query__order_remove(&work->frame->order, &item->ordered);
        query__window_drop(work, item);
    }
}

static int order_add_set(struct query__window_work *work, struct query__window_item *item,
                         struct err *err)
{
    (void)err;
    if (doc_value_exists(item->ordered.value)) {
        order_set_add(work, item->ordered.value);
    }
    return 0;
}

static void order_remove_set(struct query__window_work *work, struct query__window_item *item)
{
    if (doc_value_exists(item->ordered.value)) {
        order_set_drop(work, item->ordered.value);
    }
}

static void order_each(struct query__window_work *work, struct doc_value array,
                       void (*each)(struct query__window_work *, struct doc_value))
{
    if (!doc_value_exists(array)) {
        return;
    }
    struct doc_iter iter;
    doc_iter_value(&iter, array);
    struct doc_elem elem;
    while (doc_iter_next(&iter, &elem)) {
        each(work, elem.value);
    }
}

static int order_add_union(struct query__window_work *work, struct query__window_item *item,
                           struct err *err)
{
    int rc = query__window_array(work, item->ordered.value, err);
    if (rc == 0) {
        order_each(work, item->ordered.value, order_set_add);
    }
    return rc;
}

static void order_remove_union(struct query__window_work *work, struct query__window_item *item)
{
    order_each(work, item->ordered.value, order_set_drop);
}

static int order_all(struct query__window_work *work, struct doc_value *ret_value, struct err *err)
{
    (void)err;
    *ret_value = order_list(work, 0, query__order_count(&work->frame->order));
    return 0;
}

/* ---- $minMaxScaler ---- */

static int order_parse_bound(struct query__window_parse *parse, struct slice doc, const char *name,
                             struct query__number *number, struct err *err)
{
    struct doc_value spec = doc_get_str(doc, name);
    if (!doc_value_exists(spec)) {
        return 0;
    }
    struct query_expr *expr;
    int rc = query_expr_parse(parse->context, spec, &expr, err);
    if (rc < 0) {
        return rc;
    }
    const struct doc_value *constant = query_expr_constant(expr);
    if (constant == NULL || !doc_value_is_number(*constant)) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$minMaxScaler requires '%s' to be a constant number", name);
    }
    *number = query__number_of(*constant);
    return 0;
}

static int order_parse_scaler(struct query__window_parse *parse, struct doc_value spec,
                              struct query__window *window, struct err *err)
{
    struct query__number max = query__number_of_double(1);
    window->alpha = query__number_of_double(0);
    struct doc_value input = spec;
    int rc = 0;
    if (spec.type == DOC_OBJECT && !query__is_operator(spec)) {
        struct slice doc = doc_value_get_doc(spec);
        input = doc_get_str(doc, "input");
        bool min_given = doc_value_exists(doc_get_str(doc, "min"));
        bool max_given = doc_value_exists(doc_get_str(doc, "max"));
        if (!doc_value_exists(input) || doc_count(doc) != (size_t)1 + min_given + max_given) {
            return err_set(err, LT_EFAILEDTOPARSE,
                           "$minMaxScaler takes an 'input', and may take a 'min' and a 'max'");
        }
        rc = order_parse_bound(parse, doc, "min", &window->alpha, err);
        rc = rc < 0 ? rc : order_parse_bound(parse, doc, "max", &max, err);
    }
    window->scale = query__number_apply(DOC_DECIMAL_SUBTRACT, max, window->alpha);
    return rc < 0 ? rc : query__window_parse_plain(parse, input, window, err);
}

static int order_scaled(const struct query__window_work *work, struct doc_value value,
                        struct err *err)
{
    (void)work;
    return doc_value_is_number(value)
               ? 0
               : err_set(err, LT_ETYPEMISMATCH,
                         "$minMaxScaler requires numeric input, but found %s",
                         doc_type_name(value.type));
}

static int order_add_scaled(struct query__window_work *work, struct query__window_item *item,
                            struct err *err)
{
    int rc = order_scaled(work, item->ordered.value, err);
    if (rc == 0) {
        order_take(work, item);
    }
    return rc;
}

static int order_scaler(struct query__window_work *work, struct doc_value *ret_value,
                        struct err *err)
{
    const struct query__order *order = &work->frame->order;
    uint64_t count = query__order_count(order);
    struct doc_value value;
    int rc = query__window_eval(work, work->window->accumulator.input, work->at, &value, err);
    rc = rc < 0 ? rc : order_scaled(work, value, err);
    if (rc < 0 || count == 0) {
        *ret_value = doc_null;
        return rc;
    }
    struct query__number least = query__number_of(query__order_at(order, 0)->value);
    struct query__number most = query__number_of(query__order_at(order, count - 1)->value);
    struct query__number x = query__number_of(value);
    x = query__number_apply(DOC_DECIMAL_SUBTRACT, x, least);
    struct query__number width = query__number_apply(DOC_DECIMAL_SUBTRACT, most, least);
    if (!query__number_is_zero(&width)) {
        x = query__number_apply(DOC_DECIMAL_DIVIDE, x, width);
    }
    x = query__number_apply(DOC_DECIMAL_MULTIPLY, x, work->window->scale);
    x = query__number_apply(DOC_DECIMAL_ADD, x, work->window->alpha);
    *ret_value = query__number_value(&x, work->eval->arena);
    return 0;
}

#define ORDER_ROW(name, sign, add, value)                                                          \
    {                                                                                              \
        (name), 0, (sign), query__window_parse_accumulator, (add), order_remove, (value)           \
    }

const struct query__window_op query__window_ops_order[] = {
    ORDER_ROW("$min", 1, order_add, order_first),
    ORDER_ROW("$max", -1, order_add, order_first),
    ORDER_ROW("$minN", 1, order_add, order_first_n),
    ORDER_ROW("$maxN", -1, order_add, order_first_n),
    ORDER_ROW("$top", 1, order_add_key, order_first),
    ORDER_ROW("$topN", 1, order_add_key, order_first_n),
    ORDER_ROW("$bottom", 1, order_add_key, order_last),
    ORDER_ROW("$bottomN", 1, order_add_key, order_last_n),
    {"$median", QUERY__WINDOW_OWN, 1, query__window_parse_accumulator, order_add_number,
     order_remove, order_percentile},
    {"$percentile", QUERY__WINDOW_OWN, 1, query__window_parse_accumulator, order_add_number,
     order_remove, order_percentile},
    {"$addToSet", 0, 1, query__window_parse_accumulator, order_add_set, order_remove_set,
     order_all},
    {"$setUnion", 0, 1, query__window_parse_accumulator, order_add_union, order_remove_union,
     order_all},
    {"$minMaxScaler", QUERY__WINDOW_OWN | QUERY__WINDOW_VARIES, 1, order_parse_scaler,
     order_add_scaled, order_remove, order_scaler},
    {0},
};
