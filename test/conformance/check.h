/* test/conformance/check.h - one test on one value of a document.
 *
 * Invariant   a missing value fails every test but exists: false, ne and not_contains.
 * Thread      pure.
 * Memory      scratch goes to the arena.
 * Errors      an unknown test fails.
 */
#ifndef TEST_CONFORMANCE_CHECK_H
#define TEST_CONFORMANCE_CHECK_H

#include "conformance/ejson.h"

/* NULL when the check {"path": p, <test>} holds for `value`, else the name of its test. */
const char *conf_check(const cJSON *check, struct doc_value value,
                       const struct conf_cursors *cursors, struct arena *arena);

#endif
