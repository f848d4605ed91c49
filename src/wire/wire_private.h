/* wire/wire_private.h - MongoDB's numbers for malformed OP_MSG, and CRC-32C.
 *
 * Invariant   none.
 * Thread      pure.
 * Memory      none.
 * Errors      none.
 */
#ifndef WIRE_WIRE_PRIVATE_H
#define WIRE_WIRE_PRIVATE_H

#include "base/slice.h"

enum {
    WIRE__TWO_BODIES = 40430,
    WIRE__TWO_SEQUENCES = 40431,
    WIRE__UNKNOWN_KIND = 40432,
    WIRE__FIELD_AND_SEQUENCE = 40433,
    WIRE__NO_BODY = 40587,
    WIRE__BAD_NUMBER_TO_RETURN = 16979,
};

/* The checksum that ends an OP_MSG with checksumPresent. */
uint32_t wire__checksum(struct slice bytes);

#endif
