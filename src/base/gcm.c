/* base/gcm.c - OpenSSL's AES-256-GCM; a context keeps the expanded key, so it is used again. */
#include "base/gcm.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "base/rng.h"

enum { GCM_NONCE = 12, GCM_TAG = 16, GCM_EPOCH = 6, GCM_IDLE = 2 };
static_assert(GCM_NONCE + GCM_TAG == GCM_EXTRA, "what a sealed text has more");

struct gcm {
    uint8_t key[GCM_KEY];
    uint8_t epoch[GCM_EPOCH];
    _Atomic uint64_t count;
    _Atomic(EVP_CIPHER_CTX *) idle[GCM_IDLE];
};

struct gcm *gcm_new(const uint8_t key[GCM_KEY])
{
    struct gcm *gcm = mem_zero(1, sizeof *gcm);
    memcpy(gcm->key, key, GCM_KEY);
    rng_bytes(gcm->epoch, sizeof gcm->epoch);
    return gcm;
}

void gcm_free(struct gcm *gcm)
{
    if (gcm == NULL) {
        return;
    }
    for (int i = 0; i < GCM_IDLE; i++) {
        EVP_CIPHER_CTX_free(atomic_load(&gcm->idle[i]));
    }
    OPENSSL_cleanse(gcm->key, sizeof gcm->key);
    mem_free(gcm);
}

/* OpenSSL fails here only for want of memory. */
static EVP_CIPHER_CTX *gcm_take(struct gcm *gcm)
{
    for (int i = 0; i < GCM_IDLE; i++) {
        EVP_CIPHER_CTX *context = atomic_exchange(&gcm->idle[i], NULL);
        if (context != NULL) {
            return context;
        }
    }
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int done = EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, gcm->key, NULL, 1);
    assert(done == 1);
    (void)done;
    return context;
}

static void gcm_put(struct gcm *gcm, EVP_CIPHER_CTX *context)
{
    for (int i = 0; i < GCM_IDLE && context != NULL; i++) {
        context = atomic_exchange(&gcm->idle[i], context);
    }
    EVP_CIPHER_CTX_free(context);
}

/* All but the tag. */
static void gcm_run(EVP_CIPHER_CTX *context, struct slice other, struct slice from, uint8_t *to)
{
    int len = 0;
    assert(from.len <= INT32_MAX);
    if (other.len > 0) {
        EVP_CipherUpdate(context, NULL, &len, other.data, (int)other.len);
    }
    if (from.len > 0) {
        EVP_CipherUpdate(context, to, &len, from.data, (int)from.len);
    }
}

void gcm_seal(struct gcm *gcm, struct slice other, struct slice plain, uint8_t *out)
{
    uint8_t *nonce = out + plain.len;
    uint64_t count = atomic_fetch_add(&gcm->count, 1);
    EVP_CIPHER_CTX *context = gcm_take(gcm);
    int len = 0;
    memcpy(nonce, gcm->epoch, GCM_EPOCH);
    memcpy(nonce + GCM_EPOCH, &count, GCM_NONCE - GCM_EPOCH); /* little endian */
    EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, 1);
    gcm_run(context, other, plain, out);
    EVP_CipherFinal_ex(context, nonce + GCM_NONCE, &len);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, nonce + GCM_NONCE);
    gcm_put(gcm, context);
}

int gcm_unseal(struct gcm *gcm, struct slice other, struct slice sealed, uint8_t *out)
{
    uint8_t tag[GCM_TAG];
    uint8_t none[GCM_TAG];
    int len = 0;
    if (sealed.len < GCM_EXTRA) {
        return -LT_ECORRUPT;
    }
    struct slice text = slice_of(sealed.data, sealed.len - GCM_EXTRA);
    const uint8_t *nonce = sealed.data + text.len;
    EVP_CIPHER_CTX *context = gcm_take(gcm);
    memcpy(tag, nonce + GCM_NONCE, GCM_TAG);
    EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, 0);
    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag);
    gcm_run(context, other, text, out);
    int whole = EVP_CipherFinal_ex(context, none, &len);
    gcm_put(gcm, context);
    return whole == 1 ? 0 : -LT_ECORRUPT;
}

void gcm_derive(const uint8_t key[GCM_KEY], struct slice purpose, uint8_t ret_key[GCM_KEY])
{
    unsigned len = GCM_KEY;
    HMAC(EVP_sha256(), key, GCM_KEY, purpose.data, purpose.len, ret_key, &len);
}
