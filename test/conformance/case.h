/* test/conformance/case.h - running one case on one connection.
 *
 * Invariant   the databases of the case are dropped before it; commands go in order.
 * Thread      one; cases that use databases besides `conf` exclude each other (see the .c file).
 * Memory      the cause and the detail belong to the caller.
 * Errors      a result of CONF_ERROR.
 */
#ifndef TEST_CONFORMANCE_CASE_H
#define TEST_CONFORMANCE_CASE_H

#include "conformance/client.h"
#include "conformance/expect.h"

enum conf_status { CONF_PASS, CONF_FAIL, CONF_ERROR, CONF_SKIP };

struct conf_result {
    enum conf_status status;
    bool order_differs;
    bool drop_failed; /* what earlier cases left may be in the way */
    char cause[CONF_CAUSE_MAX];
};

/* Run the case of `line` with the database `conf` renamed to `db`. `detail`, unless NULL, gets
 * what was sent, expected and answered when the case does not pass. */
void conf_case_run(struct conf_client *client, struct slice line, const char *db,
                   struct conf_result *ret_result, struct buf *detail);

#endif
