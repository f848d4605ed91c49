/* cache/shares_test.c - what ghosts ask for, and what they get. */
#include "cache/shares.h"

#include "lib/test.h"

enum { BYTES = 64 << 20, ENTRY = 1024, ENTRIES = BYTES / ENTRY };

/* Hashes of which any bits are as good as others. */
static uint64_t hash_of(uint64_t number)
{
    uint64_t hash = (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
    return (hash ^ hash >> 32) * UINT64_C(0xD6E8FEB86659FD93);
}

/* `count` entries leave a file and are missed at once. */
static void leave_and_miss(struct cache_shares *shares, enum cache_share from, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        cache_shares_left(shares, from, hash_of(i), ENTRY);
        cache_shares_missed(shares, hash_of(i));
    }
}

static uint64_t hits(struct cache_shares *shares, enum cache_share of)
{
    return atomic_load(&shares->hits[of]);
}

TEST(the_file_that_is_missed_more_grows_until_the_other_has_its_least)
{
    static struct cache_shares shares;
    cache_shares_init(&shares, BYTES, BYTES / 3, ENTRIES);
    assert_false(cache_shares_move(&shares));
    uint32_t moves = 0;
    for (int i = 0; i < 100; i++) {
        leave_and_miss(&shares, CACHE_SHARE_MAPPED, 300);
        moves += cache_shares_move(&shares);
    }
    assert_in_range(moves, 30, 60);
    assert_in_range(shares.mapped, BYTES / 10 * 9, BYTES / 16 * 15);
    for (int i = 0; i < 100; i++) {
        leave_and_miss(&shares, CACHE_SHARE_DISK, 300);
        cache_shares_move(&shares);
    }
    assert_in_range(shares.mapped, BYTES / 16, BYTES / 10);
    cache_shares_close(&shares);
}

TEST(as_many_on_both_sides_move_nothing)
{
    static struct cache_shares shares;
    cache_shares_init(&shares, BYTES, BYTES / 3, ENTRIES);
    for (int i = 0; i < 50; i++) {
        leave_and_miss(&shares, CACHE_SHARE_MAPPED, 300);
        leave_and_miss(&shares, CACHE_SHARE_DISK, 270);
        assert_false(cache_shares_move(&shares));
    }
    assert_int_equal(shares.mapped, BYTES / 3);
    cache_shares_close(&shares);
}

TEST(a_ghost_is_hit_once_and_a_stranger_never)
{
    static struct cache_shares shares;
    uint64_t strangers = 0;
    cache_shares_init(&shares, BYTES, BYTES / 3, ENTRIES);
    leave_and_miss(&shares, CACHE_SHARE_DISK, 1000);
    leave_and_miss(&shares, CACHE_SHARE_MAPPED, 0);
    assert_int_equal(hits(&shares, CACHE_SHARE_DISK), 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        cache_shares_missed(&shares, hash_of(i));
    }
    assert_int_equal(hits(&shares, CACHE_SHARE_DISK), 1000);
    for (uint64_t i = 0; i < 2000; i++) {
        cache_shares_left(&shares, CACHE_SHARE_DISK, hash_of(i), ENTRY);
    }
    for (uint64_t i = 1000000; i < 1100000; i++) {
        cache_shares_missed(&shares, hash_of(i));
    }
    strangers = hits(&shares, CACHE_SHARE_DISK) - 1000;
    assert_true(strangers < 10);
    assert_int_equal(hits(&shares, CACHE_SHARE_MAPPED), 0);
    cache_shares_close(&shares);
}

/* What a file a sixteenth larger would not have kept either is no reason to make it so. */
TEST(a_ghost_grows_old)
{
    static struct cache_shares shares;
    cache_shares_init(&shares, BYTES, BYTES / 3, 4 * ENTRIES);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        cache_shares_left(&shares, CACHE_SHARE_MAPPED, hash_of(i), ENTRY);
    }
    for (uint64_t i = 0; i < ENTRIES; i++) {
        cache_shares_missed(&shares, hash_of(i));
    }
    assert_in_range(hits(&shares, CACHE_SHARE_MAPPED), ENTRIES / 20, ENTRIES / 14);
    cache_shares_close(&shares);
}
