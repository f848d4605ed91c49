/* sim/node/run.c - the phases of a run.
 *
 *   boot, setup ──> faults ──> heal, liveness ──> power loss, audit ──> checkers
 */
#include "sim/node/run.h"

#include "base/mem.h"
#include "sim/node/faults.h"
#include "sim/node/history.h"

enum {
    RUN_CLIENTS_MAX = 16,
    RUN_SETUP_US = 10000000,
    RUN_FAULTS_US = 20000000,
    RUN_LIVE_US = 60000000,
};

struct run {
    struct sim_world world;
    struct sim_net net;
    struct sim_disk disk;
    struct sim_life life;
    struct sim_options options;
    struct sim_history history;
    struct sim_client clients[RUN_CLIENTS_MAX];
    uint32_t clients_count;
};

static const struct sim_work *const run_works[] = {
    &sim_work_ledger, &sim_work_register, &sim_work_list, &sim_work_counter, &sim_work_bank,
};

static void run_client(struct run *run, const struct sim_work *work, uint32_t steps)
{
    uint32_t number = run->clients_count++;
    struct sim_client *client = &run->clients[number];
    *client = (struct sim_client){
        .world = &run->world, .life = &run->life, .history = &run->history, .steps_left = steps};
    sim_client_open(client, number, work);
    sim_note(&run->world, client->name, "begins its work: %s", work->name);
    sim_client_begin(client);
}

/* Until all clients have ended or the time is over; a client that has not fails the run when
 * `must` is set. */
static void run_until_ended(struct run *run, uint64_t for_us, bool must)
{
    struct sim_world *world = &run->world;
    uint64_t until = world->now_us + for_us;
    uint32_t ended = 0;
    while (world->now_us < until && ended < run->clients_count && sim_step(world)) {
        ended = 0;
        for (uint32_t i = 0; i < run->clients_count; i++) {
            ended += run->clients[i].ended;
        }
    }
    for (uint32_t i = 0; i < run->clients_count && must; i++) {
        if (!run->clients[i].ended) {
            sim_fail(world, "%s (%s) waits for an answer", run->clients[i].name,
                     run->clients[i].work->name);
        }
    }
}

static void run_clients(struct run *run)
{
    uint32_t works = sizeof run_works / sizeof *run_works;
    if (run->options.watches) {
        run_client(run, &sim_work_watch, run->options.steps);
    }
    for (uint32_t i = 0; i < run->options.clients; i++) {
        run_client(run, run_works[sim_below(&run->world, works)], run->options.steps);
    }
}

/* Open the stream, or read it to its end. */
static void run_watch(struct run *run)
{
    if (run->options.watches) {
        run_client(run, &sim_work_watch, 0);
        run_until_ended(run, RUN_LIVE_US, true);
    }
}

static uint32_t run_steps_left(const struct run *run)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < run->clients_count; i++) {
        left += run->clients[i].steps_left;
    }
    return left;
}

/* Until a tenth of the work is left, which is for the time after. */
static void run_faults(struct run *run)
{
    struct sim_world *world = &run->world;
    uint64_t until = world->now_us + RUN_FAULTS_US;
    uint32_t all = run_steps_left(run);
    sim_faults_begin(&run->life);
    while (world->now_us < until && run_steps_left(run) > all / 10 && sim_step(world)) {
    }
}

static void run_heal(struct run *run)
{
    sim_note(&run->world, "world", "heals: no more faults");
    run->life.troubled = false;
    sim_disk_heal(&run->disk);
}

static void run_phases(struct run *run)
{
    sim_life_plan_start(&run->life);
    run_client(run, &sim_work_setup, 0);
    run_until_ended(run, RUN_SETUP_US, true);
    run_watch(run);
    run_clients(run);
    run_faults(run);
    run_heal(run);
    run_until_ended(run, RUN_LIVE_US, true);
    sim_life_kill(&run->life, true);
    run_client(run, &sim_work_audit, 0);
    run_until_ended(run, RUN_LIVE_US, true);
    run_watch(run);
    if (!sim_has_failed(&run->world)) {
        sim_history_check(&run->history, &run->world);
    }
}

void sim_run(uint64_t seed, FILE *trace, struct sim_result *ret_result)
{
    struct run *run = mem_zero(1, sizeof *run);
    sim_world_open(&run->world, seed, trace);
    sim_net_open(&run->net, &run->world);
    sim_disk_open(&run->disk, &run->world);
    sim_options_choose(&run->options, &run->world);
    run->net.slow_percent = run->options.faults[SIM_SLOW_NET] ? 5 : 0;
    run->life = (struct sim_life){.world = &run->world,
                                  .net = &run->net,
                                  .disk = &run->disk,
                                  .options = &run->options,
                                  .log = log_new("/dev/null", LOG_ERROR, false)};
    sim_life_open(&run->life);
    run_phases(run);
    *ret_result = (struct sim_result){.digest = run->world.digest,
                                      .events = run->world.events_run,
                                      .simulated_us = run->world.now_us,
                                      .starts = run->life.starts,
                                      .operations = (uint32_t)run->history.moment};
    memcpy(ret_result->failure, run->world.failure, sizeof ret_result->failure);
    if (!sim_has_failed(&run->world)) {
        sim_note(&run->world, "world", "is in order");
    }
}
