/* cache/space.c - keys fall into shards by hash; a shard's stripes count the changes to its keys.
 *
 * A change that begins makes its stripe busy, one that ends makes it idle again. Looking something
 * up in the engine takes a while: what it found is good if the stripe was idle before and no change
 * began since.
 *
 * A key that is not there is remembered only when it is asked for a second time: each shard keeps
 * the tags of a few keys that were looked for in vain, so that a stranger who asks for ever new
 * ones displaces nothing. */
#include "cache/space.h"

#include <pthread.h>

#include "base/mem.h"

enum { SPACE_STRIPES = 256, SPACE_DOUBTS = 256, SPACE_SHARD_BYTES_MIN = 1 << 20 };

/* Of a segment, what must be dead for tidying to move the rest: in a calm shard, and in others. */
enum { SPACE_HOLE_PERCENT = 3, SPACE_HOLE_PERCENT_BUSY = 25 };

struct cache_shard {
    _Alignas(64) pthread_mutex_t lock; /* everything here is under it */
    const struct cache_space *space;
    struct cache_memory memory;
    struct cache_stamp stripes[SPACE_STRIPES];
    uint16_t doubts[SPACE_DOUBTS];
};

/* The table inside a shard uses the hash's low bits. */
static struct cache_shard *space_shard(const struct cache_space *space, uint64_t hash)
{
    return &space->shards[(hash >> 58) & (space->shards_count - 1)];
}

static struct cache_stamp *space_stripe(struct cache_shard *shard, uint64_t hash)
{
    return &shard->stripes[(hash >> 50) & (SPACE_STRIPES - 1)];
}

/* Was the key looked for in vain lately? It is from now on. */
static bool space_doubted(struct cache_shard *shard, uint64_t hash)
{
    uint16_t *doubt = &shard->doubts[(hash >> 40) % SPACE_DOUBTS];
    uint16_t tag = (uint16_t)(hash >> 24) | 1;
    bool was = *doubt == tag;
    *doubt = tag;
    return was;
}

/* ---- the whole ---- */

/* Under the shard's lock: what is here is good, as of this count. */
static void space_leave(void *context, const struct cache_leaver *leaver)
{
    struct cache_shard *shard = context;
    const struct cache_space *space = shard->space;
    if (space->leave != NULL) {
        space->leave(space->context, leaver, space_stripe(shard, leaver->hash)->begun);
    }
}

/* The first shard's policy leads those of the others; kinds of pages go by turns. */
static void space_init_shard(struct cache_space *space, uint32_t index,
                             const struct cache_memory_options *options)
{
    struct cache_memory_options share = *options;
    share.bytes_max /= space->shards_count;
    share.pages_kind = options->pages == NULL ? 0 : index % memory_pages_kinds(options->pages);
    share.leader = index == 0 ? NULL : space->shards[0].memory.policy;
    share.leave = space_leave;
    share.context = &space->shards[index];
    space->shards[index].space = space;
    cache_memory_init(&space->shards[index].memory, &share);
}

void cache_space_init(struct cache_space *space, const struct cache_memory_options *options,
                      uint32_t shards)
{
    *space = (struct cache_space){.shards_count = 1};
    space->policy = options->policy;
    space->bytes_max = options->bytes_max;
    while (space->shards_count < shards &&
           options->bytes_max / (space->shards_count * 2) >= SPACE_SHARD_BYTES_MIN) {
        space->shards_count *= 2;
    }
    space->shards =
        mem_zero_aligned(_Alignof(struct cache_shard), space->shards_count, sizeof *space->shards);
    for (uint32_t i = 0; i < space->shards_count; i++) {
        pthread_mutex_init(&space->shards[i].lock, NULL);
        space_init_shard(space, i, options);
    }
}

void cache_space_close(struct cache_space *space)
{
    for (uint32_t i = space->shards_count; i-- > 0;) {
        cache_memory_close(&space->shards[i].memory);
        pthread_mutex_destroy(&space->shards[i].lock);
    }
    mem_free(space->shards);
}

