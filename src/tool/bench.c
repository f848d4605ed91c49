/* tool/bench.c - start, load, measure, compare the sums, tell.
 *
 * Whatever fails first is told on standard error, and nothing is reported: a wrong answer's speed
 * is of no interest. */
#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "tool/bench_private.h"
#include "tool/tool.h"

static const struct bench_workload bench_loading = {
    "load", "fill the collection", {[BENCH_INSERT_MANY] = 100}, BENCH_UNIFORM, false};

static void bench_init(struct bench *bench)
{
    bench->stop.fd = -1;
    bench_socket_raise_limit();
    bench_layout_init(&bench->layout, bench->options.document_size);
    bench_zipf_init(&bench->zipf, bench->options.documents == 0 ? 1 : bench->options.documents);
    for (uint32_t i = 0; i < BENCH_OPS; i++) {
        bench->hist[i] = hist_new();
    }
}

static void bench_close(struct bench *bench)
{
    buf_close(&bench->layout.blank);
    mem_free(bench->peer_state);
    for (uint32_t i = 0; i < BENCH_OPS; i++) {
        hist_free(bench->hist[i]);
    }
}

/* Everything acknowledged is there, and nothing else. */
static int bench_verify(struct bench *bench, struct err *err)
{
    struct bench_tally *tally = &bench->tally;
    int code = bench->options.peer->tally(bench, tally, err);
    if (code == 0 && tally->documents != (int64_t)bench->inserted) {
        return err_set(err, LT_EBENCH_WRONG,
                       "WRONG ANSWER: %lld documents are there, %llu were acknowledged",
                       (long long)tally->documents, (unsigned long long)bench->inserted);
    }
    if (code == 0 && tally->counts_updates && tally->updates != (int64_t)bench->updated) {
        return err_set(err, LT_EBENCH_WRONG,
                       "WRONG ANSWER: the counters sum up to %lld, %llu updates were acknowledged",
                       (long long)tally->updates, (unsigned long long)bench->updated);
    }
    return code;
}

static int bench_load(struct bench *bench, struct err *err)
{
    const struct bench_options *options = &bench->options;
    int code = options->peer->prepare(bench, err);
    if (code == 0 && options->documents > 0 && !options->peer->holds_nothing) {
        code = bench_run(bench, &bench_loading, 0, options->documents, err);
    }
    return code;
}

static int bench_measure(struct bench *bench, struct err *err)
{
    const struct bench_options *options = &bench->options;
    int code = options->spawn ? bench_server_start(bench, err) : 0;
    if (code == 0 && options->idle > 0) {
        code = bench_server_idle(bench, err);
    }
    code = code < 0 || options->loaded ? code : bench_load(bench, err);
    code = code < 0 ? code : bench_run(bench, options->workload, options->documents, 0, err);
    bench->server.end_rss = bench_server_rss(&bench->server);
    return code < 0 || options->loaded ? code : bench_verify(bench, err);
}

int tool_bench(int argc, char **argv)
{
    struct err err = {0};
    struct err stop_err = {0};
    struct bench *bench = mem_zero(1, sizeof *bench);
    signal(SIGPIPE, SIG_IGN);
    bench_options_parse(&bench->options, argc, argv);
    bench_init(bench);
    int code = bench_measure(bench, &err);
    int stop_code = bench_server_stop(&bench->server, &stop_err);
    if (code < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], err.text);
    } else if (stop_code < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], stop_err.text);
    } else {
        code = bench_report(bench, &err);
        if (code < 0) {
            fprintf(stderr, "%s: %s\n", argv[0], err.text);
        }
    }
    bench_close(bench);
    bench_stop_release(&bench->stop);
    mem_free(bench);
    return code < 0 || stop_code < 0 ? 1 : 0;
}
