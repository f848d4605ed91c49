/* cache/cache.c - reads go through, applies go around.
 *
 *   get ──> shard ── hit ──> pin
 *             └── miss ──> engine ──> kept, unless an apply touched the stripe meanwhile
 *   apply ──> begin every key (out of its shard, stripe busy) ──> engine ──> end every key
 *
 * Keys fall into shards by hash, each with a lock; a shard's stripes count the applies that began
 * and ended on their keys. A reader that missed notes the count; it keeps what the engine gave only
 * if the stripe was idle then and no apply began since. What was cached before an apply is cached
 * with its new value after it: a record that is written often is read often. */
#include "cache/cache.h"

#include <pthread.h>
#include <xxhash.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cache/memory.h"
#include "store/effect.h"

enum { CACHE_SHARDS_MAX = 64, CACHE_STRIPES = 64, CACHE_SHARD_BYTES_MIN = 1 << 20 };

/* Applies on keys of this stripe. */
struct cache_stripe {
    uint32_t begun;
    uint32_t ended;
};

struct cache_shard {
    _Alignas(64) pthread_mutex_t lock; /* everything here is under it */
    struct cache_memory memory;
    struct cache_stripe stripes[CACHE_STRIPES];
    uint64_t hits;
    uint64_t misses;
    uint64_t invalidations;
};

/* One effect of the apply that is going on. */
struct cache_change {
    struct store_effect effect;
    uint64_t hash;
    bool was_cached;
};

struct cache {
    struct store_kv kv;
    struct store_kv *engine;
    uint64_t seed;
    uint64_t bytes_max;
    struct memory_pages *pages;
    uint32_t shards_count; /* a power of two */
    struct cache_shard *shards;
    struct buf changes; /* of struct cache_change: the applying thread's */
};

static struct cache *cache_of(struct store_kv *kv)
{
    return (struct cache *)kv;
}

static uint64_t cache_hash(const struct cache *cache, struct slice key)
{
    return XXH3_64bits_withSeed(key.data, key.len, cache->seed);
}

/* The table inside a shard uses the hash's low bits. */
static struct cache_shard *cache_shard(const struct cache *cache, uint64_t hash)
{
    return &cache->shards[(hash >> 58) & (cache->shards_count - 1)];
}

static struct cache_stripe *cache_stripe(struct cache_shard *shard, uint64_t hash)
{
    return &shard->stripes[(hash >> 52) & (CACHE_STRIPES - 1)];
}

/* ---- reading ---- */

/* Look in the shard; on a miss `*ret_stripe` says what an apply would change. */
static bool cache_look(struct cache_shard *shard, uint64_t hash, struct slice key,
                       struct store_pin *ret_pin, struct cache_stripe *ret_stripe)
{
    pthread_mutex_lock(&shard->lock);
    bool hit = cache_memory_get(&shard->memory, hash, key, ret_pin);
    shard->hits += hit;
    shard->misses += !hit;
    *ret_stripe = *cache_stripe(shard, hash);
    pthread_mutex_unlock(&shard->lock);
    return hit;
}

static void cache_keep(struct cache_shard *shard, uint64_t hash, struct slice key,
                       struct slice value, struct cache_stripe seen)
{
    pthread_mutex_lock(&shard->lock);
    const struct cache_stripe *now = cache_stripe(shard, hash);
    if (seen.begun == seen.ended && now->begun == seen.begun) {
        cache_memory_put(&shard->memory, hash, key, value);
    }
    pthread_mutex_unlock(&shard->lock);
}

static int cache_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin)
{
    struct cache *cache = cache_of(kv);
    const struct store_kv_ops *ops = cache->engine->ops;
    if (snapshot != NULL) {
        return ops->get(cache->engine, snapshot, key, wait, ret_pin);
    }
    uint64_t hash = cache_hash(cache, key);
    struct cache_shard *shard = cache_shard(cache, hash);
    struct cache_stripe stripe;
    if (cache_look(shard, hash, key, ret_pin, &stripe)) {
        return 0;
    }
    int code = ops->get(cache->engine, NULL, key, wait, ret_pin);
    if (code == 0) {
        cache_keep(shard, hash, key, ret_pin->value, stripe);
    }
    return code;
}

/* ---- applying ---- */

static void cache_begin_change(struct cache *cache, struct cache_change *change)
{
    change->hash = cache_hash(cache, change->effect.key);
    struct cache_shard *shard = cache_shard(cache, change->hash);
    pthread_mutex_lock(&shard->lock);
    cache_stripe(shard, change->hash)->begun++;
    change->was_cached = cache_memory_remove(&shard->memory, change->hash, change->effect.key);
    shard->invalidations += change->was_cached;
    pthread_mutex_unlock(&shard->lock);
}

static void cache_end_change(struct cache *cache, const struct cache_change *change)
{
    struct cache_shard *shard = cache_shard(cache, change->hash);
    pthread_mutex_lock(&shard->lock);
    struct cache_stripe *stripe = cache_stripe(shard, change->hash);
    stripe->ended++;
    if (change->was_cached && change->effect.kind == STORE_EFFECT_PUT &&
        stripe->begun == stripe->ended) {
        cache_memory_put(&shard->memory, change->hash, change->effect.key, change->effect.value);
    }
    pthread_mutex_unlock(&shard->lock);
}

