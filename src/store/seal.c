/* store/seal.c - data keys by number, and the keys of files out of them. */
#include "store/seal.h"

#include <assert.h>
#include <openssl/crypto.h>

#include "base/mem.h"
#include "base/rng.h"

struct store_seal {
    size_t count;
    struct store_seal_key keys[];
};

struct store_seal *store_seal_new(const struct store_seal_key *keys, size_t count)
{
    assert(count > 0);
    struct store_seal *seal = mem_alloc(sizeof *seal + count * sizeof *keys);
    seal->count = count;
    memcpy(seal->keys, keys, count * sizeof *keys);
    return seal;
}

void store_seal_free(struct store_seal *seal)
{
    if (seal != NULL) {
        OPENSSL_cleanse(seal->keys, seal->count * sizeof seal->keys[0]);
        mem_free(seal);
    }
}

struct store_seal_mark store_seal_mark(const struct store_seal *seal)
{
    return (struct store_seal_mark){.salt = rng_u64(), .key = seal->keys[seal->count - 1].number};
}

int store_seal_gcm(const struct store_seal *seal, struct store_seal_mark mark, struct gcm **ret_gcm)
{
    for (size_t i = seal->count; i > 0; i--) {
        if (seal->keys[i - 1].number == mark.key) {
            uint8_t key[GCM_KEY];
            gcm_derive(seal->keys[i - 1].bytes, slice_of(&mark.salt, sizeof mark.salt), key);
            *ret_gcm = gcm_new(key);
            OPENSSL_cleanse(key, sizeof key);
            return 0;
        }
    }
    return -LT_ECORRUPT;
}
