/* node/serve_process.c - what a daemon owes its system: fork, pid file, systemd, open files. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "node/serve_private.h"

enum { SERVE_FILES_RESERVE = 2500 }; /* the store's 2,000, journal, log, loops */

/* ---- fork ---- */

/* The parent's end: 'R' is good news, anything else is the reason, silence is a crash. */
static _Noreturn void serve_parent(int ready, pid_t child)
{
    char text[ERR_TEXT_MAX + 1] = "";
    size_t len = 0;
    ssize_t got = 1;
    while (got != 0 && len < sizeof text - 1) {
        got = read(ready, text + len, sizeof text - 1 - len);
        if (got < 0 && errno != EINTR) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    text[len] = '\0';
    if (strcmp(text, "R") == 0) {
        printf("largetable runs as process %d\n", (int)child);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    fprintf(stderr, "largetable: %s\n",
            len > 1 ? text + 1 : "the server ended before it was ready; see its log");
    _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

int node__serve_fork(int *ret_ready, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_set(err, LT_EIO, "cannot make a pipe: %s", strerror(errno));
    }
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return err_set(err, LT_EIO, "cannot fork: %s", strerror(errno));
    }
    if (child > 0) {
        close(ends[1]);
        serve_parent(ends[0], child);
    }
    close(ends[0]);
    setsid();
    *ret_ready = ends[1];
    return 0;
}

void node__serve_tell(int ready, const char *text)
{
    char word[ERR_TEXT_MAX + 2];
    int len =
        text == NULL ? snprintf(word, sizeof word, "R") : snprintf(word, sizeof word, "E%s", text);
    ssize_t sent = write(ready, word, (size_t)len);
    (void)sent;
    close(ready);
}

void node__serve_detach(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd <= 2 && nothing >= 0; fd++) {
        dup2(nothing, fd);
    }
    if (nothing > 2) {
        close(nothing);
    }
}

/* ---- pid file ---- */

int node__serve_pid_write(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    int result = fd < 0 ? -1 : dprintf(fd, "%d\n", (int)getpid());
    int number = errno;
    if (fd >= 0) {
        close(fd);
    }
    return result >= 0
               ? 0
               : err_set(err, LT_EIO, "cannot write the pid file %s: %s", path, strerror(number));
}

void node__serve_pid_remove(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got > 0 && atoi(text) == (int)getpid()) {
        unlink(path);
    }
}

/* ---- systemd ---- */

void node__serve_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    if (len < 2 || len >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
        close(fd);
    }
}

/* ---- open files ---- */

uint32_t node__serve_files(uint64_t *ret_limit)
{
    struct rlimit limit = {0};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        limit.rlim_cur = 1024;
    } else if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        limit.rlim_cur = setrlimit(RLIMIT_NOFILE, &raised) == 0 ? limit.rlim_max : limit.rlim_cur;
    }
    uint64_t files = limit.rlim_cur;
    uint64_t reserve = files / 2 < SERVE_FILES_RESERVE ? files / 2 : SERVE_FILES_RESERVE;
    *ret_limit = files;
    return files - reserve > UINT32_MAX ? UINT32_MAX : (uint32_t)(files - reserve);
}
