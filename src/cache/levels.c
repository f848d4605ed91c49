/* cache/levels.c - one thread takes what leaves memory and writes it; any thread reads.
 *
 * What is written was asked for at least twice. What leaves the mapped file goes down when it was
 * hit there, and so does not stay; where there is no file below, it stays. Measured on orm-busy at
 * 16 + 43 + 85 MB that misses as little as letting all go down, with two thirds of the writing.
 *
 * The order that keeps stale entries out, for what comes from memory and for what goes down alike:
 * the guard's count is taken while the entry is known to be good; it is written; it is published in
 * one step with the comparison of the count. An apply counts first and removes then, so an entry is
 * either not published or removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cache/levels_private.h"
#include "store/keys.h"

enum {
    LEVELS_WAIT_US = 250000,
    LEVELS_PREFETCH_WAIT_US = 10000,
    LEVELS_QUEUE_BYTES = 2 << 20,
    LEVELS_FAREWELL_BYTES = 192 << 20, /* packed and written in about two seconds */
    LEVELS_VALUE_MAX = 1 << 20,        /* unpacked: a loop does that */
    LEVELS_HOT_MAX = 1 << 18,          /* hashes */
};

static void levels_count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* ---- reading ---- */

/* The system's own keys are few, and read while the store is behind the journal. */
static bool levels_knows(struct slice key)
{
    return key.len > 4 && store_key_load_id(key.data) != 0;
}

static void levels_lend(struct cache_file_value *value, struct store_pin *ret_pin)
{
    *ret_pin = (struct store_pin){value->packed.bytes, value->handle, value->release};
}

int cache__levels_unpack(struct cache_levels *levels, struct cache_file_value *value,
                         struct store_pin *ret_pin)
{
    uint32_t len = value->packed.plain_len;
    if (value->packed.codec == CACHE_CODEC_NONE) {
        levels_lend(value, ret_pin);
        return 0;
    }
    if (len > LEVELS_VALUE_MAX) {
        cache_file_release(value);
        return -LT_ECORRUPT;
    }
    uint8_t *plain = mem_alloc(len);
    int code = cache_packer_unpack(levels->packer, &value->packed, plain);
    cache_file_release(value);
    if (code < 0) {
        mem_free(plain);
        return code;
    }
    *ret_pin = (struct store_pin){slice_of(plain, len), plain, mem_free};
    return 0;
}

/* What a reader looks for. */
struct levels_wanted {
    uint64_t hash;
    struct slice key;
    enum store_wait wait;
};

/* What cannot be unpacked, for want of its dictionary, is of no use any more. */
static int levels_get_of(struct cache_levels *levels, struct cache_file *file,
                         const struct levels_wanted *wanted, struct store_pin *ret_pin)
{
    struct cache_file_value value;
    int code = cache_file_get(file, wanted->hash, wanted->key, wanted->wait, &value);
    if (code < 0) {
        return code;
    }
    code = cache__levels_unpack(levels, &value, ret_pin);
    if (code < 0) {
        cache_file_remove(file, wanted->hash);
        return -LT_ENOSUCHKEY;
    }
    return 0;
}

int cache_levels_get(struct cache_levels *levels, uint64_t hash, struct slice key,
                     enum store_wait wait, struct store_pin *ret_pin)
{
    struct levels_wanted wanted = {hash, key, wait};
    int code = -LT_ENOSUCHKEY;
    if (!levels_knows(key) || !atomic_load_explicit(&levels->begun, memory_order_acquire)) {
        return code;
    }
    if (levels->mapped != NULL) {
        code = levels_get_of(levels, levels->mapped, &wanted, ret_pin);
    }
    if (code < 0 && levels->disk != NULL) {
        code = levels_get_of(levels, levels->disk, &wanted, ret_pin);
    }
    if (code == 0 || code == -LT_EAGAIN) {
        return code;
    }
    if (levels->moving) {
        cache_shares_missed(&levels->shares, hash);
    }
    return -LT_ENOSUCHKEY;
}

void cache_levels_remove(struct cache_levels *levels, uint64_t hash)
{
    if (levels->mapped != NULL) {
        cache_file_remove(levels->mapped, hash);
    }
    if (levels->disk != NULL) {
        cache_file_remove(levels->disk, hash);
    }
}

static bool levels_has(struct cache_levels *levels, uint64_t hash)
{
    return (levels->mapped != NULL && cache_file_has_hash(levels->mapped, hash)) ||
           (levels->disk != NULL && cache_file_has_hash(levels->disk, hash));
}

