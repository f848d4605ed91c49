/* cache/foresee_test.c - what is guessed, and when it is not any more. */
#include "cache/foresee.h"

#include <string.h>

#include "lib/random_doc.h"
#include "lib/test.h"

/* Records 0 .. WORLD of a collection, and which of them are in memory, brought by what. */
enum { WORLD = 100000, PAIRS_ROWS = 4096 };

struct world {
    struct cache_foresee *foresee;
    uint32_t collection;
    bool there[WORLD];
    uint8_t kind[WORLD];
    uint32_t misses;
    uint32_t fetched[CACHE_GUESSES];
    uint32_t used[CACHE_GUESSES];
    uint32_t guesses;
    uint32_t window; /* the last guess of a sequence's */
};

static struct world world;

static void world_open(uint32_t collection)
{
    memset(&world, 0, sizeof world);
    world.foresee = cache_foresee_new(PAIRS_ROWS);
    world.collection = collection;
}

static void world_close(void)
{
    cache_foresee_free(world.foresee);
}

static uint64_t world_hash(uint32_t number)
{
    struct random_doc random = {number + ((uint64_t)world.collection << 32)};
    return random_doc_next(&random);
}

static struct slice world_key(uint32_t number, uint8_t bytes[9])
{
    uint32_t id = __builtin_bswap32(world.collection);
    uint32_t big = __builtin_bswap32(number);
    memcpy(bytes, &id, sizeof id);
    bytes[4] = 0x33;
    memcpy(bytes + 5, &big, sizeof big);
    return slice_of(bytes, 9);
}

static uint32_t world_number(const struct cache_foresee_key *key)
{
    uint32_t big;
    memcpy(&big, key->bytes + 5, sizeof big);
    return __builtin_bswap32(big);
}

static bool world_fetch(uint32_t number, enum cache_guess_kind kind)
{
    bool missing = !world.there[number];
    world.fetched[kind] += missing;
    world.kind[number] = missing ? (uint8_t)kind : world.kind[number];
    world.there[number] = true;
    return missing;
}

static void world_carry_out(const struct cache_guess *guess)
{
    struct cache_guessed guessed = {0};
    uint8_t bytes[9];
    world.guesses++;
    if (guess->kind == CACHE_GUESS_PAIR) {
        for (uint32_t i = 0; i < guess->count; i++) {
            guessed.fetched += world_fetch(world_number(&guess->keys[i]), guess->kind);
        }
    } else {
        uint32_t at = world_number(&guess->keys[0]);
        world.window = guess->count;
        for (uint32_t i = 0; i < guess->count && at > 0 && at < WORLD - 1; i++) {
            at = guess->backward ? at - 1 : at + 1;
            guessed.fetched += world_fetch(at, guess->kind);
            guessed.mark_hash = i <= guess->count / 2 ? world_hash(at) : guessed.mark_hash;
        }
        guessed.edge = world_key(at, bytes);
    }
    cache_foresee_done(world.foresee, guess, &guessed);
}

static void world_read(uint32_t number)
{
    uint8_t bytes[9];
    struct cache_guess guess;
    struct slice key = world_key(number, bytes);
    enum cache_guess_kind kind = (enum cache_guess_kind)world.kind[number];
    bool guessed = false;
    if (!world.there[number]) {
        world.misses++;
        world.there[number] = true;
        guessed = cache_foresee_miss(world.foresee, key, world_hash(number), &guess);
    } else if (kind != CACHE_GUESS_NONE) {
        world.used[kind]++;
        world.kind[number] = CACHE_GUESS_NONE;
        guessed = cache_foresee_used(world.foresee, key, world_hash(number), kind, &guess);
    }
    if (guessed) {
        world_carry_out(&guess);
    }
}

static void world_forget(void)
{
    memset(world.there, 0, sizeof world.there);
    memset(world.kind, 0, sizeof world.kind);
}

/* ---- sequences ---- */

TEST(records_read_upwards_are_fetched_ahead_in_windows_that_double)
{
    world_open(7);
    for (uint32_t i = 1000; i < 3000; i++) {
        world_read(i);
    }
    assert_int_equal(world.misses, 3);
    assert_int_equal(world.window, 64);
    assert_int_equal(world.used[CACHE_GUESS_SEQUENCE], 1997);
    assert_true(world.guesses < 40);
    world_close();
}

