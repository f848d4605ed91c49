/* tool/bench_private.h - what the parts of the benchmark share.
 *
 * Invariant   a document's bytes follow from its number, except for the counter n; every update
 *             adds 1 to one counter. So every reply can be checked, and the sums at the end.
 * Thread      struct bench is read only while threads run; a connection and its results belong to
 *             one thread.
 * Memory      struct bench owns what it points to.
 * Errors      a wrong answer is -LT_EBENCH_WRONG; the first failure ends the run.
 */
#ifndef TOOL_BENCH_PRIVATE_H
#define TOOL_BENCH_PRIVATE_H

#include <signal.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/hist.h"

#define BENCH_DB "largetable_bench"
#define BENCH_TABLE "bench"

enum {
    LT_EBENCH_WRONG = LT_EINTERNALERROR,
    BENCH_KEY_SIZE = 16, /* "k000000000000123" */
    BENCH_GROUP_SIZE = 10,
    BENCH_BATCH_MAX = 1000,
    BENCH_EXTRA_MAX = 32,
    BENCH_DOCUMENT_SIZE_MIN = 128,
    BENCH_DOCUMENT_SIZE_MAX = 1 << 20,
};

/* What is measured, and (all but BENCH_RMW) what a peer can be asked for. */
enum bench_op {
    BENCH_READ,           /* one document by _id */
    BENCH_READ_SECONDARY, /* by u (unique) or g (ten documents) */
    BENCH_UPDATE,         /* add 1 to n */
    BENCH_INSERT,
    BENCH_INSERT_MANY,
    BENCH_SCAN,       /* documents by _id, ascending */
    BENCH_TXN_INSERT, /* a transaction of --batch inserts, each a command, and its commit */
    BENCH_TXN_READ,   /* the same of reads by _id */
    BENCH_RMW,        /* a read, then an update of the same document */
    BENCH_OPS,
};

extern const char *const bench_op_names[BENCH_OPS];

enum bench_distribution {
    BENCH_UNIFORM,
    BENCH_ZIPFIAN,
    BENCH_LATEST,
    BENCH_HOT, /* always document 0 */
    BENCH_DISTRIBUTIONS,
};

extern const char *const bench_distribution_names[BENCH_DISTRIBUTIONS];

struct bench_workload {
    const char *name;
    const char *help;
    uint8_t share[BENCH_OPS]; /* in percent, together 100 */
    enum bench_distribution distribution;
    bool scan_varies; /* lengths from 1 to --scan-length */
};

/* Row by name, or NULL; by number, NULL past the last. */
const struct bench_workload *bench_workload_find(const char *name);
const struct bench_workload *bench_workload_at(uint32_t index);

struct bench_options {
    const struct bench_workload *workload;
    const struct bench_peer *peer;
    const char *host;
    const char *json_path; /* NULL: none; "-": standard output, without a table */
    uint16_t port;
    bool spawn;
    bool loaded; /* the documents are there already, and nothing is written */
    bool index_plain;
    uint32_t connections;
    uint32_t threads;
    uint32_t batch;
    uint32_t document_size;
    uint32_t scan_length;
    uint32_t indexes; /* plain secondary ones, see bench_indexes */
    uint32_t idle;
    uint64_t documents;
    double rate; /* operations a second; 0: closed loop */
    double warmup_s;
    double seconds;
    enum bench_distribution distribution;
    char *extra[BENCH_EXTRA_MAX + 1]; /* more arguments of the server that is started */
    uint32_t extra_count;
};

/* What --indexes makes: columns over the documents' numbers. */
struct bench_index {
    const char *json;       /* key */
    const char *name;       /* of the index */
    const char *expression; /* the same over PostgreSQL's jsonb */
};

enum { BENCH_INDEXES_MAX = 4 };

extern const struct bench_index bench_indexes[BENCH_INDEXES_MAX];

/* Exits by itself for --help, --usage and arguments that make no sense. */
void bench_options_parse(struct bench_options *options, int argc, char **argv);

/* ---- documents (bench_doc.c) ---- */

/* Where in the bytes of every document the parts that differ are. */
struct bench_layout {
    struct buf blank; /* a document whose parts are to be filled in */
    uint32_t id, n, u, g, pad, pad_size;
};

