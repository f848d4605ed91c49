/* cache/memory_table.c - slots and buckets.
 *
 * Nothing here takes longer the larger the table is. It grows by a slice, which copies nothing
 * (base/mem.h), and so takes the place of few entries; for each slot that a put takes two buckets
 * are split, the lowest first. Shrinking to half is done in steps, by whoever tidies, while the
 * table is used:
 *
 *   at most a quarter in use ──> list: free slots of the lower half become the list of free ones
 *                            ──> move: entries of the upper half get slots of the lower
 *                            ──> merge: each upper bucket's list goes to the end of its lower one's
 *                            ──> cut: the upper half, and what the policy has for it, is given back
 *
 * When so much is put meanwhile that the lower half is full, the upper one is used again. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "cache/memory_private.h"

enum { TABLE_SLOTS_MIN = 64, TABLE_SHRINK_PARTS = 4 };

/* What one step does at most. Pieces of few pages each are not cheaper to cut off: Linux collects
 * them, and frees thousands of pages in one call. */
enum {
    TABLE_LOOKS = 4096,
    TABLE_MOVES = 256,
    TABLE_MERGES = 1024,
    TABLE_CUTS = 2 * CACHE_SLOTS_SLICE,
};

/* For each slot that is given out: when shrinking is given up, half of the upper slots are free or
 * to come, and all of the buckets there may be merged. */
enum { TABLE_SPLITS = 2, TABLE_AHEAD = 8 };

static bool table_is_free(const struct cache_memory *memory, uint32_t index)
{
    return memory->slots[index].segment == NULL;
}

uint32_t *cache__memory_link_of(struct cache_memory *memory, uint32_t index)
{
    uint32_t *link = cache__memory_bucket(memory, memory->slots[index].hash);
    while (*link != index) {
        link = &memory->slots[*link].next;
    }
    return link;
}

void cache__memory_hold(struct cache_memory *memory, uint32_t slots)
{
    size_t held = memory->slots_held;
    memory->slots =
        mem_resize(memory->slots, held * sizeof *memory->slots, slots * sizeof *memory->slots);
    memory->buckets = mem_resize(memory->buckets, held * sizeof *memory->buckets,
                                 slots * sizeof *memory->buckets);
    memory->slots_held = slots;
}

/* ---- free slots ---- */

static void table_push_free(struct cache_memory *memory, uint32_t index)
{
    memory->slots[index].next = memory->free;
    memory->free = index;
}

/* Those that may be given out. */
static uint32_t table_usable(const struct cache_memory *memory)
{
    uint32_t usable = memory->half != 0 ? memory->half : memory->slots_cap;
    return usable < memory->slots_held ? usable : memory->slots_held;
}

static void table_list_next(struct cache_memory *memory)
{
    if (table_is_free(memory, memory->listed)) {
        table_push_free(memory, memory->listed);
    }
    memory->listed++;
}

bool cache__memory_has_free(struct cache_memory *memory)
{
    uint32_t usable = table_usable(memory);
    for (int i = 0; i < TABLE_LOOKS && memory->free == CACHE_NO_SLOT && memory->listed < usable;
         i++) {
        table_list_next(memory);
    }
    return memory->free != CACHE_NO_SLOT;
}

/* One that is not in the list's part is found when the list comes there. */
void cache__memory_free_slot(struct cache_memory *memory, uint32_t index)
{
    memory->slots[index].segment = NULL;
    if (index < memory->listed) {
        table_push_free(memory, index);
    }
}

/* ---- growing ---- */

static void table_split_next(struct cache_memory *memory)
{
    uint32_t half = memory->slots_cap / 2;
    uint32_t *lower = &memory->buckets[memory->buckets_count - half];
    uint32_t *upper = &memory->buckets[memory->buckets_count++];
    for (uint32_t index = *lower; index != CACHE_NO_SLOT; index = memory->slots[index].next) {
        uint32_t **end = (memory->slots[index].hash & half) != 0 ? &upper : &lower;
        **end = index;
        *end = &memory->slots[index].next;
    }
    *lower = *upper = CACHE_NO_SLOT;
}

/* The first of a bucket that is split a few puts later: its slot is hardly ever in the processor's
 * cache, and waiting for it would be most of what splitting costs. */
