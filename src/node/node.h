/* node/node.h - a data node: the rooms wired together.
 *
 * Invariant   loops[0] owns the shard: it alone evaluates writes and steps consensus. Every
 *             connection lives on one loop. The journal has a thread of its own.
 * Thread      node_open, node_start, node_stop and node_close: the program's main thread.
 * Memory      the node owns everything below it.
 * Errors      node_open says what and where; after the start a failure of disk or engine ends the
 *             process at once (node_die), because going on could lose acknowledged data.
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "base/err.h"
#include "base/log.h"
#include "net/tls.h"

struct command_audit;
struct node;
struct security_master;

struct node_config {
    const char *db_path;
    const char *bind_ip;
    uint16_t port;
    uint32_t conns_max;
    bool authorization;          /* clients must log in */
    struct command_audit *audit; /* NULL: none; borrowed */
    bool has_tls;
    struct net_tls_options tls;           /* with has_tls */
    const struct security_master *master; /* of what lies on disk; NULL: that is plain; borrowed
                                           * by node_open */
    const char *set_name;
    const char *advertise; /* host clients reach us by; NULL: localhost or the bound address */
    uint32_t workers;      /* loops; 0: one a core, less one, at least one */
    uint64_t memory_bytes; /* the total of all budgets */
    uint64_t cache_bytes;  /* in memory: records and blocks of the store */
    uint64_t block_bytes;  /* of them, blocks */
    uint64_t cache_mapped_bytes;
    uint64_t cache_disk_bytes;
    bool cache_moves_shares;           /* between the two files */
    uint64_t cache_write_bytes_second; /* to the cache's files; 0: no bound */
    const char *cache_compressor;
    const char *cache_policy;
    bool cache_ahead;     /* bring records before they are asked for */
    bool huge_pages;      /* for cached records */
    const char *numa;     /* local, interleave, bind or off */
    uint32_t fetches_max; /* requests that wait, by what for: see admission.h */
    uint32_t scans_max;
    uint32_t writes_max;
    uint32_t admin_max;
    uint32_t tidy_percent; /* of a core: what closing up memory may take */
    uint64_t write_buffer_bytes;
    uint64_t journal_segment_bytes;
    uint64_t disk_reserve_bytes; /* with less free, writes are refused; an eighth of it at most */
    uint64_t oplog_bytes;        /* of the journal, kept for readers of the log */
    const char *compressor;
    struct slice argv;   /* BSON array, for getCmdLineOpts */
    struct slice parsed; /* BSON document */
    struct log *log;
    /* The shutdown command was given; called on some loop. */
    void (*on_shutdown)(void *context);
    void *context;
};

/* Open the data directory, replay the journal, listen. */
int node_open(const struct node_config *config, struct node **ret_node, struct err *err);
/* Serve. */
int node_start(struct node *node, struct err *err);
/* Take the TLS certificates from their files again; on error the old ones stay. Any thread. */
int node_rotate_certificates(struct node *node, struct err *err);
/* Accept nothing more, finish what runs, close connections. */
void node_stop(struct node *node);
void node_close(struct node *node);

/* Let no other process have a data directory; *ret_fd is closed to let go, if it is not negative.
 * -LT_ELOCKED: another one has it. */
int node_lock_directory(const char *db_path, int *ret_fd, struct err *err);

uint16_t node_port(const struct node *node);
/* "host:port" as clients are told. */
const char *node_address(const struct node *node);

#endif
