/* query/expr_private.h - the expression tree and the table that its operators live in.
 *
 * Invariant   an operator is one row (struct query__op) and one function; the row alone decides
 *             argument counts, named parameters, folding and which variables an operator binds.
 * Thread      rows are constant; a parsed tree is immutable.
 * Memory      trees live in context->arena; values in eval->arena or borrowed from eval->root.
 * Errors      as query/expr.h.
 */
#ifndef QUERY_EXPR_PRIVATE_H
#define QUERY_EXPR_PRIVATE_H

#include "base/buf.h"
#include "doc/view.h"
#include "query/expr.h"

enum {
    QUERY__DEPTH_MAX = 400,      /* nesting of one expression; BSON allows half of it */
    QUERY__PATH_PARTS_MAX = 200, /* parts of a field path */
    QUERY__ROOT = -1,            /* the slot number that stands for $$ROOT */
};

struct query_scope {
    struct query_scope *outer;
    struct slice name;
    uint32_t slot;
};

/* The names of variables that {$meta: "score"} and {$meta: "scoreDetails"} read. */
#define QUERY__META_SCORE "METASCORE"
#define QUERY__META_SCORE_DETAILS "METASCOREDETAILS"

/* In binds[0] of an $in that takes no notice of the collation. */
enum { QUERY__IN_BY_BYTES = 1 };

/* MongoDB rewrites such an $in of a filter's $expr, at its top or below $and and $or there, into
 * one of its own that knows no collation: {$in: ["$path", [constants]]}. So do we. */
void query__expr_in_by_bytes(struct query_expr *expr);

/* The slot of a variable in view, or -1. */
int32_t query__scope_find(const struct query_context *context, struct slice name);

enum query__expr_kind {
    QUERY__EXPR_CONSTANT,
    QUERY__EXPR_PATH,   /* a variable, or a field path below it */
    QUERY__EXPR_OBJECT, /* names[i]: args[i] */
    QUERY__EXPR_ARRAY,
    QUERY__EXPR_CALL, /* op applied to args; an argument that was not given is NULL */
};

struct query__op;

struct query_expr {
    enum query__expr_kind kind;
    const struct query__op *op;
    struct doc_value constant;
    int32_t slot;         /* PATH: QUERY__ROOT or a variable */
    struct slice path;    /* PATH: "a.b", "" for the variable itself */
    struct slice *names;  /* PATH: the parts; OBJECT: the field names */
    uint32_t names_count; /* PATH only */
    struct query_expr **args;
    uint32_t args_count;
    int32_t binds[3]; /* CALL: slots that the operator fills ($map's `as`) */
    void *detail;     /* CALL: what the operator prepared at parse time */
};

/* One call of an operator's function: all arguments are evaluated, those not given are missing. */
struct query__call {
    const struct query_expr *expr;
    const struct doc_value *args;
    uint32_t count;
    struct query_eval *eval;
    struct err *err;
};

/* A named parameter of operators that take a document. */
struct query__param {
    const char *name;
    int missing_code; /* error when absent; 0: optional */
};

struct query__params {
    int object_code;  /* error when the argument is not a document */
    int unknown_code; /* error on an unknown parameter */
    struct query__param list[12];
};

enum query__op_flags {
    QUERY__VARIES = 1,  /* never folded: random, or tied to the document */
    QUERY__NULLISH = 2, /* any null, undefined or missing argument makes the result null */
    QUERY__ONE = 4,     /* the argument is one expression, also when it is an array */
};

struct query__op {
    const char *name;
    int16_t args_min;
    int16_t args_max; /* -1: no limit */
    uint16_t flags;
    int16_t variant; /* tells rows apart that share a function */
    /* exactly one of the two: eager arguments, or its own evaluation */
    int (*call)(struct query__call *call, struct doc_value *ret_value);
    int (*eval)(const struct query_expr *expr, struct query_eval *eval, struct doc_value *ret_value,
                struct err *err);
    const struct query__params *params; /* NULL: positional */
    /* optional: fill expr->args from the argument instead of the common parse */
    int (*parse)(struct query_context *context, struct doc_value spec, struct query_expr *expr,
                 struct err *err);
    /* optional: optimize the arguments in the operator's own order */
    int (*optimize)(struct query_context *context, struct query_expr *expr, struct err *err);
};

/* The row of an operator ("$add"), or NULL. */
const struct query__op *query__op_find(struct slice name);

