/* store/gaps.h - ranges that hold no key, so that a key inside need not be looked for.
 *
 * Clients that insert side by side come in any order: what one puts above all leaves a gap that
 * another fills a moment later. The newest gaps are remembered.
 *
 * Invariant   a gap is open at both ends and has no key, if every key that is put is told of; gaps
 *             do not overlap.
 * Thread      the shard's owner only.
 * Memory      a table of fixed size; a new gap takes the place of the oldest.
 * Errors      none.
 */
#ifndef STORE_GAPS_H
#define STORE_GAPS_H

#include "base/slice.h"

enum { STORE_GAPS_MAX = 128, STORE_GAPS_KEY_MAX = 54 };

struct store_gaps_end {
    uint8_t len;
    uint8_t bytes[STORE_GAPS_KEY_MAX];
};

struct store_gap {
    uint32_t run; /* that moved its low end */
    struct store_gaps_end low;
    struct store_gaps_end high;
};

struct store_gaps {
    struct store_gap gaps[STORE_GAPS_MAX];
    uint8_t order[STORE_GAPS_MAX]; /* all of them: those in use first, by their ends */
    uint32_t count;
    uint32_t oldest;
    uint32_t run;
};

void store_gaps_init(struct store_gaps *gaps);

/* Here begins a run of keys that come from one client: between two that follow each other nothing
 * is expected, and no gap is remembered. */
void store_gaps_begin_run(struct store_gaps *gaps);

bool store_gaps_have(const struct store_gaps *gaps, struct slice key);

/* There is no key between them, and no gap: of two that overlap only one would hear of a key. */
void store_gaps_add(struct store_gaps *gaps, struct slice low, struct slice high);

/* Whatever reaches between them. */
void store_gaps_forget(struct store_gaps *gaps, struct slice low, struct slice high);

/* The key is put now. */
void store_gaps_put(struct store_gaps *gaps, struct slice key);

#endif
