/* test/conformance/client.h - one blocking connection that sends commands and reads replies.
 *
 * Invariant   after an error the connection is closed; the next command opens a new one.
 * Thread      one.
 * Memory      the reply lives until the next command.
 * Errors      a negative enum value; the text says more.
 */
#ifndef TEST_CONFORMANCE_CLIENT_H
#define TEST_CONFORMANCE_CLIENT_H

#include "base/buf.h"

enum conf_client_error {
    CONF_CLIENT_REFUSED = -1, /* nobody listens */
    CONF_CLIENT_LOST = -2,    /* the server closed the connection */
    CONF_CLIENT_TIMEOUT = -3,
    CONF_CLIENT_UNREADABLE = -4, /* the reply is not one */
};

struct conf_client {
    int fd; /* -1 when closed */
    int port;
    int timeout_ms;
    int32_t request_id;
    struct buf request;
    struct buf reply;
};

void conf_client_init(struct conf_client *client, int port, int timeout_ms);
void conf_client_close(struct conf_client *client);

/* Send `command` (with $db inside) and wait for the reply's document. */
int conf_client_call(struct conf_client *client, struct slice command, struct slice *ret_reply);

/* "timeout", "connection lost", ... */
const char *conf_client_error_text(int error);

#endif