static void table_look_ahead(const struct cache_memory *memory)
{
    uint32_t soon = memory->buckets_count - memory->slots_cap / 2 + TABLE_AHEAD;
    uint32_t index = memory->buckets[soon & (memory->slots_cap / 2 - 1)];
    if (index != CACHE_NO_SLOT) {
        __builtin_prefetch(&memory->slots[index]);
    }
}

void cache__memory_split(struct cache_memory *memory)
{
    for (int i = 0; i < TABLE_SPLITS && memory->half == 0; i++) {
        if (memory->buckets_count < memory->slots_cap &&
            memory->buckets_count < memory->slots_held) {
            table_split_next(memory);
            table_look_ahead(memory);
        }
    }
}

static void table_begin(struct cache_memory *memory)
{
    cache__memory_hold(memory, TABLE_SLOTS_MIN);
    memory->slots_cap = memory->buckets_count = TABLE_SLOTS_MIN;
    memset(memory->buckets, 0xff, TABLE_SLOTS_MIN * sizeof *memory->buckets);
}

static void table_extend(struct cache_memory *memory)
{
    if (memory->slots_held >= memory->slots_cap) {
        assert(memory->buckets_count == memory->slots_cap);
        memory->slots_cap *= 2;
    }
    uint32_t held = memory->slots_held + CACHE_SLOTS_SLICE;
    cache__memory_hold(memory, held < memory->slots_cap ? held : memory->slots_cap);
}

bool cache__memory_grow(struct cache_memory *memory)
{
    if (memory->listed < table_usable(memory)) {
        return false;
    }
    if (memory->slots_cap == 0) {
        table_begin(memory);
    } else if (memory->half != 0) {
        memory->half = 0;
    } else {
        table_extend(memory);
    }
    return true;
}

/* ---- shrinking ---- */

static void table_list(struct cache_memory *memory)
{
    for (int i = 0; i < TABLE_LOOKS && memory->listed < memory->half; i++) {
        table_list_next(memory);
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
    uint32_t moves = 0;
    uint32_t end = memory->slots_held;
    for (int i = 0; i < TABLE_LOOKS && moves < TABLE_MOVES && memory->moved < end; i++) {
        if (!table_is_free(memory, memory->moved)) {
            if (memory->free == CACHE_NO_SLOT) {
                memory->half = 0;
                return;
            }
            table_move_entry(memory, memory->moved);
            moves++;
        }
        memory->moved++;
    }
}

static void table_merge(struct cache_memory *memory)
{
    for (int i = 0; i < TABLE_MERGES && memory->buckets_count > memory->half; i++) {
        uint32_t upper = --memory->buckets_count;
        uint32_t *link = &memory->buckets[upper - memory->half];
        while (*link != CACHE_NO_SLOT) {
            link = &memory->slots[*link].next;
        }
        *link = memory->buckets[upper];
    }
}

/* Half of the slots are gone; their memory goes a piece at a time. */
static void table_end(struct cache_memory *memory)
{
    memory->slots_cap = memory->half;
    memory->half = 0;
    memory->shrinks++;
}

static void table_cut(struct cache_memory *memory)
{
    uint32_t more = memory->slots_held - memory->slots_cap;
    cache__memory_hold(memory, memory->slots_held - (more < TABLE_CUTS ? more : TABLE_CUTS));
    memory->policy->ops->trim(memory->policy, memory->slots_held);
}

bool cache_memory_is_wide(const struct cache_memory *memory)
{
    return memory->slots_held > memory->slots_cap ||
           (memory->slots_cap > TABLE_SLOTS_MIN &&
            memory->count < memory->slots_cap / TABLE_SHRINK_PARTS);
}

static void table_begin_shrink(struct cache_memory *memory)
{
    memory->half = memory->moved = memory->slots_cap / 2;
    memory->free = CACHE_NO_SLOT;
    memory->listed = 0;
}

bool cache_memory_shrink(struct cache_memory *memory)
{
    if (memory->half == 0 && !cache_memory_is_wide(memory)) {
        return false;
    }
    if (memory->slots_held > memory->slots_cap) {
        table_cut(memory);
    } else if (memory->half == 0) {
        table_begin_shrink(memory);
    } else if (memory->listed < memory->half) {
        table_list(memory);
    } else if (memory->moved < memory->slots_held) {
        table_move(memory);
    } else if (memory->buckets_count > memory->half) {
        table_merge(memory);
    } else {
        table_end(memory);
    }
    return true;
}
