/* base/clock.h - the real clocks; pure rooms get their readings as arguments.
 *
 * Invariant   clock_mono_us never goes back; clock_wall_ms may.
 * Thread      any.
 * Memory      none.
 * Errors      none.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Microseconds since some start. */
uint64_t clock_mono_us(void);

/* Milliseconds since 1970 UTC. */
int64_t clock_wall_ms(void);

#endif