void bench_layout_init(struct bench_layout *layout, uint32_t size);
/* "k" and fifteen digits, without a NUL. */
void bench_key_write(uint8_t at[BENCH_KEY_SIZE], uint64_t number);
/* Document `number` with n: 0, over a copy of layout->blank. */
void bench_doc_patch(const struct bench_layout *layout, uint8_t *at, uint64_t number);
/* True when `doc` is document `number`, whatever n is, as long as it is not negative. */
bool bench_doc_check(const struct bench_layout *layout, struct slice doc, uint64_t number);
/* The text in pad of document `number`; pad_size bytes. */
void bench_pad_write(uint8_t *at, uint32_t size, uint64_t number);
int64_t bench_unique_of(uint64_t number);

/* ---- choosing (bench_choose.c) ---- */

/* YCSB's zipfian generator, theta 0.99: rank 0 is the most popular of `count`. */
struct bench_zipf {
    uint64_t count;
    double zeta, eta, alpha, half;
};

void bench_zipf_init(struct bench_zipf *zipf, uint64_t count);
/* `random` is evenly distributed. */
uint64_t bench_zipf_rank(const struct bench_zipf *zipf, uint64_t random);
/* A bijective mixing of 64 bits. */
uint64_t bench_mix(uint64_t value);

/* ---- a run ---- */
struct bench;

struct bench_conn {
    const struct bench *bench;
    int fd;
    bool wants_out;  /* some of `out` is still to be sent */
    bool busy;       /* a reply is awaited */
    bool refused;    /* the reply said that the server has too much to do */
    uint32_t number; /* of all connections */
    uint64_t random; /* state */
    /* the request that is on its way */
    enum bench_op op;   /* what is measured */
    enum bench_op verb; /* what the peer was asked for; differs in the halves of BENCH_RMW */
    uint64_t key;       /* the first document's number */
    uint32_t count;     /* documents that are written or expected */
    uint32_t request_id;
    uint64_t start_us; /* when it was, or should have been, sent */
    /* what was acknowledged */
    uint64_t inserted; /* this connection's own: numbers base + k * connections + number */
    uint64_t updated;
    struct slice out; /* the request; bytes are the peer's */
    size_t out_done;
    struct buf in;
    void *state; /* the peer's */
};

/* What a peer says it holds. */
struct bench_tally {
    bool counts_updates;
    int64_t documents;
    int64_t updates;
};

/* A kind of server. Calls return 0 or negative unless said otherwise. */
struct bench_peer {
    const char *name;
    uint16_t port;      /* where it usually listens */
    uint32_t verbs;     /* bits 1 << enum bench_op */
    bool holds_nothing; /* nothing is loaded before a run */
    /* The server itself, in a process of its own until SIGTERM: its exit status; NULL: it is not
     * part of this program, or (Largetable) is started by its command line. */
    int (*serve)(const struct bench *bench, uint16_t port);
    /* Empty the database and make table and indexes. */
    int (*prepare)(struct bench *bench, struct err *err);
    /* Connect and greet, blocking; conn->fd does not block afterwards. */
    int (*open)(struct bench_conn *conn, struct err *err);
    /* Only connect and greet; NULL: no idle connections are measured. */
    int (*greet)(const struct bench *bench, int *ret_fd, struct err *err);
    /* Send conn->verb; sets wants_out when the socket is full. */
    int (*send)(struct bench_conn *conn, struct err *err);
    /* Go on sending. */
    int (*flush)(struct bench_conn *conn, struct err *err);
    /* Take what has come: 1 when the reply is complete and right, 0 when more must come. */
    int (*receive)(struct bench_conn *conn, struct err *err);
    void (*close)(struct bench_conn *conn);
    int (*tally)(struct bench *bench, struct bench_tally *ret_tally, struct err *err);
};

extern const struct bench_peer bench_mongo;
extern const struct bench_peer bench_redis;
extern const struct bench_peer bench_postgres;
extern const struct bench_peer bench_echo;

static inline bool bench_op_inserts(enum bench_op op)
{
    return op == BENCH_INSERT || op == BENCH_INSERT_MANY || op == BENCH_TXN_INSERT;
}

static inline bool bench_op_is_txn(enum bench_op op)
{
    return op == BENCH_TXN_INSERT || op == BENCH_TXN_READ;
}

