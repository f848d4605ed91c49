/* command/cursor.h - results that are fetched in batches.
 *
 * Invariant   a cursor is in use by one op or rests in the table; one that rests holds no engine
 *             iterator and no snapshot. Its id is random, not zero.
 * Thread      the table: any. A cursor: the op that has it out.
 * Memory      a cursor owns its arena and all of its query; the table is bounded by
 *             COMMAND_CURSORS_MAX.
 * Errors      146 when a budget is full, 43 CursorNotFound, 143 CursorInUse, 175 when the
 * collection is gone.
 */
#ifndef COMMAND_CURSOR_H
#define COMMAND_CURSOR_H

#include "command/cached.h"
#include "command/place.h"
#include "command/read.h"
#include "command/server.h"

enum {
    COMMAND_CURSORS_MAX = 100000,
    COMMAND_CURSOR_SPARE_MS = 60000, /* idle for so long, it goes when memory is short */
    COMMAND_FIRST_BATCH = 101,
};

struct command_cursor {
    int64_t id; /* 0: not in the table */
    struct slice ns;
    struct arena arena;
    struct query_context context;
    struct store_view view;
    struct command_server *server;
    struct command_txn *txn;             /* that it was opened in; NULL: in none */
    struct command_snapshot *snapshot;   /* that it reads, held; NULL: what is newest */
    struct store_collection *collection; /* held; NULL: there is none */
    struct command_read read;
    bool has_read; /* `read` is open */
    /* The next result: 1, 0 the end, negative as command_read_next. */
    int (*next)(struct command_cursor *cursor, struct slice *ret_doc, struct err *err);
    struct command_stream *stream;                /* of a change stream; else NULL */
    bool tailable;                                /* its end is not the end, */
    bool awaits_data;                             /* and getMore waits there */
    struct command_foreign *foreign;              /* reads of other collections that are open */
    void *plan;                                   /* what `next` needs besides */
    void (*close)(struct command_cursor *cursor); /* gives back what `plan` holds; or NULL */
    bool exhausted;
    bool single_batch;
    bool no_timeout;
    struct slice stash; /* a result that did not fit into the last batch */
    struct buf stash_buf;
    int64_t returned; /* documents so far */
    uint64_t used_us; /* last, by the clock that does not jump */
    uint64_t created_us;
    bool in_use;
    bool killed; /* to be freed by the op that has it out */
    struct command_cursor *next_in_slot;
    struct command_memory memory; /* what its reads and stages hold */
    uint64_t buffered;            /* charged to the budget of cursors, while it rests */
    uint64_t planned;             /* charged to the budget of plans, likewise */
    struct slice describe;        /* the command that made it, for currentOp */
    uint8_t user_id[16];          /* op->user_id of that one */
    bool in_session;              /* it was opened in one: */
    uint8_t session[16];          /* of this key */
};

struct command_cursors *command_cursors_new(void);
void command_cursors_free(struct command_cursors *cursors);

/* A cursor for an op: arena, context and view are ready. */
struct command_cursor *command_cursor_new(struct command_op *op, struct slice ns);
void command_cursor_free(struct command_cursor *cursor);

/* A new slice of a cursor's read begins: 175, 246 when what it reads is gone. */
int command_cursor_slice(struct command_op *op, struct command_cursor *cursor);
/* A step ended early with `code`: let go of what is borrowed, and say what is missing. */
int command_cursor_pause(struct command_op *op, struct command_cursor *cursor, int code);

/* Hold the collection that the cursor is about; getMore fails when it is gone. May be NULL. */
void command_cursor_use(struct command_cursor *cursor, struct store_collection *collection);

/* Write {cursor: {<batch_name>: [...], id, ns}} into the reply: as many results as `batch_size`
 * (negative: what fits) and 16 MB allow. -LT_EYIELD and -LT_EAGAIN: call again with the same
 * arguments. When it is done the cursor has been freed, or rests in the table. */
struct command_batch {
    struct command_cursor *cursor;
    const char *name; /* "firstBatch" */
    int64_t size;     /* negative: no limit */
    bool open;        /* the reply has been begun */
    int64_t count;
    struct command_cached *cached; /* where the result is kept, if it is whole; NULL: nowhere */
    uint64_t await_us;           /* how long to wait for a first event or document; 0: not at all */
    struct command_place resume; /* after what is in the batch */
};
/* The first batch of a new cursor, as the op's state. */
struct command_batch *command_batch_new(struct command_op *op, struct command_cursor *cursor,
                                        int64_t size);
/* Kill the cursor of the batch in op->state: what op->release does while a batch is filled. */
void command_batch_release(struct command_op *op);
int command_batch_fill(struct command_op *op, struct command_batch *batch);

/* Take a cursor out of the table. */
int command_cursor_take(struct command_op *op, int64_t id, struct command_cursor **ret_cursor);

/* Kill those of a transaction that ends; none is in use. */
void command_cursors_kill_txn(struct command_cursors *cursors, const struct command_txn *txn);
/* The catalog that the cursor's reads belong to, held. */
struct store_catalog *command_cursor_catalog(const struct command_cursor *cursor);
/* Whose is it, and the command that made it, copied. False: there is none of that id. */
struct command_cursor_origin {
    uint8_t user_id[16];
    struct slice command;
};
bool command_cursor_origin(struct command_cursors *cursors, int64_t id, struct arena *arena,
                           struct command_cursor_origin *ret_origin);

/* Kill those that were opened in a session that ends. */
void command_cursors_kill_session(struct command_cursors *cursors, const uint8_t session[16]);
/* Kill by id: 0, or 43. One in use dies with its op. */
int command_cursor_kill(struct command_cursors *cursors, int64_t id);
/* Those that rest, each to `each`, under a lock. */
void command_cursors_each_idle(struct command_cursors *cursors,
                               void (*each)(void *context, const struct command_cursor *cursor),
                               void *context);
/* Free what has been idle for longer than the parameter cursorTimeoutMillis. */
void command_cursors_sweep(struct command_server *server, uint64_t now_us);
/* memory_reclaimer.give_back; the context is the server. Kills cursors that may time out and have
 * been idle for COMMAND_CURSOR_SPARE_MS, until they held `bytes`. */
uint64_t command_cursors_reclaim(void *context, uint64_t bytes);
uint32_t command_cursors_count(struct command_cursors *cursors);

#endif
