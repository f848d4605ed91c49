/* cache/index.h - where in a file a key's entry is: eight bytes an entry.
 *
 * Invariant   an entry is 31 bits of its key's hash, a position and a bit that says it was hit. At
 *             most 12 bytes of memory an entry, once there are some thousands. Two keys may have
 *             the same 31 bits, so what is found must be compared with the key itself.
 * Thread      one at a time.
 * Memory      grows with what is in it.
 * Errors      none.
 */
#ifndef CACHE_INDEX_H
#define CACHE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_INDEX_PARTS = 64 };

/* Entries of the hashes of one range, in the order of their hashes, with gaps. */
struct cache_index_part {
    uint64_t *slots;
    uint32_t cap;   /* a hash's home is below it */
    uint32_t slack; /* slots after them, for what is pushed on */
    uint32_t count;
};

struct cache_index {
    struct cache_index_part parts[CACHE_INDEX_PARTS];
};

void cache_index_init(struct cache_index *index);
void cache_index_close(struct cache_index *index);

/* Positions are not 0. */
void cache_index_add(struct cache_index *index, uint64_t hash, uint32_t position);

/* The position of the nth entry (0 first) with that hash; 0 when there are not so many. */
uint32_t cache_index_find(const struct cache_index *index, uint64_t hash, uint32_t nth);

/* Of the entry with that hash and position: remember that it was hit; true when it is there. */
bool cache_index_hit(struct cache_index *index, uint64_t hash, uint32_t position);

enum cache_index_state { CACHE_INDEX_ABSENT, CACHE_INDEX_UNUSED, CACHE_INDEX_HIT };
enum cache_index_state cache_index_state(const struct cache_index *index, uint64_t hash,
                                         uint32_t position);

/* Give the entry another position, as one that was not hit; false when it is not there. */
bool cache_index_move(struct cache_index *index, uint64_t hash, uint32_t from, uint32_t to);

/* The entry with that hash and position; false when it is not there. */
bool cache_index_remove(struct cache_index *index, uint64_t hash, uint32_t position);
/* All entries with that hash; says how many it were. */
uint32_t cache_index_remove_hash(struct cache_index *index, uint64_t hash);
/* All entries with from <= position < to. Looks at every entry. */
uint32_t cache_index_remove_range(struct cache_index *index, uint32_t from, uint32_t to);

uint64_t cache_index_count(const struct cache_index *index);
uint64_t cache_index_bytes(const struct cache_index *index);

/* The entries of a part as numbers, for a file: copies up to `room` of them into `out` from slot
 * *at on (0 first) and says how many; 0 at the end. */
uint32_t cache_index_save(const struct cache_index *index, uint32_t part, uint32_t *at,
                          uint64_t *out, uint32_t room);
/* Take such a number back; false when no index gave it. */
bool cache_index_load(struct cache_index *index, uint64_t saved);
/* The position in such a number. */
uint32_t cache_index_saved_position(uint64_t saved);

#endif
