/* command/redact.h - a command as others may see it.
 *
 * Invariant   passwords and what a login sends are gone; long values are, too.
 * Thread      pure.
 * Memory      the caller's arena.
 * Errors      none.
 */
#ifndef COMMAND_REDACT_H
#define COMMAND_REDACT_H

#include "base/arena.h"

struct slice command_redact(struct arena *arena, struct slice body);

#endif
