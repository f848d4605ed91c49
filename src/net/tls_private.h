/* net/tls_private.h - one connection's TLS: bytes of the socket in and out, plain ones in between.
 *
 * Invariant   what the socket gave is fed whole and read until there is no more; what is to be
 *             written is taken out before more is put in.
 * Thread      the connection's loop.
 * Memory      the connection owns it.
 * Errors      negative: the connection is to be closed, after what is in net__tls_out was written.
 */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include "base/slice.h"
#include "net/tls.h"

struct net_tls_conn;

enum net_tls_guess { NET_TLS_UNKNOWN, NET_TLS_PLAIN, NET_TLS_HELLO };

/* What do a connection's first bytes begin? UNKNOWN: more of them are needed. */
enum net_tls_guess net__tls_guess(struct slice bytes);
bool net__tls_is_required(const struct net_tls *tls);

struct net_tls_conn *net__tls_accept(struct net_tls *tls);
void net__tls_close(struct net_tls_conn *conn);

/* Bytes from the socket. */
void net__tls_feed(struct net_tls_conn *conn, struct slice bytes);
/* Plain bytes: how many, 0 none for now, negative. */
int net__tls_read(struct net_tls_conn *conn, uint8_t *to, int cap);
int net__tls_write(struct net_tls_conn *conn, struct slice bytes);
/* The last word. */
void net__tls_end(struct net_tls_conn *conn);
/* Bytes for the socket; net__tls_sent when they are there. */
struct slice net__tls_out(struct net_tls_conn *conn);
void net__tls_sent(struct net_tls_conn *conn);

/* The subject of the client's certificate, "CN=x,O=y" (RFC 2253), or NULL: it was asked for none,
 * or has none. */
const char *net__tls_subject(struct net_tls_conn *conn);

#endif
