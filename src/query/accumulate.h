/* query/accumulate.h - accumulators: what $group computes over the documents of a group.
 *
 * Invariant   a kind of accumulator is one row of the table in accumulate.c.
 * Thread      a parsed accumulator is immutable; a state belongs to one run.
 * Memory      states and what they keep lie in the arena given; see query/context.h for the rest.
 * Errors      MongoDB's codes.
 */
#ifndef QUERY_ACCUMULATE_H
#define QUERY_ACCUMULATE_H

#include "query/percentile.h"
#include "query/set.h"
#include "query/sort.h"
#include "query/sum.h"

struct query_expr;
struct query__accumulator_op;

/* One accumulator of a $group: `name: {$op: input}`. */
struct query__accumulator {
    const struct query__accumulator_op *op;
    struct slice name;
    struct query_expr *input;
    struct query_expr *n;                 /* of $firstN and its kind; else NULL */
    struct query_sort *sort;              /* of $top and its kind; else NULL */
    struct query__percentile *percentile; /* of $median and $percentile; else NULL */
};

/* Memory that is used again when a value takes the place of another. */
struct query__room {
    uint8_t *bytes;
    size_t size;
};

/* A copy of the bytes in the room, which grows in `hold` when it must. */
uint8_t *query__room_copy(struct arena *hold, struct query__room *room, struct slice bytes);

/* A value kept, with its sort key. */
struct query__accumulated {
    struct query__accumulated *next;
    struct doc_value value;
    struct slice key;
    struct query__room value_room;
    struct query__room key_room;
};

struct query__accumulator_state {
    struct query__sum sum;
    struct doc_value value;  /* the one of $first, $last, $min, $max, $mergeObjects */
    struct query__room room; /* where value or numbers lie */
    double *numbers;         /* of $median and $percentile: count of them */
    bool seen;
    double mean;    /* of the deviations */
    double squares; /* likewise */
    uint64_t count;
    int64_t n;
    struct query__set set;
    struct query__accumulated *first; /* values kept, in order */
    struct query__accumulated *last;
    struct query__accumulated *spare; /* dropped, to be used again */
};

/* Parse one output field, `name: {$op: ...}`; refuses a name that is an operator or a path. */
int query__accumulator_parse(struct query_context *context, struct doc_elem field,
                             struct query__accumulator *ret_accumulator, struct err *err);

/* Parse `$op: ...` alone, in which an array is an expression like any other. */
int query__accumulator_parse_call(struct query_context *context, struct doc_elem call,
                                  struct query__accumulator *ret_accumulator, struct err *err);

/* Where a state's work is done: eval->root is the document, `hold` the arena of what is kept. */
struct query__accumulate {
    const struct query__accumulator *accumulator;
    struct query__accumulator_state *state;
    struct query_eval *eval;
    struct arena *hold;
};

/* A zeroed state for a group whose _id is `group`. */
int query__accumulator_begin(struct query__accumulate *work, struct doc_value group,
                             struct err *err);
/* Take eval->root into account. */
int query__accumulator_add(struct query__accumulate *work, struct err *err);
/* The result, in eval->arena or borrowed from hold. */
struct doc_value query__accumulator_result(struct query__accumulate *work);

/* What a $group gives of a value, and of a result. In MongoDB another engine is at work there, in
 * which code is a string, and MinKey and MaxKey are documents around themselves. */
struct doc_value query__accumulator_group_value(struct arena *arena, struct doc_value value);
struct doc_value query__accumulator_group_result(struct query__accumulate *work);

#endif
