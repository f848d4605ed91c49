/* command/command.h - requests as the programs drive them.
 *
 * Invariant   a request is found in commands.def, started once and stepped until it is done; it
 *             never blocks: what it waits for is its state. Writes are stepped by the shard's owner
 *             only, everything else on the loop of its connection.
 * Thread      an op is with one thread at a time; command_server's parts say for themselves.
 * Memory      an op's arena holds the request, its work and its reply, and is dropped whole.
 * Errors      none come out: a failed command is a reply with ok: 0.
 *
 *   start --> step --+--> DONE   the reply is ready; a write waits for wait_index to be applied
 * first ^     +--> YIELD  the slice is used up: step again next turn |     +--> FETCH  fetch_key
 * must come from disk: store_fetch, then step again
 *              +-----+--> SLEEP  nothing to do before wake_us or a wake-up
 *                    +--> WAIT   at the owner, for another op: command_owner_ready gives it back
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include <stdatomic.h>

#include "command/budgets.h"
#include "doc/build.h"
#include "store/writer.h"
#include "wire/message.h"

struct command_account;
struct command_login;
struct command_op;
struct command_owner;
struct command_retry;
struct command_server;
struct command_session;
struct command_snapshot;
struct command_txn;

enum command_state { COMMAND_DONE, COMMAND_YIELD, COMMAND_FETCH, COMMAND_SLEEP, COMMAND_WAIT };

enum command_flags {
    COMMAND_READ = 1 << 0,                /* reads data: counted, may be killed */
    COMMAND_WRITE = 1 << 1,               /* stepped by the owner */
    COMMAND_ADMIN = 1 << 2,               /* on the admin database only */
    COMMAND_NO_AUTH = 1 << 3,             /* allowed before login */
    COMMAND_HELLO = 1 << 4,               /* allowed as OP_QUERY; never compressed */
    COMMAND_LAX = 1 << 5,                 /* unknown fields are ignored */
    COMMAND_TAKES_WRITE_CONCERN = 1 << 6, /* though it is no write: aggregate */
    COMMAND_DDL = 1 << 7,                 /* changes collections or indexes */
    COMMAND_GOES_ON = 1 << 8,             /* with what another command began: never refused */
    COMMAND_OWNER = 1 << 9,               /* stepped by the owner, though it is no write */
    COMMAND_RETRYABLE = 1 << 10,          /* a write that a driver may send again */
    COMMAND_TXN = 1 << 11,                /* allowed in a transaction */
    COMMAND_TXN_END = 1 << 12,            /* ends one */
    COMMAND_API_V1 = 1 << 13,             /* in version 1 of the stable API */
    COMMAND_TEST = 1 << 14,               /* only there with enableTestCommands */
    COMMAND_FREES = 1 << 16,              /* a write that makes room */
    COMMAND_ONE_MOMENT = 1 << 17,         /* reads what is there at one moment */
    COMMAND_SHOWS = 1 << 15,              /* what is stored: at a secondary, a read */
};

struct command {
    const char *name;
    /* 0: done; -LT_EYIELD, -LT_EAGAIN (fetch_key is set): call again; other negatives: failed. */
    int (*run)(struct command_op *op);
    unsigned flags;
    const char *help;
};

/* What is known of one connection. Its loop's. */
struct command_client {
    int32_t connection_id;
    const char *peer;      /* "address:port" */
    const char *local;     /* the server's end of it, likewise */
    struct slice metadata; /* the `client` document of the first hello; owned */
    char app_name[128];
    bool hello_ok;
    bool greeted;                    /* a hello was answered */
    const char *certificate;         /* the subject of the one shown, "CN=x,O=y"; NULL: none */
    atomic_bool known;               /* it has logged in */
    struct command_account *account; /* logged in as; NULL: nobody. The request's in hand */
    struct command_login *login;     /* begun, not at its end; likewise */
    /* ---- under the server's ops lock; current_ops.h ---- */
    struct command_server *listed_by; /* NULL: it is not listed */
    struct command_client *next;
    struct command_client *previous;
    bool busy; /* while a list is made: an op of its was seen */
};

/* Keep a copy of the metadata; command_client_close frees it. */
void command_client_set_metadata(struct command_client *client, struct slice metadata);
void command_client_close(struct command_client *client);

/* What a write concern asks for that this set can never give. */
struct command_write_concern {
    int unmet;         /* 79 or 100; 0: it can be met */
    struct slice mode; /* for 79: the name that nobody knows */
};

/* Fields that any command may carry; doc_missing where it does not. */
struct command_common {
    struct doc_value db;
    struct doc_value session; /* lsid */
    struct doc_value max_time;
    struct doc_value read_concern;
    struct doc_value write_concern;
    struct doc_value txn_number;
    struct doc_value autocommit;
    struct doc_value start_transaction;
    struct doc_value statement;    /* stmtId */
    struct doc_value statements;   /* stmtIds */
    struct doc_value cluster_time; /* $clusterTime */
    struct doc_value api_version;
    struct doc_value api_strict;
    struct doc_value api_deprecation; /* apiDeprecationErrors */
};

/* How far a command is. */
enum command_stage {
    COMMAND_NEW,
    COMMAND_ATTENDS, /* checked; may be let in or not, made to fail */
    COMMAND_WAITS,   /* for a time to be applied */
    COMMAND_RUNS,    /* the handler was called */
};

