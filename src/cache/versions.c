/* cache/versions.c - two counters a slot; while they differ a change is going on. */
#include "cache/versions.h"

static uint32_t versions_slot(uint32_t id)
{
    return id == CACHE_ALL_COLLECTIONS ? 0 : 1 + id % (CACHE_VERSIONS - 1);
}

/* One thread writes, so no addition has to be atomic. */
static void versions_count(_Atomic uint64_t *counter)
{
    uint64_t count = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, count + 1, memory_order_release);
}

void cache_versions_begin(struct cache_versions *versions, uint32_t id)
{
    versions_count(&versions->begun[versions_slot(id)]);
}

void cache_versions_end(struct cache_versions *versions, uint32_t id)
{
    versions_count(&versions->ended[versions_slot(id)]);
}

bool cache_versions_look(const struct cache_versions *versions, uint32_t id, uint64_t *ret_version)
{
    uint32_t slot = versions_slot(id);
    uint64_t ended = atomic_load_explicit(&versions->ended[slot], memory_order_acquire);
    *ret_version = atomic_load_explicit(&versions->begun[slot], memory_order_acquire);
    return *ret_version == ended;
}
