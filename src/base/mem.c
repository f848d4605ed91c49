/* base/mem.c - malloc that ends the process instead of returning NULL.
 *
 * A daemon that limps on after a failed allocation can acknowledge what it did not do. Stopping
 * loses nothing: the journal holds every acknowledged write. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void *mem_check(void *memory, size_t size)
{
    if (memory == NULL && size != 0) {
        fprintf(stderr, "largetable: out of memory: %zu bytes refused by the system\n", size);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t size)
{
    return mem_check(malloc(size), size);
}

void *mem_zero(size_t count, size_t size)
{
    return mem_check(calloc(count, size), count != 0 && size != 0 ? 1 : 0);
}

void *mem_zero_aligned(size_t alignment, size_t count, size_t size)
{
    size_t bytes = 0;
    void *memory = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes)) {
        bytes = (bytes + alignment - 1) & ~(alignment - 1);
        memory = aligned_alloc(alignment, bytes);
    }
    mem_check(memory, 1);
    return memset(memory, 0, bytes);
}

/* Twice the size is mapped; what is outside the aligned half goes back at once. */
void *mem_map(size_t size, bool huge)
{
    uint8_t *memory =
        mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mem_check(memory == MAP_FAILED ? NULL : memory, size);
    size_t before = -(uintptr_t)memory & (size - 1);
    if (before > 0) {
        munmap(memory, before);
    }
    munmap(memory + before + size, size - before);
    if (huge) {
        mem_huge(memory + before, size, true);
    }
    return memory + before;
}

void mem_unmap(void *memory, size_t size)
{
    munmap(memory, size);
}

void mem_discard(void *memory, size_t size)
{
    madvise(memory, size, MADV_DONTNEED);
}

void mem_huge(void *memory, size_t size, bool huge)
{
    madvise(memory, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

void *mem_grow(void *old, size_t size)
{
    return mem_check(realloc(old, size), size);
}

/* ---- arrays ---- */

/* From this size on an array has pages of its own: the allocator would copy it to enlarge it. */
enum { MEM_LARGE = 64 << 10 };

static _Atomic size_t mem_large_bytes;

/* The addresses that a large array has: those behind its end cost nothing until it is there. */
static size_t mem_span(size_t size)
{
    return (size_t)1 << (64 - __builtin_clzl(size - 1));
}

/* Addresses that are aligned to their size let the system move whole tables of pages. */
static void *mem_widen(void *old, size_t old_span, size_t span)
{
    void *to = mem_map(span, false);
    void *moved = mremap(old, old_span, span, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    return mem_check(moved == MAP_FAILED ? NULL : moved, span);
}

/* Nothing is left behind the end. */
static void mem_cut(uint8_t *memory, size_t old_size, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t end = (size + page - 1) & ~(page - 1);
    memset(memory + size, 0, (end < old_size ? end : old_size) - size);
    if (end < old_size) {
        mem_discard(memory + end, old_size - end);
    }
    if (mem_span(size) < mem_span(old_size)) {
        mem_unmap(memory + mem_span(size), mem_span(old_size) - mem_span(size));
    }
}

static void *mem_resize_large(void *old, size_t old_size, size_t size)
{
    if (size < old_size) {
        mem_cut(old, old_size, size);
    } else if (mem_span(size) > mem_span(old_size)) {
        old = mem_widen(old, mem_span(old_size), mem_span(size));
    }
    return old;
}

static void *mem_resize_small(void *old, size_t old_size, size_t size)
{
    uint8_t *memory = mem_grow(old, size);
    if (size > old_size) {
        memset(memory + old_size, 0, size - old_size);
    }
    return memory;
}

static void mem_resize_free(void *memory, size_t size)
{
    if (size >= MEM_LARGE) {
        mem_unmap(memory, mem_span(size));
    } else {
        mem_free(memory);
    }
}

/* What is small becomes large, or the other way round. */
static void *mem_resize_across(void *old, size_t old_size, size_t size)
{
    void *memory = size >= MEM_LARGE ? mem_map(mem_span(size), false) : mem_alloc(size);
    if (old_size > 0) {
        memcpy(memory, old, size < old_size ? size : old_size);
    }
    mem_resize_free(old, old_size);
    return memory;
}

size_t mem_arrays(void)
{
    return mem_large_bytes;
}

void *mem_resize(void *old, size_t old_size, size_t size)
{
    mem_large_bytes += (size >= MEM_LARGE ? size : 0) - (old_size >= MEM_LARGE ? old_size : 0);
    if (size == 0) {
        mem_resize_free(old, old_size);
        return NULL;
    }
    if (old_size >= MEM_LARGE && size >= MEM_LARGE) {
        return mem_resize_large(old, old_size, size);
    }
    if (old_size < MEM_LARGE && size < MEM_LARGE) {
        return mem_resize_small(old, old_size, size);
    }
    return mem_resize_across(old, old_size, size);
}

char *mem_copy(struct slice s)
{
    char *copy = mem_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(copy, s.data, s.len);
    }
    copy[s.len] = '\0';
    return copy;
}

/* Much that may be there mostly is not, which costs the allocator as much as a small block. */
void mem_free(void *memory)
{
    if (memory != NULL) {
        free(memory);
    }
}
