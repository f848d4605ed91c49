/* command/uses.h - how often each index has served a command, since this server started.
 *
 * Invariant   a count is of one index id; ids are never used again. The table has a bound: indexes
 *             that find no room in it stay at 0.
 * Thread      any.
 * Memory      a value inside the server.
 * Errors      none.
 */
#ifndef COMMAND_USES_H
#define COMMAND_USES_H

#include <stdatomic.h>
#include <stdint.h>

enum { COMMAND_USES_MAX = 4096 };

struct command_uses {
    struct {
        _Atomic uint32_t index; /* id + 1; 0: free */
        _Atomic uint64_t count;
    } slots[COMMAND_USES_MAX];
};

void command_uses_add(struct command_uses *uses, uint32_t index);
uint64_t command_uses_of(struct command_uses *uses, uint32_t index);

#endif
