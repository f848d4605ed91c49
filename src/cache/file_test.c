/* cache/file_test.c - a level in a file, small enough to go round many times. */
#include "cache/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"

enum { SEGMENT = 16 << 10, SEGMENTS = 8, KEYS = 600, SEED = 77 };

struct model {
    char path[64];
    int directory;
    struct cache_file *file;
    struct random_doc random;
    uint32_t versions[KEYS]; /* of what is published; 0: nothing */
    uint64_t offered;
    uint64_t gone;
    bool keep;
    uint32_t troubles;
};

static bool model_leave(void *context, const struct cache_file_leaver *leaver)
{
    struct model *model = context;
    model->offered++;
    assert_true(cache_file_has(leaver->file, leaver));
    return model->keep;
}

static void model_gone(void *context, const struct cache_file_leaver *leaver)
{
    struct model *model = context;
    model->gone++;
    assert_false(cache_file_has(leaver->file, leaver));
}

static void model_trouble(void *context, const char *text)
{
    struct model *model = context;
    model->troubles++;
    assert_non_null(strstr(text, "this level is off"));
}

static struct cache_file_options model_options(struct model *model, bool mapped)
{
    return (struct cache_file_options){.directory = model->directory,
                                       .name = "level",
                                       .bytes = SEGMENTS * SEGMENT,
                                       .segment_bytes = SEGMENT,
                                       .seed = SEED,
                                       .mapped = mapped,
                                       .leave = model_leave,
                                       .gone = model_gone,
                                       .trouble = model_trouble,
                                       .context = model};
}

static void model_open_most(struct model *model, bool mapped, uint64_t bytes_most)
{
    *model = (struct model){.random = {31}, .keep = true};
    snprintf(model->path, sizeof model->path, "/tmp/cache_file_test.XXXXXX");
    assert_non_null(mkdtemp(model->path));
    model->directory = open(model->path, O_RDONLY | O_DIRECTORY);
    struct cache_file_options options = model_options(model, mapped);
    options.bytes_most = bytes_most;
    struct err err;
    assert_int_equal(cache_file_open(&options, &model->file, &err), 0);
}

static void model_open(struct model *model, bool mapped)
{
    model_open_most(model, mapped, 0);
}

static void model_close(struct model *model)
{
    cache_file_close(model->file);
    unlinkat(model->directory, "level", 0);
    close(model->directory);
    assert_int_equal(rmdir(model->path), 0);
}

static struct slice model_key(uint32_t number, char text[16])
{
    return slice_of(text, (size_t)snprintf(text, 16, "key%u", number));
}

static uint64_t model_hash(struct slice key)
{
    return XXH3_64bits_withSeed(key.data, key.len, SEED);
}

static struct slice model_value(uint32_t number, uint32_t version, uint8_t bytes[SEGMENT])
{
    uint32_t len = 1 + (number * 7 + version * 13) % (version % 50 == 0 ? 3800 : 400);
    memset(bytes, (int)(number + version), len);
    return slice_of(bytes, len);
}

static int model_put(struct model *model, uint32_t number)
{
    uint8_t bytes[SEGMENT];
    char text[16];
    uint32_t position;
    struct slice key = model_key(number, text);
    struct slice value = model_value(number, model->versions[number] + 1, bytes);
    struct cache_packed packed = {.bytes = value, .plain_len = (uint32_t)value.len};
    cache_file_remove(model->file, model_hash(key));
    int code = cache_file_append(model->file, key, &packed, &position);
    if (code == 0) {
        assert_false(cache_file_has_hash(model->file, model_hash(key)));
        cache_file_publish(model->file, model_hash(key), position);
        model->versions[number]++;
    }
    return code;
}

/* True when it was there, and then it was the newest. */
static bool model_get(struct model *model, uint32_t number, enum store_wait wait)
{
    uint8_t bytes[SEGMENT];
    char text[16];
    struct cache_file_value value;
    struct slice key = model_key(number, text);
    int code = cache_file_get(model->file, model_hash(key), key, wait, &value);
    if (code < 0) {
        assert_true(code == -LT_ENOSUCHKEY || (code == -LT_EAGAIN && wait == STORE_MEMORY_ONLY));
        return false;
    }
    assert_true(slice_equal(value.key, key));
    assert_true(
        slice_equal(value.packed.bytes, model_value(number, model->versions[number], bytes)));
    cache_file_release(&value);
    return true;
}

static void model_remove(struct model *model, uint32_t number)
{
    char text[16];
    cache_file_remove(model->file, model_hash(model_key(number, text)));
    assert_false(model_get(model, number, STORE_MAY_WAIT));
}

