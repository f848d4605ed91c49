/* memory/pages.c - a region is two bitmaps of its pages; regions with room stand in lists.
 *
 *   full ──give──> wet ──all its free pages dried──> dry     take: from a wet region, else a dry
 * one
 *
 * Small pages scattered over gigabytes miss the processor's address cache at every access, twice
 * under a hypervisor. Regions are aligned, so a page's address leads to its region's descriptor.
 * When the free pages of a region are dried, the system is told not to fill the region up again
 * with a huge page. */
#include "memory/pages.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem.h"
#include "memory/nodes.h"

struct pages_region {
    uint8_t *base;
    struct pages_kind *kind;
    uint32_t used;             /* a bit a page */
    uint32_t wet;              /* a bit a free page that holds memory */
    bool split;                /* is no huge page */
    struct pages_region *next; /* of the list it is in */
    struct pages_region *previous;
    struct pages_region *next_in_slot;
};

enum { PAGES_SLOTS = 1024 };
_Static_assert(MEMORY_REGION / MEMORY_PAGE == 32, "a region's pages are the bits of `used`");

/* Regions that lie in the same part of the machine. */
struct pages_kind {
    struct pages_region *wet_regions; /* with a wet page */
    struct pages_region *dry_regions; /* with free pages, all dry */
    uint64_t used;
};

struct memory_pages {
    bool huge;
    const struct memory_placement *placement; /* NULL: there is one kind */
    uint32_t kinds_count;
    struct pages_kind *kinds;
    pthread_mutex_t lock;
    struct pages_region *slots[PAGES_SLOTS]; /* by address */
    uint64_t regions;
    uint64_t empty; /* regions without a page in use */
    uint64_t used;
    uint64_t wet;
};

static struct pages_region **pages_slot(struct memory_pages *pages, const void *address)
{
    return &pages->slots[(uintptr_t)address / MEMORY_REGION % PAGES_SLOTS];
}

static void *pages_base(void *page)
{
    return (void *)((uintptr_t)page & ~(uintptr_t)(MEMORY_REGION - 1));
}

/* ---- lists ---- */

/* The list that a region belongs to; NULL: none, it is full. */
static struct pages_region **pages_list(const struct pages_region *region)
{
    if (region->used == UINT32_MAX) {
        return NULL;
    }
    return region->wet != 0 ? &region->kind->wet_regions : &region->kind->dry_regions;
}

static void pages_link(struct pages_region **list, struct pages_region *region)
{
    region->previous = NULL;
    region->next = *list;
    if (*list != NULL) {
        (*list)->previous = region;
    }
    *list = region;
}

static void pages_unlink(struct pages_region **list, struct pages_region *region)
{
    if (region->previous != NULL) {
        region->previous->next = region->next;
    } else {
        *list = region->next;
    }
    if (region->next != NULL) {
        region->next->previous = region->previous;
    }
}

/* The region's bitmaps changed: from the list it was in to where it belongs. */
static void pages_relink(struct pages_region *region, struct pages_region **was)
{
    struct pages_region **list = pages_list(region);
    if (list != was && was != NULL) {
        pages_unlink(was, region);
    }
    if (list != was && list != NULL) {
        pages_link(list, region);
    }
}

/* ---- regions ---- */

/* The first touch of a huge page fills all of it. */
static void pages_add_region(struct memory_pages *pages, struct pages_kind *kind)
{
    struct pages_region *region = mem_zero(1, sizeof *region);
    region->base = mem_map(MEMORY_REGION, pages->huge);
    region->kind = kind;
    if (pages->placement != NULL) {
        memory_placement_put(pages->placement, (uint32_t)(kind - pages->kinds), region->base,
                             MEMORY_REGION);
    }
    region->wet = pages->huge ? UINT32_MAX : 0;
    pages->wet += (uint64_t)__builtin_popcount(region->wet);
    struct pages_region **slot = pages_slot(pages, region->base);
    region->next_in_slot = *slot;
    *slot = region;
    pages_link(pages_list(region), region);
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
    pages_unlink(pages_list(region), region);
    pages->wet -= (uint64_t)__builtin_popcount(region->wet);
    mem_unmap(region->base, MEMORY_REGION);
    mem_free(region);
    pages->regions--;
    pages->empty--;
}

static struct pages_region *pages_find(struct memory_pages *pages, void *page)
{
    struct pages_region *region = *pages_slot(pages, page);
    while (region->base != pages_base(page)) {
        region = region->next_in_slot;
    }
    return region;
}

static void pages_set_huge(struct pages_region *region, bool huge)
{
    mem_huge(region->base, MEMORY_REGION, huge);
    region->split = !huge;
}

struct memory_pages *memory_pages_new(bool huge)
{
    struct memory_pages *pages = mem_zero(1, sizeof *pages);
    pages->huge = huge;
    pages->kinds_count = 1;
    pages->kinds = mem_zero(1, sizeof *pages->kinds);
    pthread_mutex_init(&pages->lock, NULL);
    return pages;
}

