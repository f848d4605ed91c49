/* cache/ahead.c - what is guessed waits in a ring, and is brought through the guard that all goes
 * through that comes from the engine.
 *
 *   cache_missed, first hits ──> recorder (foresee.c) ──> ring ──> cache_ahead_fetch
 *                                                                   └─ keys, then for each: stamp,
 * get, keep
 *
 * A cursor tells which keys follow, and brings their blocks into the engine's memory. What is kept
 * is what a get says of each of them, after its stamp was taken: a cursor shows what was when it
 * was made. */
#include <assert.h>

#include "cache/cache_private.h"

enum {
    AHEAD_KEYS_MIN = 1024, /* that the recorder has room for, */
    AHEAD_KEYS_MAX = 65536,
    AHEAD_KEY_PART = 8192,       /* one for so many bytes of the cache */
    AHEAD_BYTES_MAX = 256 << 10, /* of what one guess brings, */
    AHEAD_BYTES_PART = 64,       /* and of the cache */
};

void cache__ahead_open(struct cache_ahead *ahead, const struct cache_options *options)
{
    *ahead = (struct cache_ahead){0};
    pthread_mutex_init(&ahead->lock, NULL);
    if (!options->ahead) {
        return;
    }
    uint32_t keys = AHEAD_KEYS_MIN;
    while (keys < AHEAD_KEYS_MAX && keys < options->bytes_max / AHEAD_KEY_PART) {
        keys *= 2;
    }
    ahead->foresee = cache_foresee_new(keys);
    ahead->bytes = cache_foresee_bytes(ahead->foresee);
}

void cache__ahead_close(struct cache_ahead *ahead)
{
    cache_foresee_free(ahead->foresee);
    pthread_mutex_destroy(&ahead->lock);
}

/* ---- guessing ---- */

/* With the lock. */
static void ahead_push(struct cache *cache, const struct cache_guess *guess)
{
    static const struct cache_guessed nothing;
    struct cache_ahead *ahead = &cache->ahead;
    bool short_of_memory = cache->bound < cache->options.bytes_max;
    if (short_of_memory || ahead->count == CACHE_GUESSES_WAITING) {
        ahead->refused++;
        cache_foresee_done(ahead->foresee, guess, &nothing);
        return;
    }
    ahead->waiting[(ahead->first + ahead->count) % CACHE_GUESSES_WAITING] = *guess;
    ahead->count++;
}

void cache_missed(struct cache *cache, struct slice key)
{
    struct cache_guess guess;
    if (cache->ahead.foresee == NULL) {
        return;
    }
    uint64_t hash = cache__key(cache, key).hash;
    pthread_mutex_lock(&cache->ahead.lock);
    if (cache_foresee_miss(cache->ahead.foresee, key, hash, &guess)) {
        ahead_push(cache, &guess);
    }
    pthread_mutex_unlock(&cache->ahead.lock);
}

void cache__ahead_used(struct cache *cache, const struct cache_key *key, enum cache_guess_kind kind)
{
    struct cache_guess guess;
    pthread_mutex_lock(&cache->ahead.lock);
    if (cache_foresee_used(cache->ahead.foresee, key->bytes, key->hash, kind, &guess)) {
        ahead_push(cache, &guess);
    }
    pthread_mutex_unlock(&cache->ahead.lock);
}

bool cache_ahead_waits(const struct cache *cache)
{
    return atomic_load_explicit(&cache->ahead.count, memory_order_relaxed) > 0;
}

static bool ahead_pop(struct cache_ahead *ahead, struct cache_guess *ret_guess)
{
    pthread_mutex_lock(&ahead->lock);
    bool is_one = ahead->count > 0;
    if (is_one) {
        *ret_guess = ahead->waiting[ahead->first];
        ahead->first = (ahead->first + 1) % CACHE_GUESSES_WAITING;
        ahead->count--;
        ahead->guesses++;
    }
    pthread_mutex_unlock(&ahead->lock);
    return is_one;
}

/* ---- bringing ---- */

/* Bring one key if it is not in memory: 1, 0 it was or is not to be kept, negative. */
static int ahead_bring(struct cache *cache, const struct cache_key *key, enum cache_guess_kind kind)
{
    struct store_pin pin = {0};
    struct cache_stamp stamp;
    struct cache_route route = cache_rules_route(&cache->routes, cache_tally_id(key->bytes));
    struct cache_space *space = &cache->spaces[route.space];
    if (!cache_space_lacks(space, key, &stamp) || !cache_rules_hold(&cache->routes, route)) {
        return 0;
    }
    struct store_kv *engine = cache->engine;
    int code = engine->ops->get(engine, NULL, key->bytes, STORE_MAY_WAIT, &pin);
    if (code == 0) {
        struct cache_item item = cache__item(cache, route, pin.value);
        item.ahead = kind;
        cache_space_keep(space, key, &item, stamp);
        store_pin_release(&pin);
        return 1;
    }
    return code == -LT_ENOSUCHKEY ? 0 : code;
}

