/* doc/utf8.c - texts of ASCII eight words at a time; others by 32 bytes where the processor can.
 *
 * The vector way looks each pair of neighbouring bytes up in three tables of sixteen: by the first
 * byte's upper half, its lower half, and the second byte's upper half. A bit that stands in all
 * three is an error in that pair. What tables of pairs cannot see is whether a third or fourth byte
 * must go on: that follows from the bytes two and three before. (J. Keiser, D. Lemire: Validating
 * UTF-8 in less than one instruction per byte, 2021.) */
#include "doc/utf8.h"

#include "doc/view.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define UTF8_HIGH_BITS 0x8080808080808080u

enum { UTF8_BLOCK = 32 };

/* Length of the well-formed sequence that starts with the byte >= 0x80 at `text`, or 0. */
static size_t utf8_sequence(const uint8_t *text, size_t max)
{
    uint8_t lead = text[0];
    if (lead >= 0xc2 && lead <= 0xdf) {
        return max >= 2 && (text[1] & 0xc0) == 0x80 ? 2 : 0;
    }
    if (lead >= 0xe0 && lead <= 0xef) {
        if (max < 3 || (text[1] & 0xc0) != 0x80 || (text[2] & 0xc0) != 0x80) {
            return 0;
        }
        bool overlong = lead == 0xe0 && text[1] < 0xa0;
        bool surrogate = lead == 0xed && text[1] > 0x9f;
        return overlong || surrogate ? 0 : 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        if (max < 4 || (text[1] & 0xc0) != 0x80 || (text[2] & 0xc0) != 0x80 ||
            (text[3] & 0xc0) != 0x80) {
            return 0;
        }
        bool overlong = lead == 0xf0 && text[1] < 0x90;
        bool too_large = lead == 0xf4 && text[1] > 0x8f;
        return overlong || too_large ? 0 : 4;
    }
    return 0;
}

static bool utf8_is_ascii_64(const uint8_t *at)
{
    uint64_t bits = doc_load_u64(at) | doc_load_u64(at + 8) | doc_load_u64(at + 16) |
                    doc_load_u64(at + 24) | doc_load_u64(at + 32) | doc_load_u64(at + 40) |
                    doc_load_u64(at + 48) | doc_load_u64(at + 56);
    return (bits & UTF8_HIGH_BITS) == 0;
}

/* Behind the ASCII that the text begins with. */
static const uint8_t *utf8_skip_ascii(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 64 && utf8_is_ascii_64(at)) {
        at += 64;
    }
    while (end - at >= 8 && (doc_load_u64(at) & UTF8_HIGH_BITS) == 0) {
        at += 8;
    }
    while (at < end && *at < 0x80) {
        at++;
    }
    return at;
}

bool doc__utf8_valid_scalar(struct slice text)
{
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.len;
    while ((at = utf8_skip_ascii(at, end)) < end) {
        while (at < end && *at >= 0x80) {
            size_t len = utf8_sequence(at, (size_t)(end - at));
            if (len == 0) {
                return false;
            }
            at += len;
        }
    }
    return true;
}

/* ---- with vectors ---- */

#if defined(__x86_64__)

/* What can be wrong with two bytes. */
enum {
    UTF8_SHORT = 1,       /* a lead, and no continuation */
    UTF8_LONG = 2,        /* ASCII, and a continuation */
    UTF8_OVERLONG_3 = 4,  /* e0 80 to e0 9f */
    UTF8_LARGE = 8,       /* f4 90 and above, f5 to ff with 90 and above */
    UTF8_SURROGATE = 16,  /* ed a0 to ed bf */
    UTF8_OVERLONG_2 = 32, /* c0, c1 */
    UTF8_BEYOND = 64,     /* f0 80 to f0 8f, overlong; f5 to ff with 80 to 8f, too large */
    UTF8_TWO = 128,       /* two continuations: right if a lead is further ahead */
    UTF8_ANY_LEAD = UTF8_SHORT | UTF8_LONG | UTF8_TWO,
};

/* Sixteen entries for each half of a vector. */
#define UTF8_TABLE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

/* By the upper half of the first byte. */
#define UTF8_FIRST_HIGH                                                                            \
    UTF8_LONG, UTF8_LONG, UTF8_LONG, UTF8_LONG, UTF8_LONG, UTF8_LONG, UTF8_LONG, UTF8_LONG,        \
        (char)UTF8_TWO, (char)UTF8_TWO, (char)UTF8_TWO, (char)UTF8_TWO,                            \
        UTF8_SHORT | UTF8_OVERLONG_2, UTF8_SHORT, UTF8_SHORT | UTF8_OVERLONG_3 | UTF8_SURROGATE,   \
        UTF8_SHORT | UTF8_LARGE | UTF8_BEYOND

