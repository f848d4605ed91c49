/* cache/policy.h - who leaves when a cache is full: the seam between a cache and its policies.
 *
 * Invariant   a policy knows exactly the slots that were added and neither removed nor evicted. It
 *             sees keys as hashes and sizes in bytes, never the bytes; it reads no clock and draws
 *             no random numbers, so a simulator gets the answers that the server gets.
 * Thread      one at a time.
 * Memory      grows with the highest slot number; trim gives back.
 * Errors      none.
 */
#ifndef CACHE_POLICY_H
#define CACHE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_NO_SLOT = UINT32_MAX };

/* Room for slots comes and goes by so many, once there are as many: some 70 bytes each. */
enum { CACHE_SLOTS_SLICE = 1024 };

struct cache_policy; /* its first member is the ops pointer */

/* An entry as a policy sees it. Slots are small numbers that are used again. */
struct cache_policy_entry {
    uint32_t slot;
    uint32_t size; /* bytes */
    uint64_t hash;
    uint64_t expires_ms; /* on whatever clock the cache keeps; 0: never */
    bool ahead;          /* nobody has asked for it yet: its first hit is as if it came then */
};

struct cache_policy_ops {
    const char *name;
    /* For a cache of so many bytes. A cache of several parts, of which each gets a like share of
     * the keys, may give the policy of the first as `leader` to those of the others: what it finds
     * out holds for all. It outlives them. NULL: none. */
    struct cache_policy *(*new)(uint64_t bytes_max, struct cache_policy *leader);
    void (*free)(struct cache_policy *policy);
    void (*add)(struct cache_policy *policy, const struct cache_policy_entry *entry);
    void (*hit)(struct cache_policy *policy, uint32_t slot);
    /* The entry is gone for another reason than eviction. */
    void (*remove)(struct cache_policy *policy, uint32_t slot);
    /* The entry of slot `from` is in slot `to` from now on, which is lower and free. */
    void (*move)(struct cache_policy *policy, uint32_t from, uint32_t to);
    /* No slot from `cap` on is in use: what was for them is given back. */
    void (*trim)(struct cache_policy *policy, uint32_t cap);
    /* Memory it takes. */
    uint64_t (*bytes)(const struct cache_policy *policy);
    /* Choose an entry, forget it and return its slot; CACHE_NO_SLOT when none may leave. */
    uint32_t (*evict)(struct cache_policy *policy);
    /* The same among those that were not asked for again since they came: room for one that nobody
     * has asked for. NULL: the policy does not tell them apart. */
    uint32_t (*evict_unproven)(struct cache_policy *policy);
    /* So many bytes from now on. */
    void (*resize)(struct cache_policy *policy, uint64_t bytes_max);
};

struct cache_policy {
    const struct cache_policy_ops *ops;
};

/* Nobody leaves. Found by no name: it is what pinning a collection means. */
extern const struct cache_policy_ops cache_policy_pin;

/* The policy of that name; NULL when there is none. */
const struct cache_policy_ops *cache_policy_find(const char *name);

/* The policies one after the other; NULL after the last. */
const struct cache_policy_ops *cache_policy_at(size_t index);

/* Follows the best of several, LRU and tunings of S3-FIFO, as tried on a sample of the keys. */
extern const struct cache_policy_ops cache_policy_adaptive;

/* S3-FIFO (Yang et al., SOSP 2023): a small queue for what may be seen once only, a main queue with
 * second chances, and the memory of what the small one let go. */
extern const struct cache_policy_ops cache_policy_s3fifo;

/* The one not used for longest leaves. */
extern const struct cache_policy_ops cache_policy_lru;

/* The one used least often leaves; among equals the one not used for longest. */
extern const struct cache_policy_ops cache_policy_lfu;

/* The one added first leaves. */
extern const struct cache_policy_ops cache_policy_fifo;

/* Any leaves; which one is the same for the same calls. */
extern const struct cache_policy_ops cache_policy_random;

/* The one that expires first leaves, those that never expire last; among equals the one added
 * first. */
extern const struct cache_policy_ops cache_policy_ttl;

#endif
