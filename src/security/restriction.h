/* security/restriction.h - from where, and to which address of the server, an account may log in.
 *
 * Invariant   a user or role has an array of {clientSource, serverAddress}; one of them must hold,
 *             and of that one each list that it has. An empty array restricts nothing.
 * Thread      pure.
 * Memory      borrows the array.
 * Errors      14, 40415 for what is no restriction; 12 for a range that is none.
 *
 * A range is an address, "192.0.2.7" or "2001:db8::1", or one with a count of bits: "192.0.2.0/24".
 */
#ifndef SECURITY_RESTRICTION_H
#define SECURITY_RESTRICTION_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

/* Is it such an array? */
int security_restrictions_check(struct slice array, struct err *err);

/* May a client at `client` use it over `server`? Both are "address:port" or "[address]:port"; what
 * is neither is in no range. */
bool security_restrictions_admit(struct slice array, const char *client, const char *server);

#endif
