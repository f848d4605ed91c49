/* net/loop.h - one thread, one event loop, and the mailbox through which other threads reach it.
 *
 * Invariant   everything that belongs to a loop is touched by its thread only; net_loop_post is
 *             the one door for the others. Mail is delivered in the order each sender posted it.
 * Thread      net_loop_post and net_loop_stop: any. The rest: before net_loop_run, or the loop's.
 * Memory      a mail belongs to its sender until it is delivered.
 * Errors      -LT_EIO when the system gives no loop.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"

struct net_loop;

/* A message to a loop, embedded in the sender's object. */
struct net_mail {
    struct net_mail *next;
    void (*deliver)(struct net_mail *mail);
};

int net_loop_new(struct net_loop **ret_loop, struct err *err);
/* After the loop has stopped. */
void net_loop_free(struct net_loop *loop);

/* Run on a thread of its own; net_loop_join waits for its end. */
int net_loop_start(struct net_loop *loop, const char *thread_name, struct err *err);
void net_loop_join(struct net_loop *loop);

/* Who wants to know when a loop may run its user's code. All on the loop's thread. */
struct net_watch {
    void (*begin)(void *context); /* first of all, awake */
    void (*sleep)(void *context); /* it is about to wait for events */
    void (*awake)(void *context); /* the first has come */
    void (*end)(void *context);   /* last of all, awake */
};
/* Before net_loop_start. */
void net_loop_watch(struct net_loop *loop, const struct net_watch *watch, void *context);

/* Deliver `mail` on the loop's thread. */
void net_loop_post(struct net_loop *loop, struct net_mail *mail);

/* Ask the loop to close everything it has and end. */
void net_loop_stop(struct net_loop *loop);

/* Is this the loop's own thread? */
bool net_loop_is_here(const struct net_loop *loop);

/* Call `cb` every `period_ms` on the loop, for as long as it runs. Before net_loop_start. */
void net_loop_every(struct net_loop *loop, uint64_t period_ms, void (*cb)(void *context),
                    void *context);

/* Call `cb` once, at the end of the loop's present turn; repeated calls in a turn are one. */
struct net_turn {
    struct net_turn *next;
    bool queued;
    void (*cb)(struct net_turn *turn);
};
void net_loop_turn(struct net_loop *loop, struct net_turn *turn);

/* ---- the work pool: blocking calls, off the loops ---- */
struct net_work {
    void (*work)(struct net_work *work); /* on a pool thread */
    void (*done)(struct net_work *work); /* back on the loop */
};
/* Queue; the work belongs to the caller until done. */
void net_loop_work(struct net_loop *loop, struct net_work *work);

#endif
