/* memory/allocator.c - mallctl is a weak symbol: jemalloc takes libc's place only in the program,
 * and not under a sanitizer. */
#include "memory/allocator.h"

#include <stdio.h>
#include <unistd.h>

extern int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
    __attribute__((weak));

static size_t allocator_size(const char *name)
{
    size_t value = 0;
    size_t len = sizeof value;
    return mallctl(name, &value, &len, NULL, 0) == 0 ? value : 0;
}

/* Of all arenas together: 4096 is jemalloc's number for that. */
static size_t allocator_dirty(void)
{
    size_t page = allocator_size("arenas.page");
    return page * (allocator_size("stats.arenas.4096.pdirty") +
                   allocator_size("stats.arenas.4096.pmuzzy"));
}

bool memory_allocator_read(struct memory_allocator *ret_allocator)
{
    uint64_t epoch = 1; /* writing it takes a fresh look */
    size_t len = sizeof epoch;
    if (mallctl == NULL || mallctl("epoch", &epoch, &len, &epoch, len) != 0) {
        return false;
    }
    *ret_allocator = (struct memory_allocator){
        .allocated = allocator_size("stats.allocated"),
        .active = allocator_size("stats.active"),
        .resident = allocator_size("stats.resident"),
        .mapped = allocator_size("stats.mapped"),
        .dirty = allocator_dirty(),
        .retained = allocator_size("stats.retained"),
    };
    return ret_allocator->allocated > 0;
}

uint32_t memory_allocator_arenas(void)
{
    unsigned count = 0;
    size_t len = sizeof count;
    bool known = mallctl != NULL && mallctl("arenas.narenas", &count, &len, NULL, 0) == 0;
    return known ? count : 0;
}

int memory_allocator_own_arena(void)
{
    unsigned arena = 0;
    size_t len = sizeof arena;
    bool own = mallctl != NULL && mallctl("arenas.create", &arena, &len, NULL, 0) == 0 &&
               mallctl("thread.arena", NULL, NULL, &arena, sizeof arena) == 0;
    return own ? (int)arena : -1;
}

static size_t allocator_arena_size(uint32_t arena, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "stats.arenas.%u.%s", arena, what);
    return allocator_size(name);
}

struct memory_arena memory_allocator_arena(uint32_t arena)
{
    char name[64];
    unsigned threads = 0;
    size_t len = sizeof threads;
    snprintf(name, sizeof name, "stats.arenas.%u.nthreads", arena);
    if (mallctl == NULL || mallctl(name, &threads, &len, NULL, 0) != 0) {
        return (struct memory_arena){0};
    }
    size_t page = allocator_size("arenas.page");
    return (struct memory_arena){
        .allocated = allocator_arena_size(arena, "small.allocated") +
                     allocator_arena_size(arena, "large.allocated"),
        .active = page * allocator_arena_size(arena, "pactive"),
        .dirty =
            page * (allocator_arena_size(arena, "pdirty") + allocator_arena_size(arena, "pmuzzy")),
        .threads = threads,
    };
}

void memory_allocator_purge(uint32_t arena)
{
    char name[40];
    snprintf(name, sizeof name, "arena.%u.purge", arena);
    if (mallctl != NULL) {
        mallctl(name, NULL, NULL, NULL, 0);
    }
}

struct memory_process memory_process(void)
{
    unsigned long mapped = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return (struct memory_process){0};
    }
    int got = fscanf(file, "%lu %lu", &mapped, &resident);
    fclose(file);
    uint64_t page = got == 2 ? (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    return (struct memory_process){.resident = resident * page, .mapped = mapped * page};
}
