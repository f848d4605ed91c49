/* sim/node/faults.c - every now and then one of the faults that this seed has. */
#include "sim/node/faults.h"

#include "node/node_private.h"

enum { FAULT_CLOCK_MS = 3600000 };

static void fault_kill(struct sim_life *life)
{
    sim_life_kill(life, false);
}

static void fault_power(struct sim_life *life)
{
    sim_life_kill(life, true);
}

/* Often within the next batch, sometimes far on, in a recovery. */
static void fault_death(struct sim_life *life)
{
    uint64_t far = sim_chance(life->world, 70) ? 6 : 60;
    life->disk->die_after = sim_between(life->world, 1, far);
}

static void fault_sync(struct sim_life *life)
{
    store_simdisk_fail_sync(life->disk->sim, sim_between(life->world, 1, 10));
}

static void fault_write(struct sim_life *life)
{
    life->disk->fail_write = sim_between(life->world, 1, 10);
}

static void fault_room(void *context)
{
    struct sim_life *life = context;
    sim_note(life->world, "disk", "has room again");
    store_simdisk_set_capacity(life->disk->sim, 0);
}

static void fault_full(struct sim_life *life)
{
    sim_note(life->world, "disk", "has little room");
    sim_disk_fill(life->disk, sim_below(life->world, (uint32_t)life->options->segment_bytes * 2));
    sim_after(life->world, sim_between(life->world, 50000, 500000), fault_room, life);
}

static void fault_clock(struct sim_life *life)
{
    int64_t by = (int64_t)sim_between(life->world, 0, 2 * FAULT_CLOCK_MS) - FAULT_CLOCK_MS;
    life->world->wall_ms += by;
    sim_note(life->world, "clock", "jumps by %lld s", (long long)by / 1000);
}

/* RocksDB flushes a full memtable by itself, at any time. */
static void fault_flush(struct sim_life *life)
{
    uint64_t index;
    if (life->node != NULL) {
        life->node->kv->ops->flush(life->node->kv, &index);
    }
}

static void (*const fault_table[SIM_FAULTS])(struct sim_life *life) = {
    [SIM_KILLS] = fault_kill,      [SIM_POWER] = fault_power,       [SIM_DEATHS] = fault_death,
    [SIM_SYNCS_FAIL] = fault_sync, [SIM_WRITES_FAIL] = fault_write, [SIM_FULL_DISK] = fault_full,
    [SIM_CLOCK] = fault_clock,     [SIM_FLUSHES] = fault_flush,
};

static void fault_next(void *context);

static void fault_plan(struct sim_life *life)
{
    uint64_t pause = life->options->fault_pause_us;
    sim_after(life->world, sim_between(life->world, pause / 4, pause * 2), fault_next, life);
}

static void fault_next(void *context)
{
    struct sim_life *life = context;
    uint32_t fault = sim_below(life->world, SIM_FAULTS);
    if (!life->troubled) {
        return;
    }
    if (life->options->faults[fault] && fault_table[fault] != NULL) {
        fault_table[fault](life);
    }
    fault_plan(life);
}

void sim_faults_begin(struct sim_life *life)
{
    life->troubled = true;
    fault_plan(life);
}
