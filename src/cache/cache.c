/* cache/cache.c - reads go through, applies go around.
 *
 *   get ──> route ──> space ── hit ──> pin, or "not there"
 *             └── miss ──> levels ──> engine ──> kept, unless an apply touched the stripe meanwhile
 *   apply ──> begin every key (out of space and levels, stripe busy) ──> engine ──> end every key
 *
 * The levels below go by the common space: it alone fills them, and it counts the changes to all
 * keys, also to those that are in another space.
 *
 * What was cached before an apply is cached with its new value after it: a record that is written
 * often is read often.
 *
 * Rules change on the applying thread, so never during an apply. First readers are sent the new
 * way, then what was cached the old way is dropped. A reader that was sent the old way and looks
 * too late finds the version changed, and asks again; one that looked in time keeps nothing, since
 * its stamp is no longer true. */
#include "cache/cache.h"

#include <assert.h>
#include <pthread.h>
#include <xxhash.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cache/rules.h"
#include "cache/space.h"
#include "store/effect.h"

enum { CACHE_SHARDS_MAX = 64, CACHE_SPACE_SHARDS = 16 };

/* Free pages that keep their memory for the next segments: one for so many in use. */
enum { CACHE_SPARE_PARTS = 64 };

/* One effect of the apply that is going on. */
struct cache_change {
    struct store_effect effect;
    struct cache_key key;
    struct cache_route route;
    bool was_cached;
};

struct cache {
    struct store_kv kv;
    struct store_kv *engine;
    struct cache_options options;
    uint64_t started_us;
    struct memory_pages *pages;
    struct cache_sample *sample;
    struct cache_rules routes;
    struct cache_space spaces[CACHE_SPACES_MAX]; /* the common one first */
    atomic_uint spaces_count;                    /* that were made; they stay */
    pthread_mutex_t bounds_lock;
    _Atomic uint64_t bound;           /* written under it: bytes_max, or less */
    uint64_t sizes[CACHE_SPACES_MAX]; /* under it: of the spaces, of bytes_max */
    /* ---- the applying thread's ---- */
    struct cache_rule rules[CACHE_RULES_MAX]; /* in force */
    uint8_t rule_spaces[CACHE_RULES_MAX];
    uint32_t rules_count;
    struct buf changes; /* of struct cache_change */
    /* ---- below ---- */
    struct cache_levels *levels; /* NULL: memory is all */
    _Atomic uint64_t promotions;
    _Atomic uint64_t engine_waits;
};

static struct cache *cache_of(struct store_kv *kv)
{
    return (struct cache *)kv;
}

static struct cache_key cache_key(const struct cache *cache, struct slice key)
{
    return (struct cache_key){key, XXH3_64bits_withSeed(key.data, key.len, cache->options.seed)};
}

/* Seconds since the start, never 0. */
static uint32_t cache_now_s(const struct cache *cache)
{
    return (uint32_t)((cache->options.clock_us() - cache->started_us) / 1000000) + 1;
}

static struct cache_item cache_item(const struct cache *cache, struct cache_route route,
                                    struct slice value)
{
    return (struct cache_item){
        .value = value, .expires_s = route.ttl_s == 0 ? 0 : cache_now_s(cache) + route.ttl_s};
}

/* ---- reading ---- */

/* Where a reader looked. */
struct cache_look {
    struct cache_key key;
    struct cache_route route;
    struct cache_stamp stamp; /* of a miss */
    enum cache_source source; /* where it was found */
};

static enum cache_found cache_look(struct cache *cache, struct cache_look *look,
                                   struct store_pin *ret_pin)
{
    for (;;) {
        struct store_pin pin = {0};
        look->route = cache_rules_route(&cache->routes, cache_tally_id(look->key.bytes));
        uint32_t now_s = look->route.ttl_s == 0 ? 0 : cache_now_s(cache);
        enum cache_found found = cache_space_look(&cache->spaces[look->route.space], &look->key,
                                                  now_s, &pin, &look->stamp);
        if (cache_rules_hold(&cache->routes, look->route)) {
            if (found == CACHE_HIT) {
                *ret_pin = pin;
            }
            return found;
        }
        store_pin_release(&pin);
    }
}

