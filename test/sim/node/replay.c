/* replay SEED [BUG] - run one seed of the simulation and print what happens, line by line; with one
 * of the bugs of base/planted.def, if it is asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/node/plant.h"
#include "sim/node/run.h"

int main(int argc, char **argv)
{
    struct sim_result result;
    if (argc < 2 || argc > 3 || (argc == 3 && !sim_plant_named(argv[2]))) {
        fprintf(stderr, "usage: replay SEED [BUG]\n");
        return 2;
    }
    sim_run(strtoull(argv[1], NULL, 0), stdout, &result);
    printf("seed %s: %s; %u client operations, %u starts, %llu events, digest %016llx\n", argv[1],
           result.failure[0] == '\0' ? "fine" : result.failure, result.operations, result.starts,
           (unsigned long long)result.events, (unsigned long long)result.digest);
    fflush(stdout);
    _exit(result.failure[0] != '\0'); /* dead nodes left their memory */
}
