/* store/rocks_seal_test.c - an encrypted store shows nothing, and believes nothing that was
 * changed. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "lib/test.h"
#include "store/effect.h"
#include "store/kv.h"
#include "store/seal.h"

enum { VAULT_RECORDS = 400, VAULT_VALUE = 300 };

static const char vault_text[] = "nobody may read this";

struct vault {
    char directory[64];
    struct store_seal *seal; /* NULL: plain */
    struct store_kv *kv;
};

static int vault_open(struct vault *vault)
{
    struct err err = {0};
    struct store_rocks_options options = {.path = vault->directory,
                                          .cache_bytes = 1 << 20,
                                          .write_buffer_bytes = 64 << 10,
                                          .compressor = "none",
                                          .seal = vault->seal};
    return store_rocks_open(&options, &vault->kv, &err);
}

static void vault_close(struct vault *vault)
{
    vault->kv->ops->close(vault->kv);
    vault->kv = NULL;
}

static struct store_seal *vault_seal(uint8_t key)
{
    return store_seal_new(&(struct store_seal_key){.number = 1, .bytes = {key}}, 1);
}

static struct slice vault_key(int number, uint8_t key[6])
{
    const uint8_t bytes[6] = {0, 0, 0, 1, (uint8_t)(number >> 8), (uint8_t)number};
    memcpy(key, bytes, sizeof bytes);
    return slice_of(key, sizeof bytes);
}

static struct slice vault_value(int number, char value[VAULT_VALUE])
{
    memset(value, 'a' + number % 26, VAULT_VALUE);
    snprintf(value, VAULT_VALUE, "%d: %s", number, vault_text);
    return slice_of(value, VAULT_VALUE);
}

/* A directory with a closed store of some records in it, in files. */
static void vault_make(struct vault *vault, struct store_seal *seal)
{
    *vault = (struct vault){.seal = seal};
    snprintf(vault->directory, sizeof vault->directory, "/tmp/largetable-vault-XXXXXX");
    assert_non_null(mkdtemp(vault->directory));
    assert_int_equal(vault_open(vault), 0);
    for (int i = 0; i < VAULT_RECORDS; i++) {
        struct buf payload;
        uint8_t key[6];
        char value[VAULT_VALUE];
        buf_init(&payload, NULL);
        store_effect_begin(&payload, (uint64_t)i + 1);
        store_effect_put(&payload, vault_key(i, key), vault_value(i, value));
        struct slice payloads[1] = {buf_slice(&payload)};
        struct store_mark mark = {(uint64_t)i + 1, 1, (uint64_t)i + 1};
        assert_int_equal(vault->kv->ops->apply(vault->kv, payloads, 1, mark), 0);
        buf_close(&payload);
    }
    uint64_t index;
    assert_int_equal(vault->kv->ops->flush(vault->kv, &index), 0);
    vault_close(vault);
}

/* The nth file; false when there are not so many. */
static bool vault_file(const struct vault *vault, int nth, char path[400])
{
    DIR *directory = opendir(vault->directory);
    struct dirent *entry;
    bool found = false;
    while (!found && (entry = readdir(directory)) != NULL) {
        struct stat status;
        snprintf(path, 400, "%s/%s", vault->directory, entry->d_name);
        found = stat(path, &status) == 0 && S_ISREG(status.st_mode) && nth-- == 0;
    }
    closedir(directory);
    return found;
}

static void vault_read(const char *path, struct buf *buf)
{
    struct stat status;
    int file = open(path, O_RDONLY);
    assert_int_equal(fstat(file, &status), 0);
    size_t size = (size_t)status.st_size;
    buf->len = 0;
    uint8_t *data = buf_extend(buf, size);
    assert_int_equal(read(file, data, size), size);
    close(file);
}

static bool vault_shows(const struct vault *vault, const char *text)
{
    char path[400];
    struct buf buf;
    bool shown = false;
    buf_init(&buf, NULL);
    for (int i = 0; vault_file(vault, i, path); i++) {
        vault_read(path, &buf);
        shown = shown || memmem(buf.data, buf.len, text, strlen(text)) != NULL;
    }
    buf_close(&buf);
    return shown;
}

static void vault_drop(struct vault *vault)
{
    char path[400];
    while (vault_file(vault, 0, path)) {
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(vault->directory), 0);
    store_seal_free(vault->seal);
}

