/* query/window_frame.c - moving a frame along its partition.
 *
 * A frame that only grows is an accumulator; one that also loses documents keeps their values, the
 * oldest first, and takes each out again. A frame that is the whole partition is valued once. */
#include "query/window_private.h"

static struct doc_value frame_doc(const struct query__window_work *work, uint64_t at)
{
    const struct query__window_partition *partition = work->partition;
    assert(at < partition->count);
    return doc_value_object(query__keep_doc(partition->keep, partition->first + at));
}

int query__window_eval(struct query__window_work *work, const struct query_expr *expr, uint64_t at,
                       struct doc_value *ret_value, struct err *err)
{
    if (expr == NULL) {
        *ret_value = doc_missing;
        return 0;
    }
    work->eval->root = frame_doc(work, at);
    return query_expr_eval(expr, work->eval, ret_value, err);
}

bool query__window_tie(const struct query__window_work *work, uint64_t at)
{
    const struct query__window_partition *partition = work->partition;
    assert(at > 0 && at < partition->count);
    uint64_t number = partition->first + at;
    return slice_equal(query__keep_key(partition->keep, number - 1),
                       query__keep_key(partition->keep, number));
}

struct query__window_item *query__window_item(struct query__window_work *work,
                                              struct doc_value value)
{
    struct query__window_frame *frame = work->frame;
    struct query__window_item *item = frame->spare;
    if (item == NULL) {
        item = arena_zero(work->hold, 1, sizeof *item);
    } else {
        frame->spare = item->next;
    }
    struct slice bytes = slice_of(value.data, value.len);
    value.data = query__room_copy(work->hold, &item->value_room, bytes);
    item->ordered = (struct query__ordered){.value = value, .number = frame->arrivals++};
    item->next = NULL;
    item->taken = false;
    return item;
}

void query__window_drop(struct query__window_work *work, struct query__window_item *item)
{
    item->next = work->frame->spare;
    work->frame->spare = item;
}

/* One document more; an end of the slice when that is too many at once. */
static int frame_spend(struct query__window_work *work, struct err *err)
{
    if (work->budget == 0) {
        return err_set(err, LT_EYIELD, "the slice is used up");
    }
    work->budget--;
    return 0;
}

/* ---- a frame that only grows, whose operator is an accumulator too ---- */

static int frame_grow(struct query__window_work *work, uint64_t to, struct err *err)
{
    struct query__window_frame *frame = work->frame;
    struct query__accumulate accumulate = {&work->window->accumulator, &frame->accumulator,
                                           work->eval, work->hold};
    struct arena *outer = work->eval->arena;
    work->eval->arena = work->inner;
    int rc = 0;
    while (rc == 0 && frame->to < to) {
        rc = frame_spend(work, err);
        if (rc == 0) {
            work->eval->root = frame_doc(work, frame->to++);
            rc = query__accumulator_add(&accumulate, err);
            arena_reset(work->inner);
            frame->steps++;
        }
    }
    work->eval->arena = outer;
    return rc;
}

static struct doc_value frame_grown(struct query__window_work *work)
{
    struct query__accumulate accumulate = {&work->window->accumulator, &work->frame->accumulator,
                                           work->eval, work->hold};
    return query__accumulator_result(&accumulate);
}

/* ---- a frame that moves ---- */

static int frame_add(struct query__window_work *work, struct err *err)
{
    struct query__window_frame *frame = work->frame;
    struct arena *outer = work->eval->arena;
    work->eval->arena = work->inner;
    struct doc_value value;
    int rc = query__window_eval(work, work->window->accumulator.input, frame->to, &value, err);
    if (rc == 0) {
        struct query__window_item *item = query__window_item(work, value);
        rc = work->window->op->add == NULL ? 0 : work->window->op->add(work, item, err);
        *(frame->last == NULL ? &frame->first : &frame->last->next) = item;
        frame->last = item;
    }
    work->eval->arena = outer;
    arena_reset(work->inner);
    frame->to++;
    frame->steps++;
    return rc;
}

