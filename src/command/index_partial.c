/* command/index_partial.c - which filters a partial index may have: those for which the planner can
 * tell whether a query's matches are all in the index. */
#include "command/index_spec.h"
#include "command/write.h"
#include "query/match.h"

static bool partial_is_leaf(enum query_match_kind kind)
{
    return (kind >= QUERY_MATCH_EQ && kind <= QUERY_MATCH_IN) || kind == QUERY_MATCH_EXISTS ||
           kind == QUERY_MATCH_TYPE || kind == QUERY_MATCH_GEO;
}

static bool partial_allows(const struct query_match *match)
{
    bool joins = match->kind == QUERY_MATCH_AND || match->kind == QUERY_MATCH_OR;
    bool allowed = joins || partial_is_leaf(match->kind);
    for (uint32_t i = 0; allowed && i < match->children_count; i++) {
        allowed = partial_allows(match->children[i]);
    }
    return allowed;
}

static bool partial_has_expr(const struct query_match *match)
{
    bool found = match->kind == QUERY_MATCH_EXPR;
    for (uint32_t i = 0; !found && i < match->children_count; i++) {
        found = partial_has_expr(match->children[i]);
    }
    return found;
}

int command_index_check_partial(struct command_op *op, struct slice filter)
{
    struct query_context context = {.arena = &op->arena, .now_ms = op->wall_ms};
    struct query_match *match = NULL;
    if (filter.len == 0) {
        return 0;
    }
    int code = query_match_parse(&context, filter, &match, &op->err);
    if (code < 0 && code != -5626500) {
        return code;
    }
    if (code == 0 && partial_has_expr(match)) {
        return err_set(&op->err, LT_EQUERYFEATURENOTALLOWED,
                       "$expr is not allowed in the filter of a partial index");
    }
    return code == 0 && partial_allows(match)
               ? 0
               : err_set(&op->err, LT_ECANNOTCREATEINDEX,
                         "unsupported expression in partial index: only $eq, $in, $exists: true, "
                         "$gt, $gte, $lt, $lte, $type, $geoWithin, $geoIntersects, $and and $or "
                         "can be told from a query's");
}
