/* memory/pages.c - a region is a bitmap of its pages; regions with room stand in a list.
 *
 * Small pages scattered over gigabytes miss the processor's address cache at every access, twice
 * under a hypervisor. Regions are aligned, so a page's address leads to its region's descriptor. */
#include "memory/pages.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem.h"

struct pages_region {
    uint8_t *base;
    uint32_t used;             /* a bit a page */
    struct pages_region *next; /* with room, or in the same slot of the table */
    struct pages_region *previous;
    struct pages_region *next_in_slot;
};

enum { PAGES_SLOTS = 1024 };
_Static_assert(MEMORY_REGION / MEMORY_PAGE == 32, "a region's pages are the bits of `used`");

struct memory_pages {
    bool huge;
    pthread_mutex_t lock;
    struct pages_region *slots[PAGES_SLOTS]; /* by address */
    struct pages_region *roomy;              /* regions with a free page */
    uint64_t regions;
    uint64_t empty; /* regions without a page in use */
    uint64_t used;
};

static struct pages_region **pages_slot(struct memory_pages *pages, const void *address)
{
    return &pages->slots[(uintptr_t)address / MEMORY_REGION % PAGES_SLOTS];
}

static void *pages_base(void *page)
{
    return (void *)((uintptr_t)page & ~(uintptr_t)(MEMORY_REGION - 1));
}

static void pages_link(struct memory_pages *pages, struct pages_region *region)
{
    region->previous = NULL;
    region->next = pages->roomy;
    if (pages->roomy != NULL) {
        pages->roomy->previous = region;
    }
    pages->roomy = region;
}

static void pages_unlink(struct memory_pages *pages, struct pages_region *region)
{
    if (region->previous != NULL) {
        region->previous->next = region->next;
    } else {
        pages->roomy = region->next;
    }
    if (region->next != NULL) {
        region->next->previous = region->previous;
    }
}

static void pages_add_region(struct memory_pages *pages)
{
    struct pages_region *region = mem_zero(1, sizeof *region);
    region->base = mem_map(MEMORY_REGION, pages->huge);
    struct pages_region **slot = pages_slot(pages, region->base);
    region->next_in_slot = *slot;
    *slot = region;
    pages_link(pages, region);
    pages->regions++;
    pages->empty++;
}

static void pages_drop_region(struct memory_pages *pages, struct pages_region *region)
{
    struct pages_region **link = pages_slot(pages, region->base);
    while (*link != region) {
        link = &(*link)->next_in_slot;
    }
    *link = region->next_in_slot;
    pages_unlink(pages, region);
    mem_unmap(region->base, MEMORY_REGION);
    mem_free(region);
    pages->regions--;
    pages->empty--;
}

struct memory_pages *memory_pages_new(bool huge)
{
    struct memory_pages *pages = mem_zero(1, sizeof *pages);
    pages->huge = huge;
    pthread_mutex_init(&pages->lock, NULL);
    return pages;
}

void memory_pages_free(struct memory_pages *pages)
{
    if (pages == NULL) {
        return;
    }
    assert(pages->used == 0);
    while (pages->roomy != NULL) {
        pages_drop_region(pages, pages->roomy);
    }
    pthread_mutex_destroy(&pages->lock);
    mem_free(pages);
}

void *memory_page_take(struct memory_pages *pages)
{
    pthread_mutex_lock(&pages->lock);
    if (pages->roomy == NULL) {
        pages_add_region(pages);
    }
    struct pages_region *region = pages->roomy;
    int place = __builtin_ctz(~region->used);
    pages->empty -= region->used == 0;
    region->used |= 1u << place;
    if (region->used == UINT32_MAX) {
        pages_unlink(pages, region);
    }
    pages->used++;
    pthread_mutex_unlock(&pages->lock);
    return region->base + (size_t)place * MEMORY_PAGE;
}

void memory_page_give(struct memory_pages *pages, void *page)
{
    pthread_mutex_lock(&pages->lock);
    struct pages_region *region = *pages_slot(pages, page);
    while (region->base != pages_base(page)) {
        region = region->next_in_slot;
    }
    uint32_t bit = 1u << (size_t)((uint8_t *)page - region->base) / MEMORY_PAGE;
    assert((region->used & bit) != 0);
    if (region->used == UINT32_MAX) {
        pages_link(pages, region);
    }
    region->used &= ~bit;
    pages->used--;
    if (region->used == 0 && ++pages->empty > 1) {
        pages_drop_region(pages, region);
    }
    pthread_mutex_unlock(&pages->lock);
}

struct memory_pages_stats memory_pages_stats(struct memory_pages *pages)
{
    pthread_mutex_lock(&pages->lock);
    struct memory_pages_stats stats = {pages->regions, pages->used};
    pthread_mutex_unlock(&pages->lock);
    return stats;
}
