/* base/rng.c - getrandom until it has given enough. */
#include "base/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void rng_bytes(void *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = getrandom((uint8_t *)data + done, len - done, 0);
        if (got < 0 && errno != EINTR) {
            abort();
        }
        done += got > 0 ? (size_t)got : 0;
    }
}

uint64_t rng_u64(void)
{
    uint64_t number;
    rng_bytes(&number, sizeof number);
    return number;
}
