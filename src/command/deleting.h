/* command/deleting.h - one delete at work: the documents it finds, taken out one after another.
 *
 * Invariant   `deleted` counts what was taken out, also when it ends with an error.
 * Thread      the shard's owner.
 * Memory      an arena of its own, from the first step to command_deleting_end.
 * Errors      -LT_EYIELD, -LT_EAGAIN, -LT_EWAIT: step it again; others end it.
 */
#ifndef COMMAND_DELETING_H
#define COMMAND_DELETING_H

#include "command/target.h"

struct command_series_deleting;

struct command_deleting_spec {
    struct slice ns;
    struct slice filter;
    struct doc_value hint;
    struct slice let;
    struct slice collation; /* empty: the collection's */
    bool just_one;
};

struct command_deleting {
    struct command_deleting_spec spec;
    bool running;
    struct command_target target;
    struct command_series_deleting *series; /* of a time series; NULL: it is none */
    int64_t deleted;
};

/* Work on `spec`, from the beginning when it is not running: 0 done. */
int command_deleting_step(struct command_op *op, struct command_deleting *deleting);
/* It is done, has failed or is given up. */
void command_deleting_end(struct command_deleting *deleting);

#endif
