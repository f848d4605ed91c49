/* tool/import_private.h - the parts of the import program: reader, senders, report.
 *
 *   file -> window -> splitter -> document -> batch -> queue -> sender threads -> server
 *
 * Invariant   every record ends as done, failed or, after a stop, untried; exit status 0 says that
 *             all were done.
 * Thread      the reader is the main thread; each sender has a thread and a connection; they meet
 *             in the queue and in the report, each under its lock.
 * Memory      at most two batches a sender wait in the queue; a batch is freed by who sent it.
 * Errors      a bad record is reported and counted; what ends the import is a struct err.
 */
#ifndef TOOL_IMPORT_PRIVATE_H
#define TOOL_IMPORT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "doc/path.h"
#include "tool/client.h"
#include "tool/split.h"

enum { IMPORT_KEYS_MAX = 16, IMPORT_CONNECTIONS_MAX = 64, IMPORT_BATCH_BYTES = 8 << 20 };

struct import_settings {
    const char *file; /* "-": standard input */
    struct tool_target target;
    const char *db;
    const char *collection;
    enum tool_format format; /* UNKNOWN: guess */
    const char *fields;      /* CSV's header, when the file has none */
    bool ignore_blanks;
    bool drop;
    bool stop_on_error;
    uint32_t batch_docs;
    uint32_t connections;
    uint32_t keys_count; /* 0: insert; else replace what has these fields, or insert */
    struct doc_path keys[IMPORT_KEYS_MAX];
};

/* ---- import_report.c ---- */

struct import_report {
    pthread_mutex_t lock;
    const char *file;
    uint64_t done;
    uint64_t failed;
    uint64_t bytes_read;
    uint64_t bytes_total; /* 0: not known */
    uint64_t started_us;
    uint64_t drawn_us;
    bool draws;  /* standard error is a terminal */
    bool dirty;  /* a bar stands in the line */
    bool counts; /* positions are document numbers, not lines */
};

void tool__report_open(struct import_report *report, const char *file);
void tool__report_done(struct import_report *report, uint64_t count);
/* A record that could not be imported, by its line (or number). */
void tool__report_failed(struct import_report *report, uint64_t line, const char *text);
/* Draw the bar if it is time. */
void tool__report_tick(struct import_report *report, uint64_t bytes_read);
/* The last line. */
void tool__report_close(struct import_report *report);

/* ---- import_send.c ---- */

struct import_batch {
    struct import_batch *next;
    struct buf docs; /* documents or update statements, one after the other */
    uint64_t *lines; /* of each */
    uint32_t count;
};

struct import_batch *tool__batch_new(const struct import_settings *settings);
void tool__batch_free(struct import_batch *batch);

struct import_senders {
    const struct import_settings *settings;
    struct import_report *report;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct import_batch *first; /* the queue, under lock */
    struct import_batch *last;
    uint32_t waiting;
    bool closing;       /* no more batches will come; under lock */
    bool stopped;       /* an error ended the import; under lock */
    struct err problem; /* of the first sender that failed; under lock */
    uint32_t count;     /* of threads that run */
    struct import_sender {
        struct import_senders *senders;
        struct tool_client client;
        pthread_t thread;
    } members[IMPORT_CONNECTIONS_MAX];
};

/* Connect all, drop the collection if asked for, start the threads. */
int tool__senders_open(struct import_senders *senders, const struct import_settings *settings,
                       struct import_report *report, struct err *err);
/* Hand a batch over; waits while the queue is full. False when the import has been stopped: the
 * batch is freed then too. */
bool tool__senders_give(struct import_senders *senders, struct import_batch *batch);
/* Wait for what was given; the error that stopped the import, if one did. */
int tool__senders_close(struct import_senders *senders, struct err *err);

/* ---- import_read.c ---- */

/* Read it all and give it to the senders. -LT_EINTERRUPTED when a bad record or a sender stopped
 * it. */
int tool__import_read(const struct import_settings *settings, struct import_senders *senders,
                      struct import_report *report, struct err *err);

#endif
