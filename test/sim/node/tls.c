/* sim/node/tls.c - the simulated network has no TLS: nobody asks for it, and nobody has a
 * certificate. */
#include "net/tls.h"

#include <assert.h>
#include <stddef.h>

#include "net/conn.h"

int net_tls_new(const struct net_tls_options *options, struct net_tls **ret_tls, struct err *err)
{
    (void)options;
    (void)ret_tls;
    return err_set(err, LT_ENOTIMPLEMENTED, "there is no TLS here");
}

int net_tls_reload(struct net_tls *tls, struct err *err)
{
    (void)tls;
    return err_set(err, LT_ENOTIMPLEMENTED, "there is no TLS here");
}

void net_tls_free(struct net_tls *tls)
{
    assert(tls == NULL);
    (void)tls;
}

const char *net_conn_certificate(const struct net_conn *conn)
{
    (void)conn;
    return NULL;
}
