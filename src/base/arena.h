/* base/arena.h - memory that is dropped whole.
 *
 * Invariant   everything handed out is 8-byte aligned and stays where it is until the arena is
 *             reset or closed.
 * Thread      one at a time.
 * Memory      the arena owns all it hands out; there is no free for a part.
 * Errors      none: allocation succeeds. Work that can grow without bound compares arena_used()
 *             with its limit between documents and refuses there.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_chunk;
struct arena_release;

struct arena {
    uint8_t *next;                  /* first free byte of the newest chunk */
    uint8_t *end;                   /* its end */
    struct arena_chunk *chunk;      /* newest first */
    size_t used;                    /* bytes of all chunks */
    struct arena_release *releases; /* what arena_on_drop promised, newest first */
};

/* An empty arena; nothing is allocated before the first arena_alloc. */
void arena_init(struct arena *arena);

/* Free everything; the arena may be used again. */
void arena_close(struct arena *arena);

/* Forget everything, but keep one chunk of ordinary size for the next request. */
void arena_reset(struct arena *arena);

/* `size` bytes, uninitialised. */
void *arena_alloc(struct arena *arena, size_t size);

/* `count` zeroed elements of `size` bytes. */
void *arena_zero(struct arena *arena, size_t count, size_t size);

/* A copy of the bytes, followed by a NUL that the slice does not count. */
struct slice arena_copy(struct arena *arena, struct slice s);

/* A formatted string; NUL-terminated, the slice does not count the NUL. */
struct slice arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Call `release(object)` when the arena is reset or closed, newest promise first: for what a
 * library keeps outside (JIT code). */
void arena_on_drop(struct arena *arena, void (*release)(void *), void *object);

/* Bytes taken from the heap so far. */
static inline size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

#endif
