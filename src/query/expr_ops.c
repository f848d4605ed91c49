/* query/expr_ops.c - finding an operator's row among the families. */
#include "query/expr_private.h"

static const struct query__op *const ops_families[] = {
    query__ops_logic,       query__ops_control, query__ops_arith,     query__ops_math,
    query__ops_array,       query__ops_map,     query__ops_set,       query__ops_string,
    query__ops_string_find, query__ops_regex,   query__ops_object,    query__ops_type,
    query__ops_convert,     query__ops_date,    query__ops_date_math, query__ops_date_text,
    query__ops_accumulator, query__ops_sort,
};

const struct query__op *query__op_find(struct slice name)
{
    for (size_t i = 0; i < sizeof ops_families / sizeof ops_families[0]; i++) {
        for (const struct query__op *op = ops_families[i]; op->name != NULL; op++) {
            if (slice_is(name, op->name)) {
                return op;
            }
        }
    }
    return NULL;
}
