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
 * often is read often. */
#include <assert.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/planted.h"
#include "cache/cache_private.h"
#include "store/effect.h"
#include "store/page.h"

enum { CACHE_SHARDS_MAX = 64 };

/* Free pages that keep their memory for the next segments: one for so many in use. */
enum { CACHE_SPARE_PARTS = 64 };

/* One effect of the apply that is going on. */
struct cache_change {
    struct store_effect effect;
    struct cache_key key;
    struct cache_route route;
    bool was_cached;
};

static struct cache *cache_of(struct store_kv *kv)
{
    return (struct cache *)kv;
}

struct cache_key cache__key(const struct cache *cache, struct slice key)
{
    return (struct cache_key){key, XXH3_64bits_withSeed(key.data, key.len, cache->options.seed)};
}

/* Seconds since the start, never 0. */
static uint32_t cache_now_s(const struct cache *cache)
{
    return (uint32_t)((cache->options.clock_us() - cache->started_us) / 1000000) + 1;
}

struct cache_item cache__item(const struct cache *cache, struct cache_route route,
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
    bool is_page;             /* the key is the name of one */
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
            if (found != CACHE_MISS && found != CACHE_ABSENT) {
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
    struct store_kv *engine = cache->engine;
    return look->is_page ? store_page_read(engine, key->bytes, wait, ret_pin)
                         : engine->ops->get(engine, NULL, key->bytes, wait, ret_pin);
}

/* A miss: what is found below, or is not, is kept. */
static int cache_fill(struct cache *cache, struct cache_look *look, enum store_wait wait,
                      struct store_pin *ret_pin)
{
    int code = cache_get_below(cache, look, wait, ret_pin);
    if (code == 0 || code == -LT_ENOSUCHKEY) {
        struct slice value = code == 0 ? ret_pin->value : (struct slice){0};
        struct cache_item item = cache__item(cache, look->route, value);
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
    case CACHE_HIT_SEQUENCE:
        cache__ahead_used(cache, &look->key, CACHE_GUESS_SEQUENCE);
        return 0;
    case CACHE_HIT_PAIR:
        cache__ahead_used(cache, &look->key, CACHE_GUESS_PAIR);
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

static int cache_find(struct cache *cache, struct cache_look *look, enum store_wait wait,
                      struct store_pin *ret_pin)
{
    return cache_sample_has(cache->sample, look->key.hash)
               ? cache_read_sampled(cache, look, wait, ret_pin)
               : cache_read(cache, look, wait, ret_pin);
}

static int cache_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin)
{
    struct cache *cache = cache_of(kv);
    if (snapshot != NULL) {
        return cache->engine->ops->get(cache->engine, snapshot, key, wait, ret_pin);
    }
    struct cache_look look = {.key = cache__key(cache, key)};
    return cache_find(cache, &look, wait, ret_pin);
}

/* No record or entry has a page's name as its key. */
static int cache_page(struct store_kv *kv, struct slice name, enum store_wait wait,
                      struct store_pin *ret_pin)
{
    struct cache *cache = cache_of(kv);
    struct cache_look look = {.key = cache__key(cache, name), .is_page = true};
    return cache_find(cache, &look, wait, ret_pin);
}

/* ---- applying ---- */

static void cache_begin_change(struct cache *cache, struct cache_change *change)
{
    const struct cache_key *key = &change->key;
    cache_versions_begin(&cache->versions, cache_tally_id(change->effect.key));
    change->key = cache__key(cache, change->effect.name);
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
    bool whole = change->effect.name.len == change->effect.key.len; /* else it was a page */
    bool keep = change->was_cached && whole && change->effect.kind == STORE_EFFECT_PUT;
    struct cache_item item = cache__item(cache, change->route, change->effect.value);
    if (change->route.space != 0) {
        cache_space_end(&cache->spaces[0], &change->key, NULL);
    }
    cache_space_end(&cache->spaces[change->route.space], &change->key, keep ? &item : NULL);
    cache_versions_end(&cache->versions, cache_tally_id(change->effect.key));
}

static int cache_begin_payload(struct cache *cache, struct slice payload)
{
    struct cache_change change = {0};
    size_t at = 0;
    int more;
    while ((more = store_effect_next_change(payload, &at, &change.effect)) > 0) {
        if (PLANTED(stale) && change.effect.kind == STORE_EFFECT_PUT) {
            continue;
        }
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
    cache_versions_begin(&cache->versions, CACHE_ALL_COLLECTIONS);
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
    cache_versions_end(&cache->versions, CACHE_ALL_COLLECTIONS);
    return code;
}

/* ---- the levels below ---- */

static void cache_leave(void *context, const struct cache_leaver *leaver, uint32_t begun)
{
    struct cache *cache = context;
    switch (cache->closing) {
    case CACHE_OPEN:
        cache_levels_offer(cache->levels, leaver, begun);
        break;
    case CACHE_DROPPING:
        cache_levels_leave_out(cache->levels, leaver);
        break;
    case CACHE_LEAVING:
        cache_levels_farewell(cache->levels, leaver, begun);
        break;
    }
}

static void cache_close_levels(struct cache *cache)
{
    if (cache->levels != NULL) {
        cache_levels_end(cache->levels);
        cache->closing = CACHE_DROPPING;
        cache_space_drain(&cache->spaces[0], cache_levels_farewell_bytes(cache->levels));
        cache->closing = CACHE_LEAVING;
        cache_space_drain(&cache->spaces[0], 0);
        cache_levels_save(cache->levels);
        cache_levels_free(cache->levels);
    }
}

void cache_let_go(struct cache *cache)
{
    if (cache->levels != NULL) {
        cache_levels_let_go(cache->levels);
    }
}

static bool cache_guard_note(void *context, uint64_t hash, uint32_t *ret_begun)
{
    struct cache *cache = context;
    return cache_space_note(&cache->spaces[0], hash, ret_begun);
}

/* An entry that is written, and not to be found yet. */
struct cache_written {
    struct cache_file *file;
    uint64_t hash;
    uint32_t position;
};

static void cache_publish(void *context)
{
    const struct cache_written *written = context;
    cache_file_publish(written->file, written->hash, written->position);
}

static bool cache_guard_publish(void *context, struct cache_file *file, uint64_t hash,
                                uint32_t position, uint32_t begun)
{
    struct cache *cache = context;
    struct cache_written written = {file, hash, position};
    return cache_space_unless_begun(&cache->spaces[0], hash, begun, cache_publish, &written);
}

/* A collection that is kept in another way comes back by being asked for. */
static void cache_guard_keep(void *context, const struct cache_kept *kept)
{
    struct cache *cache = context;
    struct cache_key key = {kept->key, kept->hash};
    struct cache_item item = {.value = kept->value, .reused = true};
    struct cache_stamp stamp = {kept->begun, kept->begun};
    struct cache_route route = cache_rules_route(&cache->routes, cache_tally_id(kept->key));
    if (route.space == 0 && route.ttl_s == 0) {
        cache_space_keep(&cache->spaces[0], &key, &item, stamp);
    }
}

static struct store_mark cache_guard_applied(void *context)
{
    struct store_kv *engine = ((struct cache *)context)->engine;
    return engine->ops->applied(engine);
}

void cache_begin(struct cache *cache)
{
    if (cache->levels != NULL) {
        cache_levels_begin(cache->levels);
    }
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

static bool cache_settle(struct store_kv *kv)
{
    struct store_kv *engine = cache_of(kv)->engine;
    return engine->ops->settle(engine);
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
    cache_close_levels(cache);
    cache->engine->ops->close(cache->engine);
    for (uint32_t i = 0; i < cache->spaces_count; i++) {
        cache_space_close(&cache->spaces[i]);
    }
    memory_pages_free(cache->pages);
    cache_sample_free(cache->sample);
    pthread_mutex_destroy(&cache->bounds_lock);
    cache__ahead_close(&cache->ahead);
    buf_close(&cache->changes);
    mem_free(cache);
}

static const struct store_kv_ops cache_ops = {
    .name = "cache",
    .close = cache_close,
    .get = cache_get,
    .page = cache_page,
    .apply = cache_apply,
    .applied = cache_applied,
    .flush = cache_flush,
    .drop_range = cache_drop_range,
    .settle = cache_settle,
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
    cache__ahead_open(&cache->ahead, options);
    cache->sizes[0] = options->bytes_max - cache->ahead.bytes;
    cache->pages = memory_pages_new(options->huge_pages);
    cache->sample = cache_sample_new(options->bytes_max);
    if (options->placement != NULL) {
        memory_pages_place(cache->pages, options->placement);
    }
    struct cache_memory_options memory = {
        .policy = options->policy, .pages = cache->pages, .bytes_max = cache->sizes[0]};
    cache_space_init(&cache->spaces[0], &memory, CACHE_SHARDS_MAX);
    cache->spaces_count = 1;
    pthread_mutex_init(&cache->bounds_lock, NULL);
    cache->bound = options->bytes_max;
    buf_init(&cache->changes, NULL);
    if (options->levels != NULL) {
        struct cache_guard guard = {cache_guard_note, cache_guard_publish, cache_guard_keep,
                                    cache_guard_applied, cache};
        cache->levels = cache_levels_new(options->levels, &guard, &cache->options.seed);
        cache->spaces[0].leave = cache_leave;
        cache->spaces[0].context = cache;
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
    to->shrinks += from->shrinks;
    to->wide += from->wide;
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

uint64_t cache_bytes_of(const struct cache *cache, uint32_t kind)
{
    return memory_pages_of(cache->pages, kind) * MEMORY_PAGE;
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
