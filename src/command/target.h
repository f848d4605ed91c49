/* command/target.h - the documents that a write is to change, one after another.
 *
 * Invariant   a document is given once, however the write moves it in the index that is walked; one
 *             whose write had to wait is given again, as it is by then, if it still matches.
 * Thread      the shard's owner.
 * Memory      the target's arena, dropped at close; a document is borrowed until the next call.
 * Errors      -LT_EYIELD, -LT_EAGAIN (op->fetch_key is set): call again.
 */
#ifndef COMMAND_TARGET_H
#define COMMAND_TARGET_H

#include "command/read.h"
#include "command/write.h"
#include "query/update.h"

struct command_target_spec {
    struct store_collection *collection; /* may be NULL */
    struct slice filter;
    struct slice sort; /* empty: none */
    struct doc_value hint;
    struct slice let;
    bool bypass;     /* what is upserted need not match the collection's validator */
    bool hidden_too; /* hidden indexes serve it, too */
};

struct command_target {
    struct command_target_spec spec;
    struct arena arena;
    struct query_context context;
    struct command_read read;
    struct query_sort *sort; /* take the first by this order; NULL: any order */
    struct store_skip given;
    struct query_hold hold; /* of `given` */
    struct buf best;        /* sort key of the best so far */
    struct buf best_key;    /* and its record's key */
    struct buf again;       /* key of the record to give again; empty: none */
    struct store_pin pin;
    bool open;
    bool sorted_out;         /* the best has been found and given */
    struct slice look_again; /* in this namespace, since its upsert had to wait; empty: no need */
};

/* Initialise arena and context, for what is to be parsed beside the filter. */
void command_target_init(struct command_op *op, struct command_target *target, struct slice let);
int command_target_open(struct command_op *op, struct command_target *target,
                        const struct command_target_spec *spec);
/* After all parsing. */
void command_target_begin(struct command_target *target);
void command_target_close(struct command_target *target);

/* A new slice of work begins. */
void command_target_slice(struct command_op *op, struct command_target *target);
/* A slice ends: let go of iterators. */
void command_target_pause(struct command_target *target);

/* 1 a document, 0 no more, negative. */
int command_target_next(struct command_op *op, struct command_target *target,
                        struct slice *ret_doc);

/* The collection that the target's documents are in, as the newest catalog has it: 175 when it was
 * dropped or renamed since the write began. */
int command_target_collection(struct command_op *op, struct command_target *target,
                              struct store_collection **ret_collection);

/* Delete the documents, or just the first one, in slices; *n counts them. */
int command_target_delete(struct command_op *op, struct command_target *target, bool just_one,
                          int64_t *n);

/* The write of `doc` has to wait: returns what command_wants returns. */
int command_target_again(struct command_op *op, struct command_target *target, struct slice doc,
                         int code);

/* What is inserted when nothing matched. */
struct command_upsert {
    const struct query_update *update; /* and the target's filter make it, */
    struct slice ns;
    struct slice supplied; /* unless it is given; empty: it is not */
};
/* Insert it; *ret_doc is it, in the target's arena. When that has to wait, the next
 * command_target_next looks anew: another one may insert it first. */
int command_target_upsert(struct command_op *op, struct command_target *target,
                          const struct command_upsert *upsert, struct slice *ret_doc);

#endif
