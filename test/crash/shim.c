/* shim.c - a disk that fails, put under a server by LD_PRELOAD.
 *
 * CRASH_SHIM=swallow   every sync says that it is done, and does nothing
 * CRASH_SHIM=eio:K     the K-th fdatasync or fsync fails with EIO; stderr says of what file */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long shim_syncs;

typedef int (*shim_sync)(int file);

static void shim_say(int file)
{
    char link[64];
    char path[512] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t len = readlink(link, path, sizeof path - 1);
    dprintf(STDERR_FILENO, "crash shim: no sync of %.*s\n", len < 0 ? 0 : (int)len, path);
}

/* What is to be said instead of syncing: 1 nothing, sync. */
static int shim_answer(int file)
{
    const char *order = getenv("CRASH_SHIM");
    if (order != NULL && strcmp(order, "swallow") == 0) {
        return 0;
    }
    long number = atomic_fetch_add(&shim_syncs, 1) + 1;
    if (order != NULL && strncmp(order, "eio:", 4) == 0 && number == atol(order + 4)) {
        shim_say(file);
        errno = EIO;
        return -1;
    }
    return 1;
}

static int shim_call(const char *name, int file)
{
    int answer = shim_answer(file);
    if (answer <= 0) {
        return answer;
    }
    shim_sync real = (shim_sync)dlsym(RTLD_NEXT, name);
    return real(file);
}

int fdatasync(int file)
{
    return shim_call("fdatasync", file);
}

int fsync(int file)
{
    return shim_call("fsync", file);
}

/* RocksDB starts writing back with it; it promises nothing. */
int sync_file_range(int file, off_t at, off_t len, unsigned flags)
{
    const char *order = getenv("CRASH_SHIM");
    int (*real)(int, off_t, off_t, unsigned);
    if (order != NULL && strcmp(order, "swallow") == 0) {
        return 0;
    }
    real = (int (*)(int, off_t, off_t, unsigned))dlsym(RTLD_NEXT, "sync_file_range");
    return real(file, at, len, flags);
}
