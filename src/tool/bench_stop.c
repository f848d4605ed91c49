/* tool/bench_stop.c - Ctrl-C and its kind, while there is something to clean up.
 *
 * The signals are held back and can be waited for like a socket. Nobody takes them: they are still
 * pending when the mask is put back, and then end the program as if it had not asked for time. */
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "tool/bench_private.h"

void bench_stop_hold(struct bench_stop *stop)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, &stop->mask);
    stop->fd = signalfd(-1, &signals, SFD_CLOEXEC);
    assert(stop->fd >= 0);
}

int bench_stop_check(const struct bench_stop *stop, struct err *err)
{
    struct pollfd wanted = {.fd = stop->fd, .events = POLLIN};
    return poll(&wanted, 1, 0) > 0 ? err_set(err, LT_EINTERRUPTED, "stopped by a signal") : 0;
}

void bench_stop_release(struct bench_stop *stop)
{
    if (stop->fd >= 0) {
        close(stop->fd);
        stop->fd = -1;
        pthread_sigmask(SIG_SETMASK, &stop->mask, NULL);
    }
}
