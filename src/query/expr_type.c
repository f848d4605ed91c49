/* query/expr_type.c - $type, $isNumber, hashes, and parts of timestamps. */
#include "doc/hash.h"
#include "query/expr_private.h"

static int type_type(struct query__call *call, struct doc_value *ret_value)
{
    const char *name = doc_type_name(call->args[0].type);
    *ret_value = doc_value_string(call->eval->arena, slice_str(name));
    return 0;
}

static int type_is_number(struct query__call *call, struct doc_value *ret_value)
{
    *ret_value = doc_value_bool(doc_value_is_number(call->args[0]));
    return 0;
}

/* variant: bits to shift away */
static int type_timestamp(struct query__call *call, struct doc_value *ret_value)
{
    if (call->args[0].type != DOC_TIMESTAMP) {
        return err_set(call->err, 5687301 + (call->expr->op->variant == 0),
                       "Argument to %s must be a timestamp, but is %s", call->expr->op->name,
                       doc_type_name(call->args[0].type));
    }
    uint64_t stamp = (uint64_t)doc_value_get_i64(call->args[0]);
    uint32_t part = (uint32_t)(stamp >> call->expr->op->variant);
    *ret_value = doc_value_i64(call->eval->arena, part);
    return 0;
}

static int type_hashed_key(struct query__call *call, struct doc_value *ret_value)
{
    int64_t hash = doc_hash_index_key(call->eval->arena, call->args[0]);
    *ret_value = doc_value_i64(call->eval->arena, hash);
    return 0;
}

const struct query__op query__ops_type[] = {
    {"$type", 1, 1, .call = type_type},
    {"$isNumber", 1, 1, .call = type_is_number},
    {"$toHashedIndexKey", 1, 1, .call = type_hashed_key},
    {"$tsSecond", 1, 1, QUERY__NULLISH, 32, .call = type_timestamp},
    {"$tsIncrement", 1, 1, QUERY__NULLISH, 0, .call = type_timestamp},
    {0},
};
