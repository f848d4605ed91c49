/* store/tail.h - the log's newest applied entries, in memory, for who follows it.
 *
 * Invariant   from the place where the first follower began, every applied entry is there, or older
 *             ones were let go for want of room, oldest first. Nothing is kept while nobody
 *             follows.
 * Thread      append: the shard's owner. The rest: any; one lock.
 * Memory      copies payloads; entries are counted and live until their last reader lets go, with
 *             what was left with them. Both are within bytes_max while they are in the tail.
 * Errors      -LT_EAGAIN: the entries after that place are not all here; the journal may have them.
 */
#ifndef STORE_TAIL_H
#define STORE_TAIL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "store/kv.h"

enum { STORE_TAIL_GLOSSES_MAX = 8 };

/* What its first reader worked out of an entry and left for the others: the head of a block on the
 * heap. */
struct store_tail_gloss {
    struct store_tail_gloss *next;
    struct slice name; /* in the block, or static */
    size_t bytes;      /* of the block */
};

struct store_tail_entry {
    atomic_uint references;
    _Atomic(struct store_tail_gloss *) glosses; /* newest first */
    size_t counted; /* bytes of it and them while it is in the tail, or 0; the tail's lock */
    uint64_t index;
    uint64_t term;
    uint64_t clock;
    size_t len;
    uint8_t payload[];
};

struct store_tail {
    pthread_mutex_t lock;
    struct store_tail_entry **ring; /* oldest at head */
    size_t head, count, cap;
    uint64_t bytes;
    uint64_t bytes_max;
    uint64_t from; /* every entry with a clock above is there, */
    uint64_t last; /* up to this one */
    uint64_t last_index;
    uint32_t followers;
    _Atomic uint32_t followed; /* the same, to be looked at without the lock */
};

void store_tail_init(struct store_tail *tail, uint64_t bytes_max);
void store_tail_close(struct store_tail *tail);

/* One more follows, from the newest entry on. */
void store_tail_follow(struct store_tail *tail);
void store_tail_unfollow(struct store_tail *tail);

/* An entry was applied: the one that `mark` tells of. */
void store_tail_append(struct store_tail *tail, const struct store_mark *mark,
                       struct slice payload);

/* Clock and index of the newest applied entry. */
uint64_t store_tail_last(struct store_tail *tail, uint64_t *ret_index);

/* The first entry whose clock is above `clock`, held: 1; 0 there is none yet. */
int store_tail_next(struct store_tail *tail, uint64_t clock, struct store_tail_entry **ret_entry);

/* What was left with an entry under that name, or NULL. */
const struct store_tail_gloss *store_tail_gloss(const struct store_tail_entry *entry,
                                                struct slice name);

/* Leave `gloss` with a held entry, whose it is from now on: the one that is there under its name,
 * from whoever was first. NULL: the entry has STORE_TAIL_GLOSSES_MAX already. */
const struct store_tail_gloss *store_tail_leave(struct store_tail *tail,
                                                struct store_tail_entry *entry,
                                                struct store_tail_gloss *gloss);

/* An entry on the heap, held once. */
struct store_tail_entry *store_tail_entry_new(const struct store_mark *mark, struct slice payload);
/* NULL is fine. */
void store_tail_entry_release(struct store_tail_entry *entry);

#endif
