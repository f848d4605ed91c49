/* security/throttle.c - a table of those who failed, by three kinds of key.
 *
 * What one address tries on one user is bounded most: nobody types that fast. An address may serve
 * many people and a user's name may be guessed at from many addresses, which must not lock the user
 * out: there the bounds are wider, and a pair that succeeded lately is not asked for the user's. */
#include "security/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <xxhash.h>

#include "base/mem.h"

enum throttle_kind { THROTTLE_PAIR, THROTTLE_ADDRESS, THROTTLE_USER, THROTTLE_KINDS };

enum {
    THROTTLE_SETS = 2048,
    THROTTLE_WAYS = 8,
    THROTTLE_WAIT_US_MAX = 12 * 1000000,
    THROTTLE_SHIFT_MAX = 16,
};
#define THROTTLE_FORGET_US (UINT64_C(15) * 60 * 1000000)

static const struct {
    uint32_t free; /* failures without a wait */
    uint64_t first_us;
    uint64_t most_us;
} throttle_rules[THROTTLE_KINDS] = {
    [THROTTLE_PAIR] = {3, 100000, 8000000},
    [THROTTLE_ADDRESS] = {20, 50000, 2000000},
    [THROTTLE_USER] = {50, 20000, 500000},
};

struct throttle_entry {
    uint64_t key; /* 0: free */
    uint64_t seen_us;
    uint64_t next_us; /* the next attempt is not looked at before */
    uint32_t failures;
    bool good; /* it succeeded, and has not failed since */
};

struct security_throttle {
    pthread_mutex_t lock;
    uint64_t seed;
    struct throttle_entry sets[THROTTLE_SETS][THROTTLE_WAYS];
};

struct security_throttle *security_throttle_new(uint64_t seed)
{
    struct security_throttle *throttle = mem_zero(1, sizeof *throttle);
    pthread_mutex_init(&throttle->lock, NULL);
    throttle->seed = seed;
    return throttle;
}

void security_throttle_free(struct security_throttle *throttle)
{
    if (throttle != NULL) {
        pthread_mutex_destroy(&throttle->lock);
        mem_free(throttle);
    }
}

/* An address: of IPv6 the half that one customer has. */
static struct slice throttle_address(const char *peer, uint8_t bytes[16])
{
    const char *port = strrchr(peer, ':');
    size_t len = port == NULL ? strlen(peer) : (size_t)(port - peer);
    char text[INET6_ADDRSTRLEN] = "";
    bool six = len > 2 && peer[0] == '[';
    if (six) {
        peer++;
        len -= 2;
    }
    if (len < sizeof text) {
        memcpy(text, peer, len);
    }
    if (inet_pton(six ? AF_INET6 : AF_INET, text, bytes) != 1) {
        return slice_of(bytes, 0);
    }
    return slice_of(bytes, six ? 8 : 4);
}

static void throttle_keys(const struct security_throttle *throttle,
                          const struct security_attempt *attempt, uint64_t keys[THROTTLE_KINDS])
{
    uint8_t bytes[16] = {0};
    struct slice address = throttle_address(attempt->peer, bytes);
    uint64_t user = XXH3_64bits_withSeed(attempt->user.data, attempt->user.len, throttle->seed);
    uint64_t from = XXH3_64bits_withSeed(address.data, address.len, throttle->seed + 1);
    uint64_t both[2] = {user, from};
    keys[THROTTLE_PAIR] = XXH3_64bits_withSeed(both, sizeof both, throttle->seed + 2) | 1;
    keys[THROTTLE_ADDRESS] = from | 1;
    keys[THROTTLE_USER] = user | 1;
}

/* The entry of that key; when there is none the oldest of its set, emptied, if `make`. */
static struct throttle_entry *throttle_entry(struct security_throttle *throttle, uint64_t key,
                                             bool make, uint64_t now_us)
{
    struct throttle_entry *set = throttle->sets[(key >> 1) % THROTTLE_SETS];
    struct throttle_entry *oldest = &set[0];
    for (int i = 0; i < THROTTLE_WAYS; i++) {
        if (set[i].key == key && now_us - set[i].seen_us < THROTTLE_FORGET_US) {
            return &set[i];
        }
        oldest = set[i].key == key || set[i].seen_us < oldest->seen_us ? &set[i] : oldest;
    }
    if (!make) {
        return NULL;
    }
    *oldest = (struct throttle_entry){.key = key, .seen_us = now_us};
    return oldest;
}

static uint64_t throttle_pause_us(enum throttle_kind kind, const struct throttle_entry *entry)
{
    if (entry->failures < throttle_rules[kind].free) {
        return 0;
    }
    uint32_t shift = entry->failures - throttle_rules[kind].free;
    shift = shift > THROTTLE_SHIFT_MAX ? THROTTLE_SHIFT_MAX : shift;
    uint64_t pause = throttle_rules[kind].first_us << shift;
    return pause > throttle_rules[kind].most_us ? throttle_rules[kind].most_us : pause;
}

uint64_t security_throttle_when(struct security_throttle *throttle,
                                const struct security_attempt *attempt, uint64_t now_us)
{
    struct throttle_entry *entries[THROTTLE_KINDS];
    uint64_t keys[THROTTLE_KINDS];
    uint64_t when = now_us;
    throttle_keys(throttle, attempt, keys);
    pthread_mutex_lock(&throttle->lock);
    for (int kind = 0; kind < THROTTLE_KINDS; kind++) {
        entries[kind] = throttle_entry(throttle, keys[kind], false, now_us);
    }
    if (entries[THROTTLE_PAIR] != NULL && entries[THROTTLE_PAIR]->good) {
        entries[THROTTLE_USER] = NULL;
    }
    for (int kind = 0; kind < THROTTLE_KINDS; kind++) {
        struct throttle_entry *entry = entries[kind];
        if (entry != NULL && throttle_pause_us(kind, entry) > 0 && entry->next_us > when) {
            when = entry->next_us;
        }
    }
    bool fits = when - now_us <= THROTTLE_WAIT_US_MAX;
    for (int kind = 0; kind < THROTTLE_KINDS && fits; kind++) {
        if (entries[kind] != NULL) {
            entries[kind]->next_us = when + throttle_pause_us(kind, entries[kind]);
        }
    }
    pthread_mutex_unlock(&throttle->lock);
    return fits ? when : UINT64_MAX;
}

void security_throttle_note(struct security_throttle *throttle,
                            const struct security_attempt *attempt, bool succeeded, uint64_t now_us)
{
    uint64_t keys[THROTTLE_KINDS];
    throttle_keys(throttle, attempt, keys);
    pthread_mutex_lock(&throttle->lock);
    for (int kind = 0; kind < THROTTLE_KINDS; kind++) {
        bool make = !succeeded || kind == THROTTLE_PAIR;
        struct throttle_entry *entry = throttle_entry(throttle, keys[kind], make, now_us);
        if (entry == NULL || (succeeded && kind != THROTTLE_PAIR)) {
            continue;
        }
        entry->seen_us = now_us;
        entry->good = succeeded;
        entry->failures = succeeded ? 0 : entry->failures + 1;
        uint64_t next = now_us + throttle_pause_us(kind, entry);
        entry->next_us = entry->next_us > next ? entry->next_us : next;
    }
    pthread_mutex_unlock(&throttle->lock);
}
