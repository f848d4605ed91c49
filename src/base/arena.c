/* base/arena.c - a bump pointer over chunks that double up to a megabyte.
 *
 * What does not fit the newest chunk gets a chunk of its own size or the next ordinary one. Under
 * AddressSanitizer the free part of a chunk is poisoned, so that a stale pointer is caught. */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(data, size) ((void)(data), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(data, size) ((void)(data), (void)(size))
#endif

enum { ARENA_CHUNK_MIN = 4096, ARENA_CHUNK_MAX = 1 << 20, ARENA_ALIGN = 8 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* bytes in data */
    uint8_t data[] __attribute__((aligned(16)));
};

struct arena_release {
    struct arena_release *older;
    void (*release)(void *);
    void *object;
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

static void arena_use(struct arena *arena, struct arena_chunk *chunk)
{
    arena->chunk = chunk;
    arena->next = chunk->data;
    arena->end = chunk->data + chunk->size;
    ASAN_POISON_MEMORY_REGION(chunk->data, chunk->size);
}

static void arena_drop(struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *older = chunk->older;
        ASAN_UNPOISON_MEMORY_REGION(chunk->data, chunk->size);
        mem_free(chunk);
        chunk = older;
    }
}

static void arena_release_all(struct arena *arena)
{
    struct arena_release *each = arena->releases;
    arena->releases = NULL;
    while (each != NULL) {
        each->release(each->object);
        each = each->older;
    }
}

void arena_close(struct arena *arena)
{
    arena_release_all(arena);
    arena_drop(arena->chunk);
    arena_init(arena);
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *keep = arena->chunk;
    arena_release_all(arena);
    if (keep == NULL) {
        return;
    }
    arena_drop(keep->older);
    keep->older = NULL;
    if (keep->size > 16 * ARENA_CHUNK_MIN) {
        arena_close(arena);
        return;
    }
    arena_use(arena, keep);
    arena->used = keep->size;
}

static void arena_add(struct arena *arena, size_t size)
{
    size_t ordinary = arena->used < ARENA_CHUNK_MIN ? ARENA_CHUNK_MIN : arena->used;
    if (ordinary > ARENA_CHUNK_MAX) {
        ordinary = ARENA_CHUNK_MAX;
    }
    size_t chunk_size = size > ordinary ? size : ordinary;
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + chunk_size);
    chunk->older = arena->chunk;
    chunk->size = chunk_size;
    arena->used += chunk_size;
    arena_use(arena, chunk);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    assert(size <= SIZE_MAX / 2);
    size_t padded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (padded > (size_t)(arena->end - arena->next)) {
        arena_add(arena, padded);
    }
    uint8_t *memory = arena->next;
    arena->next += padded;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

void arena_on_drop(struct arena *arena, void (*release)(void *), void *object)
{
    struct arena_release *promise = arena_alloc(arena, sizeof *promise);
    *promise = (struct arena_release){arena->releases, release, object};
    arena->releases = promise;
}

void *arena_zero(struct arena *arena, size_t count, size_t size)
{
    assert(size == 0 || count <= SIZE_MAX / 2 / size);
    void *memory = arena_alloc(arena, count * size);
    if (count * size > 0) {
        memset(memory, 0, count * size);
    }
    return memory;
}

struct slice arena_copy(struct arena *arena, struct slice s)
{
    uint8_t *copy = arena_alloc(arena, s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.data, s.len);
    }
    copy[s.len] = '\0';
    return slice_of(copy, s.len);
}

struct slice arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return slice_of(text, (size_t)len);
}
