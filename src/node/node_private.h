/* node/node_private.h - the node's parts, shared by its files.
 *
 * Invariant   a request is with one thread at a time: its connection's loop, the owner, or the
 *             work pool.
 * Thread      as noted at each member.
 * Memory      a request is freed on its connection's loop when its reply was sent.
 * Errors      none.
 */
#ifndef NODE_NODE_PRIVATE_H
#define NODE_NODE_PRIVATE_H

#include <pthread.h>

#include "command/owner.h"
#include "command/server.h"
#include "net/conn.h"
#include "node/admission.h"
#include "node/fetch_private.h"
#include "node/node.h"
#include "repl/repl.h"
#include "store/journal.h"
#include "store/writer.h"

enum {
    NODE_LOOPS_MAX = 64,
    NODE_MEMBER_ID = 1,
    NODE_ENTRY_BYTES_MAX = 4 << 20,
    NODE_SPARE_REQUESTS = 64
};

struct node_request;

struct node_client {
    struct command_client client;
    struct net_conn *conn;
    struct node *node;
    struct node_worker *worker;   /* of the connection's loop */
    struct node_request *request; /* in hand, or NULL */
};

/* ---- the journal's thread ---- */

/* A batch on its way to the disk and back. */
struct node_batch {
    struct net_mail mail; /* to the owner, when it is durable */
    struct node_group *group;
    struct store_journal_record *records;
    size_t count;
    size_t cap;
    uint64_t last_index; /* of the entries in it; 0: only a vote */
    uint64_t trim_index; /* drop segments up to here; 0: no */
    uint64_t bytes;      /* out: of the journal */
    uint64_t segments;   /* out: how many there are now that the store needs */
};

struct node_journal {
    struct store_journal *journal;
    struct log *log;
    struct net_loop *owner;
    const char *doing;      /* the journal's thread's: the step in hand, for messages */
    uint64_t trimmed;       /* the same: the store survives without entries up to here */
    uint64_t keep_bytes;    /* of entries that only readers of the log still need */
    uint64_t reserve_bytes; /* of the disk, that only what is admitted already may take */
    atomic_bool *is_full;   /* there is no more */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct node_batch *batch; /* under lock: the one to write */
    bool stopping;            /* under lock */
    uint64_t durable;         /* last_index of the newest finished batch; under lock */
};

int node__journal_start(struct node_journal *journal, struct err *err);
/* Hand over a batch; it comes back by batch->mail. One at a time. */
void node__journal_submit(struct node_journal *journal, struct node_batch *batch);
void node__journal_stop(struct node_journal *journal);

/* How much room has the disk? Says it to who admits writes. Before the thread starts, or it. */
int node__journal_look(struct node_journal *journal);
/* The steps that the thread takes, each of them waits for the disk: write a batch and make it
 * durable, then tell its owner; prepare for the next; when none comes, mark. An error ends the
 * process: what is not on disk is not acknowledged. */
int node__journal_write(struct node_journal *journal, struct node_batch *batch);
int node__journal_prepare(struct node_journal *journal);
int node__journal_mark(struct node_journal *journal);

/* ---- tidying ---- */

/* The thread that closes up memory and gives it back. */
struct node_tidy {
    struct node *node;
    struct memory_budget *budget; /* of the cache; charged with its bound */
    struct memory_reclaimer reclaimer;
    uint64_t cache_bytes; /* the bound when memory is not short */
    uint32_t percent;     /* of a core */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    uint64_t asked;    /* under lock: walks asked for */
    uint64_t answered; /* under lock: of these, done */
    bool hurry;        /* under lock: the next one */
    bool stopping;     /* under lock */
    uint64_t bound;    /* under lock: what the cache may hold */
    _Atomic uint64_t walks;
    _Atomic uint64_t busy_us;
    _Atomic uint64_t longest_us; /* slice of the cache's */
};

/* When the cache is there, before the loops run. */
void node__tidy_open(struct node_tidy *tidy, struct node *node);
int node__tidy_start(struct node_tidy *tidy, struct err *err);
void node__tidy_stop(struct node_tidy *tidy);
void node__tidy_close(struct node_tidy *tidy);
/* Ask for a walk; `hurry`: to the last page. Returns its number. Any thread. */
uint64_t node__tidy_ask(struct node_tidy *tidy, bool hurry);
bool node__tidy_is_done(struct node_tidy *tidy, uint64_t walk);
/* Append the section "tidy" of memoryStats. Any thread. */
void node__tidy_status(struct node_tidy *tidy, struct doc_builder *builder);
/* Append all sections of memoryStats that only the node knows. Any thread. */
void node__memory_status(struct node *node, struct doc_builder *builder);

