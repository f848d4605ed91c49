/* cache/spill.c - two buffers: one is filled while the other is worked on.
 *
 * Who evicts holds a shard's lock, so it only copies. The thread is woken when a buffer is half
 * full; otherwise it comes by itself now and then. */
#include "cache/spill.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

/* What stands before an entry's key and value. */
struct spill_head {
    uint64_t hash;
    uint32_t begun;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t size; /* with what is between this entry and the next */
};

enum { SPILL_DOOR_LEAST = 1024, SPILL_DOOR_MOST = 1 << 24 };

void cache_spill_init(struct cache_spill *spill, uint64_t bytes_max, uint64_t door_entries)
{
    pthread_condattr_t monotonic;
    *spill = (struct cache_spill){.half_max = bytes_max / 2};
    uint32_t slots = SPILL_DOOR_LEAST;
    while (slots < door_entries && slots < SPILL_DOOR_MOST) {
        slots *= 2;
    }
    spill->door_mask = slots - 1;
    spill->door = mem_zero(slots, sizeof *spill->door);
    pthread_mutex_init(&spill->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&spill->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    buf_init(&spill->filling, NULL);
    buf_init(&spill->taken, NULL);
}

void cache_spill_close(struct cache_spill *spill)
{
    buf_close(&spill->filling);
    buf_close(&spill->taken);
    pthread_cond_destroy(&spill->wake);
    pthread_mutex_destroy(&spill->lock);
    mem_free(spill->door);
}

/* Has it left unused before? If not, it is remembered. */
static bool spill_knows(struct cache_spill *spill, uint64_t hash)
{
    uint16_t *slot = &spill->door[(uint32_t)(hash >> 16) & spill->door_mask];
    uint16_t mark = (uint16_t)hash | 1;
    bool known = *slot == mark;
    *slot = known ? 0 : mark;
    return known;
}

static bool spill_is_woken(const struct cache_spill *spill)
{
    return spill->stopping || spill->filling.len >= spill->half_max / 2;
}

void cache_spill_offer(struct cache_spill *spill, const struct cache_leaver *leaver, uint32_t begun)
{
    size_t len = sizeof(struct spill_head) + leaver->key.len + leaver->value.len;
    size_t size = (len + 7) & ~(size_t)7;
    pthread_mutex_lock(&spill->lock);
    if (!leaver->reused && !spill_knows(spill, leaver->hash)) {
        spill->refused++;
    } else if (spill->filling.len + size > spill->half_max) {
        spill->dropped++;
    } else {
        struct spill_head head = {leaver->hash, begun, (uint32_t)leaver->key.len,
                                  (uint32_t)leaver->value.len, (uint32_t)size};
        bool was_woken = spill_is_woken(spill);
        buf_append(&spill->filling, &head, sizeof head);
        buf_append_slice(&spill->filling, leaver->key);
        buf_append_slice(&spill->filling, leaver->value);
        memset(buf_extend(&spill->filling, size - len), 0, size - len);
        if (!was_woken && spill_is_woken(spill)) {
            pthread_cond_signal(&spill->wake);
        }
    }
    pthread_mutex_unlock(&spill->lock);
}

bool cache_spill_wait(struct cache_spill *spill, uint64_t wait_us_max)
{
    uint64_t until_us = clock_mono_us() + wait_us_max;
    struct timespec until = {(time_t)(until_us / 1000000), (long)(until_us % 1000000 * 1000)};
    int waited = 0;
    pthread_mutex_lock(&spill->lock);
    while (!spill_is_woken(spill) && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&spill->wake, &spill->lock, &until);
    }
    bool stopping = spill->stopping;
    pthread_mutex_unlock(&spill->lock);
    return !stopping;
}

void cache_spill_stop(struct cache_spill *spill)
{
    pthread_mutex_lock(&spill->lock);
    spill->stopping = true;
    pthread_cond_signal(&spill->wake);
    pthread_mutex_unlock(&spill->lock);
}

static void spill_swap(struct cache_spill *spill)
{
    spill->taken.len = 0;
    spill->at = 0;
    pthread_mutex_lock(&spill->lock);
    struct buf filled = spill->filling;
    spill->filling = spill->taken;
    spill->taken = filled;
    pthread_mutex_unlock(&spill->lock);
}

bool cache_spill_take(struct cache_spill *spill, struct cache_spill_item *ret_item)
{
    if (spill->at == spill->taken.len) {
        spill_swap(spill);
    }
    if (spill->taken.len == 0) {
        return false;
    }
    struct spill_head head;
    const uint8_t *from = spill->taken.data + spill->at;
    memcpy(&head, from, sizeof head);
    spill->at += head.size;
    *ret_item =
        (struct cache_spill_item){head.hash, head.begun, slice_of(from + sizeof head, head.key_len),
                                  slice_of(from + sizeof head + head.key_len, head.value_len)};
    return true;
}
