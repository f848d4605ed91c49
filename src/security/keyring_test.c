/* security/keyring_test.c - the keyring opens with its master key, and only with it. */
#include "security/keyring.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/test.h"

static const struct security_master keyring_master = {.bytes = {1}};
static const struct security_master keyring_stranger = {.bytes = {2}};

struct place {
    char directory[64];
    char file[96]; /* that a test may write */
    struct security_keyring keyring;
    struct err err;
};

static void place_open(struct place *place)
{
    *place = (struct place){0};
    snprintf(place->directory, sizeof place->directory, "/tmp/keyring_test.XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->file, sizeof place->file, "%s/key", place->directory);
    security_keyring_init(&place->keyring);
}

static void place_close(struct place *place)
{
    char path[96];
    snprintf(path, sizeof path, "%s/keyring", place->directory);
    unlink(path);
    unlink(place->file);
    assert_int_equal(rmdir(place->directory), 0);
    security_keyring_close(&place->keyring);
}

static int place_load(struct place *place, const struct security_master *master,
                      struct security_keyring *ret_keyring)
{
    security_keyring_init(ret_keyring);
    return security_keyring_load(ret_keyring, place->directory, master, &place->err);
}

TEST(keyring_gives_back_its_keys_to_its_master)
{
    struct place place;
    struct security_keyring again;
    place_open(&place);
    assert_false(security_keyring_exists(place.directory));
    assert_int_equal(place_load(&place, &keyring_master, &again), -LT_ENOSUCHKEY);
    security_keyring_close(&again);
    security_keyring_add(&place.keyring, 1000);
    security_keyring_add(&place.keyring, 2000);
    assert_int_equal(
        security_keyring_save(&place.keyring, place.directory, &keyring_master, &place.err), 0);
    assert_true(security_keyring_exists(place.directory));
    assert_int_equal(place_load(&place, &keyring_master, &again), 0);
    assert_int_equal(security_keyring_count(&again), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct security_data_key *key = security_keyring_at(&again, i);
        assert_int_equal(key->number, i + 1);
        assert_int_equal(key->created_ms, 1000 * ((int64_t)i + 1));
        assert_memory_equal(key->bytes, security_keyring_at(&place.keyring, i)->bytes, GCM_KEY);
    }
    assert_memory_not_equal(security_keyring_at(&again, 0)->bytes,
                            security_keyring_at(&again, 1)->bytes, GCM_KEY);
    security_keyring_close(&again);
    assert_int_equal(place_load(&place, &keyring_stranger, &again), -LT_EAUTHENTICATIONFAILED);
    assert_non_null(strstr(place.err.text, "does not open"));
    assert_int_equal(security_keyring_count(&again), 0);
    security_keyring_close(&again);
    place_close(&place);
}

/* Whatever byte is changed, no other key comes out. */
TEST(keyring_that_was_changed_is_refused)
{
    struct place place;
    char path[96];
    char text[1024];
    place_open(&place);
    security_keyring_add(&place.keyring, 1000);
    assert_int_equal(
        security_keyring_save(&place.keyring, place.directory, &keyring_master, &place.err), 0);
    snprintf(path, sizeof path, "%s/keyring", place.directory);
    int file = open(path, O_RDWR);
    ssize_t len = pread(file, text, sizeof text, 0);
    int refused = 0;
    for (ssize_t i = 0; i < len; i++) {
        struct security_keyring again;
        char byte = (char)(text[i] ^ 1);
        assert_int_equal(pwrite(file, &byte, 1, i), 1);
        if (place_load(&place, &keyring_master, &again) == 0) { /* a date or a blank, say */
            assert_int_equal(security_keyring_count(&again), 1);
            assert_memory_equal(security_keyring_at(&again, 0)->bytes,
                                security_keyring_at(&place.keyring, 0)->bytes, GCM_KEY);
        } else {
            refused++;
        }
        security_keyring_close(&again);
        assert_int_equal(pwrite(file, text + i, 1, i), 1);
    }
    assert_true(refused > 80);
    assert_int_equal(ftruncate(file, len / 2), 0);
    struct security_keyring again;
    assert_int_equal(place_load(&place, &keyring_master, &again), -LT_ECORRUPT);
    security_keyring_close(&again);
    close(file);
    place_close(&place);
}

static void place_write(const struct place *place, const char *text, mode_t mode)
{
    int file = open(place->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

#define KEY_TEXT "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

TEST(master_key_is_32_bytes_in_a_file_of_its_owners)
{
    struct place place;
    struct security_master master;
    place_open(&place);
    assert_int_equal(security_master_file(place.file, &master, &place.err), -LT_EIO);
    place_write(&place, " " KEY_TEXT "\n\n", 0600);
    assert_int_equal(security_master_file(place.file, &master, &place.err), 0);
    for (uint8_t i = 0; i < GCM_KEY; i++) {
        assert_int_equal(master.bytes[i], i + 1);
    }
    place_write(&place, KEY_TEXT, 0640);
    assert_int_equal(security_master_file(place.file, &master, &place.err), -LT_EBADVALUE);
    assert_non_null(strstr(place.err.text, "too open"));
    static const char *const bad[] = {"", "AAAA", KEY_TEXT "AAAA", "not base 64 at all!!"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        place_write(&place, bad[i], 0600);
        assert_int_equal(security_master_file(place.file, &master, &place.err), -LT_EBADVALUE);
        assert_non_null(strstr(place.err.text, "32 bytes"));
        assert_true(bad[i][0] == '\0' || strstr(place.err.text, bad[i]) == NULL);
    }
    place_close(&place);
}

TEST(master_key_is_what_a_command_prints)
{
    struct security_master master;
    struct err err;
    assert_int_equal(security_master_command("echo " KEY_TEXT, &master, &err), 0);
    assert_int_equal(master.bytes[31], 32);
    assert_int_equal(security_master_command("echo nonsense", &master, &err), -LT_EBADVALUE);
    assert_int_equal(security_master_command("echo " KEY_TEXT "; exit 3", &master, &err),
                     -LT_EOPERATIONFAILED);
    assert_non_null(strstr(err.text, "status 3"));
}
