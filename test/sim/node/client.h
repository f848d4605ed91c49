/* sim/node/client.h - a driver: one command at a time, over one connection, and again when that is
 * lost.
 *
 * Invariant   a command that may be sent again is, with the same lsid and txnNumber, until it is
 *             answered; of any other that is lost its work is told that nobody knows.
 * Thread      one.
 * Memory      a client owns its command; an answer is borrowed for the call.
 * Errors      by sim_fail.
 */
#ifndef SIM_NODE_CLIENT_H
#define SIM_NODE_CLIENT_H

#include "base/buf.h"
#include "sim/node/life.h"

struct sim_client;

enum sim_manner {
    SIM_PLAIN,  /* may be sent again: it changes nothing, or nothing more */
    SIM_WRITE,  /* retryable, for a client that retries */
    SIM_BEGIN,  /* the first of a transaction */
    SIM_WITHIN, /* a later one */
    SIM_END,    /* commit or abort: may be sent again */
};

struct sim_request {
    enum sim_manner manner;
    struct buf json; /* the command without $db, session and such, in relaxed JSON */
    const char *db;
};

enum sim_outcome { SIM_DONE, SIM_REFUSED, SIM_UNKNOWN };

struct sim_answer {
    enum sim_outcome outcome;
    struct slice reply; /* DONE, REFUSED */
    int code;           /* REFUSED */
};

struct sim_work {
    const char *name;
    void *(*open)(struct sim_client *client);
    /* Write the next command: false when there is nothing to do any more. */
    bool (*next)(struct sim_client *client, struct sim_request *request);
    void (*answered)(struct sim_client *client, const struct sim_answer *answer);
};

struct sim_client {
    struct sim_world *world;
    struct sim_life *life;
    struct sim_history *history;
    const struct sim_work *work;
    void *state; /* of the work */
    uint32_t number;
    char name[16];
    uint32_t steps_left; /* the work counts them down */
    struct sim_link *link;
    bool retries; /* its driver was told to retry writes */
    uint8_t session[16];
    int64_t txn_number;
    enum sim_manner manner;
    struct buf frame; /* the command, as it is sent; again with the same request id */
    int32_t request_id;
    bool sent; /* and not answered yet */
    bool ended;
};

void sim_client_open(struct sim_client *client, uint32_t number, const struct sim_work *work);
/* Begin to work. */
void sim_client_begin(struct sim_client *client);

#endif
