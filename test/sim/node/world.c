/* sim/node/world.c - a heap of events, and the clock and the randomness that the node asks for.
 *
 * The doors of base/clock.h and base/rng.h take no context, so the process's one world is kept
 * here: each seed is a process. */
#include "sim/node/world.h"

#include <assert.h>
#include <stdarg.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rng.h"

enum { WORLD_START_MS_STEP = 1000 };

static const int64_t world_start_ms = 1700000000000;
static struct sim_world *world_here;

void sim_world_open(struct sim_world *world, uint64_t seed, FILE *trace)
{
    *world = (struct sim_world){.seed = seed, .random = {seed}, .trace = trace};
    random_doc_next(&world->random);
    world->wall_ms = world_start_ms + WORLD_START_MS_STEP * (int64_t)sim_below(world, 1000);
    world_here = world;
}

void sim_world_close(struct sim_world *world)
{
    mem_free(world->events);
    world_here = NULL;
}

uint64_t clock_mono_us(void)
{
    return world_here->now_us;
}

int64_t clock_wall_ms(void)
{
    return world_here->wall_ms + (int64_t)(world_here->now_us / 1000);
}

uint64_t rng_u64(void)
{
    return random_doc_next(&world_here->random);
}

void rng_bytes(void *data, size_t len)
{
    for (size_t at = 0; at < len; at++) {
        ((uint8_t *)data)[at] = (uint8_t)rng_u64();
    }
}

/* ---- chance ---- */

uint32_t sim_below(struct sim_world *world, uint32_t bound)
{
    return random_doc_below(&world->random, bound);
}

uint64_t sim_between(struct sim_world *world, uint64_t least, uint64_t most)
{
    assert(least <= most);
    return least + random_doc_next(&world->random) % (most - least + 1);
}

bool sim_chance(struct sim_world *world, uint32_t percent)
{
    return sim_below(world, 100) < percent;
}

/* ---- events ---- */

static bool event_is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void event_swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event kept = *a;
    *a = *b;
    *b = kept;
}

static void world_push(struct sim_world *world, struct sim_event event)
{
    if (world->events_count == world->events_cap) {
        world->events_cap = world->events_cap == 0 ? 64 : world->events_cap * 2;
        world->events = mem_grow(world->events, world->events_cap * sizeof *world->events);
    }
    size_t at = world->events_count++;
    world->events[at] = event;
    while (at > 0 && event_is_before(&world->events[at], &world->events[(at - 1) / 2])) {
        event_swap(&world->events[at], &world->events[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct sim_event world_pop(struct sim_world *world)
{
    struct sim_event first = world->events[0];
    struct sim_event *events = world->events;
    events[0] = events[--world->events_count];
    size_t at = 0;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < world->events_count && event_is_before(&events[child], &events[least])) {
                least = child;
            }
        }
        if (least == at) {
            return first;
        }
        event_swap(&events[at], &events[least]);
        at = least;
    }
}

static void world_plan(struct sim_world *world, uint64_t delay_us, struct sim_event event)
{
    event.at_us = world->now_us + delay_us;
    event.order = ++world->order;
    world_push(world, event);
}

void sim_after(struct sim_world *world, uint64_t delay_us, void (*run)(void *context),
               void *context)
{
    world_plan(world, delay_us, (struct sim_event){.run = run, .context = context});
}

void sim_after_in_life(struct sim_world *world, uint64_t delay_us, void (*run)(void *context),
                       void *context)
{
    assert(world->life > 0);
    world_plan(world, delay_us,
               (struct sim_event){.life = world->life, .run = run, .context = context});
}

bool sim_step(struct sim_world *world)
{
    while (world->events_count > 0 && !sim_has_failed(world)) {
        struct sim_event event = world_pop(world);
        if (event.life == 0 || event.life == world->life) {
            assert(event.at_us >= world->now_us);
            world->now_us = event.at_us;
            world->events_run++;
            event.run(event.context);
            return true;
        }
    }
    return false;
}

/* ---- what a reader sees ---- */

void sim_digest(struct sim_world *world, struct slice bytes)
{
    world->digest = XXH3_64bits_withSeed(bytes.data, bytes.len, world->digest ^ world->now_us);
}

void sim_note(struct sim_world *world, const char *who, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_digest(world, slice_str(text));
    if (world->trace != NULL) {
        fprintf(world->trace, "%4llu.%06llu  %-9s %s\n",
                (unsigned long long)(world->now_us / 1000000),
                (unsigned long long)(world->now_us % 1000000), who, text);
    }
}

void sim_fail(struct sim_world *world, const char *format, ...)
{
    va_list args;
    if (sim_has_failed(world)) {
        return;
    }
    va_start(args, format);
    vsnprintf(world->failure, sizeof world->failure, format, args);
    va_end(args);
    sim_note(world, "FAILURE", "%s", world->failure);
}

bool sim_has_failed(const struct sim_world *world)
{
    return world->failure[0] != '\0';
}
