/* query/plan.c - first cut: equality on _id by key, everything else by the collection. */
#include "query/plan.h"

#include "doc/key.h"

static const struct query_match *plan_id_equality(const struct query_match *match)
{
    if (match->kind == QUERY_MATCH_AND) {
        for (uint32_t i = 0; i < match->children_count; i++) {
            const struct query_match *found = plan_id_equality(match->children[i]);
            if (found != NULL) {
                return found;
            }
        }
        return NULL;
    }
    bool usable = match->kind == QUERY_MATCH_EQ && slice_is(match->path.text, "_id") &&
                  match->operand.type != DOC_ARRAY && match->operand.type != DOC_NULL;
    return usable ? match : NULL;
}

int query_plan_make(struct query_context *context, const struct query_plan_request *request,
                    struct query_plan *ret_plan, struct err *err)
{
    (void)err;
    struct query_plan_branch *branch = arena_zero(context->arena, 1, sizeof *branch);
    const struct query_match *equality = plan_id_equality(request->match);
    *ret_plan = (struct query_plan){.branches = branch, .branches_count = 1};
    branch->index = -1;
    if (equality != NULL) {
        struct buf key;
        buf_init(&key, context->arena);
        doc_key_encode(&key, equality->operand, false);
        branch->ranges = arena_zero(context->arena, 1, sizeof *branch->ranges);
        branch->ranges[0].from = buf_slice(&key);
        branch->ranges_count = 1;
        branch->point = true;
        branch->index = 0;
        ret_plan->sorted = true;
    } else {
        ret_plan->sorted = request->sort == NULL;
    }
    return 0;
}
