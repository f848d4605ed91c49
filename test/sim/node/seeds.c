/* seeds FIRST COUNT [BUG] - run seeds of the simulation, each in a process of its own, on all
 * cores.
 *
 * Without BUG: every seed must be fine, and the first ones, run twice, must be the same both times.
 * With BUG, in the program that has them: it is planted, and one of the seeds must notice; `all`
 * plants one after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "sim/node/plant.h"
#include "sim/node/run.h"

enum { SEEDS_JOBS_MAX = 64, SEEDS_TWICE = 20, SEEDS_SHOWN = 20, SEEDS_HANG_S = 120 };

/* A seed that is being run. */
struct seeds_job {
    pid_t pid; /* 0: none */
    int pipe;
    uint64_t seed;
};

struct seeds {
    uint64_t next, end;
    bool quiet; /* failures are wanted: they are not shown */
    long jobs_count;
    struct seeds_job jobs[SEEDS_JOBS_MAX];
    uint64_t done, failed, first_failed;
    uint64_t operations, starts, simulated_us;
    uint64_t digests[SEEDS_TWICE];
    uint64_t digests_first; /* seed of the first */
    bool again;             /* this time they are compared */
    char failure[560];
};

static void seeds_child(const struct seeds *seeds, uint64_t seed, int pipe)
{
    struct sim_result result;
    if (seeds->quiet && freopen("/dev/null", "w", stderr) == NULL) {
        _exit(2);
    }
    alarm(SEEDS_HANG_S);
    sim_run(seed, NULL, &result);
    bool told = write(pipe, &result, sizeof result) == (ssize_t)sizeof result;
    _exit(!told); /* dead nodes left their memory */
}

static bool seeds_begin(struct seeds *seeds, struct seeds_job *job)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    job->seed = seeds->next++;
    job->pid = fork();
    if (job->pid == 0) {
        close(ends[0]);
        seeds_child(seeds, job->seed, ends[1]);
    }
    close(ends[1]);
    job->pipe = ends[0];
    return job->pid > 0;
}

static void seeds_fail(struct seeds *seeds, uint64_t seed, const char *what)
{
    seeds->failed++;
    if (seeds->failed == 1 || seed < seeds->first_failed) {
        seeds->first_failed = seed;
        snprintf(seeds->failure, sizeof seeds->failure, "%s", what);
    }
    if (!seeds->quiet && seeds->failed <= SEEDS_SHOWN) {
        printf("seed %llu: %s\n", (unsigned long long)seed, what);
    }
}

static void seeds_digest(struct seeds *seeds, uint64_t seed, uint64_t digest)
{
    uint64_t place = seed - seeds->digests_first;
    if (place < SEEDS_TWICE && !seeds->again) {
        seeds->digests[place] = digest;
    } else if (place < SEEDS_TWICE && seeds->digests[place] != digest) {
        seeds_fail(seeds, seed, "two runs of it differ: something in it is left to chance");
    }
}

static void seeds_end(struct seeds *seeds, struct seeds_job *job)
{
    struct sim_result result = {.failure = ""};
    char what[80];
    int status;
    bool told = read(job->pipe, &result, sizeof result) == (ssize_t)sizeof result;
    waitpid(job->pid, &status, 0);
    close(job->pipe);
    job->pid = 0;
    seeds->done++;
    if (!told) {
        snprintf(what, sizeof what, "it ended by signal %d, with code %d",
                 WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                 WIFEXITED(status) ? WEXITSTATUS(status) : 0);
        seeds_fail(seeds, job->seed, what);
        return;
    }
    seeds->operations += result.operations;
    seeds->starts += result.starts;
    seeds->simulated_us += result.simulated_us;
    seeds_digest(seeds, job->seed, result.digest);
    if (result.failure[0] != '\0') {
        seeds_fail(seeds, job->seed, result.failure);
    }
}