static bool levels_takes(const struct cache_leaver *leaver)
{
    return levels_knows(leaver->key) && leaver->value.len <= LEVELS_VALUE_MAX;
}

/* What came up from a level is still there: it need not be written again. */
void cache_levels_offer(struct cache_levels *levels, const struct cache_leaver *leaver,
                        uint32_t begun)
{
    if (levels_takes(leaver) && !levels_has(levels, leaver->hash)) {
        cache_spill_offer(&levels->spill, leaver, begun);
    }
}

/* ---- writing ---- */

static void budget_refill(struct cache_levels_budget *budget, uint64_t now_us)
{
    uint64_t past_us = budget->now_us == 0 ? 1000000 : now_us - budget->now_us;
    past_us = past_us > 1000000 ? 1000000 : past_us;
    budget->bytes += budget->bytes_second * past_us / 1000000;
    budget->bytes = budget->bytes > budget->bytes_second ? budget->bytes_second : budget->bytes;
    budget->now_us = now_us;
}

static bool levels_may_write(struct cache_levels *levels, const struct cache_file *file,
                             struct slice key, const struct cache_packed *packed)
{
    uint64_t bytes = cache_file_entry_bytes(file, key, packed);
    if (levels->budget.bytes_second == 0) {
        return true;
    }
    bool may = levels->budget.bytes >= bytes;
    if (may) {
        levels->budget.bytes -= bytes;
    } else {
        levels_count(&levels->budget_dropped);
    }
    return may;
}

/* An entry on its way into a file; `begun` as of when it was known to be good. */
struct levels_move {
    uint64_t hash;
    uint32_t begun;
    struct slice key;
    const struct cache_packed *packed;
};

static int levels_move_to(struct cache_levels *levels, struct cache_file *file,
                          const struct levels_move *move)
{
    uint32_t position;
    const struct cache_guard *guard = &levels->guard;
    int code = cache_file_append(file, move->key, move->packed, &position);
    if (code == 0) {
        bool published = guard->publish(guard->context, file, move->hash, position, move->begun);
        levels_count(published ? &levels->demotions : &levels->overtaken);
    }
    return code;
}

static void levels_spill(struct cache_levels *levels, const struct cache_spill_item *item)
{
    struct cache_packed packed;
    struct cache_file *file = levels->mapped != NULL ? levels->mapped : levels->disk;
    if (levels_has(levels, item->hash)) {
        return;
    }
    cache_packer_pack(levels->packer, item->key, item->value, &levels->scratch, &packed);
    struct levels_move move = {item->hash, item->begun, item->key, &packed};
    if (levels_may_write(levels, file, item->key, &packed)) {
        levels_move_to(levels, file, &move);
    }
}

/* Hit in the mapped file: down, or back where there is no below or it takes nothing. While an apply
 * goes on the entry may be one that it is about to remove here, and has removed below already. */
static bool levels_leave_mapped(void *context, const struct cache_file_leaver *leaver)
{
    struct cache_levels *levels = context;
    uint32_t begun;
    if (!levels_may_write(levels, leaver->file, leaver->key, &leaver->packed)) {
        return false;
    }
    if (levels->disk == NULL || !levels->guard.note(levels->guard.context, leaver->hash, &begun)) {
        return true;
    }
    struct levels_move move = {leaver->hash, begun, leaver->key, &leaver->packed};
    return cache_file_has(leaver->file, leaver) && levels_move_to(levels, levels->disk, &move) < 0;
}

static bool levels_leave_disk(void *context, const struct cache_file_leaver *leaver)
{
    return levels_may_write(context, leaver->file, leaver->key, &leaver->packed);
}

/* What went from one file to the other is not missed. */
static void levels_gone(void *context, const struct cache_file_leaver *leaver)
{
    struct cache_levels *levels = context;
    bool was_mapped = leaver->file == levels->mapped;
    if (levels->moving && !(was_mapped && cache_file_has_hash(levels->disk, leaver->hash))) {
        cache_shares_left(&levels->shares, was_mapped ? CACHE_SHARE_MAPPED : CACHE_SHARE_DISK,
                          leaver->hash,
                          cache_file_entry_bytes(leaver->file, leaver->key, &leaver->packed));
    }
}

