/* net/tls.h - TLS on the listening port: which connections must speak it, and with which keys.
 *
 * Invariant   TLS 1.2 and 1.3 only, with forward secrecy and authenticated ciphers. New keys are
 *             for the connections that come after them.
 * Thread      net_tls_reload: any. A connection's part: its loop.
 * Memory      the server borrows it until it is freed.
 * Errors      2 with the file that cannot be used and why; a failed reload changes nothing.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/err.h"

struct net_tls;

struct net_tls_options {
    bool required;                /* else who does not speak it is served, too */
    const char *certificate_file; /* PEM: our certificate, its chain and its key */
    const char *password;         /* of the key; NULL: none */
    const char *ca_file;       /* PEM: who signs clients' certificates; NULL: none are asked for */
    const char *crl_file;      /* PEM: which of them are revoked; NULL: none */
    bool without_certificates; /* with ca_file: a client may have none */
    bool no_tls12;
    bool no_tls13;
};

/* The texts are copied. */
int net_tls_new(const struct net_tls_options *options, struct net_tls **ret_tls, struct err *err);
void net_tls_free(struct net_tls *tls);

/* Read the files again. */
int net_tls_reload(struct net_tls *tls, struct err *err);

#endif
