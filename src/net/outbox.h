/* net/outbox.h - the small replies of a turn, written together at its end.
 *
 * Invariant   the bytes of a connection leave in the order they came; nothing stays past the turn,
 *             nor much longer than OUTBOX_NS while a turn lasts.
 * Thread      the loop's.
 * Memory      copies the bytes; a connection in the box is alive: it is freed after the turn at the
 *             earliest.
 * Errors      none: a connection that fails is closed.
 */
#ifndef NET_OUTBOX_H
#define NET_OUTBOX_H

#include "base/buf.h"

struct net_conn;

struct net_outbox {
    struct buf bytes;
    struct buf letters; /* of struct net_letter, in the order they came */
    uint64_t since;     /* ns: of the first */
};

void net__outbox_init(struct net_outbox *box);
void net__outbox_close(struct net_outbox *box);

/* Take a copy of the parts for the connection, if they are small; false: they are not. */
bool net__outbox_add(struct net_outbox *box, struct net_conn *conn, const struct slice *parts,
                     size_t count);

/* Write everything. */
void net__outbox_flush(struct net_outbox *box);

#endif
