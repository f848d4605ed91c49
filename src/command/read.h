/* command/read.h - documents that match, from wherever the planner says.
 *
 * Invariant   a read is a query_source: documents come one at a time; between steps it holds no
 *             engine iterator, so it may move to another thread or rest in a cursor.
 * Thread      one at a time.
 * Memory      everything lives in the arena given to command_read_open; a document is borrowed
 *             until the next call.
 * Errors      -LT_EYIELD the slice is used up; -LT_EAGAIN the view says what is missing; 292 when
 *             what it must remember outgrows 100 MB, 146 when a budget is full;
 *             136 when a read that tails was overtaken by the documents that go.
 */
#ifndef COMMAND_READ_H
#define COMMAND_READ_H

#include "query/match.h"
#include "query/plan.h"
#include "store/scan.h"

struct command_near;
struct command_op;
struct command_server;

struct command_read {
    struct store_view *view;
    struct store_collection *collection; /* held; NULL: no documents */
    struct query_match *match;
    struct query_eval eval;
    struct query_plan plan;
    struct arena *arena;
    struct arena scratch; /* reset for each document */
    struct store_scan scan;
    struct store_pin pin;      /* of a point read */
    struct store_skip seen;    /* records given, when several branches may give one twice */
    struct query_hold hold;    /* of `seen`, and of the scan's */
    struct command_near *near; /* of a plan by distance, once it has begun */
    void *reader;              /* where the collection is only shown; NULL: not opened yet */
    uint32_t branch;
    bool restricted;     /* an operator has said which indexes may be used */
    bool begun;          /* a slice was worked on before */
    bool scanning;       /* `scan` is on plan.branches[branch] */
    uint32_t budget;     /* documents until the slice is used up */
    int32_t array_index; /* of the last document: for the positional operator */
    uint64_t keys_examined;
    uint64_t docs_examined;
    uint64_t docs_given;
    uint64_t *branch_keys; /* keys examined by each finished branch, when there are several */
    struct err *err;
    bool tails;           /* the end of a capped collection's order is not the end */
    uint64_t tails_clock; /* what the slice of one that tails sees, at least */
};

enum { COMMAND_READ_SLICE = 128 };
/* The first one's while no more long reads are let in: those who want more are refused soon. */
enum { COMMAND_READ_SLICE_SHORT = 8 };

/* What the reader is asked for. */
struct command_read_spec {
    struct store_collection *collection; /* NULL: it does not exist */
    struct slice filter;
    struct query_match *match; /* the filter, parsed already; NULL: it is not */
    struct slice sort;         /* empty: none */
    struct doc_value hint;     /* missing: none */
    struct slice min;          /* of the hinted index; empty: none */
    struct slice max;
    bool hidden_too;         /* hidden indexes serve it, too */
    struct slice projection; /* of a find: its queries may have indexes of their own */
    /* Counts the indexes of the plan and says which may be used; NULL: nobody does. */
    struct command_server *server;
    bool tails; /* a capped collection: see struct command_read */
};

/* Parse and plan. `context` has the arena; call before anything else that needs its slots. */
int command_read_open(struct command_read *read, struct query_context *context,
                      struct store_view *view, const struct command_read_spec *spec,
                      struct err *err);
void command_read_close(struct command_read *read);

/* The same with spec->match, which lives in an arena of its own, given as `arena`; no view yet. */
int command_read_open_match(struct command_read *read, struct query_context *context,
                            struct arena *arena, const struct command_read_spec *spec,
                            struct err *err);

/* After all parsing in the context is done. */
void command_read_begin(struct command_read *read, struct query_context *context);

/* 1 a document, 0 the end, negative. One that tails may have more after its end. */
int command_read_next(struct command_read *read, struct slice *ret_doc);

/* A new slice: the budget is full again. When the read goes on after a pause, other commands may
 * have dropped what it reads: 175, with the server's newest catalog (NULL: the caller checks). */
int command_read_slice(struct command_read *read, struct command_server *server, struct err *err);

/* Is what it reads still there, for the server's newest catalog? 175. */
int command_read_check(struct command_read *read, struct command_server *server, struct err *err);

/* Begin again with the first document. */
void command_read_restart(struct command_read *read);

/* May writing to a document that was given make it come again? Not when records are read in the
 * order of their _id, which no write changes. */
bool command_read_may_repeat(const struct command_read *read);
/* Let go of pins and iterators. */
void command_read_pause(struct command_read *read);

/* After -LT_EAGAIN: what op is to wait for. */
int command_read_wants(struct command_op *op, struct command_read *read);

/* The hybrid time before which a read that came to its end, which is not the end, has no more. */
uint64_t command_read_awaits(const struct command_read *read);

/* Index entries and documents looked at so far. */
void command_read_examined(const struct command_read *read, uint64_t *ret_keys, uint64_t *ret_docs);

/* ---- for near.c ---- */
/* Scan a branch's ranges from now on, which live in `arena`; and when that has come to its end. */
void command_read_scan(struct command_read *read, const struct query_plan_branch *branch,
                       struct arena *arena);
void command_read_scanned(struct command_read *read);

/* Count what is remembered: 292, 146. */
int command_read_hold(struct command_read *read);

/* Is the end of a read that `is_tailable` not the end? That of an empty collection is. */
static inline bool command_read_goes_on(const struct command_read *read, bool is_tailable)
{
    return is_tailable && (!read->scan.tails || read->scan.last.len > 0);
}

/* Does the plan deliver spec->sort by itself? */
static inline bool command_read_is_sorted(const struct command_read *read)
{
    return read->plan.sorted;
}

#endif