/* Keys one after the other, each after its length. */
static void ahead_note_key(struct buf *keys, struct slice key)
{
    uint32_t len = (uint32_t)key.len;
    buf_append(keys, &len, sizeof len);
    buf_append_slice(keys, key);
}

static bool ahead_next_key(struct slice *keys, struct slice *ret_key)
{
    uint32_t len;
    if (keys->len == 0) {
        return false;
    }
    memcpy(&len, keys->data, sizeof len);
    *ret_key = slice_of(keys->data + sizeof len, len);
    *keys = slice_from(*keys, sizeof len + len);
    return true;
}

/* The keys of its collection that follow the guess's. */
static int ahead_list(struct cache *cache, const struct cache_guess *guess, struct buf *keys)
{
    struct store_kv *engine = cache->engine;
    uint64_t part = cache->options.bytes_max / AHEAD_BYTES_PART;
    uint64_t bytes_max = part < AHEAD_BYTES_MAX ? part : AHEAD_BYTES_MAX;
    uint64_t bytes = 0;
    struct slice from = cache_foresee_slice(&guess->keys[0]);
    struct store_cursor *cursor = engine->ops->cursor(engine, NULL, STORE_MAY_WAIT);
    int code = cursor->ops->seek(cursor, from, guess->backward);
    if (code > 0 && slice_equal(cursor->ops->key(cursor), from)) {
        code = cursor->ops->step(cursor);
    }
    for (uint32_t i = 0; i < guess->count && code > 0 && bytes < bytes_max; i++) {
        struct slice key = cursor->ops->key(cursor);
        if (cache_tally_id(key) != guess->collection) {
            break;
        }
        bytes += key.len + cursor->ops->value(cursor).len;
        ahead_note_key(keys, key);
        code = cursor->ops->step(cursor);
    }
    cursor->ops->close(cursor);
    return code < 0 ? code : 0;
}

static int ahead_bring_all(struct cache *cache, const struct cache_guess *guess, struct slice keys,
                           struct cache_guessed *guessed)
{
    int code = 0;
    uint32_t at = 0;
    while (code >= 0 && ahead_next_key(&keys, &guessed->edge)) {
        struct cache_key key = cache__key(cache, guessed->edge);
        code = ahead_bring(cache, &key, guess->kind);
        if (code > 0) {
            guessed->fetched++;
            bool early = guessed->fetched == 1 || at <= guess->count / 2;
            guessed->mark_hash = early ? key.hash : guessed->mark_hash;
        }
        at++;
    }
    return code < 0 ? code : 0;
}

int cache_ahead_fetch(struct cache *cache)
{
    struct cache_guess guess;
    struct cache_guessed guessed = {0};
    struct buf keys;
    int code = 0;
    if (!ahead_pop(&cache->ahead, &guess)) {
        return 0;
    }
    buf_init(&keys, NULL);
    if (guess.kind == CACHE_GUESS_SEQUENCE) {
        code = ahead_list(cache, &guess, &keys);
    } else {
        for (uint32_t i = 0; i < guess.count; i++) {
            ahead_note_key(&keys, cache_foresee_slice(&guess.keys[i]));
        }
    }
    code = code < 0 ? code : ahead_bring_all(cache, &guess, buf_slice(&keys), &guessed);
    pthread_mutex_lock(&cache->ahead.lock);
    cache_foresee_done(cache->ahead.foresee, &guess, &guessed);
    pthread_mutex_unlock(&cache->ahead.lock);
    buf_close(&keys);
    return code;
}

/* ---- looking ---- */

struct cache_ahead_stats cache_ahead_stats(const struct cache *cache)
{
    const struct cache_ahead *ahead = &cache->ahead;
    return (struct cache_ahead_stats){ahead->foresee != NULL, ahead->bytes, ahead->guesses,
                                      ahead->refused};
}

bool cache_ahead_is_open(struct cache *cache, uint32_t collection, enum cache_guess_kind kind)
{
    struct cache_ahead *ahead = &cache->ahead;
    pthread_mutex_lock(&ahead->lock);
    bool open = ahead->foresee != NULL && cache_foresee_is_open(ahead->foresee, collection, kind);
    pthread_mutex_unlock(&ahead->lock);
    return open;
}
