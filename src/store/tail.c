/* store/tail.c - a ring of counted entries. */
#include "store/tail.h"

#include <assert.h>

#include "base/err.h"
#include "base/mem.h"

enum { TAIL_RING_MIN = 256 };

void store_tail_init(struct store_tail *tail, uint64_t bytes_max)
{
    *tail = (struct store_tail){.bytes_max = bytes_max};
    pthread_mutex_init(&tail->lock, NULL);
}

static struct store_tail_entry **tail_at(const struct store_tail *tail, size_t position)
{
    return &tail->ring[(tail->head + position) & (tail->cap - 1)];
}

struct store_tail_entry *store_tail_entry_new(const struct store_mark *mark, struct slice payload)
{
    struct store_tail_entry *entry = mem_alloc(sizeof *entry + payload.len);
    atomic_init(&entry->references, 1);
    atomic_init(&entry->glosses, NULL);
    entry->counted = 0;
    entry->index = mark->index;
    entry->term = mark->term;
    entry->clock = mark->clock;
    entry->len = payload.len;
    memcpy(entry->payload, payload.data, payload.len);
    return entry;
}

void store_tail_entry_release(struct store_tail_entry *entry)
{
    if (entry != NULL && atomic_fetch_sub(&entry->references, 1) == 1) {
        struct store_tail_gloss *gloss = atomic_load(&entry->glosses);
        while (gloss != NULL) {
            struct store_tail_gloss *next = gloss->next;
            mem_free(gloss);
            gloss = next;
        }
        mem_free(entry);
    }
}

static void tail_drop_oldest(struct store_tail *tail)
{
    struct store_tail_entry *entry = *tail_at(tail, 0);
    tail->from = entry->clock;
    tail->bytes -= entry->counted;
    entry->counted = 0;
    tail->head = (tail->head + 1) & (tail->cap - 1);
    tail->count--;
    store_tail_entry_release(entry);
}

static void tail_trim(struct store_tail *tail)
{
    while (tail->bytes > tail->bytes_max && tail->count > 1) {
        tail_drop_oldest(tail);
    }
}

static void tail_clear(struct store_tail *tail)
{
    while (tail->count > 0) {
        tail_drop_oldest(tail);
    }
    mem_free(tail->ring);
    tail->ring = NULL;
    tail->cap = 0;
    tail->head = 0;
}

void store_tail_close(struct store_tail *tail)
{
    tail_clear(tail);
    pthread_mutex_destroy(&tail->lock);
}

void store_tail_follow(struct store_tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    tail->followers++;
    atomic_store(&tail->followed, tail->followers);
    pthread_mutex_unlock(&tail->lock);
}

void store_tail_unfollow(struct store_tail *tail)
{
    pthread_mutex_lock(&tail->lock);
    assert(tail->followers > 0);
    tail->followers--;
    atomic_store(&tail->followed, tail->followers);
    if (tail->followers == 0) {
        tail_clear(tail);
    }
    pthread_mutex_unlock(&tail->lock);
}

static void tail_grow(struct store_tail *tail)
{
    size_t cap = tail->cap == 0 ? TAIL_RING_MIN : 2 * tail->cap;
    struct store_tail_entry **ring = mem_alloc(cap * sizeof(struct store_tail_entry *));
    for (size_t i = 0; i < tail->count; i++) {
        ring[i] = *tail_at(tail, i);
    }
    mem_free(tail->ring);
    tail->ring = ring;
    tail->cap = cap;
    tail->head = 0;
}

static void tail_count(struct store_tail *tail, struct store_tail_entry *entry, size_t bytes)
{
    entry->counted += bytes;
    tail->bytes += bytes;
}

static void tail_push(struct store_tail *tail, struct store_tail_entry *entry)
{
    if (tail->count == tail->cap) {
        tail_grow(tail);
    }
    tail->count++;
    tail_count(tail, entry, entry->len);
    *tail_at(tail, tail->count - 1) = entry;
    tail_trim(tail);
}

void store_tail_append(struct store_tail *tail, const struct store_mark *mark, struct slice payload)
{
    pthread_mutex_lock(&tail->lock);
    assert(mark->clock >= tail->last);
    if (tail->followers > 0 && payload.len > 0) {
        tail_push(tail, store_tail_entry_new(mark, payload));
    } else if (tail->followers == 0) {
        tail->from = mark->clock;
    }
    tail->last = mark->clock;
    tail->last_index = mark->index;
    pthread_mutex_unlock(&tail->lock);
}

uint64_t store_tail_last(struct store_tail *tail, uint64_t *ret_index)
{
    pthread_mutex_lock(&tail->lock);
    uint64_t last = tail->last;
    *ret_index = tail->last_index;
    pthread_mutex_unlock(&tail->lock);
    return last;
}

/* Position of the first entry whose clock is above `clock`. */
static size_t tail_search(const struct store_tail *tail, uint64_t clock)
{
    size_t low = 0;
    size_t high = tail->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((*tail_at(tail, middle))->clock <= clock) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int store_tail_next(struct store_tail *tail, uint64_t clock, struct store_tail_entry **ret_entry)
{
    int code = 0;
    pthread_mutex_lock(&tail->lock);
    if (clock < tail->from) {
        code = -LT_EAGAIN;
    } else if (clock < tail->last) {
        size_t position = tail_search(tail, clock);
        if (position < tail->count) {
            *ret_entry = *tail_at(tail, position);
            atomic_fetch_add(&(*ret_entry)->references, 1);
            code = 1;
        }
    }
    pthread_mutex_unlock(&tail->lock);
    return code;
}

/* ---- what is left with entries ---- */

const struct store_tail_gloss *store_tail_gloss(const struct store_tail_entry *entry,
                                                struct slice name)
{
    const struct store_tail_gloss *gloss = atomic_load(&entry->glosses);
    while (gloss != NULL && !slice_equal(gloss->name, name)) {
        gloss = gloss->next;
    }
    return gloss;
}

static bool tail_has_room(const struct store_tail_entry *entry)
{
    uint32_t count = 0;
    for (const struct store_tail_gloss *gloss = atomic_load(&entry->glosses); gloss != NULL;
         gloss = gloss->next) {
        count++;
    }
    return count < STORE_TAIL_GLOSSES_MAX;
}

const struct store_tail_gloss *store_tail_leave(struct store_tail *tail,
                                                struct store_tail_entry *entry,
                                                struct store_tail_gloss *gloss)
{
    pthread_mutex_lock(&tail->lock);
    const struct store_tail_gloss *kept = store_tail_gloss(entry, gloss->name);
    bool takes = kept == NULL && tail_has_room(entry);
    if (takes) {
        gloss->next = atomic_load(&entry->glosses);
        atomic_store(&entry->glosses, gloss);
        kept = gloss;
    }
    if (takes && entry->counted > 0) {
        tail_count(tail, entry, gloss->bytes);
        tail_trim(tail);
    }
    pthread_mutex_unlock(&tail->lock);
    if (!takes) {
        mem_free(gloss);
    }
    return kept;
}
