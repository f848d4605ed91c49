/* node/memory_status.c - what memoryStats says of the node's own: the allocator's arenas, memory
 * nodes, the tidying, and what waits to be reclaimed. */
#include <stdio.h>

#include "memory/allocator.h"
#include "node/node_private.h"

/* The loop that has the arena for itself; empty: it is shared. */
static struct slice status_owner(const struct node *node, uint32_t arena, char name[24])
{
    for (uint32_t i = 0; i < node->loops_count; i++) {
        if (atomic_load(&node->workers[i].arena) == (int)arena) {
            return slice_of(name, (size_t)snprintf(name, 24, "lt-loop-%u", i));
        }
    }
    return SLICE("");
}

/* Those that hold anything. */
static void status_arenas(const struct node *node, struct doc_builder *builder)
{
    uint32_t count = memory_allocator_arenas();
    char name[24];
    doc_build_open_array(builder, SLICE("arenas"));
    for (uint32_t i = 0; i < count; i++) {
        struct memory_arena arena = memory_allocator_arena(i);
        if (arena.active + arena.dirty == 0) {
            continue;
        }
        doc_build_open(builder, SLICE(""));
        doc_build_i64(builder, "arena", i);
        doc_build_string(builder, "owner", status_owner(node, i, name));
        doc_build_i64(builder, "threads", arena.threads);
        doc_build_i64(builder, "allocated", (int64_t)arena.allocated);
        doc_build_i64(builder, "active", (int64_t)arena.active);
        doc_build_i64(builder, "dirty", (int64_t)arena.dirty);
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

static int64_t status_loops(const struct node *node, uint32_t memory_node)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < node->loops_count; i++) {
        count += atomic_load(&node->workers[i].memory_node) == (int)memory_node;
    }
    return count;
}

/* One for each memory node; one for all when nothing is placed by node. */
static void status_nodes(const struct node *node, struct doc_builder *builder)
{
    const struct memory_placement *placement = &node->placement;
    bool placed = memory_placement_kinds(placement) > 1;
    doc_build_open_array(builder, SLICE("nodes"));
    for (uint32_t i = 0; i < memory_placement_kinds(placement); i++) {
        doc_build_open(builder, SLICE(""));
        doc_build_i32(builder, "node", placed ? placement->nodes.nodes[i].number : -1);
        doc_build_i64(builder, "cores", placed ? placement->nodes.nodes[i].cores : 0);
        doc_build_i64(builder, "loops", placed ? status_loops(node, i) : node->loops_count);
        doc_build_i64(builder, "cacheBytes", (int64_t)cache_bytes_of(node->server.cache, i));
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

static void status_reader(void *context, const char *name, uint64_t busy_us)
{
    struct doc_builder *builder = context;
    doc_build_open(builder, SLICE(""));
    doc_build_text(builder, "name", name);
    doc_build_i64(builder, "busyMicros", (int64_t)busy_us);
    doc_build_close(builder);
}

static void status_reclaim(const struct node *node, struct doc_builder *builder)
{
    struct memory_reclaim_stats stats = memory_reclaim_stats(node->reclaim);
    doc_build_open(builder, SLICE("reclamation"));
    doc_build_i64(builder, "waiting", stats.count);
    doc_build_i64(builder, "waitingBytes", (int64_t)stats.bytes);
    doc_build_i64(builder, "freed", (int64_t)stats.freed);
    doc_build_i64(builder, "waits", (int64_t)stats.waited);
    doc_build_open_array(builder, SLICE("readers"));
    memory_reclaim_readers(node->reclaim, status_reader, builder);
    doc_build_close(builder);
    doc_build_close(builder);
}

void node__memory_status(struct node *node, struct doc_builder *builder)
{
    status_arenas(node, builder);
    status_nodes(node, builder);
    node__tidy_status(&node->tidy, builder);
    status_reclaim(node, builder);
}
