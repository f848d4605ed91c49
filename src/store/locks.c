/* store/locks.c - a hash table of keys; those of one holder are a list besides. */
#include "store/locks.h"

#include <assert.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/rng.h"

enum { LOCKS_SLOTS_MIN = 64 };

struct store_lock {
    struct store_lock *neighbor; /* in its slot */
    struct store_lock *next;     /* of its holder */
    struct store_locks_holder *holder;
    uint64_t hash;
    size_t len;
    uint8_t key[];
};

void store_locks_init(struct store_locks *locks)
{
    *locks = (struct store_locks){.seed = rng_u64()};
}

void store_locks_close(struct store_locks *locks)
{
    assert(locks->count == 0);
    mem_free(locks->slots);
    locks->slots = NULL;
}

static struct store_lock **locks_slot(const struct store_locks *locks, uint64_t hash)
{
    return &locks->slots[hash & (locks->slots_count - 1)];
}

static uint64_t locks_hash(const struct store_locks *locks, struct slice key)
{
    return XXH3_64bits_withSeed(key.data, key.len, locks->seed);
}

struct store_locks_holder *store_locks_find(const struct store_locks *locks, struct slice key)
{
    if (locks->count == 0) {
        return NULL;
    }
    uint64_t hash = locks_hash(locks, key);
    const struct store_lock *lock = *locks_slot(locks, hash);
    while (lock != NULL &&
           (lock->hash != hash || !slice_equal(slice_of(lock->key, lock->len), key))) {
        lock = lock->neighbor;
    }
    return lock == NULL ? NULL : lock->holder;
}

static void locks_grow(struct store_locks *locks)
{
    struct store_lock **old = locks->slots;
    size_t old_count = locks->slots_count;
    locks->slots_count = old_count == 0 ? LOCKS_SLOTS_MIN : old_count * 2;
    locks->slots = mem_zero(locks->slots_count, sizeof(struct store_lock *));
    for (size_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct store_lock *lock = old[i];
            struct store_lock **slot = locks_slot(locks, lock->hash);
            old[i] = lock->neighbor;
            lock->neighbor = *slot;
            *slot = lock;
        }
    }
    mem_free(old);
}

void store_locks_take(struct store_locks *locks, struct slice key,
                      struct store_locks_holder *holder)
{
    assert(store_locks_find(locks, key) == NULL);
    if (locks->count >= locks->slots_count) {
        locks_grow(locks);
    }
    struct store_lock *lock = mem_alloc(sizeof *lock + key.len);
    *lock = (struct store_lock){
        .next = holder->first, .holder = holder, .hash = locks_hash(locks, key), .len = key.len};
    memcpy(lock->key, key.data, key.len);
    struct store_lock **slot = locks_slot(locks, lock->hash);
    lock->neighbor = *slot;
    *slot = lock;
    holder->first = lock;
    locks->count++;
}

static void locks_remove(struct store_locks *locks, struct store_lock *lock)
{
    struct store_lock **link = locks_slot(locks, lock->hash);
    while (*link != lock) {
        link = &(*link)->neighbor;
    }
    *link = lock->neighbor;
    locks->count--;
    mem_free(lock);
}

void store_locks_release(struct store_locks *locks, struct store_locks_holder *holder)
{
    while (holder->first != NULL) {
        struct store_lock *lock = holder->first;
        holder->first = lock->next;
        locks_remove(locks, lock);
    }
}