TEST(records_read_downwards_too)
{
    world_open(7);
    for (uint32_t i = 3000; i > 1000; i--) {
        world_read(i);
    }
    assert_int_equal(world.misses, 3);
    assert_int_equal(world.used[CACHE_GUESS_SEQUENCE], 1997);
    world_close();
}

/* Several readers, each in its own part, take turns. */
TEST(readers_of_several_parts_are_told_apart)
{
    world_open(7);
    for (uint32_t i = 0; i < 1000; i++) {
        world_read(10000 + i);
        world_read(40000 + i);
        world_read(90000 - i);
    }
    assert_in_range(world.misses, 9, 24); /* of 3000 */
    world_close();
}

TEST(a_reader_that_misses_what_was_fetched_for_it_begins_with_few_again)
{
    world_open(7);
    for (uint32_t i = 1000; i < 2000; i++) {
        world_read(i);
    }
    assert_int_equal(world.window, 64);
    world_forget();
    world_read(2000);
    assert_int_equal(world.window, 4);
    world_close();
}

/* ---- pairs ---- */

/* Places that tell nothing by their order. */
static uint32_t world_place(uint32_t number)
{
    return (uint32_t)(world_hash(number) % (WORLD - 2)) + 1;
}

TEST(keys_that_came_after_one_another_twice_are_fetched_together)
{
    world_open(7);
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < 600; i++) {
            world_read(world_place(i));
        }
        world_forget();
        world.misses = round == 2 ? 0 : world.misses;
    }
    assert_true(world.misses < 100); /* of 600 */
    assert_true(world.used[CACHE_GUESS_PAIR] > 500);
    assert_true(cache_foresee_is_open(world.foresee, 7, CACHE_GUESS_PAIR));
    world_close();
}

/* ---- gates ---- */

/* What is fetched for nothing is at most one of fifty, and ever less. */
TEST(reads_in_no_order_switch_guessing_off_and_are_tried_ever_more_seldom)
{
    struct random_doc random = {11};
    uint32_t half = 0;
    world_open(7);
    for (uint32_t i = 0; i < 400000; i++) {
        world_read(1 + random_doc_below(&random, WORLD - 2));
        world_forget();
        half = i == 200000 ? world.fetched[CACHE_GUESS_SEQUENCE] : half;
        if (i == 4000) {
            uint32_t all = world.fetched[CACHE_GUESS_SEQUENCE] + world.fetched[CACHE_GUESS_PAIR];
            assert_true(all * 50 < world.misses);
        }
    }
    assert_false(cache_foresee_is_open(world.foresee, 7, CACHE_GUESS_SEQUENCE));
    assert_true(half > 100);
    assert_true(world.fetched[CACHE_GUESS_SEQUENCE] - half < 60);
    world_close();
}

TEST(a_trial_that_pays_switches_it_on_again)
{
    struct random_doc random = {12};
    world_open(7);
    for (uint32_t i = 0; i < 3000; i++) {
        world_read(1 + random_doc_below(&random, WORLD - 2));
        world_forget();
    }
    assert_false(cache_foresee_is_open(world.foresee, 7, CACHE_GUESS_SEQUENCE));
    world.misses = 0;
    for (uint32_t i = 1; i < 60000; i++) {
        world_read(i);
    }
    assert_true(world.misses < 5000);
    assert_true(cache_foresee_is_open(world.foresee, 7, CACHE_GUESS_SEQUENCE));
    world_close();
}

TEST(collections_have_gates_of_their_own)
{
    struct random_doc random = {13};
    world_open(7);
    for (uint32_t i = 0; i < 3000; i++) {
        world_read(1 + random_doc_below(&random, WORLD - 2));
        world_forget();
    }
    assert_false(cache_foresee_is_open(world.foresee, 7, CACHE_GUESS_SEQUENCE));
    world.collection = 8;
    world.misses = 0;
    for (uint32_t i = 1; i < 1000; i++) {
        world_read(i);
    }
    assert_int_equal(world.misses, 3);
    world_close();
}

TEST(keys_that_are_too_long_or_have_no_more_than_an_id_are_passed_over)
{
    static const uint8_t bytes[CACHE_FORESEE_KEY_MAX + 1];
    struct cache_guess guess;
    world_open(7);
    for (int i = 0; i < 100; i++) {
        assert_false(cache_foresee_miss(world.foresee, slice_of(bytes, sizeof bytes), 1, &guess));
        assert_false(cache_foresee_miss(world.foresee, slice_of(bytes, 4), 2, &guess));
    }
    world_close();
}