/* Whoever looked something up before this may not keep it. */
static void space_disturb(struct cache_shard *shard)
{
    for (uint32_t i = 0; i < SPACE_STRIPES; i++) {
        shard->stripes[i].begun++;
        shard->stripes[i].ended++;
    }
}

void cache_space_reset(struct cache_space *space, const struct cache_memory_options *options)
{
    for (uint32_t i = 0; i < space->shards_count; i++) {
        pthread_mutex_lock(&space->shards[i].lock);
    }
    space->policy = options->policy;
    space->bytes_max = options->bytes_max;
    for (uint32_t i = space->shards_count; i-- > 0;) {
        cache_memory_close(&space->shards[i].memory);
    }
    for (uint32_t i = 0; i < space->shards_count; i++) {
        space_init_shard(space, i, options);
        space_disturb(&space->shards[i]);
        pthread_mutex_unlock(&space->shards[i].lock);
    }
}

void cache_space_resize(struct cache_space *space, uint64_t bytes_max)
{
    space->bytes_max = bytes_max;
    for (uint32_t i = 0; i < space->shards_count; i++) {
        struct cache_shard *shard = &space->shards[i];
        pthread_mutex_lock(&shard->lock);
        cache_memory_set_bound(&shard->memory, bytes_max / space->shards_count);
        pthread_mutex_unlock(&shard->lock);
    }
}

void cache_space_drop(struct cache_space *space, uint32_t collection)
{
    for (uint32_t i = 0; i < space->shards_count; i++) {
        struct cache_shard *shard = &space->shards[i];
        pthread_mutex_lock(&shard->lock);
        cache_memory_drop(&shard->memory, collection);
        space_disturb(shard);
        pthread_mutex_unlock(&shard->lock);
    }
}

/* ---- readers ---- */

enum cache_found cache_space_look(struct cache_space *space, const struct cache_key *key,
                                  uint32_t now_s, struct store_pin *ret_pin,
                                  struct cache_stamp *ret_stamp)
{
    struct cache_shard *shard = space_shard(space, key->hash);
    pthread_mutex_lock(&shard->lock);
    enum cache_found found = cache_memory_get(&shard->memory, key, now_s, ret_pin);
    *ret_stamp = *space_stripe(shard, key->hash);
    pthread_mutex_unlock(&shard->lock);
    return found;
}

bool cache_space_lacks(struct cache_space *space, const struct cache_key *key,
                       struct cache_stamp *ret_stamp)
{
    struct cache_shard *shard = space_shard(space, key->hash);
    pthread_mutex_lock(&shard->lock);
    bool there = cache_memory_has(&shard->memory, key);
    *ret_stamp = *space_stripe(shard, key->hash);
    pthread_mutex_unlock(&shard->lock);
    return !there && ret_stamp->begun == ret_stamp->ended;
}

void cache_space_keep(struct cache_space *space, const struct cache_key *key,
                      const struct cache_item *item, struct cache_stamp seen)
{
    struct cache_shard *shard = space_shard(space, key->hash);
    pthread_mutex_lock(&shard->lock);
    const struct cache_stamp *now = space_stripe(shard, key->hash);
    if (seen.begun == seen.ended && now->begun == seen.begun &&
        (!item->absent || space_doubted(shard, key->hash))) {
        cache_memory_put(&shard->memory, key, item);
    }
    pthread_mutex_unlock(&shard->lock);
}

/* ---- the one that changes ---- */

bool cache_space_begin(struct cache_space *space, const struct cache_key *key)
{
    struct cache_shard *shard = space_shard(space, key->hash);
    pthread_mutex_lock(&shard->lock);
    space_stripe(shard, key->hash)->begun++;
    bool was = cache_memory_remove(&shard->memory, key);
    pthread_mutex_unlock(&shard->lock);
    return was;
}

