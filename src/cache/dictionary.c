/* cache/dictionary.c - training, and a small table of versions. */
#include "cache/dictionary.h"

#include <zdict.h>

#include "base/mem.h"

enum { DICTIONARY_LEVEL = 1, SAMPLE_BYTES_MAX = CACHE_SAMPLES_BYTES / 16, SAMPLES_LEAST = 32 };

/* ---- the table ---- */

void cache_dictionaries_init(struct cache_dictionaries *dictionaries)
{
    *dictionaries = (struct cache_dictionaries){.next_version = 1};
    pthread_mutex_init(&dictionaries->lock, NULL);
}

void cache_dictionaries_close(struct cache_dictionaries *dictionaries)
{
    while (dictionaries->count > 0) {
        cache_dictionary_release(dictionaries->all[--dictionaries->count]);
    }
    pthread_mutex_destroy(&dictionaries->lock);
}

static struct cache_dictionary *dictionary_new(uint32_t collection, struct slice bytes)
{
    struct cache_dictionary *dictionary = mem_zero(1, sizeof *dictionary);
    dictionary->collection = collection;
    dictionary->bytes = slice_of(mem_copy(bytes), bytes.len);
    dictionary->packing = ZSTD_createCDict(bytes.data, bytes.len, DICTIONARY_LEVEL);
    dictionary->unpacking = ZSTD_createDDict(dictionary->bytes.data, bytes.len);
    atomic_init(&dictionary->holds, 2); /* the table's and the caller's */
    return dictionary;
}

void cache_dictionary_release(struct cache_dictionary *dictionary)
{
    if (dictionary == NULL || atomic_fetch_sub(&dictionary->holds, 1) > 1) {
        return;
    }
    ZSTD_freeCDict(dictionary->packing);
    ZSTD_freeDDict(dictionary->unpacking);
    mem_free((void *)(uintptr_t)dictionary->bytes.data);
    mem_free(dictionary);
}

/* The oldest that only the table holds, or else the oldest. */
static void dictionaries_drop_one(struct cache_dictionaries *dictionaries)
{
    uint32_t at = 0;
    for (uint32_t i = dictionaries->count; i-- > 0;) {
        if (atomic_load(&dictionaries->all[i]->holds) == 1) {
            at = i;
        }
    }
    cache_dictionary_release(dictionaries->all[at]);
    dictionaries->count--;
    memmove(&dictionaries->all[at], &dictionaries->all[at + 1],
            (dictionaries->count - at) * sizeof dictionaries->all[0]);
}

struct cache_dictionary *cache_dictionaries_add(struct cache_dictionaries *dictionaries,
                                                uint32_t version, uint32_t collection,
                                                struct slice bytes)
{
    struct cache_dictionary *dictionary = dictionary_new(collection, bytes);
    pthread_mutex_lock(&dictionaries->lock);
    dictionary->version = version != 0 ? version : dictionaries->next_version;
    if (dictionary->version >= dictionaries->next_version) {
        dictionaries->next_version = dictionary->version + 1;
    }
    if (dictionaries->count == CACHE_DICTIONARIES_MAX) {
        dictionaries_drop_one(dictionaries);
    }
    dictionaries->all[dictionaries->count++] = dictionary;
    pthread_mutex_unlock(&dictionaries->lock);
    return dictionary;
}

int cache_dictionaries_find(struct cache_dictionaries *dictionaries, uint32_t version,
                            struct cache_dictionary **ret_dictionary)
{
    int code = -LT_ENOSUCHKEY;
    pthread_mutex_lock(&dictionaries->lock);
    for (uint32_t i = 0; i < dictionaries->count && code < 0; i++) {
        if (dictionaries->all[i]->version == version) {
            *ret_dictionary = dictionaries->all[i];
            atomic_fetch_add(&dictionaries->all[i]->holds, 1);
            code = 0;
        }
    }
    pthread_mutex_unlock(&dictionaries->lock);
    return code;
}

/* ---- training ---- */

void cache_samples_init(struct cache_samples *samples)
{
    buf_init(&samples->bytes, NULL);
    buf_init(&samples->sizes, NULL);
}

void cache_samples_close(struct cache_samples *samples)
{
    buf_close(&samples->bytes);
    buf_close(&samples->sizes);
}

bool cache_samples_add(struct cache_samples *samples, struct slice value)
{
    if (value.len <= SAMPLE_BYTES_MAX) {
        buf_append_slice(&samples->bytes, value);
        buf_append(&samples->sizes, &value.len, sizeof value.len);
    }
    return samples->bytes.len < CACHE_SAMPLES_BYTES;
}

int cache_samples_train(struct cache_samples *samples, struct buf *ret_bytes)
{
    size_t count = samples->sizes.len / sizeof(size_t);
    int code = -LT_EBADVALUE;
    if (count >= SAMPLES_LEAST) {
        uint8_t *out = buf_extend(ret_bytes, CACHE_DICTIONARY_BYTES);
        size_t len = ZDICT_trainFromBuffer(out, CACHE_DICTIONARY_BYTES, samples->bytes.data,
                                           (const size_t *)(const void *)samples->sizes.data,
                                           (unsigned)count);
        bool failed = ZDICT_isError(len);
        ret_bytes->len -= failed ? CACHE_DICTIONARY_BYTES : CACHE_DICTIONARY_BYTES - len;
        code = failed ? code : 0;
    }
    cache_samples_close(samples);
    return code;
}
