/* cache/memory.c - a hash table over a log of segments.
 *
 * A bucket leads to slots, a slot to the entry's place. When the segments reach the bound, the
 * policy names who leaves until a segment is empty or a quarter of one is; what still lives in the
 * sparsest is then moved to the end of the log. */
#include "cache/memory.h"

#include "base/mem.h"
#include "cache/memory_private.h"

/* Of the bound, what may be alive: the rest is the room that moving needs to be cheap. */
enum { MEMORY_LIVE_PERCENT = 92 };

/* Entries that one step towards a smaller bound evicts. */
enum { MEMORY_FIT_BATCH = 64 };

/* A shard is calm while no more than this part of it dies between two looks. */
enum { MEMORY_CALM_PARTS = 64 };

/* Of a segment, what must be dead for a put to move the rest. */
enum { MEMORY_HOLE_PERCENT = 25 };

static uint64_t memory_live_max(uint64_t bytes_max)
{
    return bytes_max / 100 * MEMORY_LIVE_PERCENT;
}

void cache_memory_init(struct cache_memory *memory, const struct cache_memory_options *options)
{
    *memory = (struct cache_memory){.bytes_max = options->bytes_max,
                                    .free = CACHE_NO_SLOT,
                                    .leave = options->leave,
                                    .context = options->context};
    memory->policy = options->policy->new (memory_live_max(options->bytes_max), options->leader);
    cache_log_init(&memory->log, options->pages, options->pages_kind);
}

void cache_memory_close(struct cache_memory *memory)
{
    cache_log_close(&memory->log);
    memory->policy->ops->free(memory->policy);
    cache__memory_hold(memory, 0);
}

uint64_t cache_memory_tables(const struct cache_memory *memory)
{
    return memory->slots_held * (sizeof *memory->slots + sizeof *memory->buckets) +
           memory->policy->ops->bytes(memory->policy);
}

uint64_t cache_memory_bytes(const struct cache_memory *memory)
{
    return memory->log.bytes + cache_memory_tables(memory);
}

/* ---- the table ---- */

/* The link that leads to the key's slot; NULL: it is not there. */
static uint32_t *memory_find(struct cache_memory *memory, const struct cache_key *key)
{
    if (memory->slots_cap == 0) {
        return NULL;
    }
    uint32_t *link = cache__memory_bucket(memory, key->hash);
    while (*link != CACHE_NO_SLOT) {
        struct cache_memory_slot *slot = &memory->slots[*link];
        if (slot->hash == key->hash &&
            slice_equal(cache_record_key(cache_record_at(cache__memory_place(slot))), key->bytes)) {
            break;
        }
        link = &slot->next;
    }
    return *link == CACHE_NO_SLOT ? NULL : link;
}

static struct cache_record *memory_record(const struct cache_memory *memory, uint32_t index)
{
    return cache_record_at(cache__memory_place(&memory->slots[index]));
}

static struct cache_counts *memory_counts(struct cache_memory *memory,
                                          const struct cache_record *record)
{
    return cache_tally_of(&memory->tally, cache_record_key(record));
}

/* Unlink a slot from its bucket and free it and its bytes. */
static void memory_unlink(struct cache_memory *memory, uint32_t *link)
{
    uint32_t index = *link;
    struct cache_memory_slot *slot = &memory->slots[index];
    struct cache_record *record = memory_record(memory, index);
    struct cache_counts *counts = memory_counts(memory, record);
    counts->ahead_unused += slot->ahead != CACHE_GUESS_NONE;
    counts->entries--;
    counts->bytes -= cache_record_size(record->key_len, record->value_len);
    *link = slot->next;
    cache_log_kill(&memory->log, cache__memory_place(slot));
    cache__memory_free_slot(memory, index);
    memory->count--;
}

/* The policy did not choose it. */
static void memory_take_out(struct cache_memory *memory, uint32_t *link)
{
    memory->policy->ops->remove(memory->policy, *link);
    memory_unlink(memory, link);
}

/* ---- room ---- */

/* That something is absent, what is about to expire and what nobody asked for is nothing to keep
 * elsewhere. */
static void memory_tell(struct cache_memory *memory, uint32_t index)
{
    const struct cache_memory_slot *slot = &memory->slots[index];
    const struct cache_record *record = memory_record(memory, index);
    struct cache_leaver leaver = {slot->hash, cache_record_key(record), cache_record_value(record),
                                  slot->reused};
    bool wanted = !record->absent && record->expires_s == 0 && slot->ahead == CACHE_GUESS_NONE;
    if (memory->leave != NULL && wanted) {
        memory->leave(memory->context, &leaver);
    }
}