/* Every record is what it was, or an error is told: how many are. */
static int vault_count(struct vault *vault)
{
    int whole = 0;
    for (int i = 0; i < VAULT_RECORDS; i++) {
        struct store_pin pin;
        uint8_t key[6];
        char value[VAULT_VALUE];
        int code = vault->kv->ops->get(vault->kv, NULL, vault_key(i, key), STORE_MAY_WAIT, &pin);
        if (code == 0) {
            assert_true(slice_equal(pin.value, vault_value(i, value)));
            store_pin_release(&pin);
            whole++;
        } else {
            assert_int_equal(code, -LT_ECORRUPT);
        }
    }
    return whole;
}

TEST(rocks_shows_in_plain_files_what_it_hides_in_encrypted_ones)
{
    struct vault plain;
    struct vault sealed;
    vault_make(&plain, NULL);
    vault_make(&sealed, vault_seal(1));
    assert_true(vault_shows(&plain, vault_text));
    assert_true(vault_shows(&plain, "leveldb")); /* the manifest's comparator */
    assert_false(vault_shows(&sealed, vault_text));
    assert_false(vault_shows(&sealed, "leveldb"));
    assert_int_equal(vault_open(&sealed), 0);
    assert_int_equal(vault_count(&sealed), VAULT_RECORDS);
    vault_close(&sealed);
    vault_drop(&plain);
    vault_drop(&sealed);
}

TEST(rocks_opens_with_its_key_only)
{
    struct vault vault;
    vault_make(&vault, vault_seal(1));
    struct store_seal *seal = vault.seal;
    vault.seal = vault_seal(2);
    assert_true(vault_open(&vault) < 0);
    store_seal_free(vault.seal);
    vault.seal = NULL;
    assert_true(vault_open(&vault) < 0);
    vault.seal = seal;
    assert_int_equal(vault_open(&vault), 0);
    vault_close(&vault);
    vault_drop(&vault);
}

static void vault_flip(const char *path, off_t at)
{
    uint8_t byte;
    int file = open(path, O_RDWR);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

/* One bit anywhere in a file of the store is never believed. */
TEST(rocks_tells_of_a_flipped_bit_in_an_encrypted_file)
{
    struct vault vault;
    char path[400];
    struct buf buf;
    int told = 0;
    buf_init(&buf, NULL);
    vault_make(&vault, vault_seal(1));
    for (int i = 0; i < 24; i++) {
        int nth = i;
        if (!vault_file(&vault, nth, path)) {
            break;
        }
        vault_read(path, &buf);
        for (int part = 0; part < 8 && buf.len > 0; part++) {
            off_t at = (off_t)(buf.len * (size_t)part / 8);
            vault_flip(path, at);
            if (vault_open(&vault) == 0) {
                told += vault_count(&vault) < VAULT_RECORDS;
                vault_close(&vault);
            } else {
                told++;
            }
            if (access(path, F_OK) != 0) {
                break; /* an opening may make room of what is no longer needed */
            }
            vault_flip(path, at);
        }
    }
    assert_true(told > 0);
    buf_close(&buf);
    vault_drop(&vault);
}

/* Positions and lengths that are no multiple of a frame's, and records in many frames. */
TEST(rocks_reads_encrypted_files_at_any_place)
{
    struct vault vault;
    vault_make(&vault, vault_seal(1));
    assert_int_equal(vault_open(&vault), 0);
    struct store_cursor *cursor = vault.kv->ops->cursor(vault.kv, NULL, STORE_MAY_WAIT);
    uint8_t key[6];
    int seen = 0;
    int more = cursor->ops->seek(cursor, vault_key(0, key), false);
    while (more > 0) {
        char value[VAULT_VALUE];
        assert_true(slice_equal(cursor->ops->value(cursor), vault_value(seen, value)));
        seen++;
        more = cursor->ops->step(cursor);
        if (seen == VAULT_RECORDS) {
            break;
        }
    }
    assert_int_equal(seen, VAULT_RECORDS);
    cursor->ops->close(cursor);
    vault_close(&vault);
    vault_drop(&vault);
}

/* A log that was made and never synced is empty, or zeroes, after a loss of power. */
TEST(rocks_opens_encrypted_with_a_file_that_a_crash_left_without_its_head)
{
    for (off_t size = 0; size <= 100; size += 50) {
        struct vault vault;
        char path[400];
        bool found = false;
        vault_make(&vault, vault_seal(1));
        for (int i = 0; !found && vault_file(&vault, i, path); i++) {
            found = strcmp(path + strlen(path) - 4, ".log") == 0;
        }
        assert_true(found);
        assert_int_equal(truncate(path, 0), 0);
        assert_int_equal(truncate(path, size), 0);
        assert_int_equal(vault_open(&vault), 0);
        assert_int_equal(vault_count(&vault), VAULT_RECORDS);
        vault_close(&vault);
        vault_drop(&vault);
    }
}
