/* tool/bench_mongo_private.h - what the two files that speak MongoDB's protocol share.
 *
 * Invariant   a request is composed once for each connection; what differs is filled in later.
 * Thread      the connection's.
 * Memory      the state is the connection's.
 * Errors      as bench_peer.
 */
#ifndef TOOL_BENCH_MONGO_PRIVATE_H
#define TOOL_BENCH_MONGO_PRIVATE_H

#include "doc/build.h"
#include "tool/bench_private.h"

#define MONGO_MARK_I64 INT64_C(0x5a31c7e96b24d8f3)

/* A request that is ready but for its blanks. */
struct mongo_request {
    struct buf message;
    uint32_t at;    /* the key or number to look for, or the first document */
    uint32_t limit; /* of a scan */
    uint32_t size;  /* of the documents' sequence */
};

enum mongo_part { MONGO_TXN_FIRST, MONGO_TXN_NEXT, MONGO_TXN_COMMIT, MONGO_TXN_PARTS };

struct mongo_state {
    struct mongo_request requests[BENCH_OPS];
    /* of transactions */
    struct mongo_request parts[MONGO_TXN_PARTS];
    uint32_t numbers[MONGO_TXN_PARTS]; /* where their txnNumber is */
    uint32_t part;                     /* commands of the transaction that were answered */
    int64_t number;                    /* of it */
};

/* ---- composing ---- */
uint32_t bench__mongo_find_mark(const struct buf *buf, const void *mark, size_t size);
uint32_t bench__mongo_find_key(const struct buf *buf);
/* The key of document 0, to be found again and filled in. */
void bench__mongo_build_key(struct doc_builder *builder, const char *name);
void bench__mongo_begin(struct mongo_request *request, struct doc_builder *builder,
                        const char *command);
void bench__mongo_end(struct mongo_request *request);

/* ---- checking ---- */
bool bench__mongo_is(struct slice doc, const char *name, int64_t wanted);
/* `wanted` documents from number `key` on. */
int bench__mongo_check_find(struct bench_conn *conn, struct slice reply, uint64_t key,
                            uint32_t wanted, struct err *err);

/* ---- transactions (bench_mongo_txn.c) ---- */
/* Begin one. */
int bench__txn_send(struct bench_conn *conn, struct err *err);
/* Is this the answer to its newest command? */
int bench__txn_check(struct bench_conn *conn, struct slice reply, struct err *err);
/* That was answered: 1 it was the commit, 0 the next one is sent. */
int bench__txn_go_on(struct bench_conn *conn, struct err *err);

#endif
