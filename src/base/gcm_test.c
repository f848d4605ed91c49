/* base/gcm_test.c - a sealed text opens with its key, and nothing else does. */
#include "base/gcm.h"
#include "lib/test.h"

TEST(gcm_opens_what_it_sealed)
{
    const uint8_t key[GCM_KEY] = {1, 2, 3};
    struct gcm *gcm = gcm_new(key);
    struct gcm *again = gcm_new(key);
    uint8_t sealed[5 + GCM_EXTRA];
    uint8_t plain[5];
    for (int round = 0; round < 3; round++) { /* contexts are used again, in both directions */
        gcm_seal(gcm, SLICE("here"), SLICE("hello"), sealed);
        assert_memory_not_equal(sealed, "hello", 5);
        assert_int_equal(gcm_unseal(again, SLICE("here"), slice_of(sealed, sizeof sealed), plain),
                         0);
        assert_memory_equal(plain, "hello", 5);
        assert_int_equal(gcm_unseal(gcm, SLICE("here"), slice_of(sealed, sizeof sealed), sealed),
                         0);
        assert_memory_equal(sealed, "hello", 5); /* in place */
    }
    gcm_free(gcm);
    gcm_free(again);
}

/* NIST's vector 14 of GCM with 256 bits, read here: the nonce is ours, so only reading can be
 * compared. */
TEST(gcm_reads_the_standards_vector)
{
    static const uint8_t key[GCM_KEY];
    static const uint8_t sealed[16 + GCM_EXTRA] = {0xce,
                                                   0xa7,
                                                   0x40,
                                                   0x3d,
                                                   0x4d,
                                                   0x60,
                                                   0x6b,
                                                   0x6e,
                                                   0x07,
                                                   0x4e,
                                                   0xc5,
                                                   0xd3,
                                                   0xba,
                                                   0xf3,
                                                   0x9d,
                                                   0x18,
                                                   /* the nonce: zeroes */ 0,
                                                   0,
                                                   0,
                                                   0,
                                                   0,
                                                   0,
                                                   0,
                                                   0,
                                                   0,
                                                   0,
                                                   0,
                                                   0,
                                                   0xd0,
                                                   0xd1,
                                                   0xc8,
                                                   0xa7,
                                                   0x99,
                                                   0x99,
                                                   0x6b,
                                                   0xf0,
                                                   0x26,
                                                   0x5b,
                                                   0x98,
                                                   0xb5,
                                                   0xd4,
                                                   0x8a,
                                                   0xb9,
                                                   0x19};
    static const uint8_t zeroes[16];
    uint8_t plain[16];
    struct gcm *gcm = gcm_new(key);
    assert_int_equal(gcm_unseal(gcm, (struct slice){0}, slice_of(sealed, sizeof sealed), plain), 0);
    assert_memory_equal(plain, zeroes, sizeof zeroes);
    gcm_free(gcm);
}

TEST(gcm_refuses_what_was_changed)
{
    const uint8_t key[GCM_KEY] = {1};
    const uint8_t other_key[GCM_KEY] = {2};
    struct gcm *gcm = gcm_new(key);
    struct gcm *other = gcm_new(other_key);
    uint8_t sealed[7 + GCM_EXTRA];
    uint8_t plain[7];
    gcm_seal(gcm, SLICE("here"), SLICE("secrets"), sealed);
    struct slice whole = slice_of(sealed, sizeof sealed);
    assert_int_equal(gcm_unseal(other, SLICE("here"), whole, plain), -LT_ECORRUPT);
    assert_int_equal(gcm_unseal(gcm, SLICE("there"), whole, plain), -LT_ECORRUPT);
    assert_int_equal(gcm_unseal(gcm, SLICE("here"), slice_of(sealed, GCM_EXTRA - 1), plain),
                     -LT_ECORRUPT);
    for (size_t i = 0; i < 8 * sizeof sealed; i++) { /* every bit counts */
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
        assert_int_equal(gcm_unseal(gcm, SLICE("here"), whole, plain), -LT_ECORRUPT);
        sealed[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    gcm_free(gcm);
    gcm_free(other);
}

/* Two writers with one key, and one writer twice, seal the same text differently. */
TEST(gcm_never_repeats_a_nonce)
{
    const uint8_t key[GCM_KEY] = {1};
    struct gcm *writers[2] = {gcm_new(key), gcm_new(key)};
    uint8_t sealed[4][1 + GCM_EXTRA];
    for (int i = 0; i < 4; i++) {
        gcm_seal(writers[i / 2], (struct slice){0}, SLICE("x"), sealed[i]);
        for (int j = 0; j < i; j++) {
            assert_memory_not_equal(sealed[i] + 1, sealed[j] + 1, 12);
        }
    }
    gcm_free(writers[0]);
    gcm_free(writers[1]);
}

TEST(gcm_derives_keys_by_purpose)
{
    const uint8_t key[GCM_KEY] = {1};
    uint8_t a[GCM_KEY];
    uint8_t b[GCM_KEY];
    gcm_derive(key, SLICE("a"), a);
    gcm_derive(key, SLICE("b"), b);
    assert_memory_not_equal(a, b, GCM_KEY);
    gcm_derive(key, SLICE("a"), b);
    assert_memory_equal(a, b, GCM_KEY);
}
