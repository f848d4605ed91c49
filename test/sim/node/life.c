/* sim/node/life.c - opening the real node over what the last one left, and ending it. */
#include "sim/node/life.h"

#include <assert.h>

#include "base/mem.h"
#include "node/node_private.h"

static struct sim_life *life_here;

struct sim_life *sim_life_here(void)
{
    return life_here;
}

bool sim_life_has(const struct sim_life *life, enum sim_fault fault)
{
    return life->troubled && life->options->faults[fault];
}

void sim_life_open(struct sim_life *life)
{
    life_here = life;
}

/* The node is gone; its memory is left to the process. */
static void life_end(struct sim_life *life, bool power, const char *why)
{
    sim_note(life->world, "node", "%s%s", why, power ? ", and the power is gone" : "");
    life->node = NULL;
    life->world->life++;
    sim_net_crash(life->net);
    sim_disk_crash(life->disk, power);
    sim_life_plan_start(life);
}

void sim_life_kill(struct sim_life *life, bool power)
{
    if (life->node != NULL) {
        life_end(life, power, "is killed");
    }
}

bool sim_life_disk_step(struct sim_life *life, const struct node_journal *journal, int code)
{
    char why[120];
    char scratch[32];
    if (life->disk->dead) {
        life_end(life, sim_chance(life->world, 50), "dies between two operations of the disk");
        return false;
    }
    if (code == 0) {
        return true;
    }
    snprintf(why, sizeof why, "stops: %s failed (%s)", journal->doing,
             err_code_name(-code, scratch));
    if (life->disk->cause == NULL) {
        sim_fail(life->world, "the node %s, without a cause", why);
        return false;
    }
    life_end(life, sim_chance(life->world, 30), why);
    return false;
}

uint64_t sim_life_disk_delay(struct sim_life *life)
{
    bool stalls =
        sim_life_has(life, SIM_SLOW_DISK) && sim_chance(life->world, life->options->stall_percent);
    return sim_between(life->world, 30, stalls ? 50000 : 400);
}

/* ---- starting ---- */

static void life_shutdown(void *context)
{
    (void)context;
}

static struct node_config life_config(struct sim_life *life)
{
    const struct sim_options *options = life->options;
    return (struct node_config){
        .db_path = "simulated",
        .bind_ip = "127.0.0.1",
        .port = 27017,
        .conns_max = 1000,
        .set_name = "rs0",
        .advertise = "node",
        .workers = options->loops,
        .memory_bytes = 256 << 20,
        .cache_bytes = options->cache_bytes,
        .cache_compressor = "lz4",
        .cache_policy = options->cache_policy,
        .cache_ahead = options->ahead,
        .numa = "off",
        .fetches_max = options->places,
        .scans_max = options->places,
        .writes_max = options->places,
        .admin_max = 64,
        .tidy_percent = 10,
        .write_buffer_bytes = 64 << 10,
        .journal_segment_bytes = options->segment_bytes,
        .disk_reserve_bytes = options->reserve_bytes,
        .oplog_bytes = options->oplog_bytes,
        .argv = doc_value_get_doc(doc_empty_array),
        .parsed = doc_value_get_doc(doc_empty_object),
        .log = life->log,
        .on_shutdown = life_shutdown,
    };
}

/* It did not open. */
static void life_refused(struct sim_life *life, const struct err *err)
{
    struct sim_disk *disk = life->disk;
    char why[400];
    snprintf(why, sizeof why, "does not start: %.360s", err->text);
    if (disk->flipped.name[0] != '\0' && disk->cause == NULL) {
        if (err->code != LT_ECORRUPT) {
            sim_fail(life->world, "damage is met with: %s", err->text);
        } else if (!sim_disk_repair(disk)) {
            sim_fail(life->world, "the node refused damaged files, and changed them");
        }
    } else if (disk->cause == NULL) {
        sim_fail(life->world, "the node %s", why);
    }
    life_end(life, sim_chance(life->world, 30), why);
}

static void life_start(void *context)
{
    struct sim_life *life = context;
    struct node_config config = life_config(life);
    struct err err = {0};
    life->world->life++;
    life->starts++;
    life->disk->miss_one_in = life->options->faults[SIM_MISSES] ? 20 : 0;
    sim_disk_remember(life->disk);
    sim_note(life->world, "node", "starts");
    int code = node_open(&config, &life->node, &err);
    if (life->disk->dead || code < 0) {
        life_refused(life, &err);
        return;
    }
    life->disk->flipped = (struct sim_place){0}; /* harmless, or a checker will see it */
    node__group_begin(&life->node->group);
}

void sim_life_plan_start(struct sim_life *life)
{
    struct sim_world *world = life->world;
    if (sim_life_has(life, SIM_FLIPS) && life->disk->flipped.name[0] == '\0' &&
        sim_chance(world, 30)) {
        sim_disk_flip(life->disk);
    }
    sim_after(world, sim_between(world, 1000, 100000), life_start, life);
}
