/* memory/nodes.c - what a policy means, and libnuma behind it. */
#include "memory/nodes.h"

#include <assert.h>
#include <numa.h>
#include <numaif.h>
#include <string.h>

enum memory_numa memory_numa_of(const char *name)
{
    return strcmp(name, "local") == 0        ? MEMORY_NUMA_LOCAL
           : strcmp(name, "interleave") == 0 ? MEMORY_NUMA_INTERLEAVE
           : strcmp(name, "bind") == 0       ? MEMORY_NUMA_BIND
                                             : MEMORY_NUMA_OFF;
}

void memory_placement_init(struct memory_placement *placement, enum memory_numa policy,
                           const struct memory_nodes_ops *ops)
{
    *placement = (struct memory_placement){.policy = policy, .nodes = {.count = 1}, .ops = ops};
    if (policy != MEMORY_NUMA_OFF) {
        ops->read(&placement->nodes);
    }
    assert(placement->nodes.count >= 1);
    if (placement->nodes.count == 1) {
        placement->policy = MEMORY_NUMA_OFF;
    }
}

static bool placement_is_by_node(const struct memory_placement *placement)
{
    return placement->policy == MEMORY_NUMA_LOCAL || placement->policy == MEMORY_NUMA_BIND;
}

uint32_t memory_placement_kinds(const struct memory_placement *placement)
{
    return placement_is_by_node(placement) ? placement->nodes.count : 1;
}

void memory_placement_put(const struct memory_placement *placement, uint32_t kind, void *memory,
                          size_t size)
{
    assert(kind < memory_placement_kinds(placement));
    if (placement_is_by_node(placement)) {
        placement->ops->put(memory, size, placement->nodes.nodes[kind].number,
                            placement->policy == MEMORY_NUMA_BIND);
    } else if (placement->policy == MEMORY_NUMA_INTERLEAVE) {
        placement->ops->spread(memory, size);
    }
}

int memory_placement_run(const struct memory_placement *placement, uint32_t number)
{
    if (!placement_is_by_node(placement)) {
        return -1;
    }
    uint32_t index = number % placement->nodes.count;
    placement->ops->run_on(placement->nodes.nodes[index].number);
    return (int)index;
}

/* ---- libnuma ---- */

static uint32_t nodes_cores(int number)
{
    struct bitmask *cores = numa_allocate_cpumask();
    uint32_t count = 0;
    if (numa_node_to_cpus(number, cores) == 0) {
        for (unsigned i = 0; i < cores->size; i++) {
            count += numa_bitmask_isbitset(cores, i) && numa_bitmask_isbitset(numa_all_cpus_ptr, i);
        }
    }
    numa_free_cpumask(cores);
    return count;
}

static void nodes_read(struct memory_nodes *ret_nodes)
{
    *ret_nodes = (struct memory_nodes){.count = 0};
    int last = numa_available() < 0 ? -1 : numa_max_node();
    for (int number = 0; number <= last && ret_nodes->count < MEMORY_NODES_MAX; number++) {
        uint32_t cores = nodes_cores(number);
        if (cores > 0 && numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned)number)) {
            ret_nodes->nodes[ret_nodes->count++] = (struct memory_node){number, cores};
        }
    }
    ret_nodes->count = ret_nodes->count == 0 ? 1 : ret_nodes->count;
}

static void nodes_put(void *memory, size_t size, int number, bool only_there)
{
    struct bitmask *mask = numa_allocate_nodemask();
    numa_bitmask_setbit(mask, (unsigned)number);
    mbind(memory, size, only_there ? MPOL_BIND : MPOL_PREFERRED, mask->maskp, mask->size + 1, 0);
    numa_free_nodemask(mask);
}

static void nodes_spread(void *memory, size_t size)
{
    numa_interleave_memory(memory, size, numa_all_nodes_ptr);
}

static void nodes_run_on(int number)
{
    numa_run_on_node(number);
}

const struct memory_nodes_ops memory_nodes_system = {
    .read = nodes_read,
    .put = nodes_put,
    .spread = nodes_spread,
    .run_on = nodes_run_on,
};
