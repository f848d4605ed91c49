/* cache/codec_test.c - every codec gives back what it took, and nothing makes it write too far. */
#include "cache/codec.h"

#include <stdio.h>

#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"

static const char *const codec_names[] = {"lz4", "zstd", "snappy"};

enum { NAMES = sizeof codec_names / sizeof codec_names[0] };

static void text_fill(struct buf *text, size_t len, uint32_t seed)
{
    text->len = 0;
    while (text->len < len) {
        buf_format(text, "{\"name\": \"customer %u\", \"city\": \"Graz\", \"orders\": %u}",
                   seed * 7919 + (uint32_t)text->len, seed);
    }
    text->len = len;
}

static struct slice noise_fill(struct random_doc *random, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(random_doc_next(random) >> 40);
    }
    return slice_of(bytes, len);
}

TEST(a_codec_gives_back_what_it_took)
{
    struct cache_coder *coder = cache_coder_new();
    struct buf text;
    struct buf packed;
    buf_init(&text, NULL);
    buf_init(&packed, NULL);
    for (uint32_t i = 0; i < NAMES; i++) {
        enum cache_codec codec;
        assert_int_equal(cache_codec_find(codec_names[i], &codec), 0);
        for (size_t len = 300; len < 200000; len = len * 3 + 1) {
            text_fill(&text, len, (uint32_t)len);
            packed.len = 0;
            buf_append(&packed, "before", 6);
            assert_true(cache_codec_pack(coder, codec, NULL, buf_slice(&text), &packed));
            struct cache_packed value = {slice_from(buf_slice(&packed), 6), (uint32_t)len, codec,
                                         0};
            assert_in_range(value.bytes.len, 1, len - len / 10);
            uint8_t *plain = mem_alloc(len);
            assert_int_equal(cache_codec_unpack(coder, &value, NULL, plain), 0);
            assert_memory_equal(plain, text.data, len);
            mem_free(plain);
        }
    }
    buf_close(&text);
    buf_close(&packed);
    cache_coder_free(coder);
}

TEST(what_does_not_shrink_is_not_packed)
{
    struct cache_coder *coder = cache_coder_new();
    struct random_doc random = {3};
    struct buf packed;
    uint8_t noise[5000];
    buf_init(&packed, NULL);
    struct slice value = noise_fill(&random, noise, sizeof noise);
    for (uint32_t i = 0; i < NAMES; i++) {
        enum cache_codec codec;
        assert_int_equal(cache_codec_find(codec_names[i], &codec), 0);
        assert_false(cache_codec_pack(coder, codec, NULL, value, &packed));
        assert_false(cache_codec_pack(coder, codec, NULL, SLICE("aaaaaaaa"), &packed));
        assert_int_equal(packed.len, 0);
    }
    assert_false(cache_codec_pack(coder, CACHE_CODEC_NONE, NULL, value, &packed));
    buf_close(&packed);
    cache_coder_free(coder);
}

/* The buffer is as long as it was promised to be, so the sanitizer sees a write past it. */
TEST(damaged_bytes_are_an_error_and_stay_within_the_buffer)
{
    struct cache_coder *coder = cache_coder_new();
    struct random_doc random = {4};
    struct buf text;
    struct buf packed;
    buf_init(&text, NULL);
    buf_init(&packed, NULL);
    text_fill(&text, 900, 1);
    for (uint32_t i = 0; i < NAMES * 2000; i++) {
        enum cache_codec codec;
        cache_codec_find(codec_names[i % NAMES], &codec);
        packed.len = 0;
        cache_codec_pack(coder, codec, NULL, buf_slice(&text), &packed);
        packed.data[random_doc_below(&random, (uint32_t)packed.len)] ^= 1 << i % 8;
        uint32_t len = i % 3 == 0 ? 900 : random_doc_below(&random, 1200);
        size_t cut = i % 5 == 0 ? random_doc_below(&random, (uint32_t)packed.len) : packed.len;
        struct cache_packed value = {slice_of(packed.data, cut), len, codec, 0};
        uint8_t *plain = mem_alloc(len);
        int code = cache_codec_unpack(coder, &value, NULL, plain);
        assert_true(code == 0 || code == -LT_ECORRUPT);
        mem_free(plain);
    }
    struct cache_packed unknown = {buf_slice(&text), 900, (enum cache_codec)9, 0};
    assert_int_equal(cache_codec_unpack(coder, &unknown, NULL, packed.data), -LT_ECORRUPT);
    buf_close(&text);
    buf_close(&packed);
    cache_coder_free(coder);
}

TEST(a_codec_is_known_by_its_name)
{
    enum cache_codec codec = CACHE_CODEC_ZSTD;
    assert_int_equal(cache_codec_find("none", &codec), 0);
    assert_int_equal(codec, CACHE_CODEC_NONE);
    assert_int_equal(cache_codec_find("gzip", &codec), -LT_EBADVALUE);
}
