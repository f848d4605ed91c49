/* cache/codec.c - the codecs in a table; what does not shrink stays as it is.
 *
 * A codec is given nine tenths of the value's length to write into: it stops when they are full,
 * so bytes that cannot be packed cost less than those that can. */
#include "cache/codec.h"

#include <limits.h>
#include <lz4.h>
#include <pthread.h>
#include <snappy-c.h>

#include "base/mem.h"

enum { CODEC_LEVEL = 1, CODEC_SPARES = 8 };

struct cache_coder {
    ZSTD_CCtx *packing;
    pthread_mutex_t lock;
    ZSTD_DCtx *spares[CODEC_SPARES]; /* idle ones; under lock */
    uint32_t spares_count;
};

struct codec_ops {
    const char *name;
    /* Pack into at most `most` bytes at `out`; 0 when that is too little. */
    size_t (*pack)(struct cache_coder *coder, const ZSTD_CDict *dictionary, struct slice plain,
                   uint8_t *out, size_t most);
    /* True when it gave exactly `plain_len` bytes. */
    bool (*unpack)(struct cache_coder *coder, const struct cache_packed *packed,
                   const ZSTD_DDict *dictionary, uint8_t *plain);
};

struct cache_coder *cache_coder_new(void)
{
    struct cache_coder *coder = mem_zero(1, sizeof *coder);
    pthread_mutex_init(&coder->lock, NULL);
    return coder;
}

void cache_coder_free(struct cache_coder *coder)
{
    if (coder == NULL) {
        return;
    }
    while (coder->spares_count > 0) {
        ZSTD_freeDCtx(coder->spares[--coder->spares_count]);
    }
    ZSTD_freeCCtx(coder->packing);
    pthread_mutex_destroy(&coder->lock);
    mem_free(coder);
}

/* ---- none ---- */

static size_t none_pack(struct cache_coder *coder, const ZSTD_CDict *dictionary, struct slice plain,
                        uint8_t *out, size_t most)
{
    (void)coder;
    (void)dictionary;
    (void)plain;
    (void)out;
    (void)most;
    return 0;
}

static bool none_unpack(struct cache_coder *coder, const struct cache_packed *packed,
                        const ZSTD_DDict *dictionary, uint8_t *plain)
{
    (void)coder;
    (void)dictionary;
    if (packed->bytes.len != packed->plain_len) {
        return false;
    }
    if (packed->plain_len > 0) {
        memcpy(plain, packed->bytes.data, packed->plain_len);
    }
    return true;
}

/* ---- LZ4 ---- */

static size_t lz4_pack(struct cache_coder *coder, const ZSTD_CDict *dictionary, struct slice plain,
                       uint8_t *out, size_t most)
{
    (void)coder;
    (void)dictionary;
    return (size_t)LZ4_compress_default((const char *)plain.data, (char *)out, (int)plain.len,
                                        (int)most);
}

static bool lz4_unpack(struct cache_coder *coder, const struct cache_packed *packed,
                       const ZSTD_DDict *dictionary, uint8_t *plain)
{
    (void)coder;
    (void)dictionary;
    int len = LZ4_decompress_safe((const char *)packed->bytes.data, (char *)plain,
                                  (int)packed->bytes.len, (int)packed->plain_len);
    return len >= 0 && (uint32_t)len == packed->plain_len;
}

/* ---- Zstandard ---- */

static size_t zstd_pack(struct cache_coder *coder, const ZSTD_CDict *dictionary, struct slice plain,
                        uint8_t *out, size_t most)
{
    if (coder->packing == NULL) {
        coder->packing = ZSTD_createCCtx();
    }
    size_t len = dictionary == NULL ? ZSTD_compressCCtx(coder->packing, out, most, plain.data,
                                                        plain.len, CODEC_LEVEL)
                                    : ZSTD_compress_usingCDict(coder->packing, out, most,
                                                               plain.data, plain.len, dictionary);
    return ZSTD_isError(len) ? 0 : len;
}

static ZSTD_DCtx *zstd_take(struct cache_coder *coder)
{
    ZSTD_DCtx *context = NULL;
    pthread_mutex_lock(&coder->lock);
    if (coder->spares_count > 0) {
        context = coder->spares[--coder->spares_count];
    }
    pthread_mutex_unlock(&coder->lock);
    return context != NULL ? context : ZSTD_createDCtx();
}

