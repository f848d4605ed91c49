/* doc/utf8_test.c - UTF-8 by Unicode's table, and both ways of looking alike. */
#include "doc/utf8.h"

#include "lib/random_doc.h"
#include "lib/test.h"

enum { UTF8_LENGTHS = 160 };

TEST(utf8_follows_the_unicode_table)
{
    assert_true(doc_utf8_valid(SLICE("")));
    assert_true(doc_utf8_valid(SLICE("plain ascii text longer than sixteen bytes\0x")));
    assert_true(doc_utf8_valid(SLICE("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80")));
    assert_true(doc_utf8_valid(SLICE("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")));
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xfe",
                                      "0123456789abcdef\xc3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(doc_utf8_valid(slice_str(bad[i])));
    }
}

/* Whatever is looked at together, one byte decides: at each place of texts of each length. */
TEST(utf8_is_checked_at_every_place)
{
    uint8_t text[UTF8_LENGTHS];
    for (size_t len = 2; len <= sizeof text; len++) {
        memset(text, 'a', sizeof text);
        assert_true(doc_utf8_valid(slice_of(text, len)));
        for (size_t at = 0; at < len; at++) {
            text[at] = 0x80;
            assert_false(doc_utf8_valid(slice_of(text, len)));
            text[at] = 0xc3;
            assert_false(doc_utf8_valid(slice_of(text, len)));
            if (at > 0) {
                text[at - 1] = 0xc3;
                text[at] = 0xa9;
                assert_true(doc_utf8_valid(slice_of(text, len)));
                text[at - 1] = 'a';
            }
            text[at] = 'a';
        }
    }
}

/* ---- with and without vectors ---- */

static void alike(const uint8_t *text, size_t len)
{
    struct slice slice = slice_of(text, len);
    assert_int_equal(doc_utf8_valid(slice), doc__utf8_valid_scalar(slice));
}

/* Every pair of bytes, alone and as the end of longer characters, at the places where blocks meet.
 */
TEST(vectors_see_every_pair_as_scalars_do)
{
    static const char *const befores[] = {"", "\xe2", "\xf1\x80", "\xe0", "\xf4"};
    static const size_t places[] = {0, 14, 30, 31, 32, 62, 63, 95};
    for (size_t before = 0; before < sizeof befores / sizeof befores[0]; before++) {
        size_t before_len = strlen(befores[before]);
        for (size_t place = 0; place < sizeof places / sizeof places[0]; place++) {
            uint8_t text[128] = "\xc3\xa4";
            memset(text + 2, 'a', sizeof text - 2);
            uint8_t *at = text + 2 + places[place];
            memcpy(at, befores[before], before_len);
            for (uint32_t pair = 0; pair < 1 << 16; pair++) {
                at[before_len] = (uint8_t)(pair >> 8);
                at[before_len + 1] = (uint8_t)pair;
                alike(text, sizeof text);
            }
        }
    }
}

/* A character of one to four bytes; now and then bytes that are none. */
static size_t put_something(struct random_doc *random, uint8_t out[4])
{
    uint32_t len = 1 + random_doc_below(random, 4);
    static const uint8_t leads[] = {0x20, 0xc2, 0xe1, 0xf1};
    out[0] = (uint8_t)(leads[len - 1] + random_doc_below(random, len == 4 ? 3 : 12));
    for (uint32_t i = 1; i < len; i++) {
        out[i] = (uint8_t)(0x80 + random_doc_below(random, 64));
    }
    if (random_doc_below(random, 200) == 0) {
        out[random_doc_below(random, len)] = (uint8_t)random_doc_below(random, 256);
    }
    return len;
}

TEST(vectors_see_texts_as_scalars_do)
{
    struct random_doc random = {41};
    uint32_t good = 0;
    for (int i = 0; i < 100000; i++) {
        uint8_t text[UTF8_LENGTHS + 4];
        size_t len = 0;
        while (len < UTF8_LENGTHS) {
            len += put_something(&random, text + len);
        }
        size_t from = random_doc_below(&random, 8);
        alike(text + from, len - from);
        alike(text, random_doc_below(&random, UTF8_LENGTHS));
        good += doc_utf8_valid(slice_of(text, len));
    }
    assert_in_range(good, 50000, 95000); /* or one of the answers would not be tried */
}