/* Below memory. The levels know of no lifetimes. */
static int cache_get_below(struct cache *cache, struct cache_look *look, enum store_wait wait,
                           struct store_pin *ret_pin)
{
    const struct cache_key *key = &look->key;
    if (cache->levels != NULL && look->route.ttl_s == 0 &&
        cache_levels_get(cache->levels, key->hash, key->bytes, wait, ret_pin) == 0) {
        look->source = CACHE_SOURCE_LEVELS;
        atomic_fetch_add_explicit(&cache->promotions, 1, memory_order_relaxed);
        return 0;
    }
    if (wait == STORE_MAY_WAIT) {
        atomic_fetch_add_explicit(&cache->engine_waits, 1, memory_order_relaxed);
    }
    look->source = CACHE_SOURCE_ENGINE;
    return cache->engine->ops->get(cache->engine, NULL, key->bytes, wait, ret_pin);
}

/* A miss: what is found below, or is not, is kept. */
static int cache_fill(struct cache *cache, struct cache_look *look, enum store_wait wait,
                      struct store_pin *ret_pin)
{
    int code = cache_get_below(cache, look, wait, ret_pin);
    if (code == 0 || code == -LT_ENOSUCHKEY) {
        struct slice value = code == 0 ? ret_pin->value : (struct slice){0};
        struct cache_item item = cache_item(cache, look->route, value);
        item.absent = code < 0;
        item.reused = look->source == CACHE_SOURCE_LEVELS;
        cache_space_keep(&cache->spaces[look->route.space], &look->key, &item, look->stamp);
    }
    return code;
}

static int cache_read(struct cache *cache, struct cache_look *look, enum store_wait wait,
                      struct store_pin *ret_pin)
{
    switch (cache_look(cache, look, ret_pin)) {
    case CACHE_HIT:
        return 0;
    case CACHE_ABSENT:
        return -LT_ENOSUCHKEY;
    case CACHE_MISS:
        break;
    }
    return cache_fill(cache, look, wait, ret_pin);
}

static int cache_read_sampled(struct cache *cache, struct cache_look *look, enum store_wait wait,
                              struct store_pin *ret_pin)
{
    uint64_t began_us = cache->options.clock_us();
    int code = cache_read(cache, look, wait, ret_pin);
    if (code == 0) {
        struct cache_sample_read read = {
            .hash = look->key.hash,
            .size = cache_record_size(look->key.bytes.len, ret_pin->value.len),
            .source = look->source,
            .us = cache->options.clock_us() - began_us,
        };
        cache_sample_record(cache->sample, &read);
    }
    return code;
}

static int cache_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin)
{
    struct cache *cache = cache_of(kv);
    if (snapshot != NULL) {
        return cache->engine->ops->get(cache->engine, snapshot, key, wait, ret_pin);
    }
    struct cache_look look = {.key = cache_key(cache, key)};
    return cache_sample_has(cache->sample, look.key.hash)
               ? cache_read_sampled(cache, &look, wait, ret_pin)
               : cache_read(cache, &look, wait, ret_pin);
}

/* ---- applying ---- */

static void cache_begin_change(struct cache *cache, struct cache_change *change)
{
    const struct cache_key *key = &change->key;
    change->key = cache_key(cache, change->effect.key);
    change->route = cache_rules_route(&cache->routes, cache_tally_id(change->effect.key));
    change->was_cached = cache_space_begin(&cache->spaces[0], key);
    if (change->route.space != 0) {
        change->was_cached = cache_space_begin(&cache->spaces[change->route.space], key);
    }
    if (cache->levels != NULL) {
        cache_levels_remove(cache->levels, key->hash);
    }
}

