/* query/plan_ranges.c - from bounds of fields to ranges of keys, and to words.
 *
 * Fields held to points are combined, each point of one with each of the next; the first field that
 * is not ends the list, with its intervals in place of points. For a descending field a cut is
 * turned over: keys before it are behind its complement. */
#include "doc/build.h"
#include "doc/json.h"
#include "doc/key.h"
#include "query/plan_private.h"

static struct slice ranges_complement(struct arena *arena, struct slice at)
{
    struct slice copy = arena_copy(arena, at);
    uint8_t *bytes = (uint8_t *)copy.data;
    for (size_t i = 0; i < copy.len; i++) {
        bytes[i] ^= 0xff;
    }
    return copy;
}

struct slice query__plan_after(struct slice at)
{
    uint8_t *bytes = (uint8_t *)at.data;
    while (at.len > 0 && bytes[at.len - 1] == 0xff) {
        at.len--;
    }
    assert(at.len > 0);
    bytes[at.len - 1]++;
    return at;
}

/* One interval as it lies in the index. Of a point, `from` is the whole encoding. */
static struct query_plan_range ranges_place(struct arena *arena, const struct plan_interval *item,
                                            bool descending)
{
    if (!descending) {
        return (struct query_plan_range){item->low.at, item->high.at};
    }
    struct query_plan_range range;
    range.to = query__plan_after(ranges_complement(arena, item->low.at));
    range.from = ranges_complement(arena, item->high.at);
    if (item->point) {
        range.from = ranges_complement(arena, item->low.at);
    } else {
        range.from = query__plan_after(range.from);
    }
    return range;
}

static struct slice ranges_join(struct arena *arena, struct slice prefix, struct slice rest)
{
    uint8_t *bytes = arena_alloc(arena, prefix.len + rest.len + 1);
    if (prefix.len > 0) {
        memcpy(bytes, prefix.data, prefix.len);
    }
    if (rest.len > 0) {
        memcpy(bytes + prefix.len, rest.data, rest.len);
    }
    return slice_of(bytes, prefix.len + rest.len);
}

struct ranges_list {
    struct arena *arena;
    struct query_plan_range *items; /* while combining, `from` is what the keys begin with */
    uint32_t count;
};

/* Each of the list with each interval of the field. */
static void ranges_combine(struct ranges_list *list, const struct plan_bounds *bounds,
                           bool descending)
{
    size_t total = (size_t)list->count * bounds->count;
    struct query_plan_range *items = arena_alloc(list->arena, (total + 1) * sizeof *items);
    struct query_plan_range *places =
        arena_alloc(list->arena, ((size_t)bounds->count + 1) * sizeof *places);
    for (uint32_t i = 0; i < bounds->count; i++) {
        uint32_t from = descending ? bounds->count - 1 - i : i;
        places[i] = ranges_place(list->arena, &bounds->items[from], descending);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        for (uint32_t j = 0; j < bounds->count; j++) {
            items[count++] = (struct query_plan_range){
                ranges_join(list->arena, list->items[i].from, places[j].from),
                ranges_join(list->arena, list->items[i].from, places[j].to),
            };
        }
    }
    list->items = items;
    list->count = count;
}

/* Too many intervals: one from the first to the last. */
static void ranges_widen(struct ranges_list *list, const struct plan_bounds *bounds,
                         bool descending)
{
    struct plan_interval hull = {bounds->items[0].low, bounds->items[bounds->count - 1].high,
                                 false};
    struct plan_bounds one = {&hull, 1};
    ranges_combine(list, &one, descending);
}

static void ranges_nothing(struct arena *arena, struct query_plan_branch *branch)
{
    branch->ranges = arena_zero(arena, 1, sizeof *branch->ranges);
    branch->ranges_count = 1;
}

void query__plan_ranges(struct arena *arena, const struct plan_fit *fit,
                        struct query_plan_branch *branch)
{
    struct query_plan_range start = {{0}, {0}};
    struct ranges_list list = {arena, &start, 1};
    bool open = false; /* the last field was no list of points */
    uint32_t at = 0;
    for (; at < fit->index->fields_count && !open && fit->used[at] > 0; at++) {
        const struct plan_bounds *bounds = &fit->fields[at];
        bool descending = fit->index->fields[at].descending;
        if (bounds->count == 0) {
            ranges_nothing(arena, branch);
            return;
        }
        open = !query__plan_is_points(bounds);
        if (list.count > 1 && bounds->count > QUERY_PLAN_RANGES_MAX / list.count) {
            ranges_widen(&list, bounds, descending);
            open = true;
        } else {
            ranges_combine(&list, bounds, descending);
        }
    }
    branch->point = fit->score[PLAN_SCORE_ID] > 0;
    branch->ranges = at == 0 ? NULL : list.items;
    branch->ranges_count = at == 0 ? 0 : list.count;
}