/* By its lower half. */
#define UTF8_FIRST(more) ((char)(UTF8_ANY_LEAD | (more)))
#define UTF8_FIRST_LOW                                                                             \
    UTF8_FIRST(UTF8_OVERLONG_3 | UTF8_OVERLONG_2 | UTF8_BEYOND), UTF8_FIRST(UTF8_OVERLONG_2),      \
        UTF8_FIRST(0), UTF8_FIRST(0), UTF8_FIRST(UTF8_LARGE),                                      \
        UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND), UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND),                \
        UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND), UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND),                \
        UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND), UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND),                \
        UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND), UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND),                \
        UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND | UTF8_SURROGATE),                                     \
        UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND), UTF8_FIRST(UTF8_LARGE | UTF8_BEYOND)

/* By the upper half of the second. */
#define UTF8_SECOND(more) ((char)(UTF8_LONG | UTF8_OVERLONG_2 | UTF8_TWO | (more)))
#define UTF8_SECOND_HIGH                                                                           \
    UTF8_SHORT, UTF8_SHORT, UTF8_SHORT, UTF8_SHORT, UTF8_SHORT, UTF8_SHORT, UTF8_SHORT,            \
        UTF8_SHORT, UTF8_SECOND(UTF8_OVERLONG_3 | UTF8_BEYOND),                                    \
        UTF8_SECOND(UTF8_OVERLONG_3 | UTF8_LARGE), UTF8_SECOND(UTF8_SURROGATE | UTF8_LARGE),       \
        UTF8_SECOND(UTF8_SURROGATE | UTF8_LARGE), UTF8_SHORT, UTF8_SHORT, UTF8_SHORT, UTF8_SHORT

#define UTF8_AVX2 __attribute__((target("avx2")))

/* Each byte's neighbour `n` bytes before; `before` is the block before this one. */
#define UTF8_EARLIER(block, before, n)                                                             \
    _mm256_alignr_epi8(block, _mm256_permute2x128_si256(before, block, 0x21), 16 - (n))

UTF8_AVX2 static __m256i utf8_high_halves(__m256i bytes)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4), _mm256_set1_epi8(0x0f));
}

/* Not zero where something is wrong. */
UTF8_AVX2 static __m256i utf8_errors(__m256i block, __m256i before)
{
    __m256i first = UTF8_EARLIER(block, before, 1);
    __m256i first_low = _mm256_and_si256(first, _mm256_set1_epi8(0x0f));
    __m256i pairs = _mm256_and_si256(
        _mm256_and_si256(_mm256_shuffle_epi8(UTF8_TABLE(UTF8_FIRST_HIGH), utf8_high_halves(first)),
                         _mm256_shuffle_epi8(UTF8_TABLE(UTF8_FIRST_LOW), first_low)),
        _mm256_shuffle_epi8(UTF8_TABLE(UTF8_SECOND_HIGH), utf8_high_halves(block)));
    /* the highest bit is left only of a lead of three or four, of four */
    __m256i third = _mm256_subs_epu8(UTF8_EARLIER(block, before, 2), _mm256_set1_epi8(0xe0 - 0x80));
    __m256i fourth =
        _mm256_subs_epu8(UTF8_EARLIER(block, before, 3), _mm256_set1_epi8(0xf0 - 0x80));
    __m256i must = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(pairs, must); /* two continuations are right exactly there */
}

/* A last block of zeros finds a text that ends within a character. */
UTF8_AVX2 static bool utf8_valid_avx2(const uint8_t *at, const uint8_t *end)
{
    __m256i before = _mm256_setzero_si256();
    __m256i errors = _mm256_setzero_si256();
    for (; end - at >= UTF8_BLOCK; at += UTF8_BLOCK) {
        __m256i block = _mm256_loadu_si256((const __m256i *)(const void *)at);
        errors = _mm256_or_si256(errors, utf8_errors(block, before));
        before = block;
    }
    uint8_t rest[UTF8_BLOCK] = {0};
    memcpy(rest, at, (size_t)(end - at));
    __m256i block = _mm256_loadu_si256((const __m256i *)(void *)rest);
    errors = _mm256_or_si256(errors, utf8_errors(block, before));
    return _mm256_testz_si256(errors, errors) != 0;
}

static bool utf8_has_vectors(void)
{
    return __builtin_cpu_supports("avx2");
}

#else

static bool utf8_valid_avx2(const uint8_t *at, const uint8_t *end)
{
    return doc__utf8_valid_scalar(slice_of(at, (size_t)(end - at)));
}

static bool utf8_has_vectors(void)
{
    return false;
}

#endif

bool doc_utf8_valid(struct slice text)
{
    const uint8_t *end = text.data + text.len;
    const uint8_t *at = utf8_skip_ascii(text.data, end);
    if (end - at >= UTF8_BLOCK && utf8_has_vectors()) {
        return utf8_valid_avx2(at, end);
    }
    return doc__utf8_valid_scalar(slice_of(at, (size_t)(end - at)));
}
