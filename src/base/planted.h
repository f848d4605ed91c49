/* base/planted.h - bugs that are there on purpose, in one test program only.
 *
 * Invariant   PLANTED(bug) is false and gone from every binary but the one that is built with
 *             LT_PLANTED, test/sim's node_sim_planted; that plants one bug, or none, at a time.
 * Thread      base_planted is set before anything runs.
 * Memory      none.
 * Errors      none.
 */
#ifndef BASE_PLANTED_H
#define BASE_PLANTED_H

#include <stdbool.h>

enum base_planted {
    PLANTED_NONE,
#define PLANT(bug, text) PLANTED_##bug,
#include "base/planted.def"
    PLANTED_COUNT
};

#ifdef LT_PLANTED
extern enum base_planted base_planted;
#define PLANTED(bug) (base_planted == PLANTED_##bug)
#else
#define PLANTED(bug) false
#endif

#endif
