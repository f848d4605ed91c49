/* doc/delta.c - the old document field by field, each with what the delta says of it.
 *
 * The changes of a level are sorted by name once, so a document of many fields with many changes
 * takes no longer than sorting them. */
#include "doc/delta.h"

#include <stdlib.h>

#include "base/buf.h"
#include "doc/build.h"
#include "doc/view.h"

enum delta_kind { DELTA_GONE, DELTA_SET, DELTA_INSERT, DELTA_INNER };

struct delta_change {
    enum delta_kind kind;
    struct slice name;
    uint64_t index;         /* of an array's element, which has no name */
    struct doc_value value; /* new, or the delta of what is there */
    bool done;
};

struct delta_level {
    struct arena *arena;
    struct doc_builder *builder;
    struct delta_change *changes; /* in the delta's order */
    struct delta_change **sorted; /* by index, then name; fields have no index */
    size_t count;
    int64_t length; /* the array is cut to; -1: it is not */
};

static bool delta_value(struct delta_level *outer, struct slice name, struct doc_value old,
                        struct slice delta);

/* ---- reading a level ---- */

static int delta_compare(const struct delta_change *a, const struct delta_change *b)
{
    return a->index != b->index ? (a->index < b->index ? -1 : 1) : slice_compare(a->name, b->name);
}

static int delta_order(const void *a, const void *b)
{
    return delta_compare(*(const struct delta_change *const *)a,
                         *(const struct delta_change *const *)b);
}

static void delta_add(struct delta_level *level, enum delta_kind kind, struct slice name,
                      struct doc_value value)
{
    level->changes[level->count++] =
        (struct delta_change){.kind = kind, .name = name, .value = value};
}

static bool delta_read_section(struct delta_level *level, enum delta_kind kind,
                               struct doc_value section)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (section.type != DOC_OBJECT) {
        return false;
    }
    doc_iter_value(&iter, section);
    while (doc_iter_next(&iter, &elem)) {
        delta_add(level, kind, elem.name, elem.value);
    }
    return true;
}

static bool delta_read_field(struct delta_level *level, struct doc_elem elem)
{
    if (slice_is(elem.name, "d")) {
        return delta_read_section(level, DELTA_GONE, elem.value);
    }
    if (slice_is(elem.name, "u")) {
        return delta_read_section(level, DELTA_SET, elem.value);
    }
    if (slice_is(elem.name, "i")) {
        return delta_read_section(level, DELTA_INSERT, elem.value);
    }
    if (elem.name.len == 0 || elem.name.data[0] != 's' || elem.value.type != DOC_OBJECT) {
        return false;
    }
    delta_add(level, DELTA_INNER, slice_from(elem.name, 1), elem.value);
    return true;
}

static bool delta_read_index(struct slice name, uint64_t *ret_index)
{
    *ret_index = 0;
    for (size_t i = 1; i < name.len; i++) {
        if (name.data[i] < '0' || name.data[i] > '9' || *ret_index > DOC_DELTA_ARRAY_MAX) {
            return false;
        }
        *ret_index = *ret_index * 10 + (uint64_t)(name.data[i] - '0');
    }
    return name.len > 1 && *ret_index < DOC_DELTA_ARRAY_MAX;
}

static bool delta_read_element(struct delta_level *level, struct doc_elem elem)
{
    if (slice_is(elem.name, "a")) {
        return true;
    }
    if (slice_is(elem.name, "l")) {
        level->length = doc_value_is_number(elem.value) ? doc_value_to_i64_clamped(elem.value) : -1;
        return level->length >= 0;
    }
    uint64_t index;
    bool is_set = elem.name.len > 0 && elem.name.data[0] == 'u';
    bool is_inner = elem.name.len > 0 && elem.name.data[0] == 's' && elem.value.type == DOC_OBJECT;
    if ((!is_set && !is_inner) || !delta_read_index(elem.name, &index)) {
        return false;
    }
    delta_add(level, is_set ? DELTA_SET : DELTA_INNER, SLICE(""), elem.value);
    level->changes[level->count - 1].index = index;
    return true;
}

static size_t delta_count(struct slice delta)
{
    size_t count = doc_count(delta);
    static const char *const sections[] = {"d", "u", "i"};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        struct doc_value section = doc_get_str(delta, sections[i]);
        count += section.type == DOC_OBJECT ? doc_count(doc_value_get_doc(section)) : 0;
    }
    return count;
}

