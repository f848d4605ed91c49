/* base/buf.h - bytes that grow at the end.
 *
 * Invariant   len <= cap; data[0..len) is what was appended.
 * Thread      one at a time.
 * Memory      grows in its arena (old space stays behind there until the arena goes) or, without
 *             one, on the heap, where buf_close gives it back.
 * Errors      none.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <assert.h>

#include "base/arena.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    struct arena *arena; /* NULL: the heap */
};

/* An empty buffer in `arena`, or on the heap when it is NULL. */
void buf_init(struct buf *buf, struct arena *arena);

/* Give heap memory back; the buffer is empty again and may be used again. */
void buf_close(struct buf *buf);

/* Make room for `more` bytes after len. */
void buf_reserve(struct buf *buf, size_t more);

/* `size` uninitialised bytes at the end, to be filled by the caller. */
static inline uint8_t *buf_extend(struct buf *buf, size_t size)
{
    if (buf->cap - buf->len < size) {
        buf_reserve(buf, size);
    }
    uint8_t *start = buf->data + buf->len;
    buf->len += size;
    return start;
}

static inline void buf_append(struct buf *buf, const void *data, size_t size)
{
    if (size > 0) {
        memcpy(buf_extend(buf, size), data, size);
    }
}

static inline void buf_append_slice(struct buf *buf, struct slice s)
{
    buf_append(buf, s.data, s.len);
}

static inline void buf_append_byte(struct buf *buf, uint8_t byte)
{
    *buf_extend(buf, 1) = byte;
}

/* A formatted string, without a NUL. */
void buf_format(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What was appended so far; valid until the next append. */
static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->data, buf->len);
}

#endif
