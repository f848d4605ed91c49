/* memory/allocator.h - what jemalloc says of the heap, when it is the allocator.
 *
 * Invariant   builds with a sanitizer have another allocator: nothing is known then.
 * Thread      any.
 * Memory      values.
 * Errors      none.
 */
#ifndef MEMORY_ALLOCATOR_H
#define MEMORY_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory_allocator {
    size_t allocated; /* bytes in use */
    size_t active;    /* in pages with something in use */
    size_t resident;  /* in memory: active, dirty, and the allocator's own */
    size_t mapped;
    size_t dirty;    /* in pages that nothing is in, kept for what comes next */
    size_t retained; /* address space kept without memory */
};

/* False when the allocator is not jemalloc. */
bool memory_allocator_read(struct memory_allocator *ret_allocator);

/* How many arenas there are; 0 when the allocator is not jemalloc. */
uint32_t memory_allocator_arenas(void);

/* Let this thread allocate from an arena that no other has; returns its number, or -1 when there is
 * none to be had. */
int memory_allocator_own_arena(void);

struct memory_arena {
    size_t allocated;
    size_t active;
    size_t dirty;
    uint32_t threads; /* that allocate from it */
};
/* As of the last memory_allocator_read. */
struct memory_arena memory_allocator_arena(uint32_t arena);

/* Give the unused pages of one arena back to the system. */
void memory_allocator_purge(uint32_t arena);

/* Bytes of this process, as the kernel counts; zeroes when it does not say. */
struct memory_process {
    uint64_t resident; /* in memory */
    uint64_t mapped;   /* address space */
};
struct memory_process memory_process(void);

#endif
