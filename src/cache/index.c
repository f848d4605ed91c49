/* cache/index.c - linear probing that keeps the order of the hashes.
 *
 *   slots   . a b . . c d e . f     a <= b <= c <= d <= e <= f, none before its home, no gap
 *             └ home(a) = home(b)   between an entry and its home
 *
 * A hash's home is its share of the part's range times the part's capacity, so a part grows by any
 * factor in one pass and need not know the keys: by a quarter, when it is nine tenths full. That
 * is never more than 8 / (0.9 / 1.25) = 11.1 bytes an entry, and the slack. */
#include "cache/index.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

enum {
    INDEX_HIT = 1,
    INDEX_POSITION_BITS = 32,
    INDEX_HASH_SHIFT = INDEX_POSITION_BITS + 1,
    INDEX_HASH_BITS = 64 - INDEX_HASH_SHIFT,
    INDEX_PART_BITS = 6,
    INDEX_HOME_BITS = INDEX_HASH_BITS - INDEX_PART_BITS,
    INDEX_CAP_LEAST = 16,
};
_Static_assert(1 << INDEX_PART_BITS == CACHE_INDEX_PARTS, "a part is some of the hash's bits");

void cache_index_init(struct cache_index *index)
{
    *index = (struct cache_index){0};
}

void cache_index_close(struct cache_index *index)
{
    for (uint32_t i = 0; i < CACHE_INDEX_PARTS; i++) {
        mem_free(index->parts[i].slots);
    }
    cache_index_init(index);
}

/* ---- numbers ---- */

/* The bits that are kept are not those that choose a shard or its bucket. */
static uint64_t index_hash(uint64_t hash)
{
    return hash >> 20 & ((UINT64_C(1) << INDEX_HASH_BITS) - 1);
}

static uint64_t index_entry(uint64_t hash, uint32_t position)
{
    return index_hash(hash) << INDEX_HASH_SHIFT | (uint64_t)position << 1;
}

static uint64_t index_hash_of(uint64_t entry)
{
    return entry >> INDEX_HASH_SHIFT;
}

static uint32_t index_position_of(uint64_t entry)
{
    return (uint32_t)(entry >> 1);
}

static uint32_t index_part_number(uint64_t entry)
{
    return (uint32_t)(entry >> (64 - INDEX_PART_BITS));
}

static uint32_t index_home(const struct cache_index_part *part, uint64_t entry)
{
    uint64_t share = index_hash_of(entry) & ((UINT64_C(1) << INDEX_HOME_BITS) - 1);
    return (uint32_t)(share * part->cap >> INDEX_HOME_BITS);
}

static uint32_t index_end(const struct cache_index_part *part)
{
    return part->cap + part->slack;
}

/* ---- a part ---- */

/* Put into the first gap from `place` on, pushing the greater ones there; false when the slack is
 * used up. */
static bool part_put(struct cache_index_part *part, uint32_t place, uint64_t entry)
{
    uint32_t gap = place;
    while (gap < index_end(part) && part->slots[gap] != 0) {
        gap++;
    }
    if (gap == index_end(part)) {
        return false;
    }
    memmove(&part->slots[place + 1], &part->slots[place], (gap - place) * sizeof entry);
    part->slots[place] = entry;
    return true;
}

/* The first slot from the entry's home on that is empty or not before it. */
static uint32_t part_place(const struct cache_index_part *part, uint64_t entry)
{
    uint32_t place = index_home(part, entry);
    while (place < index_end(part) && part->slots[place] != 0 && part->slots[place] < entry) {
        place++;
    }
    return place;
}

/* Move everything into `cap` slots and a slack; false when that slack is too small. */
static bool part_spread(struct cache_index_part *part, uint32_t cap)
{
    struct cache_index_part wider = {.cap = cap, .slack = cap / 32 + 24, .count = part->count};
    wider.slots = mem_zero(index_end(&wider), sizeof *wider.slots);
    uint32_t next = 0;
    for (uint32_t i = 0; i < index_end(part); i++) {
        if (part->slots[i] != 0) {
            uint32_t home = index_home(&wider, part->slots[i]);
            next = home > next ? home : next;
            if (next == index_end(&wider)) {
                mem_free(wider.slots);
                return false;
            }
            wider.slots[next++] = part->slots[i];
        }
    }
    mem_free(part->slots);
    *part = wider;
    return true;
}

static void part_grow(struct cache_index_part *part)
{
    uint32_t cap = part->cap < INDEX_CAP_LEAST ? INDEX_CAP_LEAST : part->cap + part->cap / 4;
    while (!part_spread(part, cap)) {
        cap += cap / 4;
    }
}

static void part_add(struct cache_index_part *part, uint64_t entry)
{
    if ((uint64_t)part->count * 10 >= (uint64_t)part->cap * 9) {
        part_grow(part);
    }
    while (!part_put(part, part_place(part, entry), entry)) {
        part_grow(part);
    }
    part->count++;
}

/* Close the gap: what follows and is not at its home moves back by one. */
static void part_take(struct cache_index_part *part, uint32_t place)
{
    uint32_t next = place + 1;
    while (next < index_end(part) && part->slots[next] != 0 &&
           index_home(part, part->slots[next]) < next) {
        part->slots[next - 1] = part->slots[next];
        next++;
    }
    part->slots[next - 1] = 0;
    part->count--;
}

