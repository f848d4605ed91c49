/* query/window_private.h - window operators: what $setWindowFields computes for each document.
 *
 * Invariant   a window operator is one row of the table in window_ops.c. The frame of a document
 *             never begins or ends before that of the document in front of it, so every document
 *             of a partition enters and leaves it once at most.
 * Thread      a parsed window is immutable; frames belong to one run.
 * Memory      parsed forms in context->arena; what frames keep in the partition's arena.
 * Errors      FailedToParse for what is written wrong, and MongoDB's codes.
 */
#ifndef QUERY_WINDOW_PRIVATE_H
#define QUERY_WINDOW_PRIVATE_H

#include "query/accumulate.h"
#include "query/expr_date.h"
#include "query/number.h"
#include "query/order.h"
#include "query/pipeline_private.h"

struct query__window;
struct query__window_work;
struct query__window_item;

/* ---- parsed ---- */

enum query__window_by {
    QUERY__WINDOW_ALL, /* the whole partition */
    QUERY__WINDOW_DOCUMENTS,
    QUERY__WINDOW_RANGE,
};

struct query__window_bound {
    bool unbounded;
    int64_t offset;          /* of documents, or of units */
    struct doc_value amount; /* of a range without a unit */
};

struct query__window_bounds {
    enum query__window_by by;
    struct query__window_bound lower;
    struct query__window_bound upper;
    enum query__date_unit unit; /* of a range */
};

/* What parsing an operator's argument works on. */
struct query__window_parse {
    struct query_context *context;
    const struct query_sort *sort; /* NULL: no sortBy */
    struct query_expr *sort_value; /* of the one field of sortBy; NULL when there is not one */
    bool given;                    /* `window` is */
};

enum query__window_flags {
    QUERY__WINDOW_SEQUENCE = 1, /* takes no window: it looks at documents as it likes */
    QUERY__WINDOW_ENDS = 2,     /* needs no more than where the frame begins and ends */
    QUERY__WINDOW_OWN = 4,      /* no accumulator does the same for a growing frame */
    QUERY__WINDOW_VARIES = 8,   /* the value depends on the document, not on the frame alone */
};

struct query__window_op {
    const char *name;
    uint32_t flags;
    int sign; /* tells rows apart that share functions */
    int (*parse)(struct query__window_parse *parse, struct doc_value spec,
                 struct query__window *window, struct err *err);
    /* Optional: an item enters the frame; the oldest leaves it. */
    int (*add)(struct query__window_work *work, struct query__window_item *item, struct err *err);
    void (*remove)(struct query__window_work *work, struct query__window_item *item);
    /* For the document in hand. */
    int (*value)(struct query__window_work *work, struct doc_value *ret_value, struct err *err);
};

/* One output field. */
struct query__window {
    const struct query__window_op *op;
    struct query__accumulator accumulator; /* its input, n, sort and percentile serve all */
    struct query__window_bounds bounds;
    struct query_expr *sort_value;
    uint32_t slot;              /* the variable that carries the result */
    enum query__date_unit unit; /* of $derivative and $integral, or QUERY__UNIT_NONE */
    int64_t by;                 /* of $shift */
    struct doc_value constant;  /* the default of $shift */
    struct query__number alpha; /* of $expMovingAvg; the least of $minMaxScaler */
    struct query__number scale; /* of $minMaxScaler */
};

/* Families; each ends with a row without a name. */
extern const struct query__window_op query__window_ops_number[];
extern const struct query__window_op query__window_ops_order[];
extern const struct query__window_op query__window_ops_place[];
extern const struct query__window_op query__window_ops_curve[];

/* ---- for the rows' parse ---- */
/* An operator that is an accumulator too. */
int query__window_parse_accumulator(struct query__window_parse *parse, struct doc_value spec,
                                    struct query__window *window, struct err *err);
/* The argument is an expression. */
int query__window_parse_plain(struct query__window_parse *parse, struct doc_value spec,
                              struct query__window *window, struct err *err);
int query__window_no_window(const struct query__window_parse *parse,
                            const struct query__window *window, struct err *err);
