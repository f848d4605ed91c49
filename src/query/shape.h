/* query/shape.h - what queries have in common that differ in their values only.
 *
 * Invariant   two filters have the same shape when they ask with the same operators about the same
 *             paths, in whatever order they say so.
 * Thread      pure.
 * Memory      the caller's buffer.
 * Errors      none.
 */
#ifndef QUERY_SHAPE_H
#define QUERY_SHAPE_H

#include "base/buf.h"
#include "query/match.h"

/* Append the shape of a filter: bytes to be compared. */
void query_shape_append(struct buf *buf, const struct query_match *match);

#endif
