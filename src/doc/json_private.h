/* doc/json_private.h - what the writers of Extended JSON and of shell style share.
 *
 * Invariant   text only, appended to the caller's buf.
 * Thread      pure.
 * Memory      the caller's.
 * Errors      none.
 */
#ifndef DOC_JSON_PRIVATE_H
#define DOC_JSON_PRIVATE_H

#include "base/buf.h"

enum { DOC__JSON_DOUBLE_MAX = 40, DOC__JSON_NESTING_MAX = 90 };

/* Shortest text that reads back as the same finite double, always recognisable as one: "1.0". */
void doc__json_double(double number, char text[DOC__JSON_DOUBLE_MAX]);

void doc__json_base64(struct buf *buf, struct slice bytes);
void doc__json_hex(struct buf *buf, struct slice bytes, bool upper);

#endif