struct command_op {
    /* ---- set by the driver before command_start ---- */
    struct command_server *server;
    struct command_client *client;
    /* ---- set by the driver before command_start and before every step ---- */
    int64_t wall_ms;
    uint64_t mono_us;
    struct command_owner *owner; /* NULL where it is not stepped by it */
    /* ---- results; reply and reply_start: before command_start ---- */
    struct buf reply;      /* the reply document from reply_start on, when DONE; it may lack what
                            * builder.lent has */
    struct store_pin lent; /* holds that */
    size_t reply_start;    /* what the driver put before it stays */
    uint64_t wait_index;   /* WRITE: reply when this is applied; 0 nothing was written */
    struct buf fetch_key;  /* FETCH */
    bool fetch_backward;
    void (*fetch_blocking)(struct command_op *op); /* FETCH: call this instead; NULL: the key */
    void *fetch_context;                           /* what that is about */
    bool fetch_alone;                              /* that key, without those beside it */
    uint32_t fetch_tries;                          /* how often that key was missed again */
    enum store_wait wait;   /* MAY_WAIT: its keys do not fit the cache, let it block */
    uint64_t wake_us;       /* SLEEP: until then, */
    uint64_t wake_clock;    /* or until that hybrid time is applied, */
    uint64_t wake_topology; /* or topology_counter is another; 0: these are no reasons */
    bool more_to_come;      /* an exhaust reply: step again for the next one */
    uint32_t reply_count;   /* replies already sent for this request */
    bool close_after;       /* close the connection after the reply */
    bool hang_up;           /* and send none */
    /* ---- the op's own ---- */
    const struct command *command;
    struct slice body; /* message.body */
    struct command_common common;
    struct slice db;
    struct command_memory memory;           /* what its reads and writes hold */
    void *state;                            /* the handler's, across steps */
    void (*release)(struct command_op *op); /* gives back what `state` holds; once */
    struct store_catalog *catalog;          /* held while a reader runs */
    struct store_writer *writer;            /* at the owner: its own, or a transaction's */
    struct command_session *session;        /* at the owner, with a number: whose turn this is */
    struct command_retry *retry;            /* of a retryable write: what it has done */
    size_t retry_at;                        /* where the next result is looked for */
    struct buf retried;                     /* numbers (int32_t) of statements not run again */
    struct command_txn *txn;                /* that it is in */
    bool is_private;                        /* it saw and wrote nothing outside of that */
    bool follows_log;                       /* its cursor is a change stream's */
    bool failed;                            /* with an error, or one of its statements */
    const void *waits_for;                  /* WAIT */
    struct command_op *wait_next;
    enum command_stage stage;
    uint64_t started_us;
    uint64_t deadline_us;              /* maxTimeMS; 0 none */
    int32_t opid;                      /* 0: not on the server's list of running ops */
    bool wants_snapshot;               /* readConcern snapshot, outside of a transaction: */
    uint64_t at_clock;                 /* of this time; 0: the newest */
    struct command_snapshot *snapshot; /* held while it reads */
    uint64_t brought_clock;            /* by its $clusterTime; causal.h */
    uint64_t after_clock;    /* hybrid time that must be applied before the handler is called */
    atomic_int killed;       /* the error code to die with; 0: none */
    struct command_op *next; /* on that list */
    struct command_op *previous;
    uint8_t user_id[16];                  /* userId of the account it runs for; zeroes: nobody's */
    bool filtered;                        /* show only what that account may see */
    struct command_write_concern concern; /* its own */
    struct slice fail;                    /* the data of the fail point that hit it; fail_point.h */
    /* ---- large: not cleared for the next request, written before they are read ---- */
    struct arena arena;
    struct wire_message message; /* by the driver, before command_start */
    struct doc_builder builder;  /* the reply being written */
    struct err err;              /* code and info are cleared */
};

/* An op with an empty arena; the driver then fills in the request. */
void command_op_init(struct command_op *op, struct command_server *server,
                     struct command_client *client);
/* Give everything back. */
void command_op_close(struct command_op *op);
/* The same, but keep some memory for another request: the op is as after command_op_init, for
 * nobody yet. */
void command_op_recycle(struct command_op *op);
/* Take a recycled op into use. */
void command_op_reuse(struct command_op *op, struct command_server *server,
                      struct command_client *client);

/* Look at the body: which command is it, where must it run? An unknown command is found too, and
 * fails when it is stepped. */
void command_start(struct command_op *op);

/* Take `body` for the command, and read the fields of it that any command may carry. */
void command_set_body(struct command_op *op, struct slice body);

/* Work on it. */
enum command_state command_step(struct command_op *op);

/* Is there a reason to step an op that sleeps? */
bool command_is_due(const struct command_op *op, uint64_t mono_us);

/* Must the owner step it? After command_start. */
static inline bool command_needs_owner(const struct command_op *op)
{
    return op->command != NULL && ((op->command->flags & (COMMAND_WRITE | COMMAND_OWNER)) != 0 ||
                                   doc_value_exists(op->common.autocommit));
}

/* Put an error reply in place of whatever is there; for the driver's own errors. */
void command_fail(struct command_op *op, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
