/* command/sink.h - where the documents of a pipeline go that ends with $out or $merge.
 *
 * Invariant   the pipeline reads one moment, so it never sees what it writes; documents are
 *             written as they come, in slices, by the functions that insert and update use.
 * Thread      the shard's owner; parsing: the cursor's.
 * Memory      parsed forms: the cursor's arena. A sink: the op's arena; the arena of a document is
 *             emptied for the next one.
 * Errors      MongoDB's codes; -LT_EYIELD, -LT_EAGAIN, -LT_EWAIT: call again.
 */
#ifndef COMMAND_SINK_H
#define COMMAND_SINK_H

#include "command/cursor.h"
#include "query/pipeline.h"

struct command_sink;

/* A kind of last stage. */
struct command_sink_ops {
    /* Before the first document. */
    int (*open)(struct command_op *op, struct command_sink *sink);
    /* Write sink->doc; again when that was paused. */
    int (*put)(struct command_op *op, struct command_sink *sink);
    /* There are no more: 0 all of it is there. */
    int (*finish)(struct command_op *op, struct command_sink *sink);
    /* Once, also after an error: give back, undo. */
    void (*close)(struct command_op *op, struct command_sink *sink);
};

/* What the parsed form of such a stage begins with. */
struct command_sink_spec {
    const struct command_sink_ops *ops;
    const char *name; /* "$out" */
    struct slice ns;  /* "db.coll" */
};

struct command_sink {
    const struct command_sink_spec *spec;
    struct command_cursor *cursor; /* the pipeline; owned */
    bool bypass;
    bool opened;
    bool ended;         /* the pipeline is at its end */
    struct slice doc;   /* being written; empty: the next one is to be pulled */
    struct arena arena; /* its, and what is made for it */
    struct query_eval
        eval;    /* for expressions on it: variables of the pipeline, results in `arena` */
    void *state; /* the ops' */
};

/* Does the aggregate write? By its text alone: then the owner steps it. */
bool command_aggregate_writes(struct slice body);

/* Pull all of `cursor`, which is taken over, into its last stage: as the op's state. */
int command_sink_begin(struct command_op *op, struct command_cursor *cursor, bool bypass);
int command_sink_run(struct command_op *op);

/* ---- for the stages ---- */

/* A target as it was given. */
struct command_sink_target {
    struct slice db; /* NULL: the cursor's */
    struct slice coll;
    int database_code; /* of the error when the database is the server's own, */
    int system_code;   /* and when the collection is */
};
/* "db.coll" in the context's arena: a valid name, of a collection that a pipeline may write to. */
int command_sink_resolve(const struct query_stage_parse *parse,
                         const struct command_sink_target *target, struct slice *ret_ns,
                         struct err *err);
/* 40413: a field is there twice. Rights are asked of the first one. */
int command_sink_check_fields(const char *name, struct slice spec, struct err *err);
/* query_stage_ops.next: documents pass; the sink has them from the run. */
int command_sink_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err);

#endif
