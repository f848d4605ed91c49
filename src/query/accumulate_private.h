/* query/accumulate_private.h - the table of accumulators.
 *
 * Invariant   an accumulator is one row and its functions; the row alone says how it is written.
 * Thread      rows are constant.
 * Memory      as accumulate.h.
 * Errors      as accumulate.h.
 */
#ifndef QUERY_ACCUMULATE_PRIVATE_H
#define QUERY_ACCUMULATE_PRIVATE_H

#include "query/accumulate.h"
#include "query/expr_private.h"

enum query__accumulate_shape {
    QUERY__ACCUMULATE_PLAIN,      /* {$sum: expression} */
    QUERY__ACCUMULATE_EMPTY,      /* {$count: {}} */
    QUERY__ACCUMULATE_PERCENTILE, /* {$median: {input, method}} */
    QUERY__ACCUMULATE_N,          /* {$firstN: {input, n}} */
    QUERY__ACCUMULATE_SORTED,     /* {$top: {sortBy, output}} */
    QUERY__ACCUMULATE_SORTED_N,
};

struct query__accumulator_op {
    const char *name;
    enum query__accumulate_shape shape;
    int sign; /* of the order: -1 for the last, the least */
    int (*add)(struct query__accumulate *work, struct doc_value value, struct err *err);
    struct doc_value (*result)(struct query__accumulate *work);
    bool lists; /* the result is an array that it made */
};

/* Ends with a row without a name. */
extern const struct query__accumulator_op query__accumulator_ops[];

#endif
