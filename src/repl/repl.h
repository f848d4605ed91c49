/* repl/repl.h - one consensus group's decisions, over libraft's pure step.
 *
 * Invariant   what repl_step returns must be carried out in this order: vote, entries, messages.
 *             Nothing counts as committed before it was reported persisted by a majority.
 * Thread      one at a time: the shard's owner.
 * Memory      entries handed in and out borrow their payloads from the caller, who keeps them
 *             until they are applied; the update's arrays live until the next step.
 * Errors      -LT_ENOTWRITABLEPRIMARY when a follower is asked to propose; -LT_EINTERNALERROR with
 *             libraft's words otherwise.
 */
#ifndef REPL_REPL_H
#define REPL_REPL_H

#include "base/err.h"

struct repl;

enum repl_entry_type { REPL_ENTRY_COMMAND = 1, REPL_ENTRY_BARRIER = 2, REPL_ENTRY_CHANGE = 3 };

struct repl_entry {
    uint64_t index;
    uint64_t term;
    enum repl_entry_type type;
    struct slice payload;
};

/* Where a member's log starts when the entries before are in the store only. */
struct repl_base {
    uint64_t index; /* 0: the log is complete */
    uint64_t term;
    struct slice configuration; /* payload of the newest change entry up to index */
    uint64_t configuration_index;
};

enum repl_event_type {
    REPL_START,     /* first: what was found on disk */
    REPL_PROPOSE,   /* the leader appends entries; index and term are filled in */
    REPL_PERSISTED, /* entries up to index are on disk */
    REPL_TICK,      /* the deadline has passed */
};

struct repl_event {
    enum repl_event_type type;
    uint64_t now_ms; /* monotonic */
    uint64_t index;  /* PERSISTED */
    struct {
        uint64_t term;
        uint64_t voted_for;
        struct repl_base base;
    } start;                    /* START */
    struct repl_entry *entries; /* START, PROPOSE */
    size_t entries_count;
};

struct repl_update {
    bool vote_changed; /* persist term and voted_for before anything else */
    uint64_t term;
    uint64_t voted_for;
    struct repl_entry *entries; /* persist these, in order */
    size_t entries_count;
    uint64_t commit_index; /* apply up to here */
    bool leader;
    uint64_t deadline_ms; /* send REPL_TICK then */
};

/* `id` is this member's number in the group, from 1. */
int repl_new(uint64_t id, const char *address, uint32_t seed, struct repl **ret_repl,
             struct err *err);
void repl_free(struct repl *repl);

int repl_step(struct repl *repl, const struct repl_event *event, struct repl_update *ret_update,
              struct err *err);

/* The index that the next proposed entry gets. */
uint64_t repl_next_index(const struct repl *repl);

/* The payload of the change entry that begins a group with this one member; appended to the heap
 * memory of the caller's choice by `copy`. */
struct buf;
int repl_first_configuration(uint64_t id, const char *address, struct buf *payload);

#endif
