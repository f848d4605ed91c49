/* cache/shares.h - how the bytes below memory are divided between two files, as reads show.
 *
 * Invariant   what left a file is remembered until the file has let go of a sixteenth of all bytes
 *             since. A read that finds nothing, but would have if its file had been that much
 *             larger, is a ghost hit. The file with more of them is the one to be larger: at the
 *             best division the next byte is worth as much in either (ghost lists: Megiddo and
 *             Modha, ARC, FAST 2003).
 * Thread      missed and hits: any; the others: one thread.
 * Memory      eight bytes for each entry that is remembered.
 * Errors      none.
 */
#ifndef CACHE_SHARES_H
#define CACHE_SHARES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum cache_share { CACHE_SHARE_MAPPED, CACHE_SHARE_DISK, CACHE_SHARES };

struct cache_shares {
    _Atomic uint32_t *ghosts[CACHE_SHARES]; /* part of the hash, and the file's age when it left */
    uint32_t mask;
    uint64_t bytes; /* of both files */
    uint64_t mapped;
    uint64_t left[CACHE_SHARES]; /* bytes that have left each file */
    _Atomic uint32_t age[CACHE_SHARES];
    _Atomic uint64_t hits[CACHE_SHARES];
    uint64_t seen[CACHE_SHARES]; /* hits when the division was last thought over */
};

/* Both files have `bytes`, the mapped one `mapped` of them at first; about `entries` are
 * remembered. */
void cache_shares_init(struct cache_shares *shares, uint64_t bytes, uint64_t mapped,
                       uint64_t entries);
void cache_shares_close(struct cache_shares *shares);

/* An entry left a file, and is not in the other. */
void cache_shares_left(struct cache_shares *shares, enum cache_share from, uint64_t hash,
                       uint64_t bytes);

/* A read found nothing in either. */
void cache_shares_missed(struct cache_shares *shares, uint64_t hash);

/* Think it over: true when the division is another than before, then as in shares->mapped. */
bool cache_shares_move(struct cache_shares *shares);

#endif
