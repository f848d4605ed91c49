/* security/throttle.h - guessing made slow: how long a login has to wait.
 *
 * Invariant   attempts on one user from one address, from one address, and on one user wait one
 *             after another once too many have failed; each failure doubles the wait up to a bound.
 *             A login that succeeds is forgotten, and so is what is a quarter of an hour old.
 * Thread      any; one lock.
 * Memory      a table of fixed size; when it is full the oldest is forgotten.
 * Errors      none.
 */
#ifndef SECURITY_THROTTLE_H
#define SECURITY_THROTTLE_H

#include "base/slice.h"

struct security_throttle;

/* Somebody who tries: "db.user", and "address:port" as net_conn_peer says it. */
struct security_attempt {
    struct slice user;
    const char *peer;
};

struct security_throttle *security_throttle_new(uint64_t seed);
void security_throttle_free(struct security_throttle *throttle);

/* When may this attempt be looked at? Takes its place in the row. UINT64_MAX: not at all, too many
 * wait before it. */
uint64_t security_throttle_when(struct security_throttle *throttle,
                                const struct security_attempt *attempt, uint64_t now_us);

/* How it went. */
void security_throttle_note(struct security_throttle *throttle,
                            const struct security_attempt *attempt, bool succeeded,
                            uint64_t now_us);

#endif
