/* doc/key.h - BSON values as bytes that memcmp orders like doc_compare.
 *
 * Invariant   memcmp(encode(a), encode(b)) has the sign of doc_compare(a, b); equal values encode
 *             alike whatever their numeric type; descending fields are the complement. No encoding
 *             is a prefix of another, so encodings concatenate into compound keys.
 * Thread      pure.
 * Memory      appends to the caller's buf.
 * Errors      none for encoding; -LT_ECORRUPT when decoding bytes that no encoder wrote.
 */
#ifndef DOC_KEY_H
#define DOC_KEY_H

#include "doc/collation.h"

/* Append one value's encoding. Missing encodes as null. */
void doc_key_encode(struct buf *buf, struct doc_value value, bool descending);

/* The same in the order of doc_compare_by: strings are their sort keys, and decode as such. */
void doc_key_encode_by(struct buf *buf, struct doc_value value, bool descending,
                       const struct doc_collation *collation);

/* Bytes that sort before / after every encoding of the class of `value` (see doc_class), for
 * type-bracketed bounds: append the lowest or the highest encoding bound of that class. */
void doc_key_encode_class_low(struct buf *buf, int type_class, bool descending);
void doc_key_encode_class_high(struct buf *buf, int type_class, bool descending);

/* Take one encoded value off the front of *key and append it to `arena` as a value that compares
 * equal to the one that was encoded (its numeric type may differ). For dup key messages. */
int doc_key_decode(struct slice *key, bool descending, struct arena *arena,
                   struct doc_value *ret_value, struct err *err);

/* Bytes of the encoded value at the front of `key`, or 0 when it is malformed. */
size_t doc_key_size(struct slice key, bool descending);

#endif
