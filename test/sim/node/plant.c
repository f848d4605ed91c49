/* sim/node/plant.c - the list of planted bugs, and the one that is in force. */
#include "sim/node/plant.h"

#include <string.h>

#ifdef LT_PLANTED
enum base_planted base_planted;
#endif

struct plant {
    const char *name;
    const char *text;
};

static const struct plant plants[] = {
    {"none", "nothing is planted"},
#define PLANT(bug, text) {#bug, text},
#include "base/planted.def"
};

bool sim_plant(enum base_planted bug)
{
#ifdef LT_PLANTED
    base_planted = bug;
    return true;
#else
    return bug == PLANTED_NONE;
#endif
}

bool sim_plant_named(const char *name)
{
    for (int bug = 0; bug < PLANTED_COUNT; bug++) {
        if (strcmp(name, plants[bug].name) == 0) {
            return sim_plant((enum base_planted)bug);
        }
    }
    return false;
}

const char *sim_plant_name(enum base_planted bug)
{
    return plants[bug].name;
}

const char *sim_plant_text(enum base_planted bug)
{
    return plants[bug].text;
}