int query__window_needs_sort(const struct query__window_parse *parse,
                             const struct query__window *window, struct err *err);

/* Parse one output field. */
int query__window_field(struct query__window_parse *parse, struct doc_elem field,
                        struct query__window *ret_window, struct err *err);
/* Parse `window`, and check what it asks of sortBy. */
int query__window_bounds_parse(const struct query__window_parse *parse, struct doc_value spec,
                               struct query__window_bounds *ret_bounds, struct err *err);

/* ---- running ---- */

/* A value that is in a frame. */
struct query__window_item {
    struct query__ordered ordered; /* value, and key; first: an ordered is its item */
    struct query__window_item *next;
    struct query__room value_room;
    struct query__room key_room;
    struct query__number x; /* of $integral: where it is; of $covariancePop: half of the pair */
    struct query__number y;
    uint64_t copies; /* of $addToSet: how many equal ones are in the frame */
    bool taken;      /* it counts */
};

/* The documents between which frames move. */
struct query__window_partition {
    const struct query__keep *keep;
    uint64_t first; /* in keep */
    uint64_t count;
};

struct query__window_frame {
    bool begun;
    uint64_t from; /* documents that are in: from .. to - 1 */
    uint64_t to;
    uint64_t range_from; /* how far the search for a range has come */
    uint64_t range_to;
    struct query__window_item *first; /* items of these documents, oldest first */
    struct query__window_item *last;
    struct query__window_item *spare;
    struct query__order order;
    uint64_t arrivals;
    struct query__sum sum; /* of $sum, $avg; of the deviations; of x */
    struct query__sum sum_y;
    struct query__sum products;
    uint64_t numbers;                            /* that count */
    uint64_t strange;                            /* of them, NaN and infinities */
    int64_t n;                                   /* of $firstN and its kind */
    struct query__accumulator_state accumulator; /* of a frame that only grows */
    bool settled;                                /* the frame does not move: the value is */
    struct doc_value value;                      /* ... this; of sequences the one before */
    struct query__room room;
    struct query__number average; /* of $expMovingAvg */
    uint64_t rank;
    uint64_t next; /* of $linearFill: how far the search for the next value has come */
    bool next_found;
    uint64_t steps; /* documents that came or went, for who measures */
};

struct query__window_work {
    const struct query__window *window;
    struct query__window_frame *frame;
    const struct query__window_partition *partition;
    struct query_eval *eval; /* eval->arena is scratch */
    struct arena *hold;      /* of the partition */
    struct arena *inner;     /* scratch for one document of many */
    uint64_t at;             /* the document in hand */
    uint64_t budget;         /* documents that frames may still take in this slice */
};

/* Bring the frame of an output field to the document in hand: documents come in order. -LT_EYIELD
 * when the budget is used up; call again with a new one. */
int query__window_bring(struct query__window_work *work, struct err *err);
/* The value there; asked once for each document. */
int query__window_value(struct query__window_work *work, struct doc_value *ret_value,
                        struct err *err);

/* Where the frame of the document in hand begins and ends. */
int query__window_place(struct query__window_work *work, uint64_t *ret_from, uint64_t *ret_to,
                        struct err *err);

/* An expression for a document of the partition; NULL is missing. */
int query__window_eval(struct query__window_work *work, const struct query_expr *expr, uint64_t at,
                       struct doc_value *ret_value, struct err *err);
/* An array or missing, else an error. */
int query__window_array(const struct query__window_work *work, struct doc_value value,
                        struct err *err);
/* Does the document sort like the one in front of it? */
bool query__window_tie(const struct query__window_work *work, uint64_t at);

/* An item that lives until it is dropped, its value copied. */
struct query__window_item *query__window_item(struct query__window_work *work,
                                              struct doc_value value);
void query__window_drop(struct query__window_work *work, struct query__window_item *item);

/* The difference of two sort values, which are numbers or dates: milliseconds. */
struct query__number query__window_distance(struct doc_value from, struct doc_value to);

#endif