/* Puts, removals and reads in any order; counts what reads found, by how long they might wait. */
static void model_mix(struct model *model, int times, uint64_t hits[2])
{
    for (int i = 0; i < times; i++) {
        uint32_t number = random_doc_below(&model->random, KEYS);
        number = i % 2 == 0 ? number / 8 : number;
        enum store_wait wait = i % 3 == 0 ? STORE_MEMORY_ONLY : STORE_MAY_WAIT;
        if (random_doc_below(&model->random, 4) == 0) {
            assert_int_equal(model_put(model, number), 0);
        } else if (random_doc_below(&model->random, 50) == 0) {
            model_remove(model, number);
        } else {
            hits[wait] += model_get(model, number, wait);
        }
    }
}

static void model_run_for(struct model *model, int times)
{
    uint64_t hits[2] = {0};
    model_mix(model, times, hits);
    assert_true(hits[STORE_MAY_WAIT] > (uint64_t)times / 20);
}

static void model_run(struct model *model)
{
    uint64_t hits[2] = {0};
    model_mix(model, 30000, hits);
    struct cache_file_stats stats = cache_file_stats(model->file);
    assert_true(hits[STORE_MAY_WAIT] > 3000);
    assert_int_equal(stats.hits, hits[STORE_MEMORY_ONLY] + hits[STORE_MAY_WAIT]);
    assert_true(stats.written > 4 * SEGMENTS * SEGMENT);
    assert_true(stats.evictions > 1000);
    assert_true(stats.kept > 1000);
    assert_true(model->offered >= stats.kept);
    assert_int_equal(stats.damaged, 0);
    assert_in_range(stats.bytes, SEGMENT, SEGMENTS * SEGMENT);
}

TEST(a_level_gives_what_was_published_last)
{
    static struct model model;
    model_open(&model, false);
    model_run(&model);
    model_close(&model);
}

TEST(a_mapped_level_gives_it_without_waiting)
{
    static struct model model;
    model_open(&model, true);
    model_run(&model);
    for (uint32_t number = 0; number < KEYS; number++) {
        bool there = model_get(&model, number, STORE_MAY_WAIT);
        assert_int_equal(model_get(&model, number, STORE_MEMORY_ONLY), there);
        if (number % 100 == 0) {
            cache_file_let_go(model.file); /* the next look brings it back */
        }
    }
    model_close(&model);
}

/* Some systems tell nobody what they have in memory: then it asks to wait, and never is wrong. */
TEST(a_level_that_is_not_mapped_copies_what_is_in_memory_or_asks_to_wait)
{
    static struct model model;
    uint32_t hits = 0;
    model_open(&model, false);
    for (uint32_t number = 0; number < KEYS / 2; number++) {
        assert_int_equal(model_put(&model, number), 0);
        assert_true(model_get(&model, number, STORE_MEMORY_ONLY)); /* of the open segment */
    }
    assert_int_equal(cache_file_seal(model.file), 0);
    uint64_t before = cache_file_stats(model.file).misses;
    for (uint32_t number = 0; number < KEYS / 2; number++) {
        bool there = model_get(&model, number, STORE_MAY_WAIT);
        hits += there;
        assert_true(model_get(&model, number, STORE_MEMORY_ONLY) <= there);
    }
    assert_true(hits > KEYS / 4);
    assert_in_range(cache_file_stats(model.file).misses - before, 0, 2 * (KEYS / 2 - hits));
    model_close(&model);
}

/* More is put than fits, again and again; what is read in between stays. */
TEST(what_is_hit_outlives_what_is_not)
{
    static struct model model;
    model_open(&model, false);
    for (uint32_t i = 0; i < 20 * KEYS; i++) {
        uint32_t number = i % KEYS;
        if (number >= 20) {
            assert_int_equal(model_put(&model, number), 0);
        } else if (i < KEYS) {
            assert_int_equal(model_put(&model, number), 0);
        }
        model_get(&model, i % 20, STORE_MAY_WAIT);
    }
    for (uint32_t number = 0; number < 20; number++) {
        assert_true(model_get(&model, number, STORE_MAY_WAIT));
    }
    model_close(&model);
}

TEST(what_the_owner_does_not_keep_is_gone)
{
    static struct model model;
    model_open(&model, false);
    model.keep = false;
    for (uint32_t i = 0; i < 10 * KEYS; i++) {
        assert_int_equal(model_put(&model, i % KEYS), 0);
        model_get(&model, i % KEYS, STORE_MAY_WAIT);
    }
    struct cache_file_stats stats = cache_file_stats(model.file);
    assert_true(model.offered > 1000);
    assert_int_equal(stats.kept, 0);
    model_close(&model);
}

