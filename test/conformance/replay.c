/* test/conformance/replay.c - conformance_replay: recorded MongoDB behaviour against a server.
 *
 * Threads take cases off one counter; each has a connection and a database of its own. When nobody
 * answers on the port any more, the cases that are left count as errors and the run ends early. */
#include <argp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "conformance/report.h"

enum { REPLAY_JOBS_MAX = 64, REPLAY_REFUSED_MAX = 50, REPLAY_CAUSES = 40 };

struct replay_options {
    struct conf_vectors vectors; /* its areas are options */
    const char *dir;
    const char *filter;
    const char *failures;
    const char *ratchet;
    bool update_ratchet;
    int port;
    int jobs;
    int show;
    int timeout_ms;
    int causes;
};

struct replay {
    const struct replay_options *options;
    struct conf_result *results;
    atomic_size_t next;
    atomic_int refused; /* in a row; too many and everybody stops */
    atomic_int shown;
};

struct replay_worker {
    struct replay *replay;
    pthread_t thread;
    char db[32];
};

enum {
    KEY_PORT = 'p',
    KEY_DIR = 'd',
    KEY_AREA = 'a',
    KEY_FILTER = 'f',
    KEY_SHOW = 's',
    KEY_FAILURES = 'o',
    KEY_RATCHET = 'r',
    KEY_UPDATE = 'u',
    KEY_JOBS = 'j',
    KEY_TIMEOUT = 't',
    KEY_CAUSES = 'c'
};

static const struct argp_option replay_argp_options[] = {
    {"port", KEY_PORT, "N", 0, "server on 127.0.0.1 (27017)", 0},
    {"dir", KEY_DIR, "DIR", 0, "where the vectors are (LARGETABLE_CONFORMANCE)", 0},
    {"area", KEY_AREA, "NAME", 0, "only this file; repeatable", 0},
    {"filter", KEY_FILTER, "TEXT", 0, "only cases whose id contains it", 0},
    {"show", KEY_SHOW, "N", 0, "print N failing cases in full", 0},
    {"failures", KEY_FAILURES, "FILE", 0, "write failing ids with their causes", 0},
    {"ratchet", KEY_RATCHET, "FILE", 0, "fail when an area passes fewer than recorded", 0},
    {"update-ratchet", KEY_UPDATE, NULL, 0, "record what passes now", 0},
    {"jobs", KEY_JOBS, "N", 0, "connections (4)", 0},
    {"timeout", KEY_TIMEOUT, "MS", 0, "for one reply (10000)", 0},
    {"causes", KEY_CAUSES, "N", 0, "list the N most frequent causes (40)", 0},
    {0},
};

