/* cache/file_private.h - the parts of a file level, shared by its files.
 *
 * Invariant   a position is an offset in the file in units, plus one. Segment n begins at n times
 *             segment_bytes. An entry lies in one segment.
 * Thread      `lock` guards index, segments, open and the counters; buffer is changed by the
 *             writer under it, so the writer alone reads it without.
 * Memory      as cache/file.h.
 * Errors      as cache/file.h.
 */
#ifndef CACHE_FILE_PRIVATE_H
#define CACHE_FILE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "cache/file.h"
#include "cache/index.h"

enum { CACHE_FILE_NONE = UINT32_MAX };

/* What stands before an entry's key and packed value. */
struct cache_file_head {
    uint32_t checksum; /* of all that follows, XXH3's low half */
    uint32_t generation;
    uint32_t key_len;
    uint32_t packed_len;
    uint32_t plain_len;
    uint32_t codec;
    uint32_t dictionary;
    uint32_t extra; /* bytes behind the value, of its encryption */
};

struct cache_file_segment {
    struct cache_file *file;
    uint32_t generation; /* 0: empty */
    uint32_t used;       /* bytes */
    uint32_t pins;
};

struct cache_file {
    struct cache_file_options options;
    int fd;
    const uint8_t *map; /* NULL: not mapped */
    uint32_t unit_shift;
    uint32_t segments_count;
    uint32_t bound; /* segments below it are used; the lock's and the writer's */
    uint32_t tall;  /* segments from here on have never been written; the writer's */
    pthread_mutex_t lock;
    struct cache_index index;
    struct cache_file_segment *segments;
    uint32_t open; /* the segment that `buffer` will be; or CACHE_FILE_NONE */
    struct cache_file_stats stats;
    uint8_t *buffer;
    atomic_bool off;
    uint8_t *scratch;    /* the segment that is being emptied; the writer's, as what follows */
    uint32_t ready;      /* the empty one to be opened next; or CACHE_FILE_NONE */
    uint32_t last;       /* the one opened last */
    uint32_t generation; /* the newest */
    uint32_t kept;       /* bytes in `buffer` that were kept of other segments */
};

static inline uint64_t cache_file_offset(const struct cache_file *file, uint32_t position)
{
    return (uint64_t)(position - 1) << file->unit_shift;
}

static inline struct slice cache_file_head_key(const struct cache_file_head *head)
{
    return slice_of(head + 1, head->key_len);
}

/* Are these `len` bytes from an entry's begin on an entry of that generation, undamaged? */
bool cache__file_is_entry(const struct cache_file_head *head, uint64_t len, uint32_t generation);
uint64_t cache__file_entry_len(const struct cache_file_head *head);
/* Key and value in the clear, in place: false when they are not what was written. */
bool cache__file_decrypt(const struct cache_file *file, struct cache_file_head *head);
struct cache_packed cache__file_packed(const struct cache_file_head *head);

/* Read bytes of the file: 0, -LT_ECORRUPT when there are fewer, -LT_EIO. */
int cache__file_pread(struct cache_file *file, uint64_t at, void *out, uint64_t len);

/* Switch the level off after an error of the disk; errno says which. Returns -LT_EIO. */
int cache__file_break(struct cache_file *file, const char *what);

#endif
