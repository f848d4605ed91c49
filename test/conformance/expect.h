/* test/conformance/expect.h - does a reply meet an expectation?
 *
 * Invariant   a verdict that fails has a cause: short, alike for alike failures, fit for counting.
 * Thread      pure.
 * Memory      scratch goes to the arena.
 * Errors      an expectation of unknown form fails and says so.
 */
#ifndef TEST_CONFORMANCE_EXPECT_H
#define TEST_CONFORMANCE_EXPECT_H

#include "conformance/ejson.h"

enum { CONF_CAUSE_MAX = 120 };

struct conf_verdict {
    bool pass;
    bool order_differs; /* passes, but fields stand in another order; nobody is judged by it */
    char cause[CONF_CAUSE_MAX];
};

/* What a case brings along. */
struct conf_reply {
    struct slice doc;
    const struct conf_cursors *cursors;
    struct arena *arena;
};

void conf_expect(const cJSON *expect, const struct conf_reply *reply,
                 struct conf_verdict *ret_verdict);

/* True when `ok` is not 1; *ret_code is the error's code, or -1. */
bool conf_reply_is_error(struct slice doc, int32_t *ret_code);

#endif
