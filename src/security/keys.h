/* security/keys.h - what is stored of a password, and making it.
 *
 * Invariant   keys are SCRAM's (RFC 5802): with them a login can be checked, and without the
 *             password none can be made. Making them takes thousands of hashes: it goes in slices.
 * Thread      one at a time.
 * Memory      security_stretch_close wipes what leads to the password.
 * Errors      security_keys_parse: -LT_ECORRUPT for a document that nobody wrote.
 */
#ifndef SECURITY_KEYS_H
#define SECURITY_KEYS_H

#include "base/err.h"
#include "doc/build.h"

enum security_mechanism {
    SECURITY_SCRAM_SHA_1,
    SECURITY_SCRAM_SHA_256,
    SECURITY_MECHANISMS,
};

enum { SECURITY_HASH_MAX = 32, SECURITY_SALT_MAX = 64 };

struct security_keys {
    enum security_mechanism mechanism;
    uint32_t iterations;
    uint8_t salt[SECURITY_SALT_MAX];
    size_t salt_len;
    uint8_t stored[SECURITY_HASH_MAX];
    uint8_t server[SECURITY_HASH_MAX];
};

/* "SCRAM-SHA-256" */
const char *security_mechanism_name(enum security_mechanism mechanism);
/* -1: it is none of these. */
int security_mechanism_find(struct slice name);
/* Bytes of its hash, and of the salts made for it. */
size_t security_hash_len(enum security_mechanism mechanism);
size_t security_salt_len(enum security_mechanism mechanism);

void security_hmac(enum security_mechanism mechanism, struct slice key, struct slice text,
                   uint8_t *ret_hash);
void security_hash(enum security_mechanism mechanism, struct slice text, uint8_t *ret_hash);

/* ---- as documents: {iterationCount, salt, storedKey, serverKey}, in base 64 ---- */
void security_keys_build(const struct security_keys *keys, struct doc_builder *builder);
int security_keys_parse(struct slice doc, enum security_mechanism mechanism,
                        struct security_keys *ret_keys, struct err *err);

/* ---- from a password ---- */
struct security_stretch;

/* `keys` has mechanism, iterations and salt. The password is as the client hashes it: prepared for
 * SHA-256, MD5 of "user:mongo:password" for SHA-1 (security_legacy_password). */
struct security_stretch *security_stretch_new(const struct security_keys *keys,
                                              struct slice password);
/* Go `steps` on: true when it is at its end. */
bool security_stretch_step(struct security_stretch *stretch, uint32_t steps);
/* At its end: the keys. */
void security_stretch_keys(const struct security_stretch *stretch, struct security_keys *ret_keys);
void security_stretch_free(struct security_stretch *stretch);

/* MD5 of "user:mongo:password" in hexadecimal: what SCRAM-SHA-1 takes for the password. */
enum { SECURITY_LEGACY_LEN = 32 };
void security_legacy_password(struct slice user, struct slice password,
                              char ret_text[SECURITY_LEGACY_LEN + 1]);

/* ---- base 64 ---- */
/* Appended without a NUL. */
void security_base64_write(struct buf *buf, struct slice bytes);
/* The bytes written into `to`, of which there are `cap`; -1 when it is no base 64 or too long. */
int security_base64_read(struct slice text, uint8_t *to, size_t cap);

#endif