static bool delta_read(struct delta_level *level, struct slice delta, bool is_array)
{
    struct doc_iter iter;
    struct doc_elem elem;
    size_t count = delta_count(delta);
    bool ok = true;
    level->changes = arena_zero(level->arena, count, sizeof *level->changes);
    level->sorted = arena_zero(level->arena, count, sizeof(struct delta_change *));
    level->length = -1;
    doc_iter_init(&iter, delta);
    while (ok && doc_iter_next(&iter, &elem)) {
        ok =
            level->count < count && (is_array ? delta_read_element : delta_read_field)(level, elem);
    }
    for (size_t i = 0; i < level->count; i++) {
        level->sorted[i] = &level->changes[i];
    }
    qsort(level->sorted, level->count, sizeof(struct delta_change *), delta_order);
    return ok;
}

/* ---- writing it ---- */

static struct delta_change *delta_find(const struct delta_level *level, struct delta_change wanted)
{
    const struct delta_change *key = &wanted;
    struct delta_change **found =
        bsearch(&key, level->sorted, level->count, sizeof(struct delta_change *), delta_order);
    return found == NULL ? NULL : *found;
}

/* A value that is there, with the change that is wanted for it, if any. */
static bool delta_keep(struct delta_level *level, struct doc_elem elem, struct delta_change *change)
{
    if (change == NULL) {
        doc_build_value(level->builder, elem.name, elem.value);
        return true;
    }
    change->done = change->kind != DELTA_INSERT;
    if (change->kind == DELTA_INNER) {
        return delta_value(level, elem.name, elem.value, doc_value_get_doc(change->value));
    }
    if (change->kind == DELTA_SET) {
        doc_build_value(level->builder, elem.name, change->value);
    }
    return true;
}

static bool delta_is_new(const struct delta_change *change)
{
    return !change->done && (change->kind == DELTA_SET || change->kind == DELTA_INSERT);
}

static bool delta_fields(struct delta_level *level, struct doc_value old)
{
    struct doc_iter iter;
    struct doc_elem elem;
    bool ok = true;
    doc_iter_value(&iter, old);
    while (ok && doc_iter_next(&iter, &elem)) {
        ok = delta_keep(level, elem, delta_find(level, (struct delta_change){.name = elem.name}));
    }
    for (size_t i = 0; i < level->count; i++) {
        if (delta_is_new(&level->changes[i])) {
            doc_build_value(level->builder, level->changes[i].name, level->changes[i].value);
        }
    }
    return ok;
}

static bool delta_elements(struct delta_level *level, struct doc_value old)
{
    struct doc_iter iter;
    struct doc_elem elem;
    uint64_t at = 0;
    bool ok = true;
    doc_iter_value(&iter, old);
    while (ok && (level->length < 0 || at < (uint64_t)level->length) &&
           doc_iter_next(&iter, &elem)) {
        ok = delta_keep(level, elem, delta_find(level, (struct delta_change){.index = at++}));
    }
    for (size_t i = 0; i < level->count; i++) {
        const struct delta_change *change = level->sorted[i];
        if (!delta_is_new(change) || change->index < at) {
            continue;
        }
        for (; at < change->index; at++) {
            doc_build_value(level->builder, change->name, doc_null);
        }
        doc_build_value(level->builder, change->name, change->value);
        at++;
    }
    return ok;
}

/* What is there now, with its delta; as it is when that is of something else. */
static bool delta_value(struct delta_level *outer, struct slice name, struct doc_value old,
                        struct slice delta)
{
    struct delta_level level = {.arena = outer->arena, .builder = outer->builder};
    bool is_array = doc_value_truth(doc_get_str(delta, "a"));
    if (old.type != (is_array ? DOC_ARRAY : DOC_OBJECT)) {
        doc_build_value(outer->builder, name, old);
        return true;
    }
    bool ok = delta_read(&level, delta, is_array);
    (is_array ? doc_build_open_array : doc_build_open)(level.builder, name);
    ok = ok && (is_array ? delta_elements : delta_fields)(&level, old);
    doc_build_close(level.builder);
    return ok;
}

bool doc_delta_apply(struct arena *arena, struct slice old_doc, struct slice delta,
                     struct slice *ret_doc)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct delta_level level = {.arena = arena, .builder = builder};
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    buf_reserve(buf, old_doc.len + delta.len);
    doc_build_begin(builder, buf);
    bool ok = delta_read(&level, delta, false) && delta_fields(&level, doc_value_object(old_doc));
    *ret_doc = doc_build_end(builder);
    return ok;
}
