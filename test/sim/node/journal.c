/* sim/node/journal.c - the journal's thread without a thread: in place of node/journal_thread.c.
 *
 * Each step happens at one simulated instant, and the owner learns of it later; the disk lets the
 * node die in the middle of it. */
#include <assert.h>

#include "base/mem.h"
#include "node/node_private.h"
#include "sim/node/life.h"

enum { JOURNAL_IDLE_US = 50000 };

/* One for each life. */
struct sim_journal {
    struct node_journal *journal;
    bool busy;       /* a step is planned */
    uint64_t waited; /* number of the idle wait */
};

static struct sim_journal *journal_here;

static void journal_begin(void *context);

static void journal_plan(struct sim_journal *sim, void (*step)(void *context))
{
    struct sim_life *life = sim_life_here();
    sim->busy = true;
    sim_after_in_life(life->world, sim_life_disk_delay(life), step, sim);
}

struct journal_wait {
    struct sim_journal *sim;
    uint64_t number;
};

static void journal_idle(void *context)
{
    struct journal_wait *wait = context;
    struct sim_journal *sim = wait->sim;
    struct sim_life *life = sim_life_here();
    if (sim->busy || sim->waited != wait->number) {
        mem_free(wait);
    } else if (sim_life_disk_step(life, sim->journal, node__journal_mark(sim->journal))) {
        sim_after_in_life(life->world, JOURNAL_IDLE_US, journal_idle, wait);
    }
}

static void journal_rest(struct sim_journal *sim)
{
    struct journal_wait *wait = mem_alloc(sizeof *wait);
    *wait = (struct journal_wait){sim, ++sim->waited};
    sim_after_in_life(sim_life_here()->world, JOURNAL_IDLE_US, journal_idle, wait);
}

static void journal_prepare(void *context)
{
    struct sim_journal *sim = context;
    struct sim_life *life = sim_life_here();
    if (!sim_life_disk_step(life, sim->journal, node__journal_prepare(sim->journal))) {
        return;
    }
    sim->busy = false;
    if (sim->journal->batch != NULL) {
        journal_plan(sim, journal_begin);
    } else {
        journal_rest(sim);
    }
}

static void journal_begin(void *context)
{
    struct sim_journal *sim = context;
    struct node_batch *batch = sim->journal->batch;
    sim->journal->batch = NULL;
    if (sim_life_disk_step(sim_life_here(), sim->journal,
                           node__journal_write(sim->journal, batch))) {
        net_loop_post(sim->journal->owner, &batch->mail);
        journal_plan(sim, journal_prepare);
    }
}

int node__journal_start(struct node_journal *journal, struct err *err)
{
    (void)err;
    journal_here = mem_zero(1, sizeof *journal_here);
    journal_here->journal = journal;
    journal_rest(journal_here);
    return 0;
}

void node__journal_submit(struct node_journal *journal, struct node_batch *batch)
{
    assert(journal->batch == NULL && journal_here->journal == journal);
    journal->batch = batch;
    if (!journal_here->busy) {
        journal_plan(journal_here, journal_begin);
    }
}

/* Only a node that could not be opened is closed: nothing was submitted. */
void node__journal_stop(struct node_journal *journal)
{
    (void)journal;
}
