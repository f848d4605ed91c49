/* tool/bench_report.c - the same numbers as a table and as JSON. */
#include <errno.h>
#include <stdio.h>

#include "doc/build.h"
#include "doc/json.h"
#include "tool/bench_private.h"

static const struct {
    const char *name;
    double percent;
} report_percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}};

enum { REPORT_PERCENTILES = sizeof report_percentiles / sizeof report_percentiles[0] };

/* All kinds of operations together. */
static struct hist *report_total(const struct bench *bench)
{
    struct hist *total = hist_new();
    for (uint32_t i = 0; i < BENCH_OPS; i++) {
        hist_merge(total, bench->hist[i]);
    }
    return total;
}

/* ---- as a table ---- */

static void report_row(const char *name, const struct hist *hist, double seconds)
{
    printf("  %-15s %10.0f %9.3f", name, (double)hist_count(hist) / seconds, hist_mean(hist) / 1e3);
    for (uint32_t i = 0; i < REPORT_PERCENTILES; i++) {
        printf(" %9.3f", (double)hist_percentile(hist, report_percentiles[i].percent) / 1e3);
    }
    printf(" %9.3f\n", (double)hist_max(hist) / 1e3);
}

static void report_server(const struct bench_server *server)
{
    printf("  first answer after %.1f ms with %.1f MB resident, %.1f MB at the end\n",
           server->start_ms, (double)server->start_rss / 1e6, (double)server->end_rss / 1e6);
    if (server->idle_bytes >= 0) {
        printf("  an idle connection costs %.1f KB; together they cost %.1f %% of a processor\n",
               server->idle_bytes / 1e3, server->idle_cpu * 100);
    }
}

static void report_tally(const struct bench *bench)
{
    printf("  every answer was right");
    if (!bench->options.loaded) {
        printf("; %lld documents", (long long)bench->tally.documents);
        if (bench->tally.counts_updates) {
            printf(" and %lld updates", (long long)bench->tally.updates);
        }
        printf(" are there, as acknowledged");
    }
    printf("\n");
}

static void report_table(const struct bench *bench, const struct hist *total)
{
    const struct bench_options *options = &bench->options;
    uint32_t kinds = 0;
    printf("%s %s: %u connections, %llu documents of %u bytes, %s, ", options->peer->name,
           options->workload->name, options->connections, (unsigned long long)options->documents,
           options->document_size, bench_distribution_names[options->distribution]);
    printf(options->rate > 0 ? "open loop of %.0f/s\n" : "closed loop\n", options->rate);
    printf("  %-15s %10s %9s %9s %9s %9s %9s %9s\n", "", "per second", "mean ms", "p50", "p90",
           "p99", "p99.9", "max");
    for (uint32_t i = 0; i < BENCH_OPS; i++) {
        if (hist_count(bench->hist[i]) > 0) {
            report_row(bench_op_names[i], bench->hist[i], bench->measured_s);
            kinds++;
        }
    }
    if (kinds > 1) {
        report_row("all", total, bench->measured_s);
    }
    if (bench->documents > hist_count(total)) {
        printf("  %-15s %10.0f\n", "documents", (double)bench->documents / bench->measured_s);
    }
    if (bench->refused > 0) {
        printf("  %-15s %10.0f  (error 462)\n", "refused",
               (double)bench->refused / bench->measured_s);
    }
    if (bench->unsent > 0) {
        printf("  TOO SLOW for this rate: %llu requests were due but not sent\n",
               (unsigned long long)bench->unsent);
    }
    report_tally(bench);
    printf("  processors: client %.2f", bench->client_cpu_s / bench->measured_s);
    if (options->spawn) {
        printf(", server %.2f\n", bench->server.cpu_s / bench->measured_s);
        report_server(&bench->server);
    } else {
        printf("\n");
    }
}

/* ---- as JSON ---- */

static void report_json_hist(struct doc_builder *builder, const struct hist *hist, double seconds)
{
    doc_build_i64(builder, "operations", (int64_t)hist_count(hist));
    doc_build_double(builder, "perSecond", (double)hist_count(hist) / seconds);
    doc_build_open(builder, SLICE("latencyMicros"));
    doc_build_double(builder, "mean", hist_mean(hist));
    for (uint32_t i = 0; i < REPORT_PERCENTILES; i++) {
        doc_build_i64(builder, report_percentiles[i].name,
                      (int64_t)hist_percentile(hist, report_percentiles[i].percent));
    }
    doc_build_i64(builder, "max", (int64_t)hist_max(hist));
    doc_build_close(builder);
}

