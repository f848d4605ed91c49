/* command/shown.h - collections that are there to be read though nothing of them is stored: their
 * documents are made when somebody asks.
 *
 * Invariant   they are in every catalog, for reading; whoever writes is refused. A reader gives its
 *             documents in one order, or the opposite one.
 * Thread      a reader is its command's. `fetch`: the work pool, while the command waits for it.
 * Memory      the server's; what a reader holds is on the heap.
 * Errors      73 InvalidNamespace for writing.
 */
#ifndef COMMAND_SHOWN_H
#define COMMAND_SHOWN_H

#include "command/read.h"
#include "store/writer.h"

struct command_op;
struct command_server;
struct command_shown;

struct command_shown_ops {
    const char *db;
    const char *name;
    bool capped; /* it may be tailed, and has no index */
    /* What a reader needs; never NULL. */
    void *(*open)(const struct command_shown *shown, const struct command_read *read);
    /* The next document, in the read's scratch: 1; 0 there is none, or (capped) none yet;
     * -LT_EAGAIN: `fetch` must be called first or, where there is none, read->view says what is
     * missing. */
    int (*next)(void *reader, struct command_read *read, struct slice *ret_doc);
    void (*close)(void *reader);
    void (*fetch)(void *reader);            /* or NULL */
    uint64_t (*awaits)(const void *reader); /* capped: the hybrid time of what comes next */
};

/* How many there are. */
enum { COMMAND_SHOWN_COUNT = 3 };

struct command_shown {
    const struct command_shown_ops *ops;
    struct command_server *server;
};

extern const struct command_shown_ops command_shown_oplog;
extern const struct command_shown_ops command_shown_sessions;
extern const struct command_shown_ops command_shown_transactions;

/* Put them into the writer's catalog: it has just been opened. */
void command_shown_install(struct command_server *server, struct store_writer *writer);

static inline const struct command_shown *
command_shown_of(const struct store_collection *collection)
{
    return collection == NULL ? NULL : collection->shown;
}

/* The next document of a read of such a collection: as command_read_next. */
int command_shown_next(struct command_read *read, struct slice *ret_doc);
void command_shown_close(struct command_read *read);

/* The hybrid time before which a read that came to its end has no more. */
uint64_t command_shown_awaits(const struct command_read *read);

/* Such a collection is not to be written to. */
int command_shown_refuse(struct command_op *op, const struct store_collection *collection);

#endif