/* A file that is to be smaller gets so by one segment a turn. */
static void levels_move_shares(struct cache_levels *levels)
{
    if (cache_shares_move(&levels->shares)) {
        cache_file_set_bound(levels->mapped, levels->shares.mapped);
        cache_file_set_bound(levels->disk, levels->shares.bytes - levels->shares.mapped);
    }
    cache_file_trim(levels->mapped);
    cache_file_trim(levels->disk);
}

void cache_levels_work(struct cache_levels *levels, uint64_t now_us)
{
    struct cache_spill_item item;
    budget_refill(&levels->budget, now_us);
    while (cache_spill_take(&levels->spill, &item)) {
        levels_spill(levels, &item);
    }
    if (levels->moving) {
        levels_move_shares(levels);
    }
    cache__levels_prefetch(levels);
    cache__levels_tend(levels, now_us);
}

static void *levels_run(void *context)
{
    struct cache_levels *levels = context;
    uint64_t wait_us = LEVELS_PREFETCH_WAIT_US;
    while (cache_spill_wait(&levels->spill, wait_us)) {
        cache_levels_work(levels, clock_mono_us());
        wait_us = levels->hot.len > 0 ? LEVELS_PREFETCH_WAIT_US : LEVELS_WAIT_US;
    }
    return NULL;
}

/* ---- open and close ---- */

void cache__levels_trouble(void *context, const char *text)
{
    const struct cache_levels *levels = context;
    if (levels->options.trouble != NULL) {
        levels->options.trouble(levels->options.context, text);
    }
}

static void levels_open_file(struct cache_levels *levels, const struct cache_file_options *options,
                             struct cache_file **ret_file)
{
    struct err err;
    if (options->bytes > 0 && cache_file_open(options, ret_file, &err) < 0) {
        cache__levels_trouble(levels, err.text);
    }
}

static void levels_open_files(struct cache_levels *levels)
{
    const struct cache_levels_options *options = &levels->options;
    uint64_t both = options->mapped_bytes + options->disk_bytes;
    struct cache_file_options file = {.directory = levels->directory,
                                      .name = "mapped",
                                      .bytes = options->mapped_bytes,
                                      .bytes_most = options->moving_shares ? both : 0,
                                      .segment_bytes = options->segment_bytes,
                                      .seed = levels->seed,
                                      .mapped = true,
                                      .gcm = levels->seal.gcm,
                                      .leave = levels_leave_mapped,
                                      .gone = levels_gone,
                                      .trouble = cache__levels_trouble,
                                      .context = levels};
    levels_open_file(levels, &file, &levels->mapped);
    file.name = "disk";
    file.bytes = options->disk_bytes;
    file.mapped = false;
    file.leave = levels_leave_disk;
    levels_open_file(levels, &file, &levels->disk);
}

/* Each file may become nearly as large as both are; a restart goes on with what it found. */
static void levels_open_shares(struct cache_levels *levels)
{
    const struct cache_levels_options *options = &levels->options;
    levels->moving = options->moving_shares && levels->mapped != NULL && levels->disk != NULL;
    if (levels->moving) {
        cache_shares_init(&levels->shares, options->mapped_bytes + options->disk_bytes,
                          cache_file_stats(levels->mapped).bytes_max, options->door_entries);
    }
}

static void levels_open(struct cache_levels *levels)
{
    struct buf checkpoint;
    const char *path = levels->options.path;
    levels->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (levels->directory < 0) {
        char text[512];
        snprintf(text, sizeof text, "cannot open the cache's directory %s (%s): it is off", path,
                 strerror(errno));
        cache__levels_trouble(levels, text);
        return;
    }
    buf_init(&checkpoint, NULL);
    cache__levels_peek(levels, &checkpoint);
    cache__levels_seal(levels);
    levels_open_files(levels);
    cache__levels_load(levels, buf_slice(&checkpoint));
    buf_close(&checkpoint);
    levels_open_shares(levels);
}

static void levels_start(struct cache_levels *levels)
{
    int code = pthread_create(&levels->thread, NULL, levels_run, levels);
    levels->started = code == 0;
    if (code != 0) {
        cache__levels_trouble(levels,
                              "cannot start the cache's thread: nothing is written to its files");
        return;
    }
    pthread_setname_np(levels->thread, "lt-cache");
}

