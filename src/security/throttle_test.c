/* security/throttle_test.c - guesses on a clock of the test's own. */
#include "security/throttle.h"

#include <stdio.h>

#include "lib/test.h"

enum { SECOND = 1000000 };

/* How long `count` guesses take, one after another. */
static uint64_t guess(struct security_throttle *throttle, const struct security_attempt *attempt,
                      int count, uint64_t start)
{
    uint64_t now = start;
    for (int i = 0; i < count; i++) {
        now = security_throttle_when(throttle, attempt, now);
        assert_true(now != UINT64_MAX);
        security_throttle_note(throttle, attempt, false, now);
    }
    return now - start;
}

TEST(a_few_failures_cost_nothing_and_many_cost_ever_more)
{
    struct security_throttle *throttle = security_throttle_new(1);
    struct security_attempt attempt = {SLICE("db.a"), "1.2.3.4:5"};
    assert_int_equal(guess(throttle, &attempt, 3, SECOND), 0);
    uint64_t took = guess(throttle, &attempt, 100, 2 * SECOND);
    assert_true(took > 90 * UINT64_C(8) * SECOND);
    security_throttle_free(throttle);
}

TEST(guesses_at_the_same_time_wait_one_after_another)
{
    struct security_throttle *throttle = security_throttle_new(1);
    struct security_attempt attempt = {SLICE("db.a"), "1.2.3.4:5"};
    uint64_t now = SECOND + guess(throttle, &attempt, 8, SECOND);
    uint64_t last = 0;
    int refused = 0;
    for (int i = 0; i < 50; i++) {
        uint64_t when = security_throttle_when(throttle, &attempt, now);
        assert_true(when > last || when == UINT64_MAX);
        refused += when == UINT64_MAX;
        last = when == UINT64_MAX ? last : when;
    }
    assert_true(refused > 30); /* there is no endless row */
    security_throttle_free(throttle);
}

TEST(another_user_and_another_address_do_not_wait)
{
    struct security_throttle *throttle = security_throttle_new(1);
    struct security_attempt attempt = {SLICE("db.a"), "1.2.3.4:5"};
    struct security_attempt user = {SLICE("db.b"), "1.2.3.4:6"};
    struct security_attempt address = {SLICE("db.a"), "1.2.3.5:6"};
    uint64_t now = SECOND + guess(throttle, &attempt, 10, SECOND);
    assert_int_equal(security_throttle_when(throttle, &user, now), now);
    assert_int_equal(security_throttle_when(throttle, &address, now), now);
    security_throttle_free(throttle);
}

TEST(one_address_with_many_names_waits)
{
    struct security_throttle *throttle = security_throttle_new(1);
    uint64_t now = SECOND;
    for (int i = 0; i < 60; i++) {
        char name[16];
        struct security_attempt attempt = {
            slice_of(name, (size_t)snprintf(name, sizeof name, "db.%d", i)), "1.2.3.4:5"};
        now = security_throttle_when(throttle, &attempt, now);
        security_throttle_note(throttle, &attempt, false, now);
    }
    assert_true(now > 40 * SECOND);
    security_throttle_free(throttle);
}

TEST(a_user_who_logged_in_is_not_locked_out_by_others)
{
    struct security_throttle *throttle = security_throttle_new(1);
    struct security_attempt owner = {SLICE("db.a"), "9.9.9.9:1"};
    uint64_t now = SECOND;
    security_throttle_note(throttle, &owner, true, now);
    for (int i = 0; i < 250; i++) {
        char peer[32];
        snprintf(peer, sizeof peer, "10.0.0.%d:7", i);
        struct security_attempt thief = {SLICE("db.a"), peer};
        now = security_throttle_when(throttle, &thief, now);
        security_throttle_note(throttle, &thief, false, now);
    }
    struct security_attempt stranger = {SLICE("db.a"), "8.8.8.8:1"};
    assert_true(security_throttle_when(throttle, &stranger, now) > now);
    assert_int_equal(security_throttle_when(throttle, &owner, now), now);
    security_throttle_free(throttle);
}

TEST(success_and_time_forgive)
{
    struct security_throttle *throttle = security_throttle_new(1);
    struct security_attempt attempt = {SLICE("db.a"), "[2001:db8::1]:5"};
    struct security_attempt neighbour = {SLICE("db.a"), "[2001:db8::ffff:2]:6"};
    uint64_t now = SECOND + guess(throttle, &attempt, 10, SECOND);
    assert_true(security_throttle_when(throttle, &neighbour, now) > now);
    now += 20 * SECOND;
    security_throttle_note(throttle, &attempt, true, now);
    assert_int_equal(guess(throttle, &attempt, 3, now + 10 * SECOND), 0);
    now += 60 * SECOND + guess(throttle, &attempt, 6, now + 60 * SECOND);
    now += UINT64_C(901) * SECOND;
    assert_int_equal(security_throttle_when(throttle, &attempt, now), now);
    security_throttle_free(throttle);
}
