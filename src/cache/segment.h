/* cache/segment.h - entries written one after the other into segments of memory.
 *
 * Invariant   a segment's bytes never change while an entry or a reader is there; an entry that
 *             dies leaves a hole until its segment is empty, or so sparse that the rest is moved
 *             out. Bytes held never pass bytes_max by more than one segment, but for what readers
 *             still hold.
 * Thread      one at a time; only cache_segment_release may be called by any.
 * Memory      the log owns its segments; a reader holds one of them (cache_segment_hold), so that
 *             bytes it was lent outlive eviction and moving.
 * Errors      none.
 */
#ifndef CACHE_SEGMENT_H
#define CACHE_SEGMENT_H

#include <stdatomic.h>

#include "base/slice.h"
#include "cache/foresee.h"
#include "memory/pages.h"

enum { CACHE_SEGMENT_BYTES = MEMORY_PAGE };

/* What is known of a key. */
struct cache_item {
    struct slice value;
    uint32_t expires_s;          /* on the owner's clock, below 2^30; 0: never */
    bool absent;                 /* there is no such key, and no value */
    bool reused;                 /* it has been asked for more than once already */
    enum cache_guess_kind ahead; /* nobody has asked for it: such a guess brought it */
};

/* What stands before an entry's bytes. */
struct cache_record {
    uint32_t slot; /* of its owner's table */
    uint32_t key_len;
    uint32_t value_len;
    uint32_t dead : 1;
    uint32_t absent : 1;
    uint32_t expires_s : 30;
    uint8_t bytes[]; /* key, value */
};

struct cache_segment {
    struct memory_pages *pages; /* that it is one of; NULL: the heap */
    struct cache_segment *next; /* with about as many dead bytes */
    struct cache_segment *previous;
    atomic_uint refs; /* the log's and the readers' */
    uint32_t place;   /* in the log's table */
    uint32_t size;
    uint32_t used;
    uint32_t live; /* bytes of entries that are not dead */
    uint32_t rank; /* of the list it is in; CACHE_RANKS: in none */
    _Alignas(8) uint8_t bytes[];
};

/* Segments that are full stand in lists, by how much of them is dead. */
enum { CACHE_RANKS = 32 };

struct cache_log {
    struct memory_pages *pages;
    uint32_t pages_kind;
    struct cache_segment **segments;
    uint32_t count;
    uint32_t cap;
    struct cache_segment *open; /* is written to; NULL: none yet */
    struct cache_segment *ranks[CACHE_RANKS];
    uint64_t bytes;  /* of all segments */
    uint64_t live;   /* of the entries in them */
    uint64_t dead;   /* of those not wanted any more */
    uint64_t killed; /* bytes that ever died */
};

/* Where an entry is. */
struct cache_place {
    struct cache_segment *segment;
    uint32_t offset;
};

/* Segments of ordinary size come from `pages`, which outlives them, from regions of one kind. */
void cache_log_init(struct cache_log *log, struct memory_pages *pages, uint32_t pages_kind);
void cache_log_close(struct cache_log *log);

/* Bytes that an entry takes in a segment. */
uint32_t cache_record_size(size_t key_len, size_t value_len);

static inline struct cache_record *cache_record_at(struct cache_place place)
{
    return (struct cache_record *)(place.segment->bytes + place.offset);
}

static inline struct slice cache_record_key(const struct cache_record *record)
{
    return slice_of(record->bytes, record->key_len);
}

static inline struct slice cache_record_value(const struct cache_record *record)
{
    return slice_of(record->bytes + record->key_len, record->value_len);
}

static inline struct cache_item cache_record_item(const struct cache_record *record)
{
    return (struct cache_item){.value = cache_record_value(record),
                               .expires_s = record->expires_s,
                               .absent = record->absent};
}

/* Bytes that the log takes more when an entry of so many is appended. */
uint32_t cache_log_growth(const struct cache_log *log, uint32_t size);

struct cache_place cache_log_append(struct cache_log *log, uint32_t slot, struct slice key,
                                    const struct cache_item *item);

/* The entry is not wanted any more. */
void cache_log_kill(struct cache_log *log, struct cache_place place);

/* A segment about the emptiest, if it is full and so much of it is dead at least; else NULL. */
struct cache_segment *cache_log_sparsest(const struct cache_log *log, uint32_t percent);

/* The next living entry of a segment from *at on (0 first), or NULL. */
struct cache_record *cache_segment_next(struct cache_segment *segment, uint32_t *at);

void cache_segment_hold(struct cache_segment *segment);
void cache_segment_release(struct cache_segment *segment);

#endif
