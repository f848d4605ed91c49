/* security/saslprep.h - the form of a password in which it is compared (RFC 4013).
 *
 * Invariant   plain ASCII without control characters stays as it is.
 * Thread      any.
 * Memory      the result lives in the caller's arena.
 * Errors      -LT_EBADVALUE for what may not be in a password.
 */
#ifndef SECURITY_SASLPREP_H
#define SECURITY_SASLPREP_H

#include "base/arena.h"
#include "base/err.h"

int security_saslprep(struct arena *arena, struct slice text, struct slice *ret_text,
                      struct err *err);

#endif
