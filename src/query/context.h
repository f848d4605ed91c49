/* query/context.h - what a command gives to the language it parses, and to each evaluation.
 *
 * Invariant   time, randomness and variables come in here; query/ itself has none.
 * Thread      a context belongs to one command and is used by one thread at a time.
 * Memory      parsed forms live in context->arena, as long as the command or its cursor; results of
 *             an evaluation live in eval->arena, which the caller may reset between documents.
 * Errors      none.
 */
#ifndef QUERY_CONTEXT_H
#define QUERY_CONTEXT_H

#include "base/err.h"
#include "doc/collation.h"
#include "query/hold.h"

struct query__zone;
struct query_near;
struct query_text;
struct query_scope; /* variables that $let, $map and `let` bring into view (expr_private.h) */

struct query_context {
    struct arena *arena;
    int64_t now_ms;        /* $$NOW and $currentDate, milliseconds since 1970 UTC */
    uint64_t cluster_time; /* $$CLUSTER_TIME; a BSON timestamp */
    uint64_t random;       /* state for $rand, $sample and generated ids; advance by query_random */
    struct slice let;      /* the command's `let` document, values already constant; may be empty */
    struct query_scope *scope;     /* innermost variables in view; NULL at the top */
    uint32_t slots_count;          /* variable slots handed out; an evaluation needs as many */
    uint32_t depth;                /* nesting of what is being parsed */
    struct query__zone *zones;     /* time zones opened so far (date.h) */
    const struct query_near *near; /* documents come in this order: $meta tells of it; or NULL */
    struct query_text *text;       /* documents match it: $meta tells how well; or NULL */
    const struct query_memory *memory;     /* counts what stages hold; NULL: nobody does */
    const struct doc_collation *collation; /* how strings compare; NULL: by bytes */
    bool timeless;                         /* $$NOW and $$CLUSTER_TIME are errors here */
};

struct query_eval {
    struct arena *arena;
    struct query_context *context;
    struct doc_value root;   /* $$ROOT, the document in hand */
    struct doc_value *slots; /* context->slots_count variables */
};

/* The next number of the context's random sequence (splitmix64). */
uint64_t query_random(struct query_context *context);

/* Bring a variable into view for what is parsed next; its values are to be put into
 * eval->slots[the result]. The name is copied. */
uint32_t query_scope_push(struct query_context *context, struct slice name);

/* Take the `count` newest variables out of view. Their slots stay theirs. */
void query_scope_pop(struct query_context *context, uint32_t count);

/* Make an evaluation ready: slots allocated in `arena` and set to missing (`let` values are folded
 * into the expressions). `arena` must outlive the evaluation; eval->arena may be pointed at a
 * shorter-lived one afterwards. Call after all parsing. */
void query_eval_init(struct query_eval *eval, struct query_context *context, struct arena *arena);

#endif