/* Wait for one of them, whichever. */
static void seeds_wait(struct seeds *seeds)
{
    siginfo_t info;
    if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) != 0) {
        return;
    }
    for (long i = 0; i < seeds->jobs_count; i++) {
        if (seeds->jobs[i].pid == info.si_pid) {
            seeds_end(seeds, &seeds->jobs[i]);
        }
    }
}

static bool seeds_is_busy(const struct seeds *seeds)
{
    for (long i = 0; i < seeds->jobs_count; i++) {
        if (seeds->jobs[i].pid != 0) {
            return true;
        }
    }
    return false;
}

/* Run the seeds up to `end`; when failures are wanted, until there is one. */
static void seeds_run(struct seeds *seeds)
{
    seeds->jobs_count = sysconf(_SC_NPROCESSORS_ONLN);
    seeds->jobs_count = seeds->jobs_count > SEEDS_JOBS_MAX ? SEEDS_JOBS_MAX : seeds->jobs_count;
    do {
        for (long i = 0; i < seeds->jobs_count; i++) {
            bool more = seeds->next < seeds->end && !(seeds->quiet && seeds->failed > 0);
            if (more && seeds->jobs[i].pid == 0 && !seeds_begin(seeds, &seeds->jobs[i])) {
                perror("seeds");
                exit(2);
            }
        }
        seeds_wait(seeds);
    } while (seeds_is_busy(seeds));
}

static int seeds_all_fine(uint64_t first, uint64_t count)
{
    struct seeds *seeds = mem_zero(1, sizeof *seeds);
    seeds->next = seeds->digests_first = first;
    seeds->end = first + count;
    seeds_run(seeds);
    seeds->again = true;
    seeds->next = first;
    seeds->end = first + (count < SEEDS_TWICE ? count : SEEDS_TWICE);
    seeds_run(seeds);
    printf("%llu seeds from %llu on: %llu failed; %llu operations, %llu starts, %llu simulated s\n",
           (unsigned long long)count, (unsigned long long)first, (unsigned long long)seeds->failed,
           (unsigned long long)seeds->operations, (unsigned long long)seeds->starts,
           (unsigned long long)seeds->simulated_us / 1000000);
    bool fine = seeds->failed == 0;
    mem_free(seeds);
    return fine ? 0 : 1;
}

/* ---- planted bugs ---- */

static bool seeds_catch(uint64_t first, uint64_t count, enum base_planted bug)
{
    struct seeds *seeds = mem_zero(1, sizeof *seeds);
    seeds->next = first;
    seeds->end = first + count;
    seeds->quiet = true;
    if (sim_plant(bug)) {
        seeds_run(seeds);
    }
    bool caught = seeds->failed > 0;
    printf("%-10s %s: ", sim_plant_name(bug), sim_plant_text(bug));
    if (caught) {
        printf("caught by seed %llu (%s)\n", (unsigned long long)seeds->first_failed,
               seeds->failure);
    } else {
        printf("NOT CAUGHT by %llu seeds\n", (unsigned long long)count);
    }
    fflush(stdout);
    mem_free(seeds);
    return caught;
}

static int seeds_planted(uint64_t first, uint64_t count, const char *name)
{
    bool all = strcmp(name, "all") == 0;
    int planted = 0;
    int caught = 0;
    for (int bug = PLANTED_NONE + 1; bug < PLANTED_COUNT; bug++) {
        if (all || strcmp(name, sim_plant_name((enum base_planted)bug)) == 0) {
            planted++;
            caught += seeds_catch(first, count, (enum base_planted)bug);
        }
    }
    printf("%d of %d planted bugs are caught\n", caught, planted);
    return planted > 0 && caught == planted ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: seeds FIRST COUNT [BUG | all]\n");
        return 2;
    }
    uint64_t first = strtoull(argv[1], NULL, 0);
    uint64_t count = strtoull(argv[2], NULL, 0);
    return argc == 3 ? seeds_all_fine(first, count) : seeds_planted(first, count, argv[3]);
}
