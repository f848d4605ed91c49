/* cache/shares.c - ghosts of two files, and what follows from them. */
#include "cache/shares.h"

#include "base/mem.h"

enum {
    SHARES_SLOTS_LEAST = 1024,
    SHARES_SLOTS_MOST = 1 << 22,
    SHARES_REMEMBERED_PARTS = 16, /* of all bytes: how much larger the ghosts ask a file to be */
    SHARES_AGES = 16,             /* while that many bytes leave, in as many steps */
    SHARES_LEAST_PARTS = 16,      /* no file gets less of all bytes than this part */
    SHARES_STEP_PARTS = 64,       /* of all bytes, moved at a time */
    SHARES_HITS = 256,            /* that make a judgement */
};

/* What decides: the one has five ghost hits where the other has four. */
enum { SHARES_MORE = 5, SHARES_LESS = 4 };

void cache_shares_init(struct cache_shares *shares, uint64_t bytes, uint64_t mapped,
                       uint64_t entries)
{
    uint32_t slots = SHARES_SLOTS_LEAST;
    while (slots < entries && slots < SHARES_SLOTS_MOST) {
        slots *= 2;
    }
    *shares = (struct cache_shares){.mask = slots - 1, .bytes = bytes, .mapped = mapped};
    for (int i = 0; i < CACHE_SHARES; i++) {
        shares->ghosts[i] = mem_zero(slots, sizeof *shares->ghosts[i]);
    }
}

void cache_shares_close(struct cache_shares *shares)
{
    for (int i = 0; i < CACHE_SHARES; i++) {
        mem_free((void *)shares->ghosts[i]);
    }
}

static _Atomic uint32_t *shares_slot(struct cache_shares *shares, enum cache_share of,
                                     uint64_t hash)
{
    return &shares->ghosts[of][(uint32_t)(hash >> 16) & shares->mask];
}

/* Not zero, which is an empty slot. */
static uint32_t shares_mark(uint64_t hash)
{
    return (uint32_t)hash << 16 | UINT32_C(1) << 16;
}

void cache_shares_left(struct cache_shares *shares, enum cache_share from, uint64_t hash,
                       uint64_t bytes)
{
    uint64_t step = shares->bytes / SHARES_REMEMBERED_PARTS / SHARES_AGES;
    shares->left[from] += bytes;
    uint32_t age = (uint32_t)(shares->left[from] / (step > 0 ? step : 1));
    atomic_store_explicit(&shares->age[from], age, memory_order_relaxed);
    atomic_store_explicit(shares_slot(shares, from, hash), shares_mark(hash) | (age & UINT16_MAX),
                          memory_order_relaxed);
}

/* A ghost is hit once. */
static bool shares_take(struct cache_shares *shares, enum cache_share of, uint64_t hash)
{
    _Atomic uint32_t *slot = shares_slot(shares, of, hash);
    uint32_t ghost = atomic_load_explicit(slot, memory_order_relaxed);
    if ((ghost ^ shares_mark(hash)) > UINT16_MAX) {
        return false;
    }
    uint32_t now = atomic_load_explicit(&shares->age[of], memory_order_relaxed);
    atomic_store_explicit(slot, 0, memory_order_relaxed);
    return (uint16_t)(now - ghost) <= SHARES_AGES;
}

void cache_shares_missed(struct cache_shares *shares, uint64_t hash)
{
    for (int i = 0; i < CACHE_SHARES; i++) {
        if (shares_take(shares, (enum cache_share)i, hash)) {
            atomic_fetch_add_explicit(&shares->hits[i], 1, memory_order_relaxed);
            return;
        }
    }
}

bool cache_shares_move(struct cache_shares *shares)
{
    uint64_t mapped = atomic_load_explicit(&shares->hits[CACHE_SHARE_MAPPED], memory_order_relaxed);
    uint64_t disk = atomic_load_explicit(&shares->hits[CACHE_SHARE_DISK], memory_order_relaxed);
    uint64_t new_mapped = mapped - shares->seen[CACHE_SHARE_MAPPED];
    uint64_t new_disk = disk - shares->seen[CACHE_SHARE_DISK];
    uint64_t least = shares->bytes / SHARES_LEAST_PARTS;
    uint64_t step = shares->bytes / SHARES_STEP_PARTS;
    if (new_mapped + new_disk < SHARES_HITS) {
        return false;
    }
    shares->seen[CACHE_SHARE_MAPPED] = mapped;
    shares->seen[CACHE_SHARE_DISK] = disk;
    if (new_mapped * SHARES_LESS > new_disk * SHARES_MORE &&
        shares->bytes - shares->mapped >= least + step) {
        shares->mapped += step;
        return true;
    }
    if (new_disk * SHARES_LESS > new_mapped * SHARES_MORE && shares->mapped >= least + step) {
        shares->mapped -= step;
        return true;
    }
    return false;
}
