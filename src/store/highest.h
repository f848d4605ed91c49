/* store/highest.h - the highest key of an id and the gaps below, so that a new key need not be
 * looked for.
 *
 * Invariant   when an id is known, no key of it is above the one remembered, and no gap; the one
 *             remembered may be gone.
 * Thread      the shard's owner only.
 * Memory      a table of fixed size: of ids that share a place only the busiest is known.
 * Errors      those of the view, from learning.
 */
#ifndef STORE_HIGHEST_H
#define STORE_HIGHEST_H

#include "store/gaps.h"
#include "store/view.h"

enum { STORE_HIGHEST_PLACES = 256, STORE_HIGHEST_KEY_MAX = STORE_GAPS_KEY_MAX };

struct store_highest_place {
    uint32_t id;    /* 0: none */
    uint32_t run;   /* that raised it */
    uint8_t others; /* asked for the place since its id was */
    uint8_t len;
    uint8_t key[STORE_HIGHEST_KEY_MAX];
};

struct store_highest {
    struct store_highest_place places[STORE_HIGHEST_PLACES];
    struct store_gaps gaps; /* between what is highest and what was before */
};

void store_highest_init(struct store_highest *highest);

/* Can this key not be there, because it is above all of its id, or in a gap? Learns the id's
 * highest key from the view when it is time to. */
bool store_highest_knows_none(struct store_highest *highest, struct store_view *view,
                              struct slice key);

/* The key, which was not there, is put now. */
void store_highest_raise(struct store_highest *highest, struct slice key);

#endif
