/* query/series_pack.c - packing: the values of each field are gathered, then written as a column,
 * and the least and the greatest of them. */
#include "query/series.h"

#include <xxhash.h>

#include "doc/compare.h"

struct pack_value {
    uint32_t row;
    struct doc_value value;
};

/* All values of one field. */
struct pack_column {
    struct slice name;
    struct buf values; /* struct pack_value, by row */
};

struct pack_columns {
    struct arena *arena;
    struct buf columns; /* struct pack_column, in the order in which they came */
    uint32_t *slots;    /* 1 + place of a column, by the hash of its name; 0: free */
    uint32_t slots_count;
    uint32_t hint; /* where the next name probably is */
};

static struct pack_column *pack_at(const struct pack_columns *set, uint32_t at)
{
    return (struct pack_column *)(void *)set->columns.data + at;
}

static uint32_t pack_count(const struct pack_columns *set)
{
    return (uint32_t)(set->columns.len / sizeof(struct pack_column));
}

static const struct pack_value *pack_values(const struct pack_column *column, uint32_t *ret_count)
{
    *ret_count = (uint32_t)(column->values.len / sizeof(struct pack_value));
    return (const struct pack_value *)(const void *)column->values.data;
}

/* Where the name is, or belongs. */
static uint32_t *pack_slot(const struct pack_columns *set, struct slice name)
{
    uint64_t at = XXH3_64bits(name.data, name.len);
    for (;; at++) {
        uint32_t *slot = &set->slots[at & (set->slots_count - 1)];
        if (*slot == 0 || slice_equal(pack_at(set, *slot - 1)->name, name)) {
            return slot;
        }
    }
}

/* At least half of the slots are free. */
static void pack_room(struct pack_columns *set)
{
    uint32_t count = pack_count(set);
    if (2 * (count + 1) <= set->slots_count) {
        return;
    }
    set->slots_count = set->slots_count == 0 ? 32 : 2 * set->slots_count;
    set->slots = arena_zero(set->arena, set->slots_count, sizeof *set->slots);
    for (uint32_t i = 0; i < count; i++) {
        *pack_slot(set, pack_at(set, i)->name) = i + 1;
    }
}

static struct pack_column *pack_column(struct pack_columns *set, struct slice name)
{
    uint32_t count = pack_count(set);
    uint32_t at = set->hint;
    if (at >= count || !slice_equal(pack_at(set, at)->name, name)) {
        pack_room(set);
        uint32_t *slot = pack_slot(set, name);
        if (*slot == 0) {
            struct pack_column made = {.name = name};
            buf_init(&made.values, set->arena);
            buf_append(&set->columns, &made, sizeof made);
            *slot = count + 1;
        }
        at = *slot - 1;
    }
    set->hint = at + 1;
    return pack_at(set, at);
}

/* A field that is there twice counts once. */
static void pack_add(struct pack_columns *set, uint32_t row, struct slice doc, struct slice without)
{
    struct doc_iter iter;
    struct doc_elem elem;
    set->hint = 0;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (without.data != NULL && slice_equal(elem.name, without)) {
            continue;
        }
        uint32_t count;
        struct pack_column *column = pack_column(set, elem.name);
        const struct pack_value *values = pack_values(column, &count);
        if (count == 0 || values[count - 1].row != row) {
            struct pack_value value = {row, elem.value};
            buf_append(&column->values, &value, sizeof value);
        }
    }
}

static void pack_init(struct pack_columns *set, struct arena *arena)
{
    *set = (struct pack_columns){.arena = arena};
    buf_init(&set->columns, arena);
}

/* ---- control ---- */

static bool pack_are_objects(const struct pack_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i].value.type != DOC_OBJECT) {
            return false;
        }
    }
    return true;
}

/* The least value (sign 1) or the greatest (-1). */
static void pack_extreme(struct doc_builder *builder, const struct pack_column *column, int sign,
                         struct arena *arena)
{
    uint32_t count;
    const struct pack_value *values = pack_values(column, &count);
    if (pack_are_objects(values, count)) {
        struct pack_columns inner;
        pack_init(&inner, arena);
        for (uint32_t i = 0; i < count; i++) {
            pack_add(&inner, i, doc_value_get_doc(values[i].value), (struct slice){0});
        }
        doc_build_open(builder, column->name);
        for (uint32_t i = 0; i < pack_count(&inner); i++) {
            pack_extreme(builder, pack_at(&inner, i), sign, arena);
        }
        doc_build_close(builder);
        return;
    }
    struct doc_value best = values[0].value;
    for (uint32_t i = 1; i < count; i++) {
        if (sign * doc_compare(values[i].value, best) < 0) {
            best = values[i].value;
        }
    }
    doc_build_value(builder, column->name, best);
}

