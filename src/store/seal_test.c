/* store/seal_test.c - what is encrypted on disk is not there in the clear, and opens with its keys.
 */
#include "store/seal.h"

#include <stdio.h>

#include "base/buf.h"
#include "lib/test.h"
#include "store/journal.h"
#include "store/simdisk.h"

static const struct store_seal_key seal_old = {.number = 1, .bytes = {1}};
static const struct store_seal_key seal_both[] = {{.number = 1, .bytes = {1}},
                                                  {.number = 2, .bytes = {2}}};

static bool seal_contains(struct slice bytes, struct slice text)
{
    for (size_t i = 0; i + text.len <= bytes.len; i++) {
        if (memcmp(bytes.data + i, text.data, text.len) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- keys of files ---- */

TEST(seal_gives_every_file_a_key_of_its_own)
{
    struct store_seal *seal = store_seal_new(&seal_old, 1);
    struct store_seal_mark marks[2] = {store_seal_mark(seal), store_seal_mark(seal)};
    struct gcm *gcms[2];
    uint8_t sealed[1 + GCM_EXTRA];
    uint8_t plain[1];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(marks[i].key, 1);
        assert_int_equal(store_seal_gcm(seal, marks[i], &gcms[i]), 0);
    }
    gcm_seal(gcms[0], (struct slice){0}, SLICE("x"), sealed);
    struct slice whole = slice_of(sealed, sizeof sealed);
    assert_int_equal(gcm_unseal(gcms[0], (struct slice){0}, whole, plain), 0);
    assert_int_equal(gcm_unseal(gcms[1], (struct slice){0}, whole, plain), -LT_ECORRUPT);
    gcm_free(gcms[0]);
    gcm_free(gcms[1]);
    store_seal_free(seal);
}

TEST(seal_makes_files_with_the_newest_key_and_knows_the_old_ones)
{
    struct store_seal *both = store_seal_new(seal_both, 2);
    struct gcm *gcm;
    assert_int_equal(store_seal_mark(both).key, 2);
    assert_int_equal(store_seal_gcm(both, (struct store_seal_mark){.key = 1}, &gcm), 0);
    gcm_free(gcm);
    assert_int_equal(store_seal_gcm(both, (struct store_seal_mark){.key = 3}, &gcm), -LT_ECORRUPT);
    assert_int_equal(store_seal_gcm(both, (struct store_seal_mark){.key = 0}, &gcm), -LT_ECORRUPT);
    store_seal_free(both);
}

/* ---- the journal ---- */

static int seal_on_record(void *context, const struct store_journal_record *record)
{
    buf_append_slice(context, record->payload);
    return 0;
}

/* A journal on a disk of its own. */
struct chest {
    struct store_simdisk *sim;
    struct buf found; /* what the records hold that an open finds */
    struct err err;
};

static void chest_init(struct chest *chest)
{
    *chest = (struct chest){.sim = store_simdisk_new(1)};
    buf_init(&chest->found, NULL);
}

static void chest_close(struct chest *chest)
{
    buf_close(&chest->found);
    store_simdisk_free(chest->sim);
}

/* Open it with the keys (NULL: none) and write one more record. */
static int chest_write(struct chest *chest, const struct store_seal *seal, uint64_t index,
                       struct slice payload)
{
    struct store_journal_options options = {
        .segment_bytes = 4096, .on_record = seal_on_record, .context = &chest->found};
    struct store_journal_record record = {
        .type = STORE_JOURNAL_COMMAND, .index = index, .payload = payload};
    struct store_journal *journal;
    struct store_disk *disk = store_simdisk_mount(chest->sim);
    disk->seal = seal;
    chest->found.len = 0;
    int code = store_journal_open(disk, &options, &journal, &chest->err);
    if (code < 0) {
        disk->ops->free(disk);
        return code;
    }
    code = store_journal_write(journal, &record, 1);
    store_journal_close(journal);
    return code;
}

TEST(journal_in_clear_text_shows_what_the_next_test_looks_for)
{
    struct chest chest;
    const char *name;
    struct slice bytes;
    chest_init(&chest);
    assert_int_equal(chest_write(&chest, NULL, 1, SLICE("a secret")), 0);
    assert_true(store_simdisk_file(chest.sim, 0, &name, &bytes));
    assert_true(seal_contains(bytes, SLICE("a secret")));
    chest_close(&chest);
}

TEST(journal_that_is_encrypted_is_read_by_its_key_only)
{
    struct store_seal *old = store_seal_new(&seal_old, 1);
    struct store_seal *other = store_seal_new(&seal_both[1], 1);
    struct store_seal *stranger =
        store_seal_new(&(struct store_seal_key){.number = 1, .bytes = {9}}, 1);
    struct chest chest;
    const char *name;
    struct slice bytes;
    chest_init(&chest);
    assert_int_equal(chest_write(&chest, old, 1, SLICE("a secret")), 0);
    assert_int_equal(chest_write(&chest, old, 2, SLICE(", told")), 0);
    assert_true(slice_is(buf_slice(&chest.found), "a secret"));
    assert_true(store_simdisk_file(chest.sim, 0, &name, &bytes));
    assert_false(seal_contains(bytes, SLICE("secret")));
    const struct store_seal *wrong[] = {NULL, other, stranger};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        chest.err = (struct err){0};
        assert_int_equal(chest_write(&chest, wrong[i], 3, SLICE("x")), -LT_ECORRUPT);
        assert_non_null(strstr(chest.err.text, "encrypted with"));
    }
    chest_close(&chest);
    store_seal_free(old);
    store_seal_free(other);
    store_seal_free(stranger);
}

TEST(journal_goes_on_with_a_new_key_in_its_next_segment)
{
    static const uint8_t large[3000];
    struct store_seal *old = store_seal_new(&seal_old, 1);
    struct store_seal *both = store_seal_new(seal_both, 2);
    struct store_seal *newest = store_seal_new(&seal_both[1], 1);
    struct chest chest;
    chest_init(&chest);
    assert_int_equal(chest_write(&chest, old, 1, SLICE("a")), 0);
    assert_int_equal(chest_write(&chest, both, 2, SLICE("b")), 0);
    assert_int_equal(chest_write(&chest, both, 3, slice_of(large, sizeof large)), 0);
    assert_int_equal(chest_write(&chest, both, 4, slice_of(large, sizeof large)), 0);
    assert_int_equal(chest_write(&chest, newest, 5, SLICE("c")), -LT_ECORRUPT);
    assert_int_equal(chest_write(&chest, both, 5, SLICE("c")), 0);
    assert_int_equal(chest.found.len, 2 + 2 * sizeof large);
    chest_close(&chest);
    store_seal_free(old);
    store_seal_free(both);
    store_seal_free(newest);
}