/* A server that this program started. */
struct bench_server {
    int pid; /* 0: none was started */
    uint16_t port;
    double start_ms; /* from fork to the first answer */
    uint64_t start_rss;
    double idle_bytes; /* of one idle connection; negative: not measured */
    double idle_cpu;   /* of a processor, while all of them are idle */
    double cpu_s;      /* during the measured phase */
    uint64_t end_rss;
    char directory[128]; /* empty: none */
};

/* Signals that end the program, held back until it has cleaned up. */
struct bench_stop {
    int fd; /* can be read once one has come; -1: they are not held back */
    sigset_t mask;
};

struct bench {
    struct bench_options options;
    struct bench_stop stop;
    struct bench_layout layout;
    struct bench_zipf zipf;
    /* of the phase */
    const struct bench_workload *workload;
    uint64_t base;  /* the number of the first document to insert */
    uint32_t conns; /* connections that share the numbers from base on */
    uint64_t limit; /* documents are inserted up to this number, then the phase ends; 0: time */
    /* sums over all phases */
    uint64_t inserted;
    uint64_t updated;
    /* of the phase that was measured */
    struct hist *hist[BENCH_OPS]; /* microseconds */
    uint64_t documents;           /* read or written */
    uint64_t sent, received;      /* bytes, where the protocol is ours to see */
    uint64_t refused;             /* by a server with too much to do; not in `hist` */
    uint64_t unsent; /* were due (open loop) but no connection was free until the end */
    double measured_s;
    double client_cpu_s;
    struct bench_server server;
    struct bench_tally tally;
    void *peer_state; /* made by prepare; one block of memory */
};

/* Run one phase: `workload` until `limit` documents are there, or for warm-up and seconds. */
int bench_run(struct bench *bench, const struct bench_workload *workload, uint64_t base,
              uint64_t limit, struct err *err);

/* Decide conn->op, key and count of the next request; false when this connection has nothing more
 * to do. */
bool bench_choose(struct bench_conn *conn);
/* Number `k` of the documents that this connection inserts. */
uint64_t bench_own_number(const struct bench_conn *conn, uint64_t k);

/* ---- sockets for the peers (bench_socket.c) ---- */
/* Connect; the socket blocks until bench_socket_nonblocking. */
int bench_socket_open(const char *host, uint16_t port, int *ret_fd, struct err *err);
int bench_socket_nonblocking(int fd, struct err *err);
/* Send conn->out from out_done on. */
int bench_socket_flush(struct bench_conn *conn, struct err *err);
/* Send conn->out from its start. */
int bench_socket_send(struct bench_conn *conn, struct err *err);
/* Receive up to `want` more bytes into conn->in: how many came, 0 when none is there now. */
int64_t bench_socket_receive(struct bench_conn *conn, size_t want, struct err *err);
void bench_socket_close(struct bench_conn *conn);
int bench_wrong(const struct bench_conn *conn, const char *what, struct err *err);

/* Let this process open as many files as the system allows: ten thousand connections need them. */
void bench_socket_raise_limit(void);

/* ---- being stopped (bench_stop.c) ---- */
/* From now on, in this thread and those it starts, such a signal only makes stop->fd readable. */
void bench_stop_hold(struct bench_stop *stop);
/* -LT_EINTERRUPTED when one has come. */
int bench_stop_check(const struct bench_stop *stop, struct err *err);
/* Let them have their effect: does not return when one has come. */
void bench_stop_release(struct bench_stop *stop);

/* ---- a server of our own (bench_spawn.c) ---- */
/* Start it on a free port, which becomes options.port, and wait for its first answer. */
int bench_server_start(struct bench *bench, struct err *err);
/* Open --idle connections and see what one costs. */
int bench_server_idle(struct bench *bench, struct err *err);
/* Stop it and delete its directory; -LT_EBENCH_WRONG when it does not exit cleanly. */
int bench_server_stop(struct bench_server *server, struct err *err);
uint64_t bench_server_rss(const struct bench_server *server);
/* Processor time it has used so far. */
double bench_server_cpu(const struct bench_server *server);

/* ---- telling (bench_report.c) ---- */
int bench_report(const struct bench *bench, struct err *err);

#endif
