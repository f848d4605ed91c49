/* sim/node/plant.h - choosing one of the bugs of base/planted.def.
 *
 * Invariant   one is planted at a time, in a program that has them.
 * Thread      before anything runs.
 * Memory      none.
 * Errors      false when there is no bug of that name, or none at all in this program.
 */
#ifndef SIM_NODE_PLANT_H
#define SIM_NODE_PLANT_H

#include <stdbool.h>

#include "base/planted.h"

bool sim_plant(enum base_planted bug);
bool sim_plant_named(const char *name);

const char *sim_plant_name(enum base_planted bug);
const char *sim_plant_text(enum base_planted bug);

#endif
