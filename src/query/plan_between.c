/* query/plan_between.c - the part of a hinted index between two of its keys.
 *
 * min is inside, max is not; both name all fields of the index in its order, and lie in its order:
 * of a descending field min has the greater value. A bound that is not given is the index's end. */
#include "doc/build.h"
#include "doc/key.h"
#include "doc/view.h"
#include "query/plan_private.h"

static bool between_fits(const struct plan_index *index, struct slice bound)
{
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t at = 0;
    doc_iter_init(&iter, bound);
    while (doc_iter_next(&iter, &elem)) {
        if (at == index->fields_count || !slice_equal(elem.name, index->fields[at].path) ||
            (!index->alike && doc_collation_concerns(elem.value.type))) {
            return false;
        }
        at++;
    }
    return at == index->fields_count;
}

/* MinKey or MaxKey in each field: the first key there can be, or the last. */
static struct slice between_end(struct arena *arena, const struct plan_index *index, bool last)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    for (uint32_t i = 0; i < index->fields_count; i++) {
        bool high = index->fields[i].descending != last;
        struct doc_value end = {.data = buf->data, .type = high ? DOC_MAXKEY : DOC_MINKEY};
        doc_build_value(builder, index->fields[i].path, end);
    }
    return doc_build_end(builder);
}

static struct slice between_key(struct arena *arena, const struct plan_index *index,
                                struct slice bound)
{
    struct buf key;
    struct doc_iter iter;
    struct doc_elem elem;
    buf_init(&key, arena);
    doc_iter_init(&iter, bound);
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        doc_key_encode_by(&key, elem.value, index->fields[i].descending, index->spec->collation);
    }
    return buf_slice(&key);
}

static struct slice between_describe(struct arena *arena, struct slice start, struct slice end)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_doc(builder, "startKey", start);
    doc_build_doc(builder, "endKey", end);
    return doc_build_end(builder);
}

static int between_check(const struct query_plan_request *request, const struct plan_index *index,
                         struct err *err)
{
    if (index == NULL) {
        return err_set(err, 51173,
                       "When using min()/max() a hint of which index to use must be provided");
    }
    if (!index->usable || index->spec->wildcard != NULL ||
        (request->min.len > 0 && !between_fits(index, request->min)) ||
        (request->max.len > 0 && !between_fits(index, request->max))) {
        return err_set(err, 51174, "The index chosen is not compatible with min/max");
    }
    return 0;
}

int query__plan_between(struct query_context *context, const struct query_plan_request *request,
                        const struct plan_index *index, struct query_plan *ret_plan,
                        struct err *err)
{
    struct arena *arena = context->arena;
    bool starts = request->min.len > 0;
    bool ends = request->max.len > 0;
    int code = between_check(request, index, err);
    if (code < 0) {
        return code;
    }
    struct slice start = starts ? request->min : between_end(arena, index, false);
    struct slice end = ends ? request->max : between_end(arena, index, true);
    struct query_plan_range *range = arena_alloc(arena, sizeof *range);
    range->from = between_key(arena, index, start);
    range->to = between_key(arena, index, end);
    if (starts && ends && slice_compare(range->from, range->to) >= 0) {
        return err_set(err, 51175,
                       "The value provided for min() does not come before the value provided for "
                       "max()");
    }
    if (!ends) {
        range->to = query__plan_after(range->to);
    }
    struct plan_set none = {.arena = arena};
    struct plan_fit *fit = arena_alloc(arena, sizeof *fit);
    query__plan_fit(arena, index, &none, request->sort, fit);
    fit->between = between_describe(arena, start, end);
    struct query_plan_branch *branch = arena_zero(arena, 1, sizeof *branch);
    *branch = (struct query_plan_branch){
        .ranges = range, .ranges_count = 1, .backward = fit->backward, .fit = fit};
    *ret_plan = (struct query_plan){.branches = branch, .branches_count = 1, .sorted = fit->sorted};
    return 0;
}
