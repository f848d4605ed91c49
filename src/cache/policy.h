/* cache/policy.h - who leaves when a cache is full: the seam between a cache and its policies.
 *
 * Invariant   a policy knows exactly the slots that were added and neither removed nor evicted. It
 *             sees keys as hashes and sizes in bytes, never the bytes; it reads no clock and draws
 *             no random numbers, so a simulator gets the answers that the server gets.
 * Thread      one at a time.
 * Memory      grows with the highest slot number.
 * Errors      none.
 */
#ifndef CACHE_POLICY_H
#define CACHE_POLICY_H

#include <stdint.h>

enum { CACHE_NO_SLOT = UINT32_MAX };

struct cache_policy; /* its first member is the ops pointer */

/* An entry as a policy sees it. Slots are small numbers that are used again. */
struct cache_policy_entry {
    uint32_t slot;
    uint32_t size; /* bytes */
    uint64_t hash;
};

struct cache_policy_ops {
    const char *name;
    /* For a cache of so many bytes. */
    struct cache_policy *(*new)(uint64_t bytes_max);
    void (*free)(struct cache_policy *policy);
    void (*add)(struct cache_policy *policy, const struct cache_policy_entry *entry);
    void (*hit)(struct cache_policy *policy, uint32_t slot);
    /* The entry is gone for another reason than eviction. */
    void (*remove)(struct cache_policy *policy, uint32_t slot);
    /* Memory it takes. */
    uint64_t (*bytes)(const struct cache_policy *policy);
    /* Choose an entry, forget it and return its slot; CACHE_NO_SLOT when there is none. */
    uint32_t (*evict)(struct cache_policy *policy);
};

struct cache_policy {
    const struct cache_policy_ops *ops;
};

/* S3-FIFO (Yang et al., SOSP 2023): a small queue for what may be seen once only, a main queue with
 * second chances, and the memory of what the small one let go. */
extern const struct cache_policy_ops cache_policy_s3fifo;

#endif
