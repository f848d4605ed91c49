/* tool/bench_spawn.c - a server of our own, from our own executable, in a directory that goes with
 * it.
 *
 * It does not see the Ctrl-C that is meant for us, and is stopped by us in good order; should we be
 * killed, the system stops it. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool/bench_private.h"

enum {
    SPAWN_PATIENCE_MS = 30000,
    SPAWN_NAP_US = 500,
    SPAWN_SETTLE_US = 300000,
    SPAWN_IDLE_US = 2000000,
    SPAWN_FILES = 16,
};

/* ---- what /proc says ---- */

static bool spawn_proc(int pid, const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
    text[got < 0 ? 0 : got] = '\0';
    if (fd >= 0) {
        close(fd);
    }
    return got > 0;
}

uint64_t bench_server_rss(const struct bench_server *server)
{
    char text[256];
    unsigned long size = 0;
    unsigned long resident = 0;
    if (!spawn_proc(server->pid, "statm", text, sizeof text) ||
        sscanf(text, "%lu %lu", &size, &resident) != 2) {
        return 0;
    }
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

double bench_server_cpu(const struct bench_server *server)
{
    char text[1024];
    unsigned long user = 0;
    unsigned long system = 0;
    const char *fields = NULL;
    if (spawn_proc(server->pid, "stat", text, sizeof text)) {
        fields = strrchr(text, ')'); /* the name before may hold anything */
    }
    if (fields == NULL || sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                                 &user, &system) != 2) {
        return 0;
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- starting ---- */

/* A port that nobody listens on; somebody could take it until the server does, which then fails
 * loudly. */
static uint16_t spawn_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool found = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                 getsockname(fd, (struct sockaddr *)&address, &size) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return found ? ntohs(address.sin_port) : 0;
}

/* In the child: never returns. */
static void spawn_exec(const struct bench *bench)
{
    const struct bench_server *server = &bench->server;
    const struct bench_options *options = &bench->options;
    char path[160];
    char port[8];
    char *arguments[BENCH_EXTRA_MAX + 8] = {"largetable", "serve",  "--dbpath",
                                            path,         "--port", port};
    uint32_t count = 6;
    snprintf(port, sizeof port, "%u", server->port);
    snprintf(path, sizeof path, "%s/server.log", server->directory);
    int log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
    snprintf(path, sizeof path, "%s/db", server->directory);
    for (uint32_t i = 0; i < options->extra_count; i++) {
        arguments[count++] = options->extra[i];
    }
    arguments[count] = NULL;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigprocmask(SIG_SETMASK, &bench->stop.mask, NULL);
    if (options->peer->serve != NULL) {
        _exit(options->peer->serve(bench, server->port));
    }
    execv("/proc/self/exe", arguments);
    _exit(127);
}

static void spawn_show_log(const struct bench_server *server)
{
    char path[160];
    char line[1024];
    snprintf(path, sizeof path, "%s/server.log", server->directory);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        fprintf(stderr, "server: %s", line);
    }
    if (file != NULL) {
        fclose(file);
    }
}

/* Until it answers a hello. */
static int spawn_await(struct bench *bench, struct err *err)
{
    struct bench_server *server = &bench->server;
    uint64_t begin = clock_mono_us();
    int fd = -1;
    int code;
    do {
        int status;
        if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
            server->pid = 0;
            spawn_show_log(server);
            return err_set(err, LT_EOPERATIONFAILED, "the server ended instead of starting");
        }
        code = bench->options.peer->greet(bench, &fd, err);
        server->start_ms = (double)(clock_mono_us() - begin) / 1e3;
        if (code == 0) {
            close(fd);
            return 0;
        }
        usleep(SPAWN_NAP_US);
    } while (server->start_ms < SPAWN_PATIENCE_MS && bench_stop_check(&bench->stop, err) == 0);
    return code;
}

int bench_server_start(struct bench *bench, struct err *err)
{
    struct bench_server *server = &bench->server;
    const char *parent = getenv("TMPDIR");
    *server = (struct bench_server){.idle_bytes = -1};
    parent = parent == NULL || strlen(parent) > 60 ? "/tmp" : parent;
    snprintf(server->directory, sizeof server->directory, "%s/largetable-bench-XXXXXX", parent);
    server->port = spawn_free_port();
    bench_stop_hold(&bench->stop);
    if (server->port == 0 || mkdtemp(server->directory) == NULL) {
        server->directory[0] = '\0';
        return err_set(err, LT_EOPERATIONFAILED, "no port or no directory in %s: %s", parent,
                       strerror(errno));
    }
    bench->options.port = server->port;
    fflush(NULL);
    server->pid = fork();
    if (server->pid == 0) {
        spawn_exec(bench);
    }
    if (server->pid < 0) {
        server->pid = 0;
        return err_set(err, LT_EOPERATIONFAILED, "fork: %s", strerror(errno));
    }
    int code = spawn_await(bench, err);
    server->start_rss = bench_server_rss(server);
    return code;
}

/* ---- idle connections ---- */

int bench_server_idle(struct bench *bench, struct err *err)
{
    struct bench_server *server = &bench->server;
    uint32_t count = bench->options.idle;
    int *sockets = mem_zero(count, sizeof *sockets);
    uint32_t opened = 0;
    int code = 0;
    usleep(SPAWN_SETTLE_US);
    uint64_t before = bench_server_rss(server);
    while (opened < count && code == 0) {
        code = bench->options.peer->greet(bench, &sockets[opened], err);
        opened += code == 0 ? 1 : 0;
        code = code < 0 ? code : bench_stop_check(&bench->stop, err);
    }
    usleep(SPAWN_SETTLE_US);
    uint64_t after = bench_server_rss(server);
    if (code == 0) {
        double cpu = bench_server_cpu(server);
        usleep(SPAWN_IDLE_US);
        server->idle_cpu = (bench_server_cpu(server) - cpu) / (SPAWN_IDLE_US / 1e6);
        server->idle_bytes = after <= before ? 0 : (double)(after - before) / count;
    }
    for (uint32_t i = 0; i < opened; i++) {
        close(sockets[i]);
    }
    mem_free(sockets);
    return code;
}

/* ---- stopping ---- */

static int spawn_remove(const char *path, const struct stat *stat, int type, struct FTW *where)
{
    (void)stat;
    (void)type;
    (void)where;
    return remove(path);
}

int bench_server_stop(struct bench_server *server, struct err *err)
{
    int code = 0;
    int status = 0;
    if (server->pid > 0) {
        kill(server->pid, SIGTERM);
        while (waitpid(server->pid, &status, 0) < 0 && errno == EINTR) {
        }
        server->pid = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            spawn_show_log(server);
            code = err_set(err, LT_EBENCH_WRONG, "the server did not exit cleanly (status %d)",
                           status);
        }
    }
    if (server->directory[0] != '\0') {
        nftw(server->directory, spawn_remove, SPAWN_FILES, FTW_DEPTH | FTW_PHYS);
    }
    return code;
}
