/* sim/node/world.h - simulated time, chance and events: all that happens in a run happens here.
 *
 * Invariant   events run in the order of their times, then of their making; the same seed makes the
 *             same run. A process has one world, which base/clock.h and base/rng.h ask.
 * Thread      one.
 * Memory      the world owns its events; a context belongs to who gave it.
 * Errors      sim_fail notes the first failure of the run; the run then ends.
 */
#ifndef SIM_NODE_WORLD_H
#define SIM_NODE_WORLD_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/random_doc.h"

struct sim_event {
    uint64_t at_us;
    uint64_t order;
    uint32_t life; /* of the node, that it ends with; 0: of none */
    void (*run)(void *context);
    void *context;
};

struct sim_world {
    uint64_t seed;
    struct random_doc random;
    uint64_t now_us;
    int64_t wall_ms;          /* what the wall clock showed at 0, jumps included */
    uint64_t order;           /* of the newest event */
    uint32_t life;            /* of the node: each start is a new one */
    struct sim_event *events; /* a heap */
    size_t events_count, events_cap;
    uint64_t events_run;
    FILE *trace;     /* NULL: nobody reads it */
    uint64_t digest; /* of everything noted */
    char failure[512];
};

void sim_world_open(struct sim_world *world, uint64_t seed, FILE *trace);
void sim_world_close(struct sim_world *world);

/* ---- chance ---- */
/* Below `bound`, which is not 0. */
uint32_t sim_below(struct sim_world *world, uint32_t bound);
uint64_t sim_between(struct sim_world *world, uint64_t least, uint64_t most);
bool sim_chance(struct sim_world *world, uint32_t percent);

/* ---- events ---- */
void sim_after(struct sim_world *world, uint64_t delay_us, void (*run)(void *context),
               void *context);
/* The same, but that it does not happen when the node has died before. */
void sim_after_in_life(struct sim_world *world, uint64_t delay_us, void (*run)(void *context),
                       void *context);
/* Run the next event: false when there is none or the run has failed. */
bool sim_step(struct sim_world *world);

/* ---- what a reader sees ---- */
/* A line of the trace: `who` does something. It is part of the digest. */
void sim_note(struct sim_world *world, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Bytes that two runs of a seed must agree on. */
void sim_digest(struct sim_world *world, struct slice bytes);
void sim_fail(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool sim_has_failed(const struct sim_world *world);

#endif
