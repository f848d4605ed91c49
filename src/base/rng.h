/* base/rng.h - randomness from the system: seeds, uuids, ObjectIds.
 *
 * Invariant   bytes are unpredictable (getrandom).
 * Thread      any.
 * Memory      none.
 * Errors      none: without randomness the process ends.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

void rng_bytes(void *data, size_t len);
uint64_t rng_u64(void);

#endif
