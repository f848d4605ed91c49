/* cache/memory_table.c - slots and buckets.
 *
 * Growing is done at once, by the put that needs it. Shrinking to half is done in steps, by whoever
 * tidies, while the table is used:
 *
 *   at most a quarter in use ──> scan: free slots of the lower half become the list of free ones
 *                            ──> move: entries of the upper half get slots of the lower
 *                            ──> merge: each upper bucket's list goes to the end of its lower one's
 *                            ──> cut: half of the table, and what the policy has for it, is given
 * back
 *
 * When so much is put meanwhile that the lower half is full, the table becomes whole again. */
#include <string.h>

#include "base/mem.h"
#include "cache/memory_private.h"

enum { TABLE_SLOTS_MIN = 64, TABLE_SHRINK_PARTS = 4 };

/* What one step does at most. */
enum { TABLE_SCANS = 4096, TABLE_MOVES = 256, TABLE_MERGES = 1024 };

uint32_t *cache__memory_link_of(struct cache_memory *memory, uint32_t index)
{
    uint32_t *link = cache__memory_bucket(memory, memory->slots[index].hash);
    while (*link != index) {
        link = &memory->slots[*link].next;
    }
    return link;
}

static void table_push_free(struct cache_memory *memory, uint32_t index)
{
    memory->slots[index].next = memory->free;
    memory->free = index;
}

/* A table of so many slots, no fewer than before: every entry in its new bucket. */
static void table_rebuild(struct cache_memory *memory, uint32_t cap)
{
    uint32_t old_cap = memory->slots_cap;
    memory->slots = mem_grow(memory->slots, cap * sizeof *memory->slots);
    mem_free(memory->buckets);
    memory->buckets = mem_alloc(cap * sizeof *memory->buckets);
    memset(memory->buckets, 0xff, cap * sizeof *memory->buckets);
    memory->slots_cap = cap;
    memory->shrink = (struct cache_memory_shrink){0};
    memory->free = CACHE_NO_SLOT;
    for (uint32_t i = cap; i-- > 0;) {
        struct cache_memory_slot *slot = &memory->slots[i];
        if (i >= old_cap || slot->segment == NULL) {
            slot->segment = NULL;
            table_push_free(memory, i);
        } else {
            uint32_t *bucket = cache__memory_bucket(memory, slot->hash);
            slot->next = *bucket;
            *bucket = i;
        }
    }
}

void cache__memory_grow(struct cache_memory *memory)
{
    bool whole = memory->shrink.half == 0;
    uint32_t cap = memory->slots_cap == 0 ? TABLE_SLOTS_MIN : memory->slots_cap;
    table_rebuild(memory, whole && memory->slots_cap > 0 ? cap * 2 : cap);
}

/* ---- shrinking ---- */

static void table_scan(struct cache_memory *memory)
{
    struct cache_memory_shrink *shrink = &memory->shrink;
    for (int i = 0; i < TABLE_SCANS && shrink->scanned < shrink->half; i++, shrink->scanned++) {
        if (memory->slots[shrink->scanned].segment == NULL) {
            table_push_free(memory, shrink->scanned);
        }
    }
}

bool cache__memory_has_free(struct cache_memory *memory)
{
    while (memory->free == CACHE_NO_SLOT && memory->shrink.scanned < memory->shrink.half) {
        table_scan(memory);
    }
    return memory->free != CACHE_NO_SLOT;
}

/* One of the upper half is not given out again, one that is not scanned yet is found then. */
void cache__memory_free_slot(struct cache_memory *memory, uint32_t index)
{
    memory->slots[index].segment = NULL;
    if (memory->shrink.half == 0 || index < memory->shrink.scanned) {
        table_push_free(memory, index);
    }
}

/* An entry gets a slot of the lower half. */
static void table_move_entry(struct cache_memory *memory, uint32_t from)
{
    uint32_t to = memory->free;
    struct cache_memory_slot *slot = &memory->slots[from];
    uint32_t *link = cache__memory_link_of(memory, from);
    memory->free = memory->slots[to].next;
    memory->slots[to] = *slot;
    *link = to;
    cache_record_at(cache__memory_place(slot))->slot = to;
    slot->segment = NULL;
    memory->policy->ops->move(memory->policy, from, to);
}

static void table_move(struct cache_memory *memory)
{
    struct cache_memory_shrink *shrink = &memory->shrink;
    uint32_t moves = 0;
    for (int i = 0; i < TABLE_SCANS && moves < TABLE_MOVES && shrink->moved < shrink->half; i++) {
        uint32_t from = shrink->half + shrink->moved;
        if (memory->slots[from].segment != NULL) {
            if (!cache__memory_has_free(memory)) {
                table_rebuild(memory, memory->slots_cap);
                return;
            }
            table_move_entry(memory, from);
            moves++;
        }
        shrink->moved++;
    }
}

static void table_merge(struct cache_memory *memory)
{
    struct cache_memory_shrink *shrink = &memory->shrink;
    for (int i = 0; i < TABLE_MERGES && shrink->merged < shrink->half; i++, shrink->merged++) {
        uint32_t *link = &memory->buckets[shrink->merged];
        while (*link != CACHE_NO_SLOT) {
            link = &memory->slots[*link].next;
        }
        *link = memory->buckets[shrink->half + shrink->merged];
    }
}

static void table_cut(struct cache_memory *memory)
{
    uint32_t cap = memory->shrink.half;
    memory->shrink = (struct cache_memory_shrink){0};
    memory->slots_cap = cap;
    memory->slots = mem_grow(memory->slots, cap * sizeof *memory->slots);
    memory->buckets = mem_grow(memory->buckets, cap * sizeof *memory->buckets);
    memory->policy->ops->trim(memory->policy, cap);
    memory->shrinks++;
}

bool cache_memory_is_wide(const struct cache_memory *memory)
{
    return memory->slots_cap > TABLE_SLOTS_MIN &&
           memory->count < memory->slots_cap / TABLE_SHRINK_PARTS;
}

bool cache_memory_shrink(struct cache_memory *memory)
{
    struct cache_memory_shrink *shrink = &memory->shrink;
    if (shrink->half == 0) {
        if (!cache_memory_is_wide(memory)) {
            return false;
        }
        shrink->half = memory->slots_cap / 2;
        memory->free = CACHE_NO_SLOT;
    }
    if (shrink->scanned < shrink->half) {
        table_scan(memory);
    } else if (shrink->moved < shrink->half) {
        table_move(memory);
    } else if (shrink->merged < shrink->half) {
        table_merge(memory);
    } else {
        table_cut(memory);
    }
    return true;
}
