/* memory/reclaim_test.c - what is retired goes when no reader can see it, and not before. */
#include "memory/reclaim.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "lib/test.h"

enum { COUNT_MAX = 4, BYTES_MAX = 1000 };

static struct memory_reclaim *reclaim_open(void)
{
    struct memory_reclaim_options options = {COUNT_MAX, BYTES_MAX};
    struct memory_reclaim *reclaim;
    struct err err;
    assert_int_equal(memory_reclaim_new(&options, &reclaim, &err), 0);
    return reclaim;
}

TEST(what_is_retired_without_readers_is_freed)
{
    struct memory_reclaim *reclaim = reclaim_open();
    for (int i = 0; i < 100; i++) {
        memory_retire(reclaim, mem_alloc(10), mem_free, 10);
    }
    memory_reclaim_wait(reclaim);
    assert_int_equal(memory_reclaim_stats(reclaim).freed, 100);
    assert_int_equal(memory_reclaim_stats(reclaim).bytes, 0);
    memory_retire(reclaim, mem_alloc(10), mem_free, 10); /* goes with the reclaimer */
    memory_reclaim_free(reclaim);
}

TEST(nothing_is_freed_while_a_reader_may_see_it)
{
    struct memory_reclaim *reclaim = reclaim_open();
    struct memory_reader *reader = memory_reader_join(reclaim, "test");
    for (int i = 0; i < COUNT_MAX; i++) {
        memory_retire(reclaim, mem_alloc(10), mem_free, 10);
    }
    struct memory_reclaim_stats stats = memory_reclaim_stats(reclaim);
    assert_int_equal(stats.freed, 0);
    assert_int_equal(stats.count, COUNT_MAX);
    assert_int_equal(stats.bytes, COUNT_MAX * 10);
    memory_reader_pause(reader);
    memory_reclaim_wait(reclaim);
    memory_reader_resume(reader);
    assert_int_equal(memory_reclaim_stats(reclaim).freed, COUNT_MAX);
    assert_int_equal(memory_reclaim_stats(reclaim).waited, 0);
    memory_reader_leave(reader);
    memory_reclaim_free(reclaim);
}

TEST(a_reader_that_retires_too_much_waits_and_is_not_waited_for)
{
    struct memory_reclaim *reclaim = reclaim_open();
    struct memory_reader *reader = memory_reader_join(reclaim, "test");
    for (int i = 0; i < 100; i++) {
        memory_retire(reclaim, mem_alloc(10), mem_free, i == 50 ? BYTES_MAX + 1 : 10);
        assert_true(memory_reclaim_stats(reclaim).count <= COUNT_MAX);
        assert_true(memory_reclaim_stats(reclaim).bytes <= BYTES_MAX);
    }
    assert_true(memory_reclaim_stats(reclaim).waited >= 100 / (COUNT_MAX + 1));
    memory_reader_leave(reader);
    memory_reclaim_free(reclaim);
}

struct told {
    int count;
    const char *name;
    bool busy;
};

static void tell(void *context, const char *name, uint64_t busy_us)
{
    struct told *told = context;
    told->count++;
    told->busy = busy_us > 0;
    assert_string_equal(name, told->name);
}

TEST(readers_are_told_by_name_while_they_are_not_quiet)
{
    struct memory_reclaim *reclaim = reclaim_open();
    struct told told = {.name = "lt-loop-7"};
    struct memory_reader *reader = memory_reader_join(reclaim, told.name);
    while (!told.busy) { /* until the clock has gone on */
        memory_reclaim_readers(reclaim, tell, &told);
    }
    memory_reader_pause(reader);
    memory_reclaim_readers(reclaim, tell, &told);
    assert_false(told.busy);
    memory_reader_leave(reader);
    told.count = 0;
    memory_reclaim_readers(reclaim, tell, &told);
    assert_int_equal(told.count, 0);
    memory_reclaim_free(reclaim);
}

/* ---- threads ---- */

enum { READERS = 3, ROUNDS = 20000, ALIVE = 0x600d, GONE = 0xdead };

struct race {
    struct memory_reclaim *reclaim;
    _Atomic(atomic_uint *) published;
    atomic_bool done;
};

static void *race_read(void *context)
{
    struct race *race = context;
    struct memory_reader *reader = memory_reader_join(race->reclaim, "reader");
    while (!atomic_load(&race->done)) {
        for (int i = 0; i < 10; i++) {
            assert_int_equal(atomic_load(atomic_load(&race->published)), ALIVE);
        }
        memory_reader_pause(reader);
        memory_reader_resume(reader);
    }
    memory_reader_leave(reader);
    return NULL;
}

static void race_free(void *object)
{
    atomic_store((atomic_uint *)object, GONE);
    mem_free(object);
}

static atomic_uint *race_object(void)
{
    atomic_uint *object = mem_alloc(sizeof *object);
    atomic_init(object, ALIVE);
    return object;
}

TEST(readers_never_see_what_was_freed)
{
    static struct race race;
    pthread_t threads[READERS];
    race.reclaim = reclaim_open();
    atomic_store(&race.done, false);
    atomic_store(&race.published, race_object());
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race_read, &race), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        atomic_uint *old = atomic_exchange(&race.published, race_object());
        memory_retire(race.reclaim, old, race_free, sizeof *old);
    }
    atomic_store(&race.done, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    memory_retire(race.reclaim, atomic_load(&race.published), race_free, 0);
    memory_reclaim_free(race.reclaim);
}
