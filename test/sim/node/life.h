/* sim/node/life.h - the node's lives: start, death of any kind, start again.
 *
 * Invariant   a node stops only for a cause: because it was killed, or because the disk failed it.
 *             Any other stop, and a start that is refused without a cause, fails the run.
 * Thread      one.
 * Memory      a dead node's memory is left where it is, as a crash leaves it.
 * Errors      by sim_fail.
 */
#ifndef SIM_NODE_LIFE_H
#define SIM_NODE_LIFE_H

#include "base/log.h"
#include "sim/node/disk.h"
#include "sim/node/net.h"
#include "sim/node/options.h"

struct node;
struct node_journal;

struct sim_life {
    struct sim_world *world;
    struct sim_net *net;
    struct sim_disk *disk;
    struct sim_options *options;
    struct log *log;
    struct node *node; /* NULL: dead */
    uint32_t starts;
    bool troubled; /* this is the time of faults */
};

struct sim_life *sim_life_here(void);
/* Is it the time of faults, and does this seed have that one? */
bool sim_life_has(const struct sim_life *life, enum sim_fault fault);
void sim_life_open(struct sim_life *life);

/* Start it after a while. */
void sim_life_plan_start(struct sim_life *life);
/* It is killed. */
void sim_life_kill(struct sim_life *life, bool power);

/* The journal has done a step on the disk, with that result: does the node live on? */
bool sim_life_disk_step(struct sim_life *life, const struct node_journal *journal, int code);
/* How long one takes. */
uint64_t sim_life_disk_delay(struct sim_life *life);

#endif
