/* command/read.h - documents that match, from wherever the planner says.
 *
 * Invariant   a read is a query_source: documents come one at a time; between steps it holds no
 *             engine iterator, so it may move to another thread or rest in a cursor.
 * Thread      one at a time.
 * Memory      everything lives in the arena given to command_read_open; a document is borrowed
 *             until the next call.
 * Errors      -LT_EYIELD the slice is used up; -LT_EAGAIN the view says what is missing; 292 when
 *             what it must remember outgrows 100 MB, 146 when a budget is full.
 */
#ifndef COMMAND_READ_H
#define COMMAND_READ_H

#include "query/match.h"
#include "query/plan.h"
#include "store/scan.h"

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
    struct store_pin pin;   /* of a point read */
    struct store_skip seen; /* records given, when several branches may give one twice */
    struct query_hold hold; /* of `seen`, and of the scan's */
    uint32_t branch;
    bool begun;          /* a slice was worked on before */
    bool scanning;       /* `scan` is on plan.branches[branch] */
    uint32_t budget;     /* documents until the slice is used up */
    int32_t array_index; /* of the last document: for the positional operator */
    uint64_t keys_examined;
    uint64_t docs_examined;
    uint64_t docs_given;
    uint64_t *branch_keys; /* keys examined by each finished branch, when there are several */
    struct err *err;
};

enum { COMMAND_READ_SLICE = 128 };
/* The first one's while no more long reads are let in: those who want more are refused soon. */
enum { COMMAND_READ_SLICE_SHORT = 8 };

/* What the reader is asked for. */
struct command_read_spec {
    struct store_collection *collection; /* NULL: it does not exist */
    struct slice filter;
    struct slice sort;     /* empty: none */
    struct doc_value hint; /* missing: none */
    struct slice min;      /* of the hinted index; empty: none */
    struct slice max;
};

/* Parse and plan. `context` has the arena; call before anything else that needs its slots. */
int command_read_open(struct command_read *read, struct query_context *context,
                      struct store_view *view, const struct command_read_spec *spec,
                      struct err *err);
void command_read_close(struct command_read *read);

/* The same with a filter that is parsed already; it lives in an arena of its own, given as `arena`.
 */
int command_read_open_match(struct command_read *read, struct query_context *context,
                            struct arena *arena, struct query_match *match,
                            struct store_collection *collection);

/* After all parsing in the context is done. */
void command_read_begin(struct command_read *read, struct query_context *context);

/* 1 a document, 0 the end, negative. */
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

/* Index entries and documents looked at so far. */
void command_read_examined(const struct command_read *read, uint64_t *ret_keys, uint64_t *ret_docs);

/* Does the plan deliver spec->sort by itself? */
static inline bool command_read_is_sorted(const struct command_read *read)
{
    return read->plan.sorted;
}

#endif