static void frame_remove(struct query__window_work *work)
{
    struct query__window_frame *frame = work->frame;
    struct query__window_item *item = frame->first;
    if (work->window->op->remove != NULL) {
        work->window->op->remove(work, item);
    }
    frame->first = item->next;
    frame->last = frame->first == NULL ? NULL : frame->last;
    query__window_drop(work, item);
    frame->from++;
    frame->steps++;
}

static int frame_move(struct query__window_work *work, uint64_t from, uint64_t to, struct err *err)
{
    struct query__window_frame *frame = work->frame;
    while (frame->from < from && frame->from < frame->to) {
        frame_remove(work);
    }
    if (frame->from < from) { /* what lies between was never in */
        frame->from = frame->to = from;
    }
    int rc = 0;
    while (rc == 0 && frame->to < to) {
        rc = frame_spend(work, err);
        rc = rc < 0 ? rc : frame_add(work, err);
    }
    return rc;
}

/* ---- */

static int frame_n(struct query__window_work *work, struct err *err)
{
    work->frame->n = 1;
    if (work->window->accumulator.n == NULL) {
        return 0;
    }
    struct doc_value n;
    work->eval->root = doc_empty_object;
    int rc = query_expr_eval(work->window->accumulator.n, work->eval, &n, err);
    return rc < 0 ? rc : query__accumulator_n(n, &work->frame->n, err);
}

static int frame_begin(struct query__window_work *work, struct err *err)
{
    struct query__window_frame *frame = work->frame;
    frame->begun = true;
    frame->order.sign = work->window->op->sign;
    frame->order.collation = work->eval->context->collation;
    query__sum_init(&frame->sum);
    query__sum_init(&frame->sum_y);
    query__sum_init(&frame->products);
    int rc = frame_n(work, err);
    if (rc < 0 || work->window->accumulator.op == NULL) {
        return rc;
    }
    struct query__accumulate accumulate = {&work->window->accumulator, &frame->accumulator,
                                           work->eval, work->hold};
    return query__accumulator_begin(&accumulate, doc_null, err);
}

/* Is the frame one whose operator is an accumulator? */
static bool frame_grows(const struct query__window *window)
{
    uint32_t own = QUERY__WINDOW_SEQUENCE | QUERY__WINDOW_ENDS | QUERY__WINDOW_OWN;
    return !(window->op->flags & own) &&
           (window->bounds.by == QUERY__WINDOW_ALL || window->bounds.lower.unbounded);
}

int query__window_bring(struct query__window_work *work, struct err *err)
{
    const struct query__window *window = work->window;
    struct query__window_frame *frame = work->frame;
    int rc = frame->begun ? 0 : frame_begin(work, err);
    if (rc < 0 || frame->settled || (window->op->flags & QUERY__WINDOW_SEQUENCE)) {
        return rc;
    }
    uint64_t from;
    uint64_t to;
    rc = query__window_place(work, &from, &to, err);
    if (rc < 0) {
        return rc;
    }
    if (window->op->flags & QUERY__WINDOW_ENDS) {
        frame->from = from;
        frame->to = to;
        return 0;
    }
    return frame_grows(window) ? frame_grow(work, to, err) : frame_move(work, from, to, err);
}

int query__window_value(struct query__window_work *work, struct doc_value *ret_value,
                        struct err *err)
{
    const struct query__window *window = work->window;
    struct query__window_frame *frame = work->frame;
    if (frame->settled) {
        *ret_value = frame->value;
        return 0;
    }
    int rc = 0;
    if (frame_grows(window)) {
        *ret_value = frame_grown(work);
    } else {
        rc = window->op->value(work, ret_value, err);
    }
    uint32_t varies = QUERY__WINDOW_SEQUENCE | QUERY__WINDOW_VARIES;
    if (rc == 0 && window->bounds.by == QUERY__WINDOW_ALL && !(window->op->flags & varies)) {
        frame->value = doc_value_copy(work->hold, *ret_value);
        frame->settled = true;
    }
    return rc;
}