/* ---- entries ---- */

static struct cache_index_part *index_part(const struct cache_index *index, uint64_t entry)
{
    return (struct cache_index_part *)&index->parts[index_part_number(entry)];
}

/* The slot of the first entry with that hash, or of what stands in its place. */
static uint64_t *index_first(const struct cache_index *index, uint64_t hash)
{
    uint64_t lowest = index_entry(hash, 0);
    struct cache_index_part *part = index_part(index, lowest);
    return part->slots + part_place(part, lowest);
}

static bool index_has_hash(const struct cache_index *index, const uint64_t *slot, uint64_t hash)
{
    const struct cache_index_part *part = index_part(index, index_entry(hash, 0));
    return slot < part->slots + index_end(part) && *slot != 0 &&
           index_hash_of(*slot) == index_hash(hash);
}

/* NULL when it is not there. */
static uint64_t *index_slot(const struct cache_index *index, uint64_t hash, uint32_t position)
{
    uint64_t *slot = index_first(index, hash);
    while (index_has_hash(index, slot, hash)) {
        if (index_position_of(*slot) == position) {
            return slot;
        }
        slot++;
    }
    return NULL;
}

static void index_take(struct cache_index *index, uint64_t *slot)
{
    struct cache_index_part *part = index_part(index, *slot);
    part_take(part, (uint32_t)(slot - part->slots));
}

void cache_index_add(struct cache_index *index, uint64_t hash, uint32_t position)
{
    uint64_t entry = index_entry(hash, position);
    assert(position != 0);
    part_add(index_part(index, entry), entry);
}

uint32_t cache_index_find(const struct cache_index *index, uint64_t hash, uint32_t nth)
{
    const uint64_t *slot = index_first(index, hash);
    while (index_has_hash(index, slot, hash)) {
        if (nth-- == 0) {
            return index_position_of(*slot);
        }
        slot++;
    }
    return 0;
}

bool cache_index_hit(struct cache_index *index, uint64_t hash, uint32_t position)
{
    uint64_t *slot = index_slot(index, hash, position);
    if (slot != NULL) {
        *slot |= INDEX_HIT;
    }
    return slot != NULL;
}

enum cache_index_state cache_index_state(const struct cache_index *index, uint64_t hash,
                                         uint32_t position)
{
    const uint64_t *slot = index_slot(index, hash, position);
    return slot == NULL        ? CACHE_INDEX_ABSENT
           : *slot & INDEX_HIT ? CACHE_INDEX_HIT
                               : CACHE_INDEX_UNUSED;
}

bool cache_index_move(struct cache_index *index, uint64_t hash, uint32_t from, uint32_t to)
{
    bool found = cache_index_remove(index, hash, from);
    if (found) {
        cache_index_add(index, hash, to);
    }
    return found;
}

bool cache_index_remove(struct cache_index *index, uint64_t hash, uint32_t position)
{
    uint64_t *slot = index_slot(index, hash, position);
    if (slot != NULL) {
        index_take(index, slot);
    }
    return slot != NULL;
}

uint32_t cache_index_remove_hash(struct cache_index *index, uint64_t hash)
{
    uint32_t count = 0;
    uint64_t *slot;
    while (slot = index_first(index, hash), index_has_hash(index, slot, hash)) {
        index_take(index, slot);
        count++;
    }
    return count;
}

uint32_t cache_index_remove_range(struct cache_index *index, uint32_t from, uint32_t to)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < CACHE_INDEX_PARTS; i++) {
        struct cache_index_part *part = &index->parts[i];
        for (uint32_t k = 0; k < index_end(part);) {
            uint32_t position = index_position_of(part->slots[k]);
            if (part->slots[k] != 0 && position >= from && position < to) {
                part_take(part, k);
                count++;
            } else {
                k++;
            }
        }
    }
    return count;
}

uint64_t cache_index_count(const struct cache_index *index)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < CACHE_INDEX_PARTS; i++) {
        count += index->parts[i].count;
    }
    return count;
}

uint64_t cache_index_bytes(const struct cache_index *index)
{
    uint64_t bytes = sizeof *index;
    for (uint32_t i = 0; i < CACHE_INDEX_PARTS; i++) {
        bytes += index_end(&index->parts[i]) * sizeof(uint64_t);
    }
    return bytes;
}

/* ---- keeping ---- */

uint32_t cache_index_save(const struct cache_index *index, uint32_t part, uint32_t *at,
                          uint64_t *out, uint32_t room)
{
    const struct cache_index_part *from = &index->parts[part];
    uint32_t count = 0;
    for (; *at < index_end(from) && count < room; (*at)++) {
        if (from->slots[*at] != 0) {
            out[count++] = from->slots[*at];
        }
    }
    return count;
}

bool cache_index_load(struct cache_index *index, uint64_t saved)
{
    if (index_position_of(saved) == 0) {
        return false;
    }
    part_add(index_part(index, saved), saved);
    return true;
}

uint32_t cache_index_saved_position(uint64_t saved)
{
    return index_position_of(saved);
}
