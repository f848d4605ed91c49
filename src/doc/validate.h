/* doc/validate.h - is this BSON, and is it safe to walk?
 *
 * Invariant   after success every length inside is right, every name and string ends in NUL, UTF-8
 *             is well formed, and nesting is at most the depth asked for.
 * Thread      pure.
 * Memory      no recursion, no allocation: an explicit stack.
 * Errors      -LT_EINVALIDBSON with what and at which byte; -15 (Overflow) is used for nesting.
 */
#ifndef DOC_VALIDATE_H
#define DOC_VALIDATE_H

#include "base/err.h"

enum {
    DOC_DEPTH_STORED = 180,
    DOC_DEPTH_WIRE = 200,
    DOC_SIZE_MAX = 16 * 1024 * 1024,                  /* a user's document */
    DOC_SIZE_INTERNAL_MAX = DOC_SIZE_MAX + 16 * 1024, /* commands and replies */
};

/* Check the document that fills `bytes` exactly. */
int doc_validate(struct slice bytes, int depth_max, struct err *err);

/* Check the document that starts at `bytes` and may be followed by more; *ret_len is its length. */
int doc_validate_prefix(struct slice bytes, int depth_max, size_t *ret_len, struct err *err);

/* What one more level takes at least: type, end of the name, length, end. */
enum { DOC_LEVEL_SIZE = 7 };

/* Nesting of a valid document: 1 for a flat one. */
int doc_depth(struct slice doc);

#endif
