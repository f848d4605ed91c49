/* sim/trace.h - an access trace in memory, its keys numbered from 0 in order of first use.
 *
 * Invariant   keys[i] < distinct; sizes are 1 unless the format has them.
 * Thread      one.
 * Memory      trace_close frees.
 * Errors      a file that cannot be read or parsed ends the program with file and place.
 */
#ifndef SIM_TRACE_H
#define SIM_TRACE_H

#include <stddef.h>
#include <stdint.h>

struct trace {
    uint32_t *keys;
    uint32_t *sizes;
    uint64_t *hashes;  /* by key */
    uint64_t *numbers; /* by key: what the file calls it */
    uint64_t seed;
    size_t count;
    uint32_t distinct;
    uint64_t bytes; /* of the distinct keys, each at its first size */
};

/* int32, int64: big-endian keys; text: a decimal key a line, lines with "*" are skipped; sized:
 * "time key size" a line; ids: the same, all sizes 1. */
struct trace_limits {
    const char *format;
    size_t count_max;
    uint64_t seed; /* of the keys' hashes */
};

/* Read the requests of `path`: plain, .gz or .xz. */
void trace_read(struct trace *trace, const char *path, const struct trace_limits *limits);
void trace_close(struct trace *trace);

#endif
