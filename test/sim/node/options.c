/* sim/node/options.c - one draw after the other, in a fixed order. */
#include "sim/node/options.h"

enum { OPTIONS_WHOLE_LOG = 1 << 30 };

static const char *const options_names[SIM_FAULTS] = {
    [SIM_KILLS] = "kills",
    [SIM_POWER] = "power losses",
    [SIM_DEATHS] = "deaths at the disk",
    [SIM_SYNCS_FAIL] = "failed syncs",
    [SIM_WRITES_FAIL] = "failed writes",
    [SIM_FULL_DISK] = "full disk",
    [SIM_FLIPS] = "flipped bits",
    [SIM_CLOCK] = "clock jumps",
    [SIM_IMPATIENCE] = "impatient clients",
    [SIM_SLOW_DISK] = "slow disk",
    [SIM_SLOW_NET] = "slow network",
    [SIM_MISSES] = "misses",
    [SIM_REFUSALS] = "refusals",
    [SIM_FLUSHES] = "flushes",
};

static const char *const options_policies[] = {"adaptive", "lru", "s3fifo", "fifo"};

static void options_say(const struct sim_options *options, struct sim_world *world)
{
    char line[300] = "";
    size_t len = 0;
    for (int i = 0; i < SIM_FAULTS; i++) {
        if (options->faults[i]) {
            len += (size_t)snprintf(line + len, sizeof line - len, "%s%s", len > 0 ? ", " : "",
                                    options_names[i]);
        }
    }
    sim_note(world, "options", "faults: %s", line);
    sim_note(world, "options", "%u clients, %u steps each, %u keys, %u loops, %llu KB segments",
             options->clients, options->steps, options->keys, options->loops,
             (unsigned long long)options->segment_bytes >> 10);
}

void sim_options_choose(struct sim_options *options, struct sim_world *world)
{
    for (int i = 0; i < SIM_FAULTS; i++) {
        options->faults[i] = sim_chance(world, 50);
    }
    options->clients = (uint32_t)sim_between(world, 2, 8);
    options->loops = (uint32_t)sim_between(world, 1, 2);
    options->places = options->faults[SIM_REFUSALS] ? 2 : 1000;
    options->cache_bytes = sim_between(world, 16, 256) << 10;
    options->cache_policy =
        options_policies[sim_below(world, sizeof options_policies / sizeof *options_policies)];
    options->ahead = sim_chance(world, 50);
    options->segment_bytes = 8192u << sim_below(world, 4);
    options->reserve_bytes = options->segment_bytes * sim_below(world, 4);
    options->stall_percent = 5u << (2 * sim_below(world, 3));
    options->oplog_bytes = sim_chance(world, 50) ? 0 : 100000;
    options->keys = (uint32_t)sim_between(world, 1, 5);
    options->steps = (uint32_t)sim_between(world, 30, 90);
    options->pause_us = 1000u << sim_below(world, 5);
    options->fault_pause_us = 20000u << sim_below(world, 4);
    options->watches = sim_chance(world, 50);
    options->oplog_bytes = options->watches ? OPTIONS_WHOLE_LOG : options->oplog_bytes;
    options_say(options, world);
}