/* A reader that lends an entry in place, while the ring goes round and round. */
TEST(a_value_that_is_lent_is_not_overwritten)
{
    static struct model model;
    uint8_t bytes[SEGMENT];
    char text[16];
    struct cache_file_value value;
    model_open(&model, true);
    model_put(&model, 5);
    assert_int_equal(cache_file_seal(model.file), 0);
    struct slice key = model_key(5, text);
    assert_int_equal(cache_file_get(model.file, model_hash(key), key, STORE_MEMORY_ONLY, &value),
                     0);
    for (uint32_t i = 0; i < 10 * KEYS; i++) {
        assert_int_equal(model_put(&model, 10 + i % (KEYS - 10)), 0);
    }
    assert_true(slice_equal(value.packed.bytes, model_value(5, 1, bytes)));
    cache_file_release(&value);
    model_close(&model);
}

TEST(when_readers_hold_everything_nothing_is_written)
{
    static struct model model;
    struct cache_file_value held[SEGMENTS];
    char text[16];
    model_open(&model, true);
    for (uint32_t number = 0; number < SEGMENTS; number++) {
        struct slice key = model_key(number, text);
        assert_int_equal(model_put(&model, number), 0);
        assert_int_equal(cache_file_seal(model.file), 0);
        assert_int_equal(
            cache_file_get(model.file, model_hash(key), key, STORE_MEMORY_ONLY, &held[number]), 0);
    }
    assert_int_equal(model_put(&model, SEGMENTS), -LT_EAGAIN);
    for (uint32_t number = 0; number < SEGMENTS; number++) {
        cache_file_release(&held[number]);
    }
    for (uint32_t number = 0; number < KEYS; number++) {
        assert_int_equal(model_put(&model, number), 0);
        assert_true(model_get(&model, number, STORE_MAY_WAIT));
    }
    model_close(&model);
}

/* ---- damage ---- */

static void model_flip(struct model *model)
{
    int fd = openat(model->directory, "level", O_RDWR);
    uint64_t size = (uint64_t)lseek(fd, 0, SEEK_END);
    off_t at = (off_t)(random_doc_next(&model->random) % size);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= (uint8_t)(1 << random_doc_below(&model->random, 8));
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
}

TEST(flipped_bits_are_misses_and_nothing_else)
{
    static struct model model;
    for (int mapped = 0; mapped < 2; mapped++) {
        model_open(&model, mapped == 1);
        for (uint32_t i = 0; i < 20000; i++) {
            uint32_t number = random_doc_below(&model.random, KEYS);
            if (random_doc_below(&model.random, 3) == 0) {
                assert_int_equal(model_put(&model, number), 0);
            } else {
                model_get(&model, number, i % 2 == 0 ? STORE_MAY_WAIT : STORE_MEMORY_ONLY);
            }
            if (i > 5000 && i % 20 == 0) {
                model_flip(&model);
            }
        }
        assert_true(cache_file_stats(model.file).damaged > 100);
        assert_false(cache_file_stats(model.file).off);
        model_close(&model);
    }
}

TEST(a_file_that_was_cut_is_damage_too)
{
    static struct model model;
    model_open(&model, true);
    for (uint32_t number = 0; number < KEYS; number++) {
        model_put(&model, number);
    }
    assert_int_equal(cache_file_seal(model.file), 0);
    int fd = openat(model.directory, "level", O_RDWR);
    assert_int_equal(ftruncate(fd, 5000), 0);
    close(fd);
    for (uint32_t number = 0; number < KEYS; number++) {
        model_get(&model, number, STORE_MEMORY_ONLY);
        model_get(&model, number, STORE_MAY_WAIT);
    }
    assert_true(cache_file_stats(model.file).damaged > 100);
    model_close(&model);
}