/* ---- the shard ---- */

/* An entry that is proposed and not yet applied. */
struct node_entry {
    uint64_t index;
    uint64_t term;
    enum repl_entry_type type;
    struct slice payload; /* heap */
    size_t cap;           /* bytes there; 0: not from the writer */
};

struct node_catalog_change {
    uint64_t index;
    struct store_catalog *catalog;
};

/* The one Raft group: the owner's. */
struct node_group {
    struct node *node;
    struct net_loop *loop;
    struct repl *repl;
    struct store_writer writer;
    struct command_owner owner; /* of the commands that are stepped here */
    struct node_journal journal;
    struct net_turn turn;       /* propose what this turn wrote */
    struct node_entry *entries; /* a ring, oldest first: proposed, not applied */
    size_t entries_head, entries_count, entries_cap;
    struct node_catalog_change *catalogs; /* pending, oldest first */
    size_t catalogs_count, catalogs_cap;
    struct node_batch batches[2]; /* one is being filled, one is with the journal */
    int filling;
    bool writing;                       /* the journal has a batch */
    uint64_t applied;                   /* index */
    uint64_t applied_clock;             /* hybrid: of the newest applied effects */
    uint64_t clock;                     /* hybrid: of the newest entry */
    uint64_t pending_bytes;             /* of `entries` */
    struct node_request *parked;        /* writes that wait until less is pending */
    struct node_request *waiting_first; /* by wait_index */
    struct node_request *waiting_last;
    uint64_t segments; /* of the journal, that the store needs */
    uint64_t flushed;  /* the store survives without entries up to here */
    bool flushing;
    struct net_work flush_work;
    uint64_t flush_index;
    bool garbage; /* the catalog changed: dropped ids may have left keys */
    bool reclaiming;
    struct buf dropped; /* of store_reclaim */
    struct net_work reclaim_work;
    struct net_mail next_mail;  /* the next batch may go */
    struct net_mail clock_mail; /* an entry is wanted for its time */
    atomic_bool clock_wanted;   /* it is on its way */
    struct net_mail elect_mail; /* a new term is wanted, */
    atomic_bool elect_wanted;   /* likewise, */
    bool has_term;              /* and has begun, when this is no primary yet */
    struct net_mail begin_mail; /* the first turn of the owner's loop */
    struct node_client self;    /* whose requests the node makes itself; it has no connection */
};

int node__group_open(struct node_group *group, struct node *node, struct err *err);
void node__group_close(struct node_group *group);
/* The steps of group.c that opening needs too. */
void node__group_push_entry(struct node_group *group, const struct repl_entry *entry);
void node__group_carry_out(struct node_group *group, const struct repl_update *update);
void node__group_persisted(struct net_mail *mail);
void node__group_turn(struct net_turn *turn);
void node__group_write_batch(struct node_group *group);
void node__group_begin_entry(struct node_group *group, int64_t wall_ms);
/* A write: step it here. Any thread. */
void node__group_submit(struct node_group *group, struct node_request *request);
/* Log an entry of a time that a client brought, unless there is one. Any thread. */
void node__group_advance_clock(struct node_group *group);
/* Begin a new term as leader, as soon as nothing is in flight; any thread. */
void node__group_elect(struct node_group *group);
/* A new term, now: nothing is in flight. */
int node__group_begin_term(struct node_group *group, struct err *err);
/* On the owner's loop, before anything else: finish what a crash interrupted. */
void node__group_begin(struct node_group *group);
/* Trim the journal and flush the store when it is time, end what is too old; every second. */
void node__group_tend(struct node_group *group);
/* Post again the ops that need not wait any more. */
void node__group_go_on(struct node_group *group);

/* ---- bringing ahead ---- */

/* What the cache guesses will be read is fetched by the work pool, one guess at a time. */
struct node_ahead {
    struct net_work work;
    atomic_bool busy;
    int code; /* of the work in hand */
};

/* Carry out what the cache has guessed, if there is something, and hardly anybody waits for the
 * disk. On a loop, often. */
void node__ahead_poke(struct node *node, struct net_loop *loop);

/* ---- requests ---- */

