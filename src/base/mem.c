/* base/mem.c - malloc that ends the process instead of returning NULL.
 *
 * A daemon that limps on after a failed allocation can acknowledge what it did not do. Stopping
 * loses nothing: the journal holds every acknowledged write. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

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