TEST(a_disk_that_is_full_switches_the_level_off)
{
    static struct model model;
    struct rlimit before;
    int code = 0;
    model_open(&model, false);
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = {3 * SEGMENT, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    for (uint32_t number = 0; number < KEYS && code == 0; number++) {
        code = model_put(&model, number);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_int_equal(code, -LT_EIO);
    assert_int_equal(model.troubles, 1);
    assert_int_equal(model_put(&model, 1), -LT_EIO);
    assert_int_equal(cache_file_seal(model.file), -LT_EIO);
    assert_false(model_get(&model, 2, STORE_MAY_WAIT));
    struct cache_file_stats stats = cache_file_stats(model.file);
    assert_true(stats.off);
    assert_int_equal(stats.entries, 0);
    model_close(&model);
}

static off_t model_size(const struct model *model)
{
    struct stat status;
    assert_int_equal(fstatat(model->directory, "level", &status, 0), 0);
    return status.st_size;
}

static void model_trim(struct model *model, uint64_t segments)
{
    char text[16];
    uint32_t number = 0;
    cache_file_set_bound(model->file, segments * SEGMENT);
    assert_int_equal(cache_file_stats(model->file).bytes_max, segments * SEGMENT);
    while (model_size(model) > (off_t)(segments * SEGMENT)) {
        if (!cache_file_trim(model->file)) {
            model_put(model, number++ % KEYS); /* the open segment may be the last */
        }
    }
    assert_true(cache_file_stats(model->file).bytes <= segments * SEGMENT);
    assert_false(cache_file_has_hash(model->file, model_hash(model_key(KEYS, text))));
}

TEST(a_bound_that_moves_takes_from_the_file_and_gives_back)
{
    static struct model model;
    uint32_t kept[2] = {0};
    for (int mapped = 0; mapped < 2; mapped++) {
        model_open_most(&model, mapped == 1, 2 * SEGMENTS * SEGMENT);
        for (int i = 0; i < 12; i++) {
            cache_file_set_bound(model.file, (4 + (uint64_t)i * 5 % 13) * SEGMENT);
            model_run_for(&model, 2000);
            cache_file_trim(model.file);
        }
        model_trim(&model, 2 * SEGMENTS);
        model_run_for(&model, 5000);
        assert_in_range(model_size(&model), (2 * SEGMENTS - 1) * SEGMENT, 2 * SEGMENTS * SEGMENT);
        for (uint32_t number = 0; number < KEYS; number++) {
            kept[0] += model_get(&model, number, STORE_MAY_WAIT);
        }
        model_trim(&model, 5);
        for (uint32_t number = 0; number < KEYS; number++) {
            kept[1] += model_get(&model, number, STORE_MAY_WAIT);
        }
        assert_true(kept[1] > 20 && kept[1] < kept[0]);
        assert_true(model.gone > 100);
        assert_int_equal(cache_file_stats(model.file).damaged, 0);
        model_close(&model);
    }
}

TEST(what_is_lent_holds_the_end_of_the_file)
{
    static struct model model;
    char text[16];
    struct cache_file_value lent;
    model_open(&model, true);
    model_run_for(&model, 5000);
    struct slice key;
    uint32_t number = 0;
    do {
        key = model_key(number++, text);
        assert_true(number < KEYS);
    } while (cache_file_get(model.file, model_hash(key), key, STORE_MAY_WAIT, &lent) < 0 ||
             lent.handle == NULL);
    cache_file_set_bound(model.file, 0);
    while (cache_file_trim(model.file)) {
    }
    uint8_t bytes[SEGMENT];
    struct slice value = model_value(number - 1, model.versions[number - 1], bytes);
    assert_true(slice_equal(lent.packed.bytes, value));
    cache_file_release(&lent);
    model_trim(&model, 4);
    model_close(&model);
}

/* ---- the file itself ---- */

TEST(a_link_is_not_followed_and_the_file_is_the_owners_alone)
{
    static struct model model;
    struct cache_file *file;
    struct err err;
    struct stat status;
    model_open(&model, false);
    assert_int_equal(fstatat(model.directory, "level", &status, 0), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, 0); /* it grows with what is in it */
    assert_int_equal(symlinkat("level", model.directory, "link"), 0);
    struct cache_file_options options = model_options(&model, false);
    options.name = "link";
    assert_int_equal(cache_file_open(&options, &file, &err), -LT_EIO);
    options.name = ".";
    assert_int_equal(cache_file_open(&options, &file, &err), -LT_EIO);
    unlinkat(model.directory, "link", 0);
    model_close(&model);
}

TEST(a_value_too_large_for_a_segment_is_refused)
{
    static struct model model;
    static uint8_t bytes[SEGMENT];
    uint32_t position;
    model_open(&model, false);
    struct cache_packed packed = {.bytes = slice_of(bytes, SEGMENT / 3), .plain_len = SEGMENT / 3};
    assert_int_equal(cache_file_append(model.file, SLICE("k"), &packed, &position), -LT_EBADVALUE);
    model_close(&model);
}
