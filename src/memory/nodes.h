/* memory/nodes.h - on which part of the machine memory lies and threads run.
 *
 *   policy       pages of the cache                          loops
 *   off          where the system puts them                  anywhere
 *   local        a shard's on one node, the nodes in turn;   each on the cores of one node,
 *                elsewhere when that is full                 the nodes in turn
 *   bind         the same, and nowhere else                  the same
 *   interleave   spread over all nodes                       anywhere
 *
 * Records are read by every loop, whichever shard they are in; so no policy puts them near their
 * reader, but all but `off` use the memory of all nodes alike. What is near a loop is its heap.
 *
 * Invariant   with one node, or `off`, nothing is asked of the system.
 * Thread      any; memory_placement_run is for the thread that calls it.
 * Memory      values; `ops` outlives the placement.
 * Errors      none: what the system refuses is left as it is.
 */
#ifndef MEMORY_NODES_H
#define MEMORY_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_NODES_MAX = 64 };

struct memory_nodes {
    uint32_t count; /* at least one */
    struct memory_node {
        int number; /* the system's */
        uint32_t cores;
    } nodes[MEMORY_NODES_MAX];
};

enum memory_numa { MEMORY_NUMA_OFF, MEMORY_NUMA_LOCAL, MEMORY_NUMA_INTERLEAVE, MEMORY_NUMA_BIND };

/* What is asked of the system. */
struct memory_nodes_ops {
    /* The nodes that have cores and memory this process may use. */
    void (*read)(struct memory_nodes *ret_nodes);
    /* Memory that was not touched yet: on that node, if there is room; or there only. */
    void (*put)(void *memory, size_t size, int number, bool only_there);
    void (*spread)(void *memory, size_t size);
    /* This thread: on the cores of that node. */
    void (*run_on)(int number);
};

/* libnuma's. */
extern const struct memory_nodes_ops memory_nodes_system;

struct memory_placement {
    enum memory_numa policy;
    struct memory_nodes nodes;
    const struct memory_nodes_ops *ops;
};

/* "local", "interleave" or "bind"; everything else is off. */
enum memory_numa memory_numa_of(const char *name);

void memory_placement_init(struct memory_placement *placement, enum memory_numa policy,
                           const struct memory_nodes_ops *ops);

/* How many kinds of regions there are: one a node, or one. */
uint32_t memory_placement_kinds(const struct memory_placement *placement);

/* Put an untouched region where its kind belongs. */
void memory_placement_put(const struct memory_placement *placement, uint32_t kind, void *memory,
                          size_t size);

/* Let this thread, the so-manieth of its sort, run where it belongs: the index of the node, or -1
 * when it may run anywhere. */
int memory_placement_run(const struct memory_placement *placement, uint32_t number);

#endif
