/* cache/codec.h - making values smaller for the levels below memory, and whole again.
 *
 * Invariant   unpacking what was packed with the same dictionary gives the same bytes. Unpacking
 *             writes within the caller's buffer, whatever the packed bytes are.
 * Thread      packing: one at a time; unpacking: any.
 * Memory      packing appends to the caller's buf, unpacking fills the caller's bytes; a few idle
 *             contexts of Zstandard are kept for the next callers.
 * Errors      -LT_ECORRUPT for packed bytes that are not a value of that length; -LT_EBADVALUE no
 *             such codec.
 */
#ifndef CACHE_CODEC_H
#define CACHE_CODEC_H

#include <zstd.h>

#include "base/buf.h"
#include "base/err.h"

/* Their numbers are in files. */
enum cache_codec {
    CACHE_CODEC_NONE = 0,
    CACHE_CODEC_LZ4 = 1,
    CACHE_CODEC_ZSTD = 2,
    CACHE_CODEC_SNAPPY = 3,
};

struct cache_coder;

struct cache_coder *cache_coder_new(void);
void cache_coder_free(struct cache_coder *coder);

int cache_codec_find(const char *name, enum cache_codec *ret_codec);

/* Append the packed form of `plain`; false and nothing appended when it would not be a tenth
 * smaller. Only Zstandard has use for a dictionary (NULL: none). */
bool cache_codec_pack(struct cache_coder *coder, enum cache_codec codec,
                      const ZSTD_CDict *dictionary, struct slice plain, struct buf *packed);

/* A value as a level holds it. */
struct cache_packed {
    struct slice bytes;
    uint32_t plain_len;
    enum cache_codec codec;
    uint32_t dictionary; /* its version; 0: none */
};

/* Fill `plain`, which has room for packed->plain_len bytes. */
int cache_codec_unpack(struct cache_coder *coder, const struct cache_packed *packed,
                       const ZSTD_DDict *dictionary, uint8_t *plain);

#endif
