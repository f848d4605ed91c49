/* command/explain.h - how a command would be run, told without running it, or after counting.
 *
 * Invariant   nothing is written: a write is explained as the read it begins with.
 * Thread      as the op.
 * Memory      the op's arena; the cursor is closed with the op's state.
 * Errors      59 for an inner command that cannot be explained, 9 for an unknown verbosity; the
 *             inner command's own.
 */
#ifndef COMMAND_EXPLAIN_H
#define COMMAND_EXPLAIN_H

#include "command/results.h"

enum command_explain_verbosity { EXPLAIN_PLANNER, EXPLAIN_STATS, EXPLAIN_ALL_PLANS };

struct command_explain_kind;

struct command_explain {
    const struct command_explain_kind *kind;
    enum command_explain_verbosity verbosity;
    struct slice inner; /* the command explained */
    struct slice body;  /* the find or aggregate it amounts to */
    struct command_cursor *cursor;
    struct slice stages; /* of an aggregate, all of them */
    bool pushed;         /* they can be told as one plan */
    const char *wrapper; /* COUNT, UPDATE, DELETE or NULL */
    bool upsert;         /* the update would insert what it does not find */
    uint64_t given;      /* results so far */
    uint64_t elapsed_us; /* of running */
};

/* {aggregate: ..., explain: true}. */
int command_explain_aggregate(struct command_op *op);

/* Write {explainVersion, queryPlanner or stages, executionStats}. explain_plan.c. */
void command_explain_build(struct command_op *op, const struct command_explain *explain);

#endif
