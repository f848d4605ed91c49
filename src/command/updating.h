/* command/updating.h - one update at work: the documents it finds, changed one after another, or
 * the one it inserts when there are none.
 *
 * Invariant   what it says of itself (matched, modified, upserted) counts what was written, also
 *             when it ends with an error.
 * Thread      the shard's owner.
 * Memory      an arena of its own, from the first step to command_updating_end; `upserted` and
 *             op->err.info may lie in it.
 * Errors      -LT_EYIELD, -LT_EAGAIN, -LT_EWAIT: step it again; others end it.
 */
#ifndef COMMAND_UPDATING_H
#define COMMAND_UPDATING_H

#include "command/target.h"

struct query_series;

struct command_updating_spec {
    struct slice ns;
    struct slice filter;
    struct doc_value update;
    struct slice delta; /* instead: of the oplog; data NULL: none */
    struct doc_value constants;
    struct doc_value array_filters;
    struct doc_value hint;
    struct slice sort;
    struct slice let;
    struct slice collation; /* empty: the collection's */
    struct slice supplied; /* what an upsert inserts; empty: what filter and update make together */
    bool multi;
    bool upsert;
    bool bypass;
};

struct command_updating {
    struct command_updating_spec spec;
    bool running;
    struct command_target target;
    struct query_update *update;
    const struct query_series *rows; /* buckets are updated, and count as rows; NULL: none are */
    int64_t matched;
    int64_t modified;
    struct slice upserted; /* the document that was inserted; empty: none was */
};

/* Work on `spec`, from the beginning when it is not running: 0 done. */
int command_updating_step(struct command_op *op, struct command_updating *updating);
/* It is done, has failed or is given up. */
void command_updating_end(struct command_op *op, struct command_updating *updating);

#endif