/* For a guess only those leave that are not proven either. */
static bool memory_evict(struct cache_memory *memory, bool for_guess)
{
    const struct cache_policy_ops *policy = memory->policy->ops;
    bool unproven = for_guess && policy->evict_unproven != NULL;
    uint32_t index =
        unproven ? policy->evict_unproven(memory->policy) : policy->evict(memory->policy);
    if (index == CACHE_NO_SLOT) {
        return false;
    }
    memory_counts(memory, memory_record(memory, index))->evictions++;
    memory_tell(memory, index);
    memory_unlink(memory, cache__memory_link_of(memory, index));
    return true;
}

bool cache_memory_evict(struct cache_memory *memory)
{
    return memory_evict(memory, false);
}

/* Move what lives in a segment to the end of the log; the segment goes with its last entry. */
static void memory_empty(struct cache_memory *memory, struct cache_segment *segment)
{
    uint32_t at = 0;
    struct cache_record *record;
    cache_segment_hold(segment);
    while ((record = cache_segment_next(segment, &at)) != NULL) {
        struct cache_memory_slot *slot = &memory->slots[record->slot];
        struct cache_place old = cache__memory_place(slot);
        struct cache_item item = cache_record_item(record);
        struct cache_place place =
            cache_log_append(&memory->log, record->slot, cache_record_key(record), &item);
        slot->segment = place.segment;
        slot->offset = place.offset;
        cache_log_kill(&memory->log, old);
        memory->moves++;
    }
    cache_segment_release(segment);
}

bool cache_memory_close_up(struct cache_memory *memory, uint32_t percent)
{
    struct cache_segment *sparsest = cache_log_sparsest(&memory->log, percent);
    if (sparsest != NULL) {
        memory_empty(memory, sparsest);
    }
    return sparsest != NULL;
}

bool cache_memory_is_calm(struct cache_memory *memory)
{
    uint64_t died = memory->log.killed - memory->killed_before;
    memory->killed_before = memory->log.killed;
    return died <= memory->log.bytes / MEMORY_CALM_PARTS;
}

/* Bytes of segments within the bound. */
static uint64_t memory_log_max(const struct cache_memory *memory)
{
    uint64_t tables = cache_memory_tables(memory);
    return memory->bytes_max > tables ? memory->bytes_max - tables : 0;
}

/* Make room for `size` bytes more; false: whoever is there may stay. */
static bool memory_make_room(struct cache_memory *memory, uint32_t size, bool for_guess)
{
    uint64_t max = memory_log_max(memory);
    while (memory->log.live + size > memory_live_max(max)) {
        if (!memory_evict(memory, for_guess)) {
            return false;
        }
    }
    while (memory->log.bytes + cache_log_growth(&memory->log, size) > max) {
        if (!cache_memory_close_up(memory, MEMORY_HOLE_PERCENT) &&
            !memory_evict(memory, for_guess)) {
            return false;
        }
    }
    return true;
}

void cache_memory_set_bound(struct cache_memory *memory, uint64_t bytes_max)
{
    memory->bytes_max = bytes_max;
    memory->policy->ops->resize(memory->policy, memory_live_max(bytes_max));
}

bool cache_memory_fit(struct cache_memory *memory)
{
    uint64_t max = memory_log_max(memory);
    uint32_t evicted = 0;
    bool full = memory->log.bytes > max;
    if (full && cache_memory_close_up(memory, MEMORY_HOLE_PERCENT)) {
        return true;
    }
    while (evicted < MEMORY_FIT_BATCH && (full || memory->log.live > memory_live_max(max)) &&
           cache_memory_evict(memory)) {
        evicted++;
    }
    return evicted > 0;
}

/* ---- the doors ---- */

static void memory_unpin(void *handle)
{
    cache_segment_release(handle);
}

/* The first hit of what was brought ahead is what bringing it would have been. */
static enum cache_found memory_hit(struct cache_memory *memory, uint32_t index,
                                   struct cache_counts *counts)
{
    static const enum cache_found found[CACHE_GUESSES] = {
        [CACHE_GUESS_NONE] = CACHE_HIT,
        [CACHE_GUESS_SEQUENCE] = CACHE_HIT_SEQUENCE,
        [CACHE_GUESS_PAIR] = CACHE_HIT_PAIR,
    };
    struct cache_memory_slot *slot = &memory->slots[index];
    enum cache_guess_kind ahead = (enum cache_guess_kind)slot->ahead;
    counts->hits++;
    counts->ahead_used += ahead != CACHE_GUESS_NONE;
    slot->reused = slot->reused || ahead == CACHE_GUESS_NONE;
    slot->ahead = CACHE_GUESS_NONE;
    return found[ahead];
}

