/* base/log.c - format a line, write it in one call, remember it. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

struct log_line {
    enum log_level level;
    char text[LOG_LINE_MAX];
};

struct log {
    pthread_mutex_t lock;
    char *path;
    int fd;
    _Atomic enum log_level level;
    bool json;
    uint64_t count;
    struct log_line *ring;
};

static const char *const log_level_names[] = {"ERROR", "WARN", "INFO", "DEBUG"};
static const char log_level_letters[] = "EWID";

static int log_open(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

struct log *log_new(const char *path, enum log_level level, bool json)
{
    int fd = path == NULL ? STDERR_FILENO : log_open(path);
    if (fd < 0) {
        return NULL;
    }
    struct log *log = mem_zero(1, sizeof *log);
    pthread_mutex_init(&log->lock, NULL);
    log->path = path == NULL ? NULL : mem_copy(slice_str(path));
    log->fd = fd;
    log->level = level;
    log->json = json;
    log->ring = mem_zero(LOG_RING_LINES, sizeof *log->ring);
    return log;
}

void log_set_level(struct log *log, enum log_level level)
{
    atomic_store(&log->level, level);
}

void log_free(struct log *log)
{
    if (log == NULL) {
        return;
    }
    if (log->path != NULL) {
        close(log->fd);
    }
    pthread_mutex_destroy(&log->lock);
    mem_free(log->path);
    mem_free(log->ring);
    mem_free(log);
}

int log_reopen(struct log *log)
{
    if (log->path == NULL) {
        return 0;
    }
    int fd = log_open(log->path);
    if (fd < 0) {
        return -1;
    }
    pthread_mutex_lock(&log->lock);
    close(log->fd);
    log->fd = fd;
    pthread_mutex_unlock(&log->lock);
    return 0;
}

/* Copy with JSON's escapes; what does not fit is left out. */
static size_t log_escape(char *to, size_t cap, const char *from)
{
    size_t len = 0;
    for (; *from != '\0' && len + 7 < cap; from++) {
        unsigned char c = (unsigned char)*from;
        if (c == '"' || c == '\\') {
            to[len++] = '\\';
            to[len++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            len += (size_t)snprintf(to + len, cap - len, "\\u%04x", c);
        } else {
            to[len++] = (char)c;
        }
    }
    to[len] = '\0';
    return len;
}

static void log_time(char text[40])
{
    struct timespec now;
    struct tm parts;
    char base[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(base, sizeof base, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, 40, "%s.%03uZ", base, (unsigned)(now.tv_nsec / 1000000) % 1000);
}

static void log_format(const struct log *log, enum log_level level, const char *room,
                       const char *message, char line[LOG_LINE_MAX])
{
    char when[40];
    char escaped[LOG_LINE_MAX - 200];
    log_time(when);
    log_escape(escaped, sizeof escaped, message);
    if (log->json) {
        snprintf(line, LOG_LINE_MAX,
                 "{\"t\":{\"$date\":\"%s\"},\"s\":\"%c\",\"c\":\"%s\",\"msg\":\"%s\"}", when,
                 log_level_letters[level], room, escaped);
    } else {
        snprintf(line, LOG_LINE_MAX, "%s %-5s %-8s %s", when, log_level_names[level], room,
                 escaped);
    }
}

static void log_put(struct log *log, enum log_level level, const char *line)
{
    struct log_line *slot = &log->ring[log->count++ % LOG_RING_LINES];
    slot->level = level;
    memcpy(slot->text, line, strlen(line) + 1);
    char out[LOG_LINE_MAX + 1];
    int len = snprintf(out, sizeof out, "%s\n", line);
    ssize_t written = write(log->fd, out, (size_t)len);
    (void)written;
}

void log_write(struct log *log, enum log_level level, const char *room, const char *format, ...)
{
    if (log == NULL || level > log->level) {
        return;
    }
    char message[LOG_LINE_MAX - 200];
    char line[LOG_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_format(log, level, room, message, line);
    pthread_mutex_lock(&log->lock);
    log_put(log, level, line);
    pthread_mutex_unlock(&log->lock);
}

uint64_t log_each(struct log *log, bool warnings_only, void (*cb)(void *context, const char *line),
                  void *context)
{
    pthread_mutex_lock(&log->lock);
    uint64_t first = log->count > LOG_RING_LINES ? log->count - LOG_RING_LINES : 0;
    for (uint64_t i = first; i < log->count; i++) {
        const struct log_line *line = &log->ring[i % LOG_RING_LINES];
        if (!warnings_only || line->level <= LOG_WARNING) {
            cb(context, line->text);
        }
    }
    uint64_t count = log->count;
    pthread_mutex_unlock(&log->lock);
    return count;
}
