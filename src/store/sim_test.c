/* store/sim_test.c - the simulated disk and engine lose what they should, and nothing else. */
#include "lib/test.h"
#include "store/effect.h"
#include "store/kv.h"
#include "store/simdisk.h"

enum { BLOCK = 4 * STORE_SIMDISK_SECTOR, ROUNDS = 64 };

/* How many sectors of the one file hold `byte` now. */
static int sectors_of(struct store_disk *disk, int file, uint8_t byte)
{
    uint8_t bytes[BLOCK];
    size_t len = sizeof bytes;
    int count = 0;
    assert_int_equal(disk->ops->read(disk, file, 0, bytes, &len), 0);
    for (size_t at = 0; at < len; at += STORE_SIMDISK_SECTOR) {
        count += bytes[at] == byte;
    }
    return count;
}

static int write_block(struct store_disk *disk, int file, uint8_t byte)
{
    uint8_t bytes[BLOCK];
    memset(bytes, byte, sizeof bytes);
    assert_int_equal(disk->ops->write(disk, file, 0, slice_of(bytes, sizeof bytes)), 0);
    return disk->ops->sync(disk, file);
}

/* A file of ones, over which twos were written by a sync that failed and was tried again; with
 * `again` they were written again, too. Returns how many sectors of twos a crash leaves. */
static int twos_after(uint64_t seed, bool again)
{
    struct store_simdisk *sim = store_simdisk_new(seed);
    struct store_disk *disk = store_simdisk_mount(sim);
    int file;
    assert_int_equal(disk->ops->open(disk, "file", true, &file), 0);
    assert_int_equal(disk->ops->sync_names(disk), 0);
    assert_int_equal(write_block(disk, file, 1), 0);
    store_simdisk_fail_sync(sim, 1);
    assert_true(write_block(disk, file, 2) < 0);
    assert_int_equal(sectors_of(disk, file, 2), 4);
    assert_int_equal(again ? write_block(disk, file, 2) : disk->ops->sync(disk, file), 0);
    disk->ops->free(disk);
    store_simdisk_crash(sim);
    disk = store_simdisk_mount(sim);
    assert_int_equal(disk->ops->open(disk, "file", false, &file), 0);
    int twos = sectors_of(disk, file, 2);
    assert_int_equal(sectors_of(disk, file, 1), 4 - twos);
    disk->ops->free(disk);
    store_simdisk_free(sim);
    return twos;
}

TEST(simdisk_does_not_make_good_a_failed_sync)
{
    int lost = 0;
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        lost += twos_after(seed, false) < 4;
        assert_int_equal(twos_after(seed, true), 4);
    }
    assert_in_range(lost, ROUNDS / 2, ROUNDS);
}

TEST(simdisk_says_how_much_room_it_has)
{
    struct store_simdisk *sim = store_simdisk_new(1);
    struct store_disk *disk = store_simdisk_mount(sim);
    uint64_t room;
    uint64_t total;
    int file;
    store_simdisk_set_capacity(sim, 3 * BLOCK);
    assert_int_equal(disk->ops->open(disk, "file", true, &file), 0);
    assert_int_equal(disk->ops->reserve(disk, file, BLOCK), 0);
    assert_int_equal(disk->ops->room(disk, &room, &total), 0);
    assert_int_equal(room, 2 * BLOCK);
    assert_int_equal(total, 3 * BLOCK);
    disk->ops->free(disk);
    store_simdisk_free(sim);
}

static void apply(struct store_kv *kv, uint64_t index, struct slice key, struct slice value)
{
    struct buf effects;
    buf_init(&effects, NULL);
    store_effect_begin(&effects, index);
    if (value.len > 0) {
        store_effect_put(&effects, key, value);
    } else {
        store_effect_delete(&effects, key);
    }
    struct slice payload = buf_slice(&effects);
    struct store_mark mark = {index, 1, index};
    assert_int_equal(kv->ops->apply(kv, &payload, 1, mark), 0);
    buf_close(&effects);
}

static int get(struct store_kv *kv, struct slice key, struct store_pin *ret_pin)
{
    return kv->ops->get(kv, NULL, key, STORE_MEMORY_ONLY, ret_pin);
}

TEST(simkv_keeps_in_a_crash_what_was_flushed)
{
    struct store_kv *kv = store_simkv_new();
    struct store_pin pin;
    uint64_t flushed;
    apply(kv, 1, SLICE("key-a"), SLICE("one"));
    apply(kv, 2, SLICE("key-b"), SLICE("two"));
    assert_int_equal(kv->ops->flush(kv, &flushed), 0);
    assert_int_equal(flushed, 2);
    apply(kv, 3, SLICE("key-a"), SLICE("three"));
    apply(kv, 4, SLICE("key-b"), SLICE(""));
    apply(kv, 5, SLICE("key-c"), SLICE("five"));
    store_simkv_crash(kv);
    assert_int_equal(kv->ops->applied(kv).index, 2);
    assert_int_equal(get(kv, SLICE("key-a"), &pin), 0);
    assert_true(slice_is(pin.value, "one"));
    assert_int_equal(get(kv, SLICE("key-b"), &pin), 0);
    assert_int_equal(get(kv, SLICE("key-c"), &pin), -LT_ENOSUCHKEY);
    apply(kv, 3, SLICE("key-c"), SLICE("again"));
    assert_int_equal(get(kv, SLICE("key-c"), &pin), 0);
    assert_true(slice_is(pin.value, "again"));
    kv->ops->close(kv);
}
