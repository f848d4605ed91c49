/* cache/segment.c - a log of memory: append, count what died, give back what is empty. */
#include "cache/segment.h"

#include <assert.h>

#include "base/mem.h"

/* An entry larger than this has a segment of its own, so that little is left over at the ends. */
enum { SEGMENT_SHARED_MAX = CACHE_SEGMENT_BYTES / 8 };

void cache_log_init(struct cache_log *log, struct memory_pages *pages, uint32_t pages_kind)
{
    *log = (struct cache_log){.pages = pages, .pages_kind = pages_kind};
}

void cache_log_close(struct cache_log *log)
{
    for (uint32_t i = 0; i < log->count; i++) {
        cache_segment_release(log->segments[i]);
    }
    mem_free(log->segments);
    cache_log_init(log, log->pages, log->pages_kind);
}

void cache_segment_hold(struct cache_segment *segment)
{
    atomic_fetch_add_explicit(&segment->refs, 1, memory_order_relaxed);
}

void cache_segment_release(struct cache_segment *segment)
{
    if (atomic_fetch_sub_explicit(&segment->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (segment->pages != NULL) {
        memory_page_give(segment->pages, segment);
    } else {
        mem_free(segment);
    }
}

uint32_t cache_record_size(size_t key_len, size_t value_len)
{
    return (uint32_t)((sizeof(struct cache_record) + key_len + value_len + 7) & ~(size_t)7);
}

static uint32_t segment_record_size(const struct cache_record *record)
{
    return cache_record_size(record->key_len, record->value_len);
}

/* ---- ranks ---- */

/* Entries of a segment of their own leave no hole: it goes with them. */
static uint32_t log_rank(const struct cache_log *log, const struct cache_segment *segment)
{
    if (segment == log->open || segment->pages == NULL) {
        return CACHE_RANKS;
    }
    return (segment->used - segment->live) / (segment->size / CACHE_RANKS + 1);
}

/* Into the list of `rank`, out of the one it was in. */
static void log_set_rank(struct cache_log *log, struct cache_segment *segment, uint32_t rank)
{
    if (segment->rank == rank) {
        return;
    }
    if (segment->previous != NULL) {
        segment->previous->next = segment->next;
    } else if (segment->rank != CACHE_RANKS) {
        log->ranks[segment->rank] = segment->next;
    }
    if (segment->next != NULL) {
        segment->next->previous = segment->previous;
    }
    segment->rank = rank;
    segment->previous = NULL;
    segment->next = rank == CACHE_RANKS ? NULL : log->ranks[rank];
    if (segment->next != NULL) {
        segment->next->previous = segment;
    }
    if (rank != CACHE_RANKS) {
        log->ranks[rank] = segment;
    }
}

struct cache_segment *cache_log_sparsest(const struct cache_log *log, uint32_t percent)
{
    uint32_t rank = CACHE_RANKS;
    while (rank > 0 && log->ranks[rank - 1] == NULL) {
        rank--;
    }
    struct cache_segment *segment = rank == 0 ? NULL : log->ranks[rank - 1];
    bool enough = segment != NULL && segment->used - segment->live >= segment->size / 100 * percent;
    return enough ? segment : NULL;
}

/* ---- segments ---- */

static struct cache_segment *log_add_segment(struct cache_log *log, uint32_t size)
{
    if (log->count == log->cap) {
        log->cap = log->cap == 0 ? 8 : log->cap * 2;
        log->segments = mem_grow(log->segments, log->cap * sizeof *log->segments);
    }
    bool whole_page = sizeof(struct cache_segment) + size == MEMORY_PAGE;
    struct memory_pages *pages = whole_page ? log->pages : NULL;
    struct cache_segment *segment = pages != NULL ? memory_page_take_of(pages, log->pages_kind)
                                                  : mem_alloc(sizeof *segment + size);
    *segment = (struct cache_segment){
        .pages = pages, .place = log->count, .size = size, .rank = CACHE_RANKS};
    atomic_init(&segment->refs, 1);
    log->segments[log->count++] = segment;
    log->bytes += size;
    return segment;
}

static void log_drop_segment(struct cache_log *log, struct cache_segment *segment)
{
    struct cache_segment *last = log->segments[--log->count];
    assert(segment->live == 0 && log->segments[segment->place] == segment);
    log->segments[segment->place] = last;
    last->place = segment->place;
    log->bytes -= segment->size;
    log->dead -= segment->used;
    log->open = log->open == segment ? NULL : log->open;
    log_set_rank(log, segment, CACHE_RANKS);
    cache_segment_release(segment);
}

/* The open segment is full: it gets its rank, or goes when nothing in it lives. */
static void log_close_segment(struct cache_log *log)
{
    struct cache_segment *full = log->open;
    log->open = NULL;
    if (full != NULL && full->live == 0) {
        log_drop_segment(log, full);
    } else if (full != NULL) {
        log_set_rank(log, full, log_rank(log, full));
    }
}

static bool log_has_room(const struct cache_log *log, uint32_t size)
{
    return log->open != NULL && log->open->size - log->open->used >= size;
}

uint32_t cache_log_growth(const struct cache_log *log, uint32_t size)
{
    if (size > SEGMENT_SHARED_MAX) {
        return size;
    }
    return log_has_room(log, size) ? 0 : CACHE_SEGMENT_BYTES;
}

/* Where `size` bytes go. A segment of an entry's own never becomes the open one. */
static struct cache_segment *log_room(struct cache_log *log, uint32_t size)
{
    if (size > SEGMENT_SHARED_MAX) {
        return log_add_segment(log, size);
    }
    if (!log_has_room(log, size)) {
        log_close_segment(log);
        log->open = log_add_segment(log, CACHE_SEGMENT_BYTES - sizeof *log->open);
    }
    return log->open;
}

struct cache_place cache_log_append(struct cache_log *log, uint32_t slot, struct slice key,
                                    const struct cache_item *item)
{
    struct slice value = item->value;
    uint32_t size = cache_record_size(key.len, value.len);
    struct cache_segment *segment = log_room(log, size);
    struct cache_place place = {segment, segment->used};
    struct cache_record *record = cache_record_at(place);
    *record = (struct cache_record){.slot = slot,
                                    .key_len = (uint32_t)key.len,
                                    .value_len = (uint32_t)value.len,
                                    .absent = item->absent,
                                    .expires_s = item->expires_s};
    memcpy(record->bytes, key.data, key.len);
    if (value.len > 0) {
        memcpy(record->bytes + key.len, value.data, value.len);
    }
    segment->used += size;
    segment->live += size;
    log->live += size;
    return place;
}

/* No reader holds it, so its bytes may change. */
static bool log_is_ours(const struct cache_segment *segment)
{
    return atomic_load_explicit(&segment->refs, memory_order_acquire) == 1;
}

void cache_log_kill(struct cache_log *log, struct cache_place place)
{
    struct cache_record *record = cache_record_at(place);
    struct cache_segment *segment = place.segment;
    uint32_t size = segment_record_size(record);
    assert(record->dead == 0 && segment->live >= size);
    record->dead = 1;
    segment->live -= size;
    log->live -= size;
    log->dead += size;
    log->killed += size;
    if (segment->live == 0 && segment == log->open && log_is_ours(segment)) {
        log->dead -= segment->used;
        segment->used = 0;
    } else if (segment->live == 0) {
        log_drop_segment(log, segment);
    } else {
        log_set_rank(log, segment, log_rank(log, segment));
    }
}

struct cache_record *cache_segment_next(struct cache_segment *segment, uint32_t *at)
{
    while (*at < segment->used) {
        struct cache_record *record = cache_record_at((struct cache_place){segment, *at});
        *at += segment_record_size(record);
        if (record->dead == 0) {
            return record;
        }
    }
    return NULL;
}