static void report_json_options(struct doc_builder *builder, const struct bench_options *options)
{
    doc_build_text(builder, "version", LT_VERSION);
    doc_build_text(builder, "peer", options->peer->name);
    doc_build_text(builder, "workload", options->workload->name);
    doc_build_i32(builder, "connections", (int32_t)options->connections);
    doc_build_i32(builder, "threads", (int32_t)options->threads);
    doc_build_i64(builder, "documents", (int64_t)options->documents);
    doc_build_i32(builder, "documentSize", (int32_t)options->document_size);
    doc_build_i32(builder, "batch", (int32_t)options->batch);
    doc_build_i32(builder, "scanLength", (int32_t)options->scan_length);
    doc_build_i32(builder, "indexes", (int32_t)options->indexes);
    doc_build_text(builder, "index", options->index_plain ? "plain" : "unique");
    doc_build_text(builder, "distribution", bench_distribution_names[options->distribution]);
    doc_build_double(builder, "rate", options->rate);
    doc_build_double(builder, "seconds", options->seconds);
}

static void report_json_server(struct doc_builder *builder, const struct bench_server *server)
{
    doc_build_open(builder, SLICE("server"));
    doc_build_double(builder, "startMillis", server->start_ms);
    doc_build_i64(builder, "startResidentBytes", (int64_t)server->start_rss);
    doc_build_i64(builder, "endResidentBytes", (int64_t)server->end_rss);
    if (server->idle_bytes >= 0) {
        doc_build_double(builder, "idleConnectionBytes", server->idle_bytes);
        doc_build_double(builder, "idleProcessors", server->idle_cpu);
    }
    doc_build_double(builder, "processorSeconds", server->cpu_s);
    doc_build_close(builder);
}

static void report_json_build(struct buf *buf, const struct bench *bench, const struct hist *total)
{
    struct doc_builder builder;
    doc_build_begin(&builder, buf);
    report_json_options(&builder, &bench->options);
    report_json_hist(&builder, total, bench->measured_s);
    doc_build_double(&builder, "documentsPerSecond", (double)bench->documents / bench->measured_s);
    doc_build_i64(&builder, "bytesSent", (int64_t)bench->sent);
    doc_build_i64(&builder, "bytesReceived", (int64_t)bench->received);
    doc_build_i64(&builder, "refused", (int64_t)bench->refused);
    doc_build_i64(&builder, "unsent", (int64_t)bench->unsent);
    doc_build_open(&builder, SLICE("byOperation"));
    for (uint32_t i = 0; i < BENCH_OPS; i++) {
        if (hist_count(bench->hist[i]) > 0) {
            doc_build_open(&builder, slice_str(bench_op_names[i]));
            report_json_hist(&builder, bench->hist[i], bench->measured_s);
            doc_build_close(&builder);
        }
    }
    doc_build_close(&builder);
    doc_build_double(&builder, "clientProcessorSeconds", bench->client_cpu_s);
    if (bench->options.spawn) {
        report_json_server(&builder, &bench->server);
    }
    doc_build_end(&builder);
}

static int report_json(const struct bench *bench, const struct hist *total, struct err *err)
{
    const char *path = bench->options.json_path;
    struct buf doc;
    struct buf text;
    buf_init(&doc, NULL);
    buf_init(&text, NULL);
    report_json_build(&doc, bench, total);
    doc_json_write(&text, buf_slice(&doc), DOC_JSON_RELAXED);
    buf_append_byte(&text, '\n');
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    int code = file != NULL && fwrite(text.data, text.len, 1, file) == 1 ? 0 : -1;
    code = file == NULL || (file == stdout ? fflush(file) : fclose(file)) != 0 ? -1 : code;
    if (code < 0) {
        code = err_set(err, LT_EOPERATIONFAILED, "%s: %s", path, strerror(errno));
    }
    buf_close(&doc);
    buf_close(&text);
    return code;
}

int bench_report(const struct bench *bench, struct err *err)
{
    const char *path = bench->options.json_path;
    struct hist *total = report_total(bench);
    if (path == NULL || strcmp(path, "-") != 0) {
        report_table(bench, total);
    }
    int code = path == NULL ? 0 : report_json(bench, total, err);
    hist_free(total);
    return code;
}