static int cache_begin_payload(struct cache *cache, struct slice payload)
{
    struct cache_change change = {0};
    size_t at = 0;
    int more;
    while ((more = store_effect_next(payload, &at, &change.effect)) > 0) {
        cache_begin_change(cache, &change);
        buf_append(&cache->changes, &change, sizeof change);
    }
    return more;
}

static int cache_apply(struct store_kv *kv, const struct slice *payloads, size_t count,
                       struct store_mark mark)
{
    struct cache *cache = cache_of(kv);
    int code = 0;
    cache->changes.len = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        code = cache_begin_payload(cache, payloads[i]);
    }
    if (code == 0) {
        code = cache->engine->ops->apply(cache->engine, payloads, count, mark);
    }
    const struct cache_change *changes = (const struct cache_change *)cache->changes.data;
    for (size_t i = 0; i < cache->changes.len / sizeof *changes; i++) {
        cache_end_change(cache, &changes[i]);
    }
    return code;
}

/* ---- what only the engine knows ---- */

static struct store_mark cache_applied(struct store_kv *kv)
{
    struct store_kv *engine = cache_of(kv)->engine;
    return engine->ops->applied(engine);
}

static int cache_flush(struct store_kv *kv, uint64_t *ret_index)
{
    struct store_kv *engine = cache_of(kv)->engine;
    return engine->ops->flush(engine, ret_index);
}

/* Nothing asks for these keys again, so what is cached of them only has to age. */
static int cache_drop_range(struct store_kv *kv, struct slice from, struct slice to)
{
    struct store_kv *engine = cache_of(kv)->engine;
    return engine->ops->drop_range(engine, from, to);
}

static struct store_snapshot *cache_snapshot(struct store_kv *kv)
{
    struct store_kv *engine = cache_of(kv)->engine;
    return engine->ops->snapshot(engine);
}

static void cache_snapshot_release(struct store_kv *kv, struct store_snapshot *snapshot)
{
    struct store_kv *engine = cache_of(kv)->engine;
    engine->ops->snapshot_release(engine, snapshot);
}

static uint64_t cache_size(struct store_kv *kv, struct slice from, struct slice to)
{
    struct store_kv *engine = cache_of(kv)->engine;
    return engine->ops->size(engine, from, to);
}

/* The cursor is the engine's own, with the engine's ops in it. */
static struct store_cursor *cache_cursor(struct store_kv *kv, struct store_snapshot *snapshot,
                                         enum store_wait wait)
{
    struct store_kv *engine = cache_of(kv)->engine;
    return engine->ops->cursor(engine, snapshot, wait);
}

static void cache_close(struct store_kv *kv)
{
    struct cache *cache = cache_of(kv);
    cache->engine->ops->close(cache->engine);
    for (uint32_t i = 0; i < cache->shards_count; i++) {
        cache_memory_close(&cache->shards[i].memory);
        pthread_mutex_destroy(&cache->shards[i].lock);
    }
    memory_pages_free(cache->pages);
    mem_free(cache->shards);
    buf_close(&cache->changes);
    mem_free(cache);
}

static const struct store_kv_ops cache_ops = {
    .name = "cache",
    .close = cache_close,
    .get = cache_get,
    .apply = cache_apply,
    .applied = cache_applied,
    .flush = cache_flush,
    .drop_range = cache_drop_range,
    .snapshot = cache_snapshot,
    .snapshot_release = cache_snapshot_release,
    .size = cache_size,
    .cursor = cache_cursor,
};

struct cache *cache_new(const struct cache_options *options, struct store_kv *engine)
{
    struct cache *cache = mem_zero(1, sizeof *cache);
    cache->kv.ops = &cache_ops;
    cache->engine = engine;
    cache->seed = options->seed;
    cache->bytes_max = options->bytes_max;
    cache->shards_count = 1;
    while (cache->shards_count < CACHE_SHARDS_MAX &&
           options->bytes_max / (cache->shards_count * 2) >= CACHE_SHARD_BYTES_MIN) {
        cache->shards_count *= 2;
    }
    cache->shards =
        mem_zero_aligned(_Alignof(struct cache_shard), cache->shards_count, sizeof *cache->shards);
    cache->pages = memory_pages_new(options->huge_pages);
    struct cache_memory_options memory = {options->policy, cache->pages,
                                          options->bytes_max / cache->shards_count};
    for (uint32_t i = 0; i < cache->shards_count; i++) {
        pthread_mutex_init(&cache->shards[i].lock, NULL);
        cache_memory_init(&cache->shards[i].memory, &memory);
    }
    buf_init(&cache->changes, NULL);
    return cache;
}

struct store_kv *cache_kv(struct cache *cache)
{
    return &cache->kv;
}

struct cache_stats cache_stats(struct cache *cache)
{
    struct cache_stats stats = {.bytes_max = cache->bytes_max};
    for (uint32_t i = 0; i < cache->shards_count; i++) {
        struct cache_shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->lock);
        stats.hits += shard->hits;
        stats.misses += shard->misses;
        stats.invalidations += shard->invalidations;
        stats.evictions += shard->memory.evictions;
        stats.moves += shard->memory.moves;
        stats.entries += shard->memory.count;
        stats.bytes += cache_memory_bytes(&shard->memory);
        stats.live += shard->memory.log.live;
        pthread_mutex_unlock(&shard->lock);
    }
    return stats;
}
