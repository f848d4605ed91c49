/* memory/pages.h - memory in pages of 64 KB, out of regions of 2 MB that the processor can map as
 * one huge page each.
 *
 * Invariant   pages are aligned to their size; a region without pages in use goes back to the
 *             system, but for one. A free page is wet, it holds memory, or dry; wet ones are taken
 *             first.
 * Thread      any.
 * Memory      the pool owns the regions; every page must be given back before it is freed.
 * Errors      none: without memory the process ends, as in base/mem.h.
 */
#ifndef MEMORY_PAGES_H
#define MEMORY_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEMORY_PAGE = 64 << 10, MEMORY_REGION = 2 << 20 };

struct memory_pages;
struct memory_placement;

/* `huge`: ask the system for huge pages. */
struct memory_pages *memory_pages_new(bool huge);
void memory_pages_free(struct memory_pages *pages);

/* Regions of each kind of the placement from now on, which outlives the pool; without this there is
 * one kind, 0. Before the first page is taken. */
void memory_pages_place(struct memory_pages *pages, const struct memory_placement *placement);
uint32_t memory_pages_kinds(const struct memory_pages *pages);

/* MEMORY_PAGE uninitialised bytes, of a region of that kind. */
void *memory_page_take_of(struct memory_pages *pages, uint32_t kind);
void memory_page_give(struct memory_pages *pages, void *page);

/* Give the memory of one wet page back to the system; false: there is none. A region of which that
 * was done is no huge page any more, until all of it is in use again. */
bool memory_page_dry(struct memory_pages *pages);

struct memory_pages_stats {
    uint64_t regions;
    uint64_t pages; /* in use */
    uint64_t wet;   /* free, and hold memory all the same */
};

/* Pages in use of the regions of one kind. */
uint64_t memory_pages_of(struct memory_pages *pages, uint32_t kind);
struct memory_pages_stats memory_pages_stats(struct memory_pages *pages);

#endif