enum cache_found cache_memory_get(struct cache_memory *memory, const struct cache_key *key,
                                  uint32_t now_s, struct store_pin *ret_pin)
{
    struct cache_counts *counts = cache_tally_of(&memory->tally, key->bytes);
    uint32_t *link = memory_find(memory, key);
    const struct cache_record *record = link == NULL ? NULL : memory_record(memory, *link);
    if (record != NULL && record->expires_s != 0 && record->expires_s <= now_s) {
        counts->expirations++;
        memory_take_out(memory, link);
        record = NULL;
    }
    if (record == NULL) {
        counts->misses++;
        return CACHE_MISS;
    }
    enum cache_found found = memory_hit(memory, *link, counts);
    memory->policy->ops->hit(memory->policy, *link);
    if (record->absent) {
        counts->absent++;
        return CACHE_ABSENT;
    }
    struct cache_segment *segment = memory->slots[*link].segment;
    cache_segment_hold(segment);
    *ret_pin = (struct store_pin){cache_record_value(record), segment, memory_unpin};
    return found;
}

bool cache_memory_has(struct cache_memory *memory, const struct cache_key *key)
{
    return memory_find(memory, key) != NULL;
}

bool cache_memory_remove(struct cache_memory *memory, const struct cache_key *key)
{
    uint32_t *link = memory_find(memory, key);
    if (link == NULL) {
        return false;
    }
    cache_tally_of(&memory->tally, key->bytes)->invalidations++;
    memory_take_out(memory, link);
    return true;
}

void cache_memory_drop(struct cache_memory *memory, uint32_t collection)
{
    for (uint32_t i = 0; i < memory->slots_held; i++) {
        if (memory->slots[i].segment != NULL &&
            cache_tally_id(cache_record_key(memory_record(memory, i))) == collection) {
            memory_take_out(memory, cache__memory_link_of(memory, i));
        }
    }
}

/* Larger tables may take the place of what is proven: not for a guess, which gets the slot of one
 * that is not. */
static bool memory_has_slot_for_guess(struct cache_memory *memory)
{
    uint64_t tables = 2 * cache_memory_tables(memory);
    uint64_t max = memory->bytes_max > tables ? memory->bytes_max - tables : 0;
    bool may_grow = memory->log.bytes <= max && memory->log.live <= memory_live_max(max);
    return cache__memory_has_free(memory) || may_grow || memory_evict(memory, true);
}

void cache_memory_put(struct cache_memory *memory, const struct cache_key *key,
                      const struct cache_item *item)
{
    uint32_t *old = memory_find(memory, key);
    uint32_t size = cache_record_size(key->bytes.len, item->value.len);
    bool guess = item->ahead != CACHE_GUESS_NONE;
    if (old != NULL && guess) {
        return;
    }
    if (old != NULL) {
        memory_take_out(memory, old);
    }
    if (guess && !memory_has_slot_for_guess(memory)) {
        return;
    }
    bool grows = !cache__memory_has_free(memory) && cache__memory_grow(memory);
    if (!cache__memory_has_free(memory) || size > memory->bytes_max / 8 ||
        !memory_make_room(memory, size, guess)) {
        return;
    }
    uint32_t index = memory->free;
    struct cache_memory_slot *slot = &memory->slots[index];
    struct cache_place place = cache_log_append(&memory->log, index, key->bytes, item);
    memory->free = slot->next;
    uint32_t *bucket = cache__memory_bucket(memory, key->hash);
    *slot = (struct cache_memory_slot){.hash = key->hash,
                                       .segment = place.segment,
                                       .offset = place.offset,
                                       .ahead = item->ahead,
                                       .reused = item->reused,
                                       .next = *bucket};
    *bucket = index;
    memory->count++;
    cache__memory_split(memory);
    struct cache_counts *counts = cache_tally_of(&memory->tally, key->bytes);
    counts->entries++;
    counts->ahead += guess;
    counts->bytes += size;
    struct cache_policy_entry entry = {index, size, key->hash, item->expires_s * UINT64_C(1000),
                                       guess};
    memory->policy->ops->add(memory->policy, &entry);
    if (grows) {
        memory_make_room(memory, 0, guess); /* tables take room, too */
    }
}