static error_t replay_parse(int key, char *value, struct argp_state *state)
{
    struct replay_options *options = state->input;
    struct conf_vectors *vectors = &options->vectors;
    switch (key) {
    case KEY_PORT:
        options->port = atoi(value);
        return 0;
    case KEY_DIR:
        options->dir = value;
        return 0;
    case KEY_AREA:
        if (vectors->areas_count == CONF_AREAS_MAX || strlen(value) >= CONF_AREA_NAME_MAX) {
            argp_error(state, "too many areas, or too long a name");
        }
        strcpy(vectors->areas[vectors->areas_count++], value);
        return 0;
    case KEY_FILTER:
        options->filter = value;
        return 0;
    case KEY_SHOW:
        options->show = atoi(value);
        return 0;
    case KEY_FAILURES:
        options->failures = value;
        return 0;
    case KEY_RATCHET:
        options->ratchet = value;
        return 0;
    case KEY_UPDATE:
        options->update_ratchet = true;
        return 0;
    case KEY_JOBS:
        options->jobs = atoi(value);
        return 0;
    case KEY_TIMEOUT:
        options->timeout_ms = atoi(value);
        return 0;
    case KEY_CAUSES:
        options->causes = atoi(value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void replay_show(struct replay *replay, const struct conf_case *it,
                        const struct conf_result *result, const struct buf *detail)
{
    if (atomic_fetch_add(&replay->shown, 1) < replay->options->show) {
        printf("%.*s\n  %s\n%.*s\n", SLICE_FMT(it->id), result->cause,
               SLICE_FMT(buf_slice(detail)));
    }
}

static void replay_note(struct replay *replay, const struct conf_result *result)
{
    const char *refused = conf_client_error_text(CONF_CLIENT_REFUSED);
    if (result->status == CONF_ERROR && strncmp(result->cause, refused, strlen(refused)) == 0) {
        struct timespec pause = {.tv_nsec = 100000000}; /* it may be restarting */
        atomic_fetch_add(&replay->refused, 1);
        nanosleep(&pause, NULL);
    } else if (result->status != CONF_SKIP) {
        atomic_store(&replay->refused, 0);
    }
}

static void *replay_work(void *context)
{
    struct replay_worker *worker = context;
    struct replay *replay = worker->replay;
    const struct conf_vectors *vectors = &replay->options->vectors;
    struct conf_client client;
    struct buf detail;
    conf_client_init(&client, replay->options->port, replay->options->timeout_ms);
    buf_init(&detail, NULL);
    while (atomic_load(&replay->refused) < REPLAY_REFUSED_MAX) {
        size_t i = atomic_fetch_add(&replay->next, 1);
        if (i >= conf_vectors_count(vectors)) {
            break;
        }
        const struct conf_case *it = conf_vectors_at(vectors, i);
        struct conf_result *result = &replay->results[i];
        bool show = atomic_load(&replay->shown) < replay->options->show;
        detail.len = 0;
        conf_case_run(&client, it->line, worker->db, result, show ? &detail : NULL);
        replay_note(replay, result);
        if (show && (result->status == CONF_FAIL || result->status == CONF_ERROR)) {
            replay_show(replay, it, result, &detail);
        }
    }
    buf_close(&detail);
    conf_client_close(&client);
    return NULL;
}

static void replay_run(struct replay *replay)
{
    struct replay_worker workers[REPLAY_JOBS_MAX];
    int jobs = replay->options->jobs;
    size_t count = conf_vectors_count(&replay->options->vectors);
    for (size_t i = 0; i < count; i++) {
        replay->results[i] = (struct conf_result){.status = CONF_ERROR, .cause = "not run"};
    }
    for (int i = 0; i < jobs; i++) {
        workers[i].replay = replay;
        snprintf(workers[i].db, sizeof workers[i].db, jobs > 1 ? "conf_%d" : "conf", i);
        pthread_create(&workers[i].thread, NULL, replay_work, &workers[i]);
    }
    for (int i = 0; i < jobs; i++) {
        pthread_join(workers[i].thread, NULL);
    }
}

static bool replay_report(const struct replay *replay)
{
    const struct replay_options *options = replay->options;
    struct conf_report report = {&options->vectors, replay->results};
    bool fine = true;
    conf_report_print(&report, options->causes);
    if (options->failures != NULL) {
        fine &= conf_report_failures(&report, options->failures);
    }
    if (options->ratchet != NULL && options->filter == NULL) {
        fine &= conf_report_ratchet(&report, options->ratchet, options->update_ratchet);
    }
    return fine && atomic_load(&replay->refused) < REPLAY_REFUSED_MAX;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {.options = replay_argp_options, .parser = replay_parse};
    const char *env = getenv("LARGETABLE_CONFORMANCE");
    struct replay_options options = {
        .dir = env != NULL ? env : CONF_DIR_DEFAULT,
        .port = 27017,
        .jobs = 4,
        .timeout_ms = 10000,
        .causes = REPLAY_CAUSES,
    };
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    if (options.jobs < 1 || options.jobs > REPLAY_JOBS_MAX) {
        fprintf(stderr, "conformance: 1 to %d jobs\n", REPLAY_JOBS_MAX);
        return 2;
    }
    if (!conf_vectors_load(&options.vectors, options.dir, options.filter)) {
        return 2;
    }
    struct replay replay = {.options = &options};
    replay.results = mem_zero(conf_vectors_count(&options.vectors) + 1, sizeof *replay.results);
    replay_run(&replay);
    bool fine = replay_report(&replay);
    mem_free(replay.results);
    conf_vectors_close(&options.vectors);
    return fine ? 0 : 1;
}
