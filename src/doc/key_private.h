/* doc/key_private.h - the bytes that writing and reading keys agree on.
 *
 * Invariant   tags ascend in the order of classes; changing one changes every index on disk.
 * Thread      constants.
 * Memory      none.
 * Errors      none.
 */
#ifndef DOC_KEY_PRIVATE_H
#define DOC_KEY_PRIVATE_H

#include "doc/key.h"

#define KEY_WHOLE_LIMIT 0x1p53

/* Between tags: one for the low bound of a class, one for the high bound. */
enum doc__key_tag {
    KEY_END = 0x00,
    KEY_MINKEY = 0x05,
    KEY_UNDEFINED = 0x09,
    KEY_NULL = 0x0d,
    KEY_NUMBER_LOW = 0x10,
    KEY_NUMBER_NAN = 0x11,
    KEY_NUMBER_FAR_NEGATIVE = 0x12,
    KEY_NUMBER_NEGATIVE = 0x13, /* seven bytes of whole part, then six, ... */
    KEY_NUMBER_POSITIVE = 0x1a, /* one byte of whole part, then two, ... */
    KEY_NUMBER_FAR_POSITIVE = 0x21,
    KEY_NUMBER_HIGH = 0x27,
    KEY_STRING = 0x29,
    KEY_OBJECT = 0x2d,
    KEY_ARRAY = 0x31,
    KEY_BINARY = 0x35,
    KEY_OID = 0x39,
    KEY_FALSE = 0x3d,
    KEY_TRUE = 0x3e,
    KEY_DATE = 0x41,
    KEY_TIMESTAMP = 0x45,
    KEY_REGEX = 0x49,
    KEY_DBPOINTER = 0x4d,
    KEY_CODE = 0x51,
    KEY_CODE_W_SCOPE = 0x55,
    KEY_MAXKEY = 0x59,
};

enum {
    KEY_WHOLE_SIZE_MAX = 7,
    KEY_LENGTH_LONG = 0xff,    /* four bytes of length follow */
    KEY_EXPONENT_BIAS = 10000, /* decimals scaled to 34 digits go down to 10^-6209 */
    KEY_DECIMAL_SIZE = 17,
    KEY_DEPTH_MAX = 200,
};

/* 10^33, the least coefficient of 34 digits. */
static inline unsigned __int128 doc__key_digits_min(void)
{
    return (unsigned __int128)10000000000000000000u * 100000000000000u;
}

#endif
