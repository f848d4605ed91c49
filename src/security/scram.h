/* security/scram.h - one login by SCRAM, the server's side (RFC 5802, RFC 7677).
 *
 *   start --> names the user --> challenge --> verify --> proven (the client may check us)
 *
 * Invariant   a user who is not there, or has no such keys, takes the same steps with keys that
 *             nobody knows, and fails where a wrong password fails.
 * Thread      one at a time.
 * Memory      the login owns what it keeps; security_scram_free wipes it.
 * Errors      -LT_EAUTHENTICATIONFAILED, one text for all; -LT_EPROTOCOLERROR for bytes that no
 *             client sends.
 */
#ifndef SECURITY_SCRAM_H
#define SECURITY_SCRAM_H

#include "security/keys.h"

struct security_scram;

enum { SECURITY_USER_MAX = 1024, SECURITY_PAYLOAD_MAX = 4096 };

/* Read the client's first message; *ret_user is borrowed from the login. */
int security_scram_new(enum security_mechanism mechanism, struct slice payload,
                       struct security_scram **ret_scram, struct slice *ret_user, struct err *err);
void security_scram_free(struct security_scram *scram);

/* Answer it: with the user's keys, or with keys from `secret`, which nobody outside knows and which
 * stays the same, when `keys` is NULL. */
struct security_challenge {
    const struct security_keys *keys;
    uint32_t iterations; /* of keys made from the secret */
    struct slice secret;
    struct slice nonce; /* random, as text without commas */
};
void security_scram_challenge(struct security_scram *scram,
                              const struct security_challenge *challenge, struct buf *reply);

/* Read the client's second message: is the proof right? The reply proves that we know the keys. */
int security_scram_verify(struct security_scram *scram, struct slice payload, struct buf *reply,
                          struct err *err);

#endif