/* ---- for explain ---- */

static void ranges_write_sort_key(struct buf *text, struct slice key)
{
    buf_format(text, "CollationKey(0x");
    for (size_t i = 0; i < key.len; i++) {
        buf_format(text, "%02x", key.data[i]);
    }
    buf_append_byte(text, ')');
}

static void ranges_write_value(struct buf *text, struct doc_value value)
{
    if (value.type == DOC_DOUBLE) {
        double number = doc_value_get_double(value);
        if (number - number != 0 && number == number) {
            buf_format(text, "%sinf.0", number < 0 ? "-" : "");
            return;
        }
    }
    doc_json_write_shell(text, value);
}

/* A string in an index with a collation is there as its sort key; "" is where strings begin. */
static void ranges_write_bound(struct buf *text, struct doc_value value,
                               const struct doc_collation *collation)
{
    if (collation == NULL || value.type != DOC_STRING || doc_value_get_string(value).len == 0) {
        ranges_write_value(text, value);
        return;
    }
    struct buf key;
    buf_init(&key, text->arena);
    doc_collation_sort_key(collation, doc_value_get_string(value), &key);
    ranges_write_sort_key(text, buf_slice(&key));
}

static void ranges_write_interval(struct buf *text, const struct plan_interval *item, bool flip,
                                  const struct doc_collation *collation)
{
    const struct plan_cut *first = flip ? &item->high : &item->low;
    const struct plan_cut *last = flip ? &item->low : &item->high;
    buf_append_byte(text, first->inclusive ? '[' : '(');
    ranges_write_bound(text, first->value, collation);
    buf_format(text, ", ");
    ranges_write_bound(text, last->value, collation);
    buf_append_byte(text, last->inclusive ? ']' : ')');
}

static void ranges_describe_field(struct doc_builder *builder, const struct plan_fit *fit,
                                  uint32_t at)
{
    const struct plan_bounds *bounds = &fit->fields[at];
    bool flip = fit->index->fields[at].descending != fit->backward;
    for (uint32_t i = 0; i < bounds->count; i++) {
        struct buf text;
        buf_init(&text, builder->buf->arena);
        ranges_write_interval(&text, &bounds->items[flip ? bounds->count - 1 - i : i], flip,
                              fit->index->spec->collation);
        doc_build_string(builder, "", buf_slice(&text));
    }
}

/* One _id: its key says all. */
static void ranges_describe_id(struct arena *arena, struct doc_builder *builder,
                               const struct query_plan_branch *branch)
{
    struct slice key = branch->ranges[0].from;
    struct doc_value value;
    struct buf text;
    buf_init(&text, arena);
    int code = doc_key_decode(&key, false, arena, &value, NULL);
    assert(code == 0);
    (void)code;
    if (branch->collation != NULL && value.type == DOC_STRING) { /* it is a sort key already */
        buf_format(&text, "[");
        ranges_write_sort_key(&text, doc_value_get_string(value));
        buf_format(&text, ", ");
        ranges_write_sort_key(&text, doc_value_get_string(value));
        buf_format(&text, "]");
    } else {
        struct plan_interval item = {{key, value, true}, {key, value, true}, true};
        ranges_write_interval(&text, &item, false, NULL);
    }
    doc_build_open_array(builder, SLICE("_id"));
    doc_build_string(builder, "", buf_slice(&text));
    doc_build_close(builder);
}

struct slice query_plan_bounds(struct arena *arena, const struct query_plan_branch *branch)
{
    const struct plan_fit *fit = branch->fit;
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    bool open = false; /* what follows is not bounded */
    if (branch->index < 0) {
        return (struct slice){0};
    }
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    if (!branch->point && fit->between.len > 0) {
        return fit->between;
    }
    if (branch->point) {
        ranges_describe_id(arena, builder, branch);
        return doc_build_end(builder);
    }
    for (uint32_t i = 0; i < fit->index->fields_count; i++) {
        const struct plan_field *field = &fit->index->fields[i];
        bool flip = field->descending != fit->backward;
        open |= fit->used[i] == 0;
        doc_build_open_array(builder, field->path);
        if (open) {
            doc_build_text(builder, "", flip ? "[MaxKey, MinKey]" : "[MinKey, MaxKey]");
        } else {
            ranges_describe_field(builder, fit, i);
        }
        doc_build_close(builder);
        open |= !query__plan_is_points(&fit->fields[i]);
    }
    return doc_build_end(builder);
}
