/* memory/machine.h - how much memory this process may have, and how short of it the machine is.
 *
 * Invariant   the limit is the smallest of the machine's memory and the limits of the process's
 *             control group and of those around it, version 2 or 1.
 * Thread      any.
 * Memory      everything is in the struct.
 * Errors      none: what cannot be read is taken as not being there.
 */
#ifndef MEMORY_MACHINE_H
#define MEMORY_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct memory_machine {
    uint64_t bytes;  /* 0: nothing was found */
    char where[512]; /* the file that says so */
};

/* `root` stands before the paths of /proc and /sys; "" but in tests. */
void memory_machine_read(const char *root, struct memory_machine *ret_machine);

/* The share of the last ten seconds, in percent, in which something waited for memory: of the
 * control group, or else of the machine. False when the kernel does not tell. */
bool memory_machine_pressure(const char *root, double *ret_percent);

#endif