void cache_space_end(struct cache_space *space, const struct cache_key *key,
                     const struct cache_item *item)
{
    struct cache_shard *shard = space_shard(space, key->hash);
    pthread_mutex_lock(&shard->lock);
    struct cache_stamp *stripe = space_stripe(shard, key->hash);
    stripe->ended++;
    if (item != NULL && stripe->begun == stripe->ended) {
        cache_memory_put(&shard->memory, key, item);
    }
    pthread_mutex_unlock(&shard->lock);
}

/* ---- what lies below ---- */

bool cache_space_note(struct cache_space *space, uint64_t hash, uint32_t *ret_begun)
{
    struct cache_shard *shard = space_shard(space, hash);
    pthread_mutex_lock(&shard->lock);
    const struct cache_stamp *stripe = space_stripe(shard, hash);
    bool idle = stripe->begun == stripe->ended;
    *ret_begun = stripe->begun;
    pthread_mutex_unlock(&shard->lock);
    return idle;
}

bool cache_space_unless_begun(struct cache_space *space, uint64_t hash, uint32_t begun,
                              void (*act)(void *context), void *context)
{
    struct cache_shard *shard = space_shard(space, hash);
    pthread_mutex_lock(&shard->lock);
    bool same = space_stripe(shard, hash)->begun == begun;
    if (same) {
        act(context);
    }
    pthread_mutex_unlock(&shard->lock);
    return same;
}

static uint64_t space_live(const struct cache_space *space)
{
    uint64_t live = 0;
    for (uint32_t i = 0; i < space->shards_count; i++) {
        live += space->shards[i].memory.log.live;
    }
    return live;
}

void cache_space_drain(struct cache_space *space, uint64_t left_bytes)
{
    bool more = true;
    while (more && space_live(space) > left_bytes) {
        more = false;
        for (uint32_t i = 0; i < space->shards_count; i++) {
            more |= cache_memory_evict(&space->shards[i].memory);
        }
    }
}

/* ---- tidying ---- */

bool cache_space_tidy_step(struct cache_space *space, struct cache_space_tidy *tidy, bool hurry)
{
    if (tidy->shard == space->shards_count) {
        return false;
    }
    struct cache_memory *memory = &space->shards[tidy->shard].memory;
    pthread_mutex_lock(&space->shards[tidy->shard].lock);
    if (tidy->percent == 0) {
        bool calm = cache_memory_is_calm(memory);
        tidy->percent = calm || hurry ? SPACE_HOLE_PERCENT : SPACE_HOLE_PERCENT_BUSY;
    }
    bool more = cache_memory_fit(memory) || cache_memory_close_up(memory, tidy->percent) ||
                cache_memory_shrink(memory);
    pthread_mutex_unlock(&space->shards[tidy->shard].lock);
    if (!more) {
        tidy->shard++;
        tidy->percent = 0;
    }
    return true;
}

/* ---- looking ---- */

static void space_count(const struct cache_tally *tally, uint32_t collection,
                        struct cache_counts *to)
{
    for (uint32_t i = 0; i < CACHE_TALLY_ROWS; i++) {
        if (collection == 0 || tally->ids[i] == collection) {
            cache_counts_add(to, &tally->counts[i]);
        }
    }
}

struct cache_space_stats cache_space_stats(const struct cache_space *space, uint32_t collection)
{
    struct cache_space_stats stats = {0};
    for (uint32_t i = 0; i < space->shards_count; i++) {
        struct cache_shard *shard = &space->shards[i];
        pthread_mutex_lock(&shard->lock);
        space_count(&shard->memory.tally, collection, &stats.counts);
        stats.bytes += cache_memory_bytes(&shard->memory);
        stats.live += shard->memory.log.live;
        stats.dead += shard->memory.log.dead;
        stats.moves += shard->memory.moves;
        stats.shrinks += shard->memory.shrinks;
        stats.wide +=
            cache_memory_is_wide(&shard->memory) ? cache_memory_tables(&shard->memory) / 2 : 0;
        pthread_mutex_unlock(&shard->lock);
    }
    return stats;
}