static void cache_end_change(struct cache *cache, const struct cache_change *change)
{
    bool keep = change->was_cached && change->effect.kind == STORE_EFFECT_PUT;
    struct cache_item item = cache_item(cache, change->route, change->effect.value);
    if (change->route.space != 0) {
        cache_space_end(&cache->spaces[0], &change->key, NULL);
    }
    cache_space_end(&cache->spaces[change->route.space], &change->key, keep ? &item : NULL);
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

/* ---- rules ---- */

static const struct cache_rule *cache_rule_of(const struct cache *cache, uint32_t collection,
                                              uint8_t *ret_space)
{
    for (uint32_t i = 0; i < cache->rules_count; i++) {
        if (cache->rules[i].collection == collection) {
            *ret_space = cache->rule_spaces[i];
            return &cache->rules[i];
        }
    }
    *ret_space = 0;
    return NULL;
}

/* A space that neither an old nor a new rule uses; 0: none. */
static uint8_t cache_free_space(const struct cache *cache, const uint8_t *taken, uint32_t count)
{
    bool used[CACHE_SPACES_MAX] = {true};
    for (uint32_t i = 0; i < cache->rules_count; i++) {
        used[cache->rule_spaces[i]] = true;
    }
    for (uint32_t i = 0; i < count; i++) {
        used[taken[i]] = true;
    }
    uint8_t space = 1;
    while (space < CACHE_SPACES_MAX && used[space]) {
        space++;
    }
    return space < CACHE_SPACES_MAX ? space : 0;
}

/* The part of a space's size that the bound leaves it. */
static uint64_t cache_part(const struct cache *cache, uint64_t size)
{
    double part = (double)cache->bound / (double)cache->options.bytes_max;
    return (uint64_t)((double)size * part);
}

/* With bounds_lock. */
static void cache_set_size(struct cache *cache, uint8_t space, uint64_t size)
{
    cache->sizes[space] = size;
    cache_space_resize(&cache->spaces[space], cache_part(cache, size));
}

static void cache_make_space(struct cache *cache, uint8_t space, const struct cache_rule *rule)
{
    struct cache_memory_options options = {rule->policy, cache->pages, rule->quota};
    pthread_mutex_lock(&cache->bounds_lock);
    if (space < cache->spaces_count) {
        cache_space_reset(&cache->spaces[space], &options);
    } else {
        assert(space == cache->spaces_count);
        cache_space_init(&cache->spaces[space], &options, CACHE_SPACE_SHARDS);
        cache->spaces_count++;
    }
    cache_set_size(cache, space, rule->quota);
    pthread_mutex_unlock(&cache->bounds_lock);
}

/* Where each rule's collection is kept; the common space when there is no more room for others.
 * Returns the bytes of those that are not the common one. */
static uint64_t cache_place_rules(struct cache *cache, const struct cache_rule *list,
                                  uint32_t count, uint8_t *ret_spaces)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t space;
        const struct cache_rule *old = cache_rule_of(cache, list[i].collection, &space);
        bool same = old != NULL && old->quota == list[i].quota && old->policy == list[i].policy;
        bool fits = list[i].quota > 0 &&
                    bytes + list[i].quota <= cache->options.bytes_max / CACHE_QUOTAS_PART;
        ret_spaces[i] = 0;
        if (fits && same && space != 0) {
            ret_spaces[i] = space;
        } else if (fits) {
            ret_spaces[i] = cache_free_space(cache, ret_spaces, i);
        }
        if (ret_spaces[i] != 0 && ret_spaces[i] != space) {
            cache_make_space(cache, ret_spaces[i], &list[i]);
        }
        bytes += ret_spaces[i] == 0 ? 0 : list[i].quota;
    }
    return bytes;
}

/* What was cached of a collection under another rule goes. */
static void cache_forget(struct cache *cache, uint32_t collection, struct cache_route old)
{
    struct cache_route now = cache_rules_route(&cache->routes, collection);
    if (now.space != old.space || now.ttl_s != old.ttl_s) {
        cache_space_drop(&cache->spaces[old.space], collection);
    }
}

void cache_set_rules(struct cache *cache, const struct cache_rule *list, uint32_t count)
{
    uint8_t spaces[CACHE_RULES_MAX];
    struct cache_route old[CACHE_RULES_MAX * 2];
    uint32_t touched[CACHE_RULES_MAX * 2];
    uint32_t touched_count = 0;
    count = count < CACHE_RULES_MAX ? count : CACHE_RULES_MAX;
    if (count == cache->rules_count &&
        (count == 0 || memcmp(list, cache->rules, count * sizeof *list) == 0)) {
        return;
    }
    for (uint32_t i = 0; i < cache->rules_count; i++) {
        touched[touched_count++] = cache->rules[i].collection;
    }
    for (uint32_t i = 0; i < count; i++) {
        touched[touched_count++] = list[i].collection;
    }
    for (uint32_t i = 0; i < touched_count; i++) {
        old[i] = cache_rules_route(&cache->routes, touched[i]);
    }
    uint64_t quotas = cache_place_rules(cache, list, count, spaces);
    cache_rules_set(&cache->routes, list, spaces, count);
    for (uint32_t i = 0; i < count; i++) {
        cache->rules[i] = list[i];
        cache->rule_spaces[i] = spaces[i];
    }
    cache->rules_count = count;
    for (uint32_t i = 0; i < touched_count; i++) {
        cache_forget(cache, touched[i], old[i]);
    }
    pthread_mutex_lock(&cache->bounds_lock);
    cache_set_size(cache, 0, cache->options.bytes_max - quotas);
    pthread_mutex_unlock(&cache->bounds_lock);
}

uint64_t cache_set_bound(struct cache *cache, uint64_t bytes)
{
    pthread_mutex_lock(&cache->bounds_lock);
    cache->bound = bytes < cache->options.bytes_max ? bytes : cache->options.bytes_max;
    for (uint8_t i = 0; i < cache->spaces_count; i++) {
        cache_set_size(cache, i, cache->sizes[i]);
    }
    bytes = cache->bound;
    pthread_mutex_unlock(&cache->bounds_lock);
    return bytes;
}

