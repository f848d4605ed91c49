/* base/mem.h - the heap, for what outlives a request.
 *
 * Invariant   an allocation succeeds or the process ends: budgets refuse work long before the
 *             heap is empty (doc/decisions/0002-out-of-memory.md).
 * Thread      any.
 * Memory      mem_free what mem_alloc, mem_zero, mem_grow or mem_copy gave; what mem_map and
 *             mem_resize gave is given back by their likes.
 * Errors      none.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>

#include "base/slice.h"

/* `size` bytes, uninitialised. */
void *mem_alloc(size_t size);

/* `count` zeroed elements of `size` bytes; an overflowing product ends the process. */
void *mem_zero(size_t count, size_t size);

/* The same, at an address that is a multiple of `alignment`, a power of two. */
void *mem_zero_aligned(size_t alignment, size_t count, size_t size);

/* `size` zeroed bytes, a power of two, straight from the system and aligned to their size; `huge`:
 * in huge pages, where it has them. mem_unmap gives them back. */
void *mem_map(size_t size, bool huge);
void mem_unmap(void *memory, size_t size);

/* Give back what whole pages of mapped memory hold; the addresses stay, and read as zeroes. */
void mem_discard(void *memory, size_t size);

/* Whether the system may put huge pages under mapped memory from now on. */
void mem_huge(void *memory, size_t size, bool huge);

/* `old` (or NULL) moved into `size` bytes. */
void *mem_grow(void *old, size_t size);

/* An array of `old_size` bytes (NULL: of none) that has `size` from now on, zeroed where it is new;
 * of size 0 it is gone, and NULL. A large one has pages of its own: it copies nothing when it
 * grows, and what is cut off goes back to the system at once, so that cutting a little takes
 * little. */
void *mem_resize(void *old, size_t old_size, size_t size);
/* Bytes of all large ones, which the allocator does not know of. */
size_t mem_arrays(void);

/* A NUL-terminated copy of the bytes of `s`. */
char *mem_copy(struct slice s);

/* NULL is fine. */
void mem_free(void *memory);

#endif
