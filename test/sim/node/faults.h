/* sim/node/faults.h - what befalls a running node, one thing after the other.
 *
 * Invariant   only what the options allow, and only while life->troubled.
 * Thread      one.
 * Memory      borrows the life.
 * Errors      none.
 */
#ifndef SIM_NODE_FAULTS_H
#define SIM_NODE_FAULTS_H

#include "sim/node/life.h"

void sim_faults_begin(struct sim_life *life);

#endif
