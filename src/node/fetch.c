/* node/fetch.c - a small hash table of what is being fetched. */
#include <assert.h>
#include <xxhash.h>

#include "node/fetch_private.h"

void node__fetches_init(struct node_fetches *fetches)
{
    *fetches = (struct node_fetches){0};
    pthread_mutex_init(&fetches->lock, NULL);
}

void node__fetches_close(struct node_fetches *fetches)
{
    pthread_mutex_destroy(&fetches->lock);
}

static struct node_fetch **fetch_bucket(struct node_fetches *fetches, struct slice key)
{
    return &fetches->buckets[XXH3_64bits(key.data, key.len) % NODE_FETCH_BUCKETS];
}

static bool fetch_is_same(const struct node_fetch *a, const struct node_fetch *b)
{
    return a->beside == b->beside && a->backward == b->backward && slice_equal(a->key, b->key);
}

bool node__fetch_begin(struct node_fetches *fetches, struct node_fetch *fetch)
{
    fetch->joined = NULL;
    pthread_mutex_lock(&fetches->lock);
    struct node_fetch **bucket = fetch_bucket(fetches, fetch->key);
    struct node_fetch *other = *bucket;
    while (other != NULL && !fetch_is_same(other, fetch)) {
        other = other->next;
    }
    struct node_fetch **list = other == NULL ? bucket : &other->joined;
    fetch->next = *list;
    *list = fetch;
    pthread_mutex_unlock(&fetches->lock);
    atomic_fetch_add_explicit(&fetches->begun, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&fetches->joined, other != NULL, memory_order_relaxed);
    atomic_fetch_add_explicit(&fetches->running, other == NULL, memory_order_relaxed);
    return other == NULL;
}

struct node_fetch *node__fetch_end(struct node_fetches *fetches, struct node_fetch *fetch)
{
    pthread_mutex_lock(&fetches->lock);
    struct node_fetch **link = fetch_bucket(fetches, fetch->key);
    while (*link != fetch) {
        assert(*link != NULL);
        link = &(*link)->next;
    }
    *link = fetch->next;
    pthread_mutex_unlock(&fetches->lock);
    atomic_fetch_sub_explicit(&fetches->running, 1, memory_order_relaxed);
    return fetch->joined;
}