static int64_t pack_round(int64_t time_ms, int64_t rounding_ms)
{
    int64_t rest = rounding_ms > 0 ? time_ms % rounding_ms : 0;
    rest = rest < 0 ? rest + rounding_ms : rest;
    return time_ms < INT64_MIN + rest ? time_ms : time_ms - rest;
}

static void pack_control(struct doc_builder *builder, const struct query_series *series,
                         const struct pack_columns *set, int64_t first_ms)
{
    static const struct {
        const char *name;
        int sign;
    } ends[] = {{"min", 1}, {"max", -1}};
    doc_build_open(builder, SLICE("control"));
    doc_build_i32(builder, "version", 1);
    for (size_t end = 0; end < 2; end++) {
        doc_build_open(builder, slice_str(ends[end].name));
        for (uint32_t i = 0; i < pack_count(set); i++) {
            const struct pack_column *column = pack_at(set, i);
            if (end == 0 && slice_equal(column->name, series->time_field)) {
                int64_t rounded = pack_round(first_ms, series->rounding_ms);
                doc_build_value(builder, column->name, doc_value_date(set->arena, rounded));
            } else {
                pack_extreme(builder, column, ends[end].sign, set->arena);
            }
        }
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

/* ---- the bucket ---- */

static struct slice pack_name(char *text, uint32_t number)
{
    char *at = text + 10;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return slice_of(at, (size_t)(text + 10 - at));
}

static void pack_data(struct doc_builder *builder, const struct pack_columns *set)
{
    doc_build_open(builder, SLICE("data"));
    for (uint32_t i = 0; i < pack_count(set); i++) {
        uint32_t count;
        const struct pack_column *column = pack_at(set, i);
        const struct pack_value *values = pack_values(column, &count);
        doc_build_open(builder, column->name);
        for (uint32_t v = 0; v < count; v++) {
            char text[10];
            doc_build_value(builder, pack_name(text, values[v].row), values[v].value);
        }
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

struct slice query_series_pack(const struct query_series *series, const uint8_t id[12],
                               struct query_series_rows rows, struct arena *arena)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    struct pack_columns set;
    struct doc_value meta = doc_missing;
    assert(rows.count > 0);
    pack_init(&set, arena);
    for (uint32_t i = 0; i < rows.count; i++) {
        pack_add(&set, i, rows.rows[i].doc, series->meta_field);
    }
    if (series->meta_field.data != NULL) {
        meta = doc_get(rows.rows[0].doc, series->meta_field);
    }
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_oid(builder, "_id", id);
    pack_control(builder, series, &set, rows.rows[0].time_ms);
    if (doc_value_exists(meta)) {
        doc_build_value(builder, SLICE("meta"), meta);
    }
    pack_data(builder, &set);
    return doc_build_end(builder);
}

/* ---- sorting ---- */

/* Runs are merged, from short ones to long ones: measurements mostly come in order. */
static void pack_merge(struct query_series_row *rows, uint32_t left, uint32_t count,
                       struct query_series_row *spare)
{
    uint32_t a = 0;
    uint32_t b = left;
    if (rows[left - 1].time_ms <= rows[left].time_ms) {
        return;
    }
    memcpy(spare, rows, left * sizeof *rows);
    for (uint32_t at = 0; a < left; at++) {
        bool from_left = b == count || spare[a].time_ms <= rows[b].time_ms;
        rows[at] = from_left ? spare[a++] : rows[b++];
    }
}

void query_series_sort(struct query_series_rows rows)
{
    struct arena arena;
    uint32_t count = rows.count;
    bool sorted = true;
    for (uint32_t i = 1; i < count && sorted; i++) {
        sorted = rows.rows[i - 1].time_ms <= rows.rows[i].time_ms;
    }
    if (sorted) {
        return;
    }
    arena_init(&arena);
    struct query_series_row *spare = arena_alloc(&arena, count * sizeof *spare);
    for (uint32_t width = 1; width < count; width *= 2) {
        for (uint32_t at = 0; at + width < count; at += 2 * width) {
            uint32_t rest = count - at;
            pack_merge(rows.rows + at, width, rest < 2 * width ? rest : 2 * width, spare);
        }
    }
    arena_close(&arena);
}
