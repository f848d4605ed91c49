/* base/gcm.h - bytes sealed with a key: AES-256-GCM.
 *
 * Invariant   a sealed text is the cipher text, as long as the plain one, and GCM_EXTRA bytes: 12
 *             of nonce, 16 of tag. A nonce is six random bytes of this gcm's and a count, so one
 *             key may be given to any number of them.
 * Thread      any.
 * Memory      the key is wiped at the end; two idle contexts of OpenSSL are kept.
 * Errors      -LT_ECORRUPT it was not sealed with this key and these other bytes, or was changed.
 * Source      NIST SP 800-38D.
 */
#ifndef BASE_GCM_H
#define BASE_GCM_H

#include "base/err.h"

enum { GCM_KEY = 32, GCM_EXTRA = 28 };

struct gcm;

struct gcm *gcm_new(const uint8_t key[GCM_KEY]);
/* NULL is fine. */
void gcm_free(struct gcm *gcm);

/* Write plain.len + GCM_EXTRA bytes to `out`, which may be where `plain` is. Whoever unseals must
 * bring the same `other` bytes. */
void gcm_seal(struct gcm *gcm, struct slice other, struct slice plain, uint8_t *out);

/* Write sealed.len - GCM_EXTRA bytes to `out`, which may be where `sealed` is. */
int gcm_unseal(struct gcm *gcm, struct slice other, struct slice sealed, uint8_t *out);

/* A key out of another and what it is for: HMAC-SHA-256. */
void gcm_derive(const uint8_t key[GCM_KEY], struct slice purpose, uint8_t ret_key[GCM_KEY]);

#endif
