/* command/server.h - what all commands of a process share.
 *
 * Invariant   a reader works on the catalog it took at its start; the owner publishes a new one
 *             when the entry that changed it has been applied.
 * Thread      every function: any thread. Fields without a note are set once, before the first op.
 * Memory      the server owns cursors, sessions, parameters and budgets.
 * Errors      as each function says.
 */
#ifndef COMMAND_SERVER_H
#define COMMAND_SERVER_H

#include <pthread.h>

#include "base/log.h"
#include "cache/cache.h"
#include "command/budgets.h"
#include "command/cluster_params.h"
#include "command/command.h"
#include "command/index_filter.h"
#include "command/params.h"
#include "command/shown.h"
#include "command/snapshot.h"
#include "command/uses.h"
#include "memory/reclaim.h"
#include "security/throttle.h"
#include "store/disk.h"
#include "store/tail.h"

struct command_accounts;
struct command_audit;
struct command_cursors;
struct command_fail_points;
struct command_sessions;

/* What each command must look at before its handler is called; mostly nothing. */
enum command_attention {
    COMMAND_ATTENDS_FAIL_POINTS = 1 << 0, /* one is set */
    COMMAND_ATTENDS_SECONDARY = 1 << 1,   /* the server has stepped down */
    COMMAND_ATTENDS_STOP = 1 << 2,        /* it stops */
};

/* What the process knows and commands show: filled in by the program. */
struct command_host_ops {
    /* Append serverStatus sections the rooms below cannot know (connections, network, memory). */
    void (*status)(void *host, struct doc_builder *builder);
    /* Append what memoryStats cannot know. */
    void (*memory_status)(void *host, struct doc_builder *builder);
    /* Ask for memory to be closed up and given back to the system; returns which walk that is. */
    uint64_t (*tidy_memory)(void *host);
    bool (*has_tidied)(void *host, uint64_t walk);
    /* The journal's files, once more, for a reader. Any thread. */
    int (*open_journal)(void *host, struct store_disk **ret_disk);
    /* Log an entry whose clock is after server->cluster_clock, unless there is one. */
    void (*advance_clock)(void *host);
    /* Begin a new term as primary, then call command_member_elected; soon, or asked again. */
    void (*elect)(void *host);
    /* Step everything that sleeps and is due: topology_counter was raised. */
    void (*topology_changed)(void *host);
    /* Take the TLS certificates from their files again. */
    int (*rotate_certificates)(void *host, struct err *err);
    /* End the process in good order. */
    void (*shutdown)(void *host);
};

/* The times that every reply ends with, and how far before the end of their fields the clock
 * stands. */
struct command_times {
    uint8_t bytes[160];
    size_t len;
    size_t cluster_time;
    size_t operation_time;
};

struct command_server {
    /* ---- identity ---- */
    const char *set_name;
    const char *address; /* "host:port" that clients reach us by */
    uint8_t process_id[12];
    _Atomic uint64_t topology_counter; /* of changes that hello shows */
    int64_t started_ms;
    uint64_t started_us;
    struct slice argv;   /* BSON array */
    struct slice parsed; /* BSON document of the options in force */
    struct command_times times;
    _Atomic uint64_t term;
    _Atomic uint64_t random;    /* state of command_random */
    _Atomic uint32_t oid_count; /* of generated ObjectIds */
    /* ---- access ---- */
    bool authorization; /* access control is on */
    struct security_throttle *throttle;
    struct command_accounts *accounts;
    struct command_audit *audit;   /* borrowed; NULL: none */
    _Atomic uint64_t rights_clock; /* hybrid clock of the newest entry that changed an account */
    /* ---- storage ---- */
    struct store_kv *kv;
    struct store_tail tail;         /* what was applied last, for who follows the log */
    struct cache *cache;            /* the part of kv that caches; NULL: none */
    atomic_bool disk_is_full;       /* nothing may be written but what makes room */
    _Atomic uint64_t applied_clock; /* hybrid clock of the newest applied entry */
    _Atomic uint64_t logged_clock;  /* of the newest logged one */
    _Atomic uint64_t cluster_clock; /* the latest that a client brought; causal.h */
    _Atomic(struct store_catalog *) catalog;
    struct command_shown shown[COMMAND_SHOWN_COUNT];
    uint64_t log_bytes_max;         /* of the log, for who reads it; oplogSizeMB */
    _Atomic uint64_t log_bytes;     /* that it has on disk */
    struct memory_reclaim *reclaim; /* for catalogs that were replaced; NULL: there is one thread */
    /* ---- working state ---- */
    struct command_budgets *budgets; /* NULL: memory is not counted */
    struct memory_reclaimer cursors_reclaimer;
    struct command_cursors *cursors;
    struct command_sessions *sessions;
    struct command_snapshots snapshots;
    struct command_fail_points *fail_points;
    _Atomic unsigned attention; /* enum command_attention */
    _Atomic uint64_t secondary_until_us;
    _Atomic uint32_t step_downs; /* so far */
    _Atomic uint64_t stop_until_us;
    pthread_mutex_t ops_lock;
    struct command_op *ops;         /* that rest between two steps, under ops_lock */
    struct command_client *clients; /* of connections that are open, likewise */
    atomic_int next_opid;
    atomic_uint first_slice; /* documents that a read may look at before it yields first */
    struct log *log;
    const struct command_host_ops *host_ops;
    void *host;
    /* ---- settings that setParameter changes ---- */
    struct command_params parameters;
    struct command_cluster_params cluster_params;
    /* ---- counters ---- */
    struct command_uses uses;
    struct command_index_filters index_filters;
    struct {
        uint64_t last_us; /* a pass began: the owner's */
        _Atomic uint64_t passes;
        _Atomic uint64_t deleted; /* documents */
    } expire;
    struct {
        _Atomic uint64_t insert, query, update, remove, getmore, command, failed;
    } opcounters; /* as serverStatus.opcounters; `command` counts every command */
};

void command_server_init(struct command_server *server);
void command_server_close(struct command_server *server);

/* Count memory from now on, in a total of `bytes`. Before the first op. */
void command_server_limit(struct command_server *server, uint64_t bytes);

/* The published catalog, held: store_catalog_release it. The thread is a reader of `reclaim`. */
struct store_catalog *command_server_catalog(struct command_server *server);

/* Publish, and cache as it says; takes over the caller's reference. The thread that applies. Waits
 * when readers hold too many old ones. */
void command_server_publish(struct command_server *server, struct store_catalog *catalog);

/* Filters of partial indexes, by the query room. */
extern const struct store_filter_ops command_filter_ops;

#endif