void cache_work(struct cache *cache, uint64_t now_us)
{
    if (cache->levels != NULL) {
        cache_levels_work(cache->levels, now_us);
    }
}

/* ---- tidying ---- */

bool cache_tidy_step(struct cache *cache, struct cache_tidy *tidy)
{
    if (tidy->space < cache->spaces_count) {
        struct cache_space *space = &cache->spaces[tidy->space];
        if (!cache_space_tidy_step(space, &tidy->in_space, tidy->hurry)) {
            tidy->space++;
            tidy->in_space = (struct cache_space_tidy){0};
        }
        return true;
    }
    struct memory_pages_stats pages = memory_pages_stats(cache->pages);
    uint64_t keep = tidy->hurry ? 0 : pages.pages / CACHE_SPARE_PARTS;
    return pages.wet > keep && memory_page_dry(cache->pages);
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

/* Nothing asks for these keys again. */
static int cache_drop_range(struct store_kv *kv, struct slice from, struct slice to)
{
    struct cache *cache = cache_of(kv);
    uint32_t collection = cache_tally_id(from);
    struct cache_route route = cache_rules_route(&cache->routes, collection);
    cache_space_drop(&cache->spaces[route.space], collection);
    return cache->engine->ops->drop_range(cache->engine, from, to);
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
    cache_levels_free(cache->levels);
    cache->engine->ops->close(cache->engine);
    for (uint32_t i = 0; i < cache->spaces_count; i++) {
        cache_space_close(&cache->spaces[i]);
    }
    memory_pages_free(cache->pages);
    cache_sample_free(cache->sample);
    pthread_mutex_destroy(&cache->bounds_lock);
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
    cache->options = *options;
    if (cache->options.clock_us == NULL) {
        cache->options.clock_us = clock_mono_us;
    }
    cache->started_us = cache->options.clock_us();
    cache->pages = memory_pages_new(options->huge_pages);
    cache->sample = cache_sample_new(options->bytes_max);
    struct cache_memory_options memory = {options->policy, cache->pages, options->bytes_max};
    cache_space_init(&cache->spaces[0], &memory, CACHE_SHARDS_MAX);
    cache->spaces_count = 1;
    pthread_mutex_init(&cache->bounds_lock, NULL);
    cache->bound = options->bytes_max;
    cache->sizes[0] = options->bytes_max;
    buf_init(&cache->changes, NULL);
    if (options->levels != NULL) {
        cache->levels = cache_levels_new(options->levels, options->seed, &cache->spaces[0]);
    }
    return cache;
}

struct store_kv *cache_kv(struct cache *cache)
{
    return &cache->kv;
}

/* ---- looking ---- */

static void cache_add_stats(struct cache_space_stats *to, const struct cache_space_stats *from)
{
    cache_counts_add(&to->counts, &from->counts);
    to->bytes += from->bytes;
    to->live += from->live;
    to->dead += from->dead;
    to->moves += from->moves;
}

struct cache_space_stats cache_stats(struct cache *cache, uint32_t collection)
{
    struct cache_space_stats stats = {0};
    for (uint32_t i = 0; i < cache->spaces_count; i++) {
        struct cache_space_stats some = cache_space_stats(&cache->spaces[i], collection);
        cache_add_stats(&stats, &some);
    }
    return stats;
}

void cache_sampled(struct cache *cache, struct cache_sample_stats *ret_stats)
{
    cache_sample_stats(cache->sample, ret_stats);
}

uint64_t cache_bound(const struct cache *cache)
{
    return cache->bound;
}

uint64_t cache_spare(const struct cache *cache)
{
    return memory_pages_stats(cache->pages).wet * MEMORY_PAGE;
}

uint64_t cache_bytes_max(const struct cache *cache)
{
    return cache->options.bytes_max;
}

bool cache_below(const struct cache *cache, struct cache_below_stats *ret_stats)
{
    *ret_stats = (struct cache_below_stats){.promotions = cache->promotions,
                                            .engine_waits = cache->engine_waits};
    if (cache->levels != NULL) {
        ret_stats->levels = cache_levels_stats(cache->levels);
    }
    return cache->levels != NULL;
}

struct cache_manner cache_manner_of(const struct cache *cache, uint32_t collection)
{
    struct cache_route route = cache_rules_route(&cache->routes, collection);
    const struct cache_space *space = &cache->spaces[route.space];
    return (struct cache_manner){space->policy->name, route.space != 0, space->bytes_max,
                                 route.ttl_s};
}
