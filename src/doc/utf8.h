/* doc/utf8.h - is this text well-formed UTF-8?
 *
 * Invariant   well formed: no surrogates, no overlong forms, nothing above U+10FFFF; NUL is
 *             allowed. Every way of looking gives the same answer.
 * Thread      pure.
 * Memory      none.
 * Errors      none.
 */
#ifndef DOC_UTF8_H
#define DOC_UTF8_H

#include "base/slice.h"

bool doc_utf8_valid(struct slice text);

/* The same without vectors: for short texts, for processors that have none, and for tests. */
bool doc__utf8_valid_scalar(struct slice text);

#endif
