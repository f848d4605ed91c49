/* query/distinct.c - a set of values, filled from what a path reaches. */
#include "query/distinct.h"

#include <stdlib.h>

#include "doc/build.h"
#include "doc/compare.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "query/set.h"

struct query_distinct {
    struct arena *arena;
    struct doc_path path;
    struct query__set set;
    size_t bytes;
};

struct query_distinct *query_distinct_new(struct arena *arena, const struct doc_path *path,
                                          const struct doc_collation *collation)
{
    struct query_distinct *distinct = arena_zero(arena, 1, sizeof *distinct);
    distinct->arena = arena;
    distinct->path = *path;
    query__set_init(&distinct->set, arena, collation);
    return distinct;
}

static void distinct_take(struct query_distinct *distinct, struct doc_value value)
{
    if (doc_value_exists(value) && query__set_add(&distinct->set, value, NULL)) {
        uint32_t newest = distinct->set.count - 1;
        distinct->set.values[newest] = doc_value_copy(distinct->arena, value);
        distinct->bytes += value.len + 12;
    }
}

static bool distinct_hit(void *context, const struct doc_path_hit *hit)
{
    struct query_distinct *distinct = context;
    if (hit->value.type != DOC_ARRAY) {
        distinct_take(distinct, hit->value);
        return false;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, hit->value);
    while (doc_iter_next(&iter, &elem)) {
        distinct_take(distinct, elem.value);
    }
    return false;
}

static int distinct_check(const struct query_distinct *distinct, struct err *err)
{
    return distinct->bytes > DOC_SIZE_MAX ? err_set(err, 17217, "distinct too big, 16mb cap") : 0;
}

int query_distinct_add(struct query_distinct *distinct, struct slice doc, struct err *err)
{
    doc_path_visit(&distinct->path, doc, distinct_hit, distinct);
    return distinct_check(distinct, err);
}

int query_distinct_add_value(struct query_distinct *distinct, struct doc_value value,
                             struct err *err)
{
    distinct_take(distinct, value);
    return distinct_check(distinct, err);
}

static int distinct_order(const void *a, const void *b, void *collation)
{
    return doc_compare_by(*(const struct doc_value *)a, *(const struct doc_value *)b, collation);
}

struct doc_value query_distinct_values(struct query_distinct *distinct)
{
    uint32_t count = distinct->set.count;
    struct doc_value *values = arena_zero(distinct->arena, count, sizeof *values);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = distinct->set.values[i];
    }
    if (count > 0) {
        qsort_r(values, count, sizeof *values, distinct_order,
                (void *)(uintptr_t)distinct->set.collation);
    }
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, distinct->arena);
    doc_build_begin_array(&builder, &buf);
    for (uint32_t i = 0; i < count; i++) {
        doc_build_value(&builder, SLICE(""), values[i]);
    }
    return doc_value_array(doc_build_end(&builder));
}
