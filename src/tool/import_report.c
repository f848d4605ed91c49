/* tool/import_report.c - the bar, the complaints and the last line.
 *
 * Complaints go to standard error by file and line, as compilers write them; after REPORT_MAX of
 * them they are only counted. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/import_private.h"

enum { REPORT_MAX = 100, REPORT_DRAW_US = 100000, REPORT_BAR = 30 };

void tool__report_open(struct import_report *report, const char *file)
{
    *report = (struct import_report){
        .file = strcmp(file, "-") == 0 ? "standard input" : file,
        .started_us = clock_mono_us(),
        .draws = isatty(STDERR_FILENO),
    };
    pthread_mutex_init(&report->lock, NULL);
}

void tool__report_done(struct import_report *report, uint64_t count)
{
    pthread_mutex_lock(&report->lock);
    report->done += count;
    pthread_mutex_unlock(&report->lock);
}

static void report_clear(struct import_report *report)
{
    if (report->dirty) {
        fprintf(stderr, "\r\033[K");
        report->dirty = false;
    }
}

/* Text from the file may be in it: no control characters reach the terminal. */
static void report_print_clean(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        fputc(byte < 0x20 || byte == 0x7f ? ' ' : byte, stderr);
    }
}

void tool__report_failed(struct import_report *report, uint64_t line, const char *text)
{
    pthread_mutex_lock(&report->lock);
    if (report->failed++ < REPORT_MAX) {
        report_clear(report);
        fprintf(stderr, "%s:%s%" PRIu64 ": ", report->file, report->counts ? "document " : "",
                line);
        report_print_clean(text);
        fputc('\n', stderr);
    } else if (report->failed == REPORT_MAX + 1) {
        report_clear(report);
        fprintf(stderr, "%s: more than %d errors; the others are only counted\n", report->file,
                REPORT_MAX);
    }
    pthread_mutex_unlock(&report->lock);
}

static void report_draw(struct import_report *report, double seconds)
{
    double rate = seconds > 0 ? (double)report->done / seconds : 0;
    report->dirty = true;
    if (report->bytes_total == 0) {
        fprintf(stderr, "\r\033[K%" PRIu64 " documents, %.0f/s", report->done, rate);
        return;
    }
    double part = (double)report->bytes_read / (double)report->bytes_total;
    part = part > 1 ? 1 : part;
    int cells = (int)(part * REPORT_BAR);
    fprintf(stderr, "\r\033[K[%.*s%*s] %3.0f %%  %" PRIu64 " documents, %.0f/s", cells,
            "==============================", REPORT_BAR - cells, "", part * 100, report->done,
            rate);
    if (part > 0.01) {
        long left = (long)(seconds / part - seconds + 0.5);
        fprintf(stderr, ", %ld:%02ld left", left / 60, left % 60);
    }
}

void tool__report_tick(struct import_report *report, uint64_t bytes_read)
{
    uint64_t now = clock_mono_us();
    pthread_mutex_lock(&report->lock);
    report->bytes_read = bytes_read;
    if (report->draws && now - report->drawn_us >= REPORT_DRAW_US) {
        report->drawn_us = now;
        report_draw(report, (double)(now - report->started_us) / 1e6);
        fflush(stderr);
    }
    pthread_mutex_unlock(&report->lock);
}

void tool__report_close(struct import_report *report)
{
    double seconds = (double)(clock_mono_us() - report->started_us) / 1e6;
    report_clear(report);
    printf("%" PRIu64 " documents imported in %.1f s (%.0f/s), %" PRIu64 " failed\n", report->done,
           seconds, seconds > 0 ? (double)report->done / seconds : 0, report->failed);
    fflush(stdout);
    pthread_mutex_destroy(&report->lock);
}
