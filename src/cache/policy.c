/* cache/policy.c - the policies by name. */
#include <string.h>

#include "cache/policy.h"

static const struct cache_policy_ops *const policies[] = {
    &cache_policy_adaptive, &cache_policy_s3fifo, &cache_policy_lru, &cache_policy_lfu,
    &cache_policy_fifo,     &cache_policy_random, &cache_policy_ttl,
};

enum { POLICIES = sizeof policies / sizeof policies[0] };

const struct cache_policy_ops *cache_policy_find(const char *name)
{
    for (size_t i = 0; i < POLICIES; i++) {
        if (strcmp(policies[i]->name, name) == 0) {
            return policies[i];
        }
    }
    return NULL;
}

const struct cache_policy_ops *cache_policy_at(size_t index)
{
    return index < POLICIES ? policies[index] : NULL;
}
