/* test/conformance/equal.h - the suite's equality: strict about types, blind to field order.
 *
 * Invariant   expected values may hold {"$approx": {value, tolerance}}; actual ones are plain BSON.
 * Thread      pure.
 * Memory      scratch goes to the arena given.
 * Errors      none.
 */
#ifndef TEST_CONFORMANCE_EQUAL_H
#define TEST_CONFORMANCE_EQUAL_H

#include <cjson/cJSON.h>

#include "doc/value.h"

struct conf_equal {
    struct arena *arena;
    bool unordered;                /* the outermost array is a multiset */
    const cJSON *unordered_fields; /* names whose arrays are multisets; may be NULL */
    bool partial;
    bool nan;
    bool field_order; /* also compare the order of fields; nobody is judged by it */
};

/* Does the value of a reply meet the expected result? */
bool conf_equal_result(const struct conf_equal *options, struct doc_value expected,
                       struct doc_value actual);

/* The same without what concerns the outermost value. */
bool conf_equal_value(const struct conf_equal *options, struct doc_value expected,
                      struct doc_value actual);

/* The value at a dotted path, numbers index arrays; "" is the value itself. */
struct doc_value conf_at(struct arena *arena, struct doc_value value, const char *path);

#endif