void memory_pages_free(struct memory_pages *pages)
{
    if (pages == NULL) {
        return;
    }
    assert(pages->used == 0);
    for (uint32_t i = 0; i < pages->kinds_count; i++) {
        struct pages_kind *kind = &pages->kinds[i];
        while (kind->wet_regions != NULL) {
            pages_drop_region(pages, kind->wet_regions);
        }
        while (kind->dry_regions != NULL) {
            pages_drop_region(pages, kind->dry_regions);
        }
    }
    mem_free(pages->kinds);
    pthread_mutex_destroy(&pages->lock);
    mem_free(pages);
}

void memory_pages_place(struct memory_pages *pages, const struct memory_placement *placement)
{
    assert(pages->regions == 0);
    mem_free(pages->kinds);
    pages->placement = placement;
    pages->kinds_count = memory_placement_kinds(placement);
    pages->kinds = mem_zero(pages->kinds_count, sizeof *pages->kinds);
}

uint32_t memory_pages_kinds(const struct memory_pages *pages)
{
    return pages->kinds_count;
}

/* ---- pages ---- */

/* A free page of the region, wet if it has one, is in use from now on. */
static uint8_t *pages_pick(struct memory_pages *pages, struct pages_region *region)
{
    struct pages_region **was = pages_list(region);
    int place = __builtin_ctz(region->wet != 0 ? region->wet : ~region->used);
    uint32_t bit = 1u << place;
    pages->empty -= region->used == 0;
    pages->wet -= (region->wet & bit) != 0;
    region->used |= bit;
    region->wet &= ~bit;
    pages_relink(region, was);
    return region->base + (size_t)place * MEMORY_PAGE;
}

static void pages_put(struct memory_pages *pages, struct pages_region *region, void *page, bool wet)
{
    struct pages_region **was = pages_list(region);
    uint32_t bit = 1u << (size_t)((uint8_t *)page - region->base) / MEMORY_PAGE;
    assert((region->used & bit) != 0);
    region->used &= ~bit;
    region->wet |= wet ? bit : 0;
    pages->wet += wet;
    pages_relink(region, was);
    if (region->used == 0 && ++pages->empty > 1) {
        pages_drop_region(pages, region);
    }
}

void *memory_page_take_of(struct memory_pages *pages, uint32_t number)
{
    assert(number < pages->kinds_count);
    struct pages_kind *kind = &pages->kinds[number];
    pthread_mutex_lock(&pages->lock);
    if (kind->wet_regions == NULL && kind->dry_regions == NULL) {
        pages_add_region(pages, kind);
    }
    struct pages_region *region = kind->wet_regions != NULL ? kind->wet_regions : kind->dry_regions;
    void *page = pages_pick(pages, region);
    if (region->split && region->used == UINT32_MAX) {
        pages_set_huge(region, true);
    }
    pages->used++;
    kind->used++;
    pthread_mutex_unlock(&pages->lock);
    return page;
}

void memory_page_give(struct memory_pages *pages, void *page)
{
    pthread_mutex_lock(&pages->lock);
    struct pages_region *region = pages_find(pages, page);
    pages->used--;
    region->kind->used--;
    pages_put(pages, region, page, true);
    pthread_mutex_unlock(&pages->lock);
}

static struct pages_region *pages_wet(struct memory_pages *pages)
{
    struct pages_region *region = NULL;
    for (uint32_t i = 0; i < pages->kinds_count && region == NULL; i++) {
        region = pages->kinds[i].wet_regions;
    }
    return region;
}

/* While its memory goes, which takes long, the page is as in use. */
bool memory_page_dry(struct memory_pages *pages)
{
    pthread_mutex_lock(&pages->lock);
    struct pages_region *region = pages_wet(pages);
    uint8_t *page = region == NULL ? NULL : pages_pick(pages, region);
    if (page != NULL && pages->huge && !region->split) {
        pages_set_huge(region, false);
    }
    pthread_mutex_unlock(&pages->lock);
    if (page == NULL) {
        return false;
    }
    mem_discard(page, MEMORY_PAGE);
    pthread_mutex_lock(&pages->lock);
    pages_put(pages, region, page, false);
    pthread_mutex_unlock(&pages->lock);
    return true;
}

struct memory_pages_stats memory_pages_stats(struct memory_pages *pages)
{
    pthread_mutex_lock(&pages->lock);
    struct memory_pages_stats stats = {pages->regions, pages->used, pages->wet};
    pthread_mutex_unlock(&pages->lock);
    return stats;
}

uint64_t memory_pages_of(struct memory_pages *pages, uint32_t kind)
{
    assert(kind < pages->kinds_count);
    pthread_mutex_lock(&pages->lock);
    uint64_t used = pages->kinds[kind].used;
    pthread_mutex_unlock(&pages->lock);
    return used;
}