/* Families; each ends with a row without a name. */
extern const struct query__op query__ops_accumulator[];
extern const struct query__op query__ops_arith[];
extern const struct query__op query__ops_array[];
extern const struct query__op query__ops_control[];
extern const struct query__op query__ops_convert[];
extern const struct query__op query__ops_date[];
extern const struct query__op query__ops_date_math[];
extern const struct query__op query__ops_date_text[];
extern const struct query__op query__ops_logic[];
extern const struct query__op query__ops_map[];
extern const struct query__op query__ops_math[];
extern const struct query__op query__ops_object[];
extern const struct query__op query__ops_regex[];
extern const struct query__op query__ops_set[];
extern const struct query__op query__ops_sort[];
extern const struct query__op query__ops_string[];
extern const struct query__op query__ops_string_find[];
extern const struct query__op query__ops_type[];

/* ---- parsing, for operators with their own parse ---- */
/* query_expr_parse without the optimizing that follows the whole parse. */
int query__expr_parse(struct query_context *context, struct doc_value spec,
                      struct query_expr **ret_expr, struct err *err);
/* Fold constants below and at expr, in place; NULL is fine. */
int query__expr_optimize(struct query_context *context, struct query_expr *expr, struct err *err);
/* Parse spec as the positional arguments: an array's elements, or the one value. */
int query__parse_args(struct query_context *context, struct doc_value spec, struct query_expr *expr,
                      struct err *err);
/* Parse the document spec into args by `params`. */
int query__parse_params(struct query_context *context, struct doc_value spec,
                        struct query_expr *expr, struct err *err);
/* `count` arguments, all NULL. */
void query__args_alloc(struct query_context *context, struct query_expr *expr, uint32_t count);
/* A constant node. */
struct query_expr *query__constant(struct query_context *context, struct doc_value value);
/* A string: itself, a path or a variable. */
int query__parse_string(struct query_context *context, struct doc_value spec,
                        struct query_expr **ret_expr, struct err *err);
/* One part of a field path: not empty, no "$" in front, no NUL byte; else an error. */
int query__path_part_check(struct slice part, struct err *err);
/* Split and check a field path, without its "$". */
int query__path_parse(struct query_context *context, struct slice text, struct query_expr *expr,
                      struct err *err);
/* Can a field of an object expression have this name? */
int query__field_name(struct slice name, struct err *err);
/* The first (only) field of an object is an operator: "$add". */
bool query__is_operator(struct doc_value spec);

/* ---- evaluation ---- */
/* What a field path reaches in a value: through objects, mapped over arrays. */
struct doc_value query__path_eval(const struct slice *names, uint32_t count, struct doc_value value,
                                  struct arena *arena);
/* query_expr_eval, but an argument that was not given is missing. */
int query__arg_eval(const struct query_expr *expr, uint32_t index, struct query_eval *eval,
                    struct doc_value *ret_value, struct err *err);

/* ---- building arrays and objects without a doc_builder's fixed stack ---- */
struct query__list {
    struct buf buf;
    uint32_t count;
    uint8_t type;
};
void query__list_begin(struct query__list *list, struct arena *arena, uint8_t type);
/* Missing becomes null in an array. */
void query__list_add(struct query__list *list, struct doc_value value);
/* Missing is left out of an object. */
void query__list_field(struct query__list *list, struct slice name, struct doc_value value);
struct doc_value query__list_end(struct query__list *list);
/* An array's elements, in arena. */
struct doc_value *query__elements(struct arena *arena, struct doc_value array, uint32_t *ret_count);

/* ---- helpers many operators share ---- */
/* An integral number in int32 range; false for anything else. */
bool query__value_i32(struct doc_value value, int32_t *ret_number);
/* What a scalar is as a string, where operators take one for the other; 16007 when it is none. */
int query__string_coerce(struct query_eval *eval, struct doc_value value, struct slice *ret_text,
                         struct err *err);
/* The byte position `count` code points after `at`. */
size_t query__string_skip(struct slice text, size_t at, int64_t count);
/* How many code points. */
int64_t query__string_points(struct slice text);
/* The document with one field set (in its place, or last), or removed when value is missing. */
struct doc_value query__object_with(struct arena *arena, struct slice doc, struct slice name,
                                    struct doc_value value);
/* right's fields over left's. */
struct doc_value query__object_merge(struct arena *arena, struct slice left, struct slice right);
/* Sort in place by doc_compare_by times sign; equal ones keep their order. */
void query__values_sort(const struct query_eval *eval, struct doc_value *values, uint32_t count,
                        int sign);
/* The count that $firstN and its kind take: a whole number above 0. */
int query__accumulator_n(struct doc_value value, int64_t *ret_n, struct err *err);
/* The value as error messages print it. */
struct slice query__print(struct query_eval *eval, struct doc_value value);

#endif
