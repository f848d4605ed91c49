/* query/sort.h - sort patterns.
 *
 * Invariant   keys of one pattern order by memcmp as the pattern orders their documents.
 * Thread      pure; share a parsed pattern freely.
 * Memory      see query/context.h.
 * Errors      MongoDB's codes: 15974 and 15975 for bad directions, 13103 for too many fields,
 *             BadValue for documents with parallel arrays.
 * Source      MONGODB.md 5.3, rule 16.
 */
#ifndef QUERY_SORT_H
#define QUERY_SORT_H

#include "base/buf.h"
#include "doc/path.h"
#include "query/context.h"

enum { QUERY_SORT_FIELDS_MAX = 32 };

struct query_sort_field {
    struct doc_path path;
    bool descending;
    bool random;                   /* {$meta: "randVal"}: there is no path */
    const struct query_text *text; /* {$meta: "textScore"}: the best first, there is no path */
    bool nothing; /* {$meta: ...} of what no document has: orders nothing, there is no path */
};

struct query_sort {
    struct query_sort_field *fields;
    uint32_t count;
    const struct doc_collation *collation;
    int natural; /* {$natural: 1} or -1: there are no fields; else 0 */
};

int query_sort_parse(struct query_context *context, struct slice spec, struct query_sort **ret_sort,
                     struct err *err);

/* Append the document's key. A missing field is null; of an array counts its smallest element, when
 * descending its largest, and an empty one is below null. */
int query_sort_key(const struct query_sort *sort, struct query_eval *eval, struct slice doc,
                   struct buf *key, struct err *err);

#endif
