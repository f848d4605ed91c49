/* doc/delta.h - a document changed by the delta that the oplog tells an update with.
 *
 * A delta of a document: {d: {name: false}, u: {name: value}, i: {name: value}, s<name>: delta}, of
 * an array: {a: true, l: length, u<index>: value, s<index>: delta}. All of it may be missing.
 *
 * Invariant   a delta applied twice gives what it gives once: a field that is to go and is gone, or
 *             a delta of what is no document or array any more, is passed over. Fields that are new
 *             come last, in the delta's order.
 * Thread      pure.
 * Memory      the result is in the caller's arena.
 * Errors      false: it is no delta, or the array would have more than DOC_DELTA_ARRAY_MAX
 * elements. Source      what `mongodump --oplog` saves from MongoDB 5.0 and later.
 */
#ifndef DOC_DELTA_H
#define DOC_DELTA_H

#include "base/arena.h"

enum { DOC_DELTA_ARRAY_MAX = 1500000 };

bool doc_delta_apply(struct arena *arena, struct slice old_doc, struct slice delta,
                     struct slice *ret_doc);

#endif
