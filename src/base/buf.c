/* base/buf.c - growth by doubling, in an arena or on the heap. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

void buf_init(struct buf *buf, struct arena *arena)
{
    *buf = (struct buf){.arena = arena};
}

void buf_close(struct buf *buf)
{
    if (buf->arena == NULL) {
        mem_free(buf->data);
    }
    buf_init(buf, buf->arena);
}

void buf_reserve(struct buf *buf, size_t more)
{
    assert(more <= SIZE_MAX / 4 && buf->len <= SIZE_MAX / 4);
    if (buf->cap - buf->len >= more) {
        return;
    }
    size_t cap = buf->cap < 64 ? 64 : buf->cap * 2;
    while (cap < buf->len + more) {
        cap *= 2;
    }
    if (buf->arena == NULL) {
        buf->data = mem_grow(buf->data, cap);
    } else {
        uint8_t *data = arena_alloc(buf->arena, cap);
        if (buf->len > 0) {
            memcpy(data, buf->data, buf->len);
        }
        buf->data = data;
    }
    buf->cap = cap;
}

void buf_format(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    buf_reserve(buf, (size_t)len + 1);
    va_start(args, format);
    vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}
