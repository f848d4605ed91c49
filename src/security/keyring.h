/* security/keyring.h - the keys of what is encrypted on disk, themselves encrypted.
 *
 * Invariant   the file `keyring` of the data directory holds every data key that a file there may
 *             be encrypted with, by number, each sealed with the master key; it is replaced as a
 *             whole. The master key is nowhere in the directory.
 * Thread      one at a time.
 * Memory      values; security_master_wipe and security_keyring_close wipe them.
 * Errors      -LT_ENOSUCHKEY there is no keyring; -LT_EAUTHENTICATIONFAILED the master key is not
 *             its; -LT_EBADVALUE a master key that is none; -LT_ECORRUPT, -LT_EIO. err says which
 *             file, and what to do.
 */
#ifndef SECURITY_KEYRING_H
#define SECURITY_KEYRING_H

#include "base/buf.h"
#include "base/err.h"
#include "base/gcm.h"

struct security_master {
    uint8_t bytes[GCM_KEY];
};

/* Base 64 of 32 bytes, in a file that only its owner may read, as `openssl rand -base64 32` makes
 * it; or printed by a command, which a shell runs. */
int security_master_file(const char *path, struct security_master *ret_master, struct err *err);
int security_master_command(const char *command, struct security_master *ret_master,
                            struct err *err);
void security_master_wipe(struct security_master *master);

struct security_data_key {
    uint32_t number; /* from 1 on; the highest is for new files */
    int64_t created_ms;
    uint8_t bytes[GCM_KEY];
};

struct security_keyring {
    struct buf keys; /* of struct security_data_key, in order */
};

void security_keyring_init(struct security_keyring *keyring);
void security_keyring_close(struct security_keyring *keyring);
size_t security_keyring_count(const struct security_keyring *keyring);
const struct security_data_key *security_keyring_at(const struct security_keyring *keyring,
                                                    size_t at);

/* A new data key. */
void security_keyring_add(struct security_keyring *keyring, int64_t now_ms);

bool security_keyring_exists(const char *directory);
/* Into an empty one. */
int security_keyring_load(struct security_keyring *keyring, const char *directory,
                          const struct security_master *master, struct err *err);
int security_keyring_save(const struct security_keyring *keyring, const char *directory,
                          const struct security_master *master, struct err *err);

#endif
