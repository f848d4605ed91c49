/* store/seal.h - the keys of the files that lie on disk, when they are encrypted.
 *
 * Invariant   a file has a key of its own, made of a data key and a salt that it names in its head;
 *             new files are made with the newest data key, and all that were ever used are known.
 * Thread      any; nothing changes once it is made.
 * Memory      the keys are wiped at the end. A gcm is the caller's.
 * Errors      -LT_ECORRUPT a file names no key, or one that is not known.
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "base/gcm.h"

struct store_seal;

struct store_seal_key {
    uint32_t number; /* from 1 on */
    uint8_t bytes[GCM_KEY];
};

/* What a file says of its key. */
struct store_seal_mark {
    uint64_t salt;
    uint32_t key; /* 0: it is not encrypted */
    uint32_t pad;
};

/* At least one, the newest last. */
struct store_seal *store_seal_new(const struct store_seal_key *keys, size_t count);
/* NULL is fine. */
void store_seal_free(struct store_seal *seal);

/* What a new file says. */
struct store_seal_mark store_seal_mark(const struct store_seal *seal);
/* What it is sealed with. */
int store_seal_gcm(const struct store_seal *seal, struct store_seal_mark mark,
                   struct gcm **ret_gcm);

#endif
