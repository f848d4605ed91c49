/* base/log.h - what the programs tell their operator.
 *
 * Invariant   one line a message, JSON or text, with time, severity, room and message; control
 *             characters and quotes are escaped, so no client can forge a line. The newest lines
 *             stay in a ring for getLog.
 * Thread      any; one lock around the write.
 * Memory      the ring holds LOG_RING_LINES lines of up to LOG_LINE_MAX bytes.
 * Errors      a line that cannot be written is counted, not reported.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
enum { LOG_LINE_MAX = 2048, LOG_RING_LINES = 256 };

struct log;

/* To `path`, appended to, or to standard error when it is NULL. NULL when the file cannot be
 * opened; errno says why. */
struct log *log_new(const char *path, enum log_level level, bool json);
void log_free(struct log *log);

/* What is worth a line from now on. */
void log_set_level(struct log *log, enum log_level level);

/* Open the file again, after rotation. 0, or -1 with errno: the old file stays in use. */
int log_reopen(struct log *log);

void log_write(struct log *log, enum log_level level, const char *room, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The lines in the ring, oldest first, as they were written. `warnings_only`: the start-up
 * warnings and worse. Returns how many lines have been written in all. */
uint64_t log_each(struct log *log, bool warnings_only, void (*cb)(void *context, const char *line),
                  void *context);

#define log_error(log, room, ...) log_write((log), LOG_ERROR, (room), __VA_ARGS__)
#define log_warning(log, room, ...) log_write((log), LOG_WARNING, (room), __VA_ARGS__)
#define log_info(log, room, ...) log_write((log), LOG_INFO, (room), __VA_ARGS__)
#define log_debug(log, room, ...) log_write((log), LOG_DEBUG, (room), __VA_ARGS__)

#endif