struct cache_levels *cache_levels_new(const struct cache_levels_options *options,
                                      const struct cache_guard *guard, uint64_t *seed)
{
    struct cache_levels *levels = mem_zero(1, sizeof *levels);
    levels->options = *options;
    levels->guard = *guard;
    levels->seed = *seed;
    levels->seal.keys = options->seal;
    levels->budget.bytes_second = options->write_bytes_second;
    levels->packer = cache_packer_new(options->codec);
    buf_init(&levels->scratch, NULL);
    buf_init(&levels->hot, NULL);
    cache_spill_init(&levels->spill,
                     options->queue_bytes != 0 ? options->queue_bytes : LEVELS_QUEUE_BYTES,
                     options->door_entries);
    levels_open(levels);
    levels->options.path = NULL;
    *seed = levels->seed;
    return levels;
}

void cache_levels_begin(struct cache_levels *levels)
{
    cache__levels_settle(levels);
    atomic_store_explicit(&levels->begun, true, memory_order_release);
    if (!levels->options.by_hand && (levels->mapped != NULL || levels->disk != NULL)) {
        levels_start(levels);
    }
}

void cache_levels_end(struct cache_levels *levels)
{
    struct cache_spill_item item;
    cache_spill_stop(&levels->spill);
    if (levels->started) {
        pthread_join(levels->thread, NULL);
        levels->started = false;
    }
    levels->budget.bytes_second = 0;
    levels->hot.len = 0;
    while (cache_spill_take(&levels->spill, &item)) {
        levels_spill(levels, &item);
    }
}

uint64_t cache_levels_farewell_bytes(const struct cache_levels *levels)
{
    uint64_t bytes = levels->options.farewell_bytes;
    return bytes != 0 ? bytes : LEVELS_FAREWELL_BYTES;
}

/* What is in a file already is not brought back, but is there. */
void cache_levels_leave_out(struct cache_levels *levels, const struct cache_leaver *leaver)
{
    if (leaver->reused && levels_takes(leaver) && !levels_has(levels, leaver->hash)) {
        levels->left_out += leaver->value.len;
    }
}

static void levels_tell_left_out(struct cache_levels *levels)
{
    char text[160];
    if (levels->left_out > 0) {
        snprintf(text, sizeof text,
                 "the stop left %llu KB of records that were read more than once out of the "
                 "cache's files: they were too many to write at the end",
                 (unsigned long long)(levels->left_out >> 10));
        cache__levels_trouble(levels, text);
    }
}

void cache_levels_farewell(struct cache_levels *levels, const struct cache_leaver *leaver,
                           uint32_t begun)
{
    struct cache_spill_item item = {leaver->hash, begun, leaver->key, leaver->value};
    if (leaver->reused && levels_takes(leaver) && atomic_load(&levels->begun)) {
        levels_spill(levels, &item);
        if (levels->hot.len == LEVELS_HOT_MAX * sizeof leaver->hash) {
            levels->hot.len = 0;
        }
        buf_append(&levels->hot, &leaver->hash, sizeof leaver->hash);
    }
}

void cache_levels_free(struct cache_levels *levels)
{
    if (levels == NULL) {
        return;
    }
    cache_levels_end(levels);
    levels_tell_left_out(levels);
    cache_file_close(levels->mapped);
    cache_file_close(levels->disk);
    if (levels->directory >= 0) {
        close(levels->directory);
    }
    if (levels->moving) {
        cache_shares_close(&levels->shares);
    }
    cache_spill_close(&levels->spill);
    cache_packer_free(levels->packer);
    gcm_free(levels->seal.gcm);
    buf_close(&levels->scratch);
    buf_close(&levels->hot);
    mem_free(levels);
}

void cache_levels_let_go(struct cache_levels *levels)
{
    if (levels->mapped != NULL) {
        cache_file_let_go(levels->mapped);
    }
}

struct cache_levels_stats cache_levels_stats(struct cache_levels *levels)
{
    struct cache_levels_stats stats = {
        .packed = cache_packer_stats(levels->packer),
        .demotions = atomic_load(&levels->demotions),
        .budget_dropped = atomic_load(&levels->budget_dropped),
        .overtaken = atomic_load(&levels->overtaken),
        .prefetched = atomic_load(&levels->prefetched),
    };
    for (int i = 0; i < CACHE_SHARES; i++) {
        stats.ghosts[i] = atomic_load(&levels->shares.hits[i]);
    }
    if (levels->mapped != NULL) {
        stats.mapped = cache_file_stats(levels->mapped);
    }
    if (levels->disk != NULL) {
        stats.disk = cache_file_stats(levels->disk);
    }
    pthread_mutex_lock(&levels->spill.lock);
    stats.queue_dropped = levels->spill.dropped;
    stats.refused = levels->spill.refused;
    pthread_mutex_unlock(&levels->spill.lock);
    return stats;
}
