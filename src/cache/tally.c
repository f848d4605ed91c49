/* cache/tally.c - a small table of counters by collection. */
#include "cache/tally.h"

#include "store/keys.h"

uint32_t cache_tally_id(struct slice key)
{
    return key.len < 4 ? 0 : store_key_load_id(key.data);
}

/* The last row is for those that find no other, and for id 0. */
struct cache_counts *cache_tally_of(struct cache_tally *tally, struct slice key)
{
    enum { SHARED = CACHE_TALLY_ROWS - 1 };
    uint32_t id = cache_tally_id(key);
    for (uint32_t i = 0; i < SHARED && id != 0; i++) {
        uint32_t row = (id + i) % SHARED;
        if (tally->ids[row] == 0) {
            tally->ids[row] = id;
        }
        if (tally->ids[row] == id) {
            return &tally->counts[row];
        }
    }
    return &tally->counts[SHARED];
}

void cache_counts_add(struct cache_counts *to, const struct cache_counts *from)
{
    to->hits += from->hits;
    to->absent += from->absent;
    to->misses += from->misses;
    to->evictions += from->evictions;
    to->expirations += from->expirations;
    to->invalidations += from->invalidations;
    to->ahead += from->ahead;
    to->ahead_used += from->ahead_used;
    to->ahead_unused += from->ahead_unused;
    to->entries += from->entries;
    to->bytes += from->bytes;
}
