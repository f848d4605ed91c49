/* command/params.h - server parameters: getParameter and setParameter.
 *
 * Invariant   every value is within the bounds of its row in params.def.
 * Thread      values are atomic: any thread.
 * Memory      the server owns the array.
 * Errors      72 InvalidOptions for a name that is not there or may not be set; 2 out of bounds.
 */
#ifndef COMMAND_PARAMS_H
#define COMMAND_PARAMS_H

#include <stdatomic.h>

#include "base/err.h"
#include "doc/value.h"

enum command_param {
#define PARAM_BOOL(name, value, low, high, settable) COMMAND_PARAM_##name,
#define PARAM_INT(name, value, low, high, settable) COMMAND_PARAM_##name,
#include "command/params.def"
    COMMAND_PARAMS_COUNT,
};

struct command_params {
    _Atomic int64_t values[COMMAND_PARAMS_COUNT];
};

/* All defaults. */
void command_params_init(struct command_params *params);

/* Set by name: at start (any parameter) or at run time (those that may change then). */
int command_params_set(struct command_params *params, struct slice name, struct doc_value value,
                       bool at_start, struct err *err);

struct command_server;

/* What does not look at its parameter each time follows it now. */
void command_params_follow(struct command_server *server);

static inline int64_t command_param(const struct command_params *params, enum command_param which)
{
    return atomic_load_explicit(&params->values[which], memory_order_relaxed);
}

#endif
