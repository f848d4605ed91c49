/* net/loop_private.h - the loop's inside, for net/ only.
 *
 * Invariant   `server` parts are set before the loop starts.
 * Thread      the loop's.
 * Memory      the loop owns it.
 * Errors      none.
 */
#ifndef NET_LOOP_PRIVATE_H
#define NET_LOOP_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "net/loop.h"
#include "net/outbox.h"

enum { NET_READ_BUFFER = 64 * 1024 };

struct net_conn;

struct net_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t prepare; /* before the loop waits */
    uv_check_t check;     /* after it has */
    uv_idle_t idle;       /* active while somebody is due: the loop does not wait then */
    pthread_t thread;
    pthread_t self; /* of the running loop; valid once `running` */
    atomic_bool running;
    bool started;                       /* there is a thread to join */
    _Atomic(struct net_mail *) mailbox; /* newest first */
    atomic_bool stopping;
    const struct net_watch *watch; /* NULL: nobody's */
    void *watch_context;
    bool asleep; /* in the watch's eyes */
    struct net_turn *turns;
    struct net_outbox outbox;
    uint64_t turn;          /* its number */
    struct net_conn *conns; /* all connections of this loop */
    struct net_conn *due;   /* those with frames left over from their last turn */
    atomic_uint conns_count;
    uint8_t *read_buffer;  /* shared by its connections; NET_READ_BUFFER bytes */
    uint8_t *plain_buffer; /* the same, for what TLS has decrypted */
};

/* An event has come: before anything of the user's is called. */
void net__loop_awake(struct net_loop *loop);

#endif