static void zstd_give(struct cache_coder *coder, ZSTD_DCtx *context)
{
    pthread_mutex_lock(&coder->lock);
    if (coder->spares_count < CODEC_SPARES) {
        coder->spares[coder->spares_count++] = context;
        context = NULL;
    }
    pthread_mutex_unlock(&coder->lock);
    ZSTD_freeDCtx(context);
}

static bool zstd_unpack(struct cache_coder *coder, const struct cache_packed *packed,
                        const ZSTD_DDict *dictionary, uint8_t *plain)
{
    ZSTD_DCtx *context = zstd_take(coder);
    struct slice bytes = packed->bytes;
    size_t len = dictionary == NULL
                     ? ZSTD_decompressDCtx(context, plain, packed->plain_len, bytes.data, bytes.len)
                     : ZSTD_decompress_usingDDict(context, plain, packed->plain_len, bytes.data,
                                                  bytes.len, dictionary);
    zstd_give(coder, context);
    return !ZSTD_isError(len) && len == packed->plain_len;
}

/* ---- Snappy ---- */

/* It has no bound of its own, so it writes beside what it may fill. */
static size_t snappy_pack(struct cache_coder *coder, const ZSTD_CDict *dictionary,
                          struct slice plain, uint8_t *out, size_t most)
{
    (void)coder;
    (void)dictionary;
    size_t len = snappy_max_compressed_length(plain.len);
    char *packed = mem_alloc(len);
    bool fits = snappy_compress((const char *)plain.data, plain.len, packed, &len) == SNAPPY_OK &&
                len <= most;
    if (fits) {
        memcpy(out, packed, len);
    }
    mem_free(packed);
    return fits ? len : 0;
}

static bool snappy_unpack(struct cache_coder *coder, const struct cache_packed *packed,
                          const ZSTD_DDict *dictionary, uint8_t *plain)
{
    (void)coder;
    (void)dictionary;
    const char *bytes = (const char *)packed->bytes.data;
    size_t len;
    if (snappy_uncompressed_length(bytes, packed->bytes.len, &len) != SNAPPY_OK ||
        len != packed->plain_len) {
        return false;
    }
    return snappy_uncompress(bytes, packed->bytes.len, (char *)plain, &len) == SNAPPY_OK;
}

static const struct codec_ops codec_table[] = {
    [CACHE_CODEC_NONE] = {"none", none_pack, none_unpack},
    [CACHE_CODEC_LZ4] = {"lz4", lz4_pack, lz4_unpack},
    [CACHE_CODEC_ZSTD] = {"zstd", zstd_pack, zstd_unpack},
    [CACHE_CODEC_SNAPPY] = {"snappy", snappy_pack, snappy_unpack},
};

enum { CODEC_COUNT = sizeof codec_table / sizeof codec_table[0] };

int cache_codec_find(const char *name, enum cache_codec *ret_codec)
{
    for (uint32_t i = 0; i < CODEC_COUNT; i++) {
        if (strcmp(codec_table[i].name, name) == 0) {
            *ret_codec = (enum cache_codec)i;
            return 0;
        }
    }
    return -LT_EBADVALUE;
}

bool cache_codec_pack(struct cache_coder *coder, enum cache_codec codec,
                      const ZSTD_CDict *dictionary, struct slice plain, struct buf *packed)
{
    size_t most = plain.len - plain.len / 10;
    if (plain.len < 10 || plain.len > INT_MAX) {
        return false;
    }
    size_t before = packed->len;
    uint8_t *out = buf_extend(packed, most);
    size_t len = codec_table[codec].pack(coder, dictionary, plain, out, most);
    packed->len = before + len;
    return len > 0;
}

int cache_codec_unpack(struct cache_coder *coder, const struct cache_packed *packed,
                       const ZSTD_DDict *dictionary, uint8_t *plain)
{
    if ((uint32_t)packed->codec >= CODEC_COUNT || packed->plain_len > INT_MAX ||
        packed->bytes.len > INT_MAX) {
        return -LT_ECORRUPT;
    }
    bool whole = codec_table[packed->codec].unpack(coder, packed, dictionary, plain);
    return whole ? 0 : -LT_ECORRUPT;
}
