/* node/encryption.c - whether a data directory is encrypted, and the keys of its files.
 *
 * It is from its first start on, or never: its keyring says so. What was written in the clear would
 * stay so where nobody looks, and be believed to be encrypted. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "node/node_private.h"
#include "security/keyring.h"
#include "store/seal.h"

static bool encryption_has_data(const char *db_path)
{
    char path[4096];
    struct stat status;
    snprintf(path, sizeof path, "%s/store", db_path);
    return stat(path, &status) == 0;
}

static struct store_seal *encryption_seal(const struct security_keyring *keyring)
{
    size_t count = security_keyring_count(keyring);
    struct store_seal_key *keys = mem_zero(count, sizeof *keys);
    for (size_t i = 0; i < count; i++) {
        const struct security_data_key *key = security_keyring_at(keyring, i);
        keys[i].number = key->number;
        memcpy(keys[i].bytes, key->bytes, sizeof keys[i].bytes);
    }
    struct store_seal *seal = store_seal_new(keys, count);
    OPENSSL_cleanse(keys, count * sizeof *keys);
    mem_free(keys);
    return seal;
}

int node__encryption_open(const char *db_path, const struct security_master *master,
                          struct store_seal **ret_seal, struct err *err)
{
    struct security_keyring keyring;
    bool exists = security_keyring_exists(db_path);
    if (master == NULL) {
        return exists
                   ? err_set(err, LT_EBADVALUE,
                             "%s is encrypted: give --enableEncryption and its master key", db_path)
                   : 0;
    }
    if (!exists && encryption_has_data(db_path)) {
        return err_set(err, LT_EBADVALUE,
                       "%s was made without encryption and stays so: dump what is in it, and "
                       "restore that into an empty directory with --enableEncryption",
                       db_path);
    }
    security_keyring_init(&keyring);
    int code = exists ? security_keyring_load(&keyring, db_path, master, err) : 0;
    if (!exists) {
        security_keyring_add(&keyring, clock_wall_ms());
        code = security_keyring_save(&keyring, db_path, master, err);
    }
    if (code == 0) {
        *ret_seal = encryption_seal(&keyring);
    }
    security_keyring_close(&keyring);
    return code;
}
