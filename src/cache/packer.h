/* cache/packer.h - which codec and which dictionary a value is packed with.
 *
 * Invariant   a value that does not get a tenth smaller stays plain. A collection whose values do
 *             not shrink is left alone for a while, longer each time; one whose values have much
 *             in common gets a dictionary, and a new one when that has aged.
 * Thread      packing: one at a time, and it trains in between, so never a loop; unpacking and
 *             cache_packer_stats: any.
 * Memory      packed bytes are borrowed from the caller's buf or from the value itself. Samples
 *             are collected for one collection at a time.
 * Errors      -LT_ENOSUCHKEY the dictionary is no longer known; -LT_ECORRUPT as cache/codec.h.
 */
#ifndef CACHE_PACKER_H
#define CACHE_PACKER_H

#include "cache/codec.h"

struct cache_packer;

struct cache_packer_stats {
    uint64_t values; /* that came to be packed */
    uint64_t plain;  /* of them, stayed as they are */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t trained; /* dictionaries */
};

struct cache_packer *cache_packer_new(enum cache_codec codec);
void cache_packer_free(struct cache_packer *packer);

/* `key` begins with the collection's id (store/keys.h). `scratch` is emptied. */
void cache_packer_pack(struct cache_packer *packer, struct slice key, struct slice value,
                       struct buf *scratch, struct cache_packed *ret_packed);

/* Fill `plain`, which has room for packed->plain_len bytes. */
int cache_packer_unpack(struct cache_packer *packer, const struct cache_packed *packed,
                        uint8_t *plain);

struct cache_packer_stats cache_packer_stats(const struct cache_packer *packer);

/* Append the dictionaries, for a file; and take them from there: -LT_ECORRUPT when they are not
 * what was saved. */
void cache_packer_save(struct cache_packer *packer, struct buf *out);
int cache_packer_load(struct cache_packer *packer, struct slice saved);

#endif