struct node_request {
    struct net_mail mail;
    struct net_work work;
    struct node_client *client;
    struct node_group *group;    /* writes */
    void *frame;                 /* taken from the connection, or NULL */
    struct buf plain;            /* a decompressed message */
    struct node_request *next;   /* waiting for its index, sleeping, or spare */
    struct node_fetch fetch;     /* of op.fetch_key */
    struct net_loop *fetch_loop; /* where it goes on then */
    enum node_queue queue;       /* that it has a place in */
    int fetch_code;
    int32_t last_request_id;
    struct command_op op; /* last: it is recycled, the rest is zeroed */
};

/* Step a request where it is, until it waits for something. */
void node__request_step(struct node_request *request);
/* One of the node's own, which nobody waits for: to be started, then submitted. On the owner's
 * loop. */
struct node_request *node__request_own(struct node_client *self);
/* The op is done: build and send the reply. On the connection's loop. */
void node__request_reply(struct node_request *request);
/* Bring op.fetch_key into memory, then step again on `loop`. */
void node__request_fetch(struct node_request *request, struct net_loop *loop);
/* Let it rest on its connection's loop until it is due. Any thread. */
void node__request_sleep(struct node_request *request);
/* Prepare the times of an op for a step. */
void node__request_clock(struct node_request *request);

extern const struct net_conn_ops node__conn_ops;

/* What a loop has of requests. The loop's. */
struct node_worker {
    struct node *node;
    struct net_loop *loop;
    struct memory_reader *reader; /* while the loop runs */
    atomic_int memory_node;       /* index of the one it runs on; -1: any */
    atomic_int arena;             /* of the allocator, its own; -1: it shares one */
    struct node_request *sleeping;
    atomic_bool waits_for_clock;  /* one of these, for a hybrid time */
    atomic_bool waking;           /* wake_mail is on its way */
    _Atomic uint64_t rests_until; /* many were woken: not before that for a hybrid time, in us */
    struct net_mail wake_mail;
    struct node_request *spare; /* with memory that the next requests will use again */
    uint32_t spare_count;
};
/* Free the spare requests. */
void node__worker_close(struct node_worker *worker);
/* Its loop is a reader of node->reclaim. `context` is the worker. */
extern const struct net_watch node__worker_watch;
/* The worker of the loop that this is called on. */
struct node_worker *node__worker_here(struct node *node);
/* Wake requests that sleep; on each loop, often. `context` is the worker. */
void node__worker_tick(void *context);
/* Look on all loops who is due. Any thread. */
void node__wake_all(struct node *node);
/* The applied clock has moved: wake those who wait for that. The owner. */
void node__wake_for_clock(struct node *node);

struct node {
    struct node_config config;
    struct log *log;
    char *address;
    int lock_fd;
    struct store_kv *kv;
    struct store_disk *journal_disk; /* until the journal takes it */
    struct store_seal *seal;         /* what files are encrypted with; NULL: nothing */
    struct command_server server;
    struct node_group group;
    struct node_fetches fetches; /* that requests wait for */
    struct node_ahead ahead;
    struct memory_reclaim *reclaim;
    struct memory_placement placement;
    struct node_tidy tidy;
    struct node_admission admission;
    struct net_loop *loops[NODE_LOOPS_MAX];
    struct node_worker workers[NODE_LOOPS_MAX];
    uint32_t loops_count;
    struct net_server *net;
    struct net_tls *tls; /* NULL: none */
    _Atomic int32_t next_connection_id;
    atomic_uint requests; /* being worked on */
    atomic_bool stopping;
};

/* Make or lock the data directory, and open what is in it: kv, the cache before it, journal_disk.
 * What was opened is the node's, also on error. */
int node__directory_open(struct node *node, struct err *err);
/* The journal's files, once more. Any thread. */
int node__directory_journal(struct node *node, struct store_disk **ret_disk);

/* ---- encryption.c ---- */

/* The keys of a locked data directory's files; NULL: they are plain. Without a master key the
 * directory may not be encrypted, with one it is, or has nothing in it yet. */
int node__encryption_open(const char *db_path, const struct security_master *master,
                          struct store_seal **ret_seal, struct err *err);
/* Put the cache in front of the engine, with files of its own in `path` where it was given some. */
void node__cache_open(struct node *node, const char *path, struct store_kv *engine);

/* Log and end the process: what is acknowledged is in the journal. */
_Noreturn void node__die(struct node *node, const char *what, int code);

#endif
