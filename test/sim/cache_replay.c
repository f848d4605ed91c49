/* cache_replay --trace FILE --format F --peer largetable|memcached --port N [--size BYTES]
 *              [--requests N] [--skip N] [--window N] [--load]
 *
 * Asks a running server for the keys of a trace, one after the other on one connection, checks
 * every answer and tells as JSON: requests, misses, seconds, and microseconds of a read at p50, p99
 * and p99.9. Values have half to one and a half of BYTES, by the key, and do not compress.
 *
 * --skip leaves out the first of --requests; --window tells the misses of every N requests too.
 *
 * memcached: what is missed is set then, as an application would. Largetable has every record,
 * which --load inserts; a miss is a read that had to ask the store and its disk. */
#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hist.h"
#include "base/mem.h"
#include "doc/build.h"
#include "doc/view.h"
#include "sim/trace.h"
#include "tool/client.h"
#include "wire/compose.h"

enum { REPLAY_NOISE = 1 << 20, REPLAY_BATCH_BYTES = 1 << 20, REPLAY_LINE = 128 };

#define REPLAY_DB "cache_replay"

struct replay {
    struct trace trace;
    struct trace_limits limits;
    const char *path;
    const char *peer;
    uint16_t port;
    uint32_t size;
    uint64_t skip;
    uint64_t window; /* 0: none */
    bool load;
    uint8_t *noise; /* every value is a part of it */
    struct hist *hist;
    uint64_t misses;
    struct buf windows; /* the misses of each, with commas between */
    struct tool_client client;
    struct err err;
    int fd; /* to memcached */
    struct buf in;
};

/* ---- values ---- */

static uint64_t replay_mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

static void replay_make_noise(struct replay *replay)
{
    replay->noise = mem_alloc(REPLAY_NOISE);
    for (uint64_t i = 0; i < REPLAY_NOISE / sizeof i; i++) {
        uint64_t part = replay_mix((i + 1) * 0x9e3779b97f4a7c15u);
        memcpy(replay->noise + i * sizeof part, &part, sizeof part);
    }
}

static struct slice replay_value(const struct replay *replay, uint32_t key)
{
    uint64_t choice = replay_mix(key + UINT64_C(0x9e3779b97f4a7c15));
    uint32_t len = replay->size / 2 + (uint32_t)(choice % replay->size);
    return slice_of(replay->noise + (choice >> 32) % (REPLAY_NOISE - len), len);
}

/* A trace's keys are numbered as they come; records that come together shall not lie together. */
static int32_t replay_id(uint32_t key)
{
    return (int32_t)(key * 2654435761u);
}

/* ---- memcached ---- */

static void memcached_open(struct replay *replay)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(replay->port)};
    int one = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    replay->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(replay->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        err(1, "memcached");
    }
    setsockopt(replay->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    buf_init(&replay->in, NULL);
}

static void memcached_send(struct replay *replay, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(replay->fd, bytes.data, bytes.len);
        if (put <= 0) {
            err(1, "memcached");
        }
        bytes = slice_from(bytes, (size_t)put);
    }
}

static void memcached_more(struct replay *replay)
{
    size_t before = replay->in.len;
    uint8_t *room = buf_extend(&replay->in, 64 << 10);
    ssize_t got = read(replay->fd, room, 64 << 10);
    if (got <= 0) {
        err(1, "memcached");
    }
    replay->in.len = before + (size_t)got;
}

/* Wait until what has come ends with `end`. */
static void memcached_receive(struct replay *replay, const char *end)
{
    size_t len = strlen(end);
    replay->in.len = 0;
    do {
        memcached_more(replay);
    } while (replay->in.len < len || memcmp(replay->in.data + replay->in.len - len, end, len) != 0);
}

static void memcached_set(struct replay *replay, uint32_t key, struct slice value)
{
    struct buf request;
    buf_init(&request, NULL);
    buf_format(&request, "set k%u 0 0 %zu\r\n", key, value.len);
    buf_append_slice(&request, value);
    buf_append_slice(&request, SLICE("\r\n"));
    memcached_send(replay, buf_slice(&request));
    memcached_receive(replay, "\r\n");
    if (!slice_is(buf_slice(&replay->in), "STORED\r\n")) {
        errx(1, "memcached does not store: %.*s", SLICE_FMT(buf_slice(&replay->in)));
    }
    buf_close(&request);
}

/* True on a hit, whose bytes are right. */
static bool memcached_get(struct replay *replay, uint32_t key)
{
    char text[REPLAY_LINE];
    struct slice value = replay_value(replay, key);
    int len = snprintf(text, sizeof text, "get k%u\r\n", key);
    memcached_send(replay, slice_of(text, (size_t)len));
    memcached_receive(replay, "END\r\n");
    if (replay->in.len == strlen("END\r\n")) {
        return false;
    }
    len = snprintf(text, sizeof text, "VALUE k%u 0 %zu\r\n", key, value.len);
    if (replay->in.len != (size_t)len + value.len + strlen("\r\nEND\r\n") ||
        memcmp(replay->in.data, text, (size_t)len) != 0 ||
        memcmp(replay->in.data + len, value.data, value.len) != 0) {
        errx(1, "memcached: a wrong value of key %u", key);
    }
    return true;
}

static void memcached_run(struct replay *replay)
{
    for (size_t i = replay->skip; i < replay->trace.count; i++) {
        uint32_t key = replay->trace.keys[i];
        uint64_t begin_us = clock_mono_us();
        bool hit = memcached_get(replay, key);
        hist_record(replay->hist, clock_mono_us() - begin_us);
        if (!hit) {
            replay->misses++;
            memcached_set(replay, key, replay_value(replay, key));
        }
    }
}

/* ---- Largetable ---- */

static void largetable_check(struct replay *replay, int code)
{
    if (code < 0) {
        errx(1, "largetable: %s", replay->err.text);
    }
}

static void largetable_open(struct replay *replay)
{
    struct tool_target target = {0};
    tool_client_init(&replay->client);
    largetable_check(replay, tool_target_set(&target, "127.0.0.1", replay->port, &replay->err));
    largetable_check(replay,
                     tool_client_connect(&replay->client, &target, "cache_replay", &replay->err));
}

static struct slice largetable_call(struct replay *replay)
{
    struct slice reply;
    largetable_check(replay, tool_client_send(&replay->client, 0, &replay->err));
    largetable_check(replay, tool_client_receive(&replay->client, &reply, &replay->err));
    return reply;
}

static void largetable_insert(struct replay *replay, uint32_t from, uint32_t to)
{
    struct doc_builder builder;
    struct buf *out = tool_client_begin(&replay->client);
    doc_build_begin(&builder, out);
    doc_build_text(&builder, "insert", "records");
    doc_build_text(&builder, "$db", REPLAY_DB);
    doc_build_end(&builder);
    size_t sequence = wire_compose_sequence(out, SLICE("documents"));
    for (uint32_t key = from; key < to; key++) {
        doc_build_begin(&builder, out);
        doc_build_i32(&builder, "_id", replay_id(key));
        doc_build_binary(&builder, "v", 0, replay_value(replay, key));
        doc_build_end(&builder);
    }
    wire_compose_sequence_end(out, sequence);
    struct doc_value count = doc_get_str(largetable_call(replay), "n");
    if (count.type != DOC_INT32 || doc_value_get_i32(count) != (int32_t)(to - from)) {
        errx(1, "largetable did not insert records %u to %u", from, to);
    }
}

static void largetable_load(struct replay *replay)
{
    uint32_t batch = REPLAY_BATCH_BYTES / replay->size;
    for (uint32_t key = 0; key < replay->trace.distinct; key += batch) {
        uint32_t left = replay->trace.distinct - key;
        largetable_insert(replay, key, key + (left < batch ? left : batch));
    }
}

static void largetable_find(struct replay *replay, uint32_t key)
{
    struct doc_builder builder;
    doc_build_begin(&builder, tool_client_begin(&replay->client));
    doc_build_text(&builder, "find", "records");
    doc_build_open(&builder, SLICE("filter"));
    doc_build_i32(&builder, "_id", replay_id(key));
    doc_build_close(&builder);
    doc_build_i32(&builder, "limit", 1);
    doc_build_bool(&builder, "singleBatch", true);
    doc_build_text(&builder, "$db", REPLAY_DB);
    doc_build_end(&builder);
    struct doc_value cursor = doc_get_str(largetable_call(replay), "cursor");
    struct doc_value batch = doc_get_str(slice_of(cursor.data, cursor.len), "firstBatch");
    struct doc_value first = doc_array_at(slice_of(batch.data, batch.len), 0);
    struct slice value = replay_value(replay, key);
    struct doc_value found =
        first.type == DOC_OBJECT ? doc_get_str(slice_of(first.data, first.len), "v") : doc_missing;
    if (found.type != DOC_BINARY || found.len != value.len + 5 ||
        memcmp(found.data + 5, value.data, value.len) != 0) {
        errx(1, "largetable: a wrong value of key %u", key);
    }
}

/* Reads that asked the store and its disk, so far. */
static uint64_t largetable_waits(struct replay *replay)
{
    struct doc_builder builder;
    doc_build_begin(&builder, tool_client_begin(&replay->client));
    doc_build_i32(&builder, "serverStatus", 1);
    doc_build_text(&builder, "$db", "admin");
    doc_build_end(&builder);
    struct doc_value cache = doc_get_str(largetable_call(replay), "cache");
    struct doc_value waits = doc_get_str(slice_of(cache.data, cache.len), "engineWaits");
    if (waits.type != DOC_INT64) {
        errx(1, "largetable does not tell its engineWaits");
    }
    return (uint64_t)doc_value_get_i64(waits);
}

static void largetable_window(struct replay *replay, uint64_t *before)
{
    uint64_t waits = largetable_waits(replay);
    buf_format(&replay->windows, "%s%" PRIu64, replay->windows.len == 0 ? "" : ", ",
               waits - *before);
    *before = waits;
}

static void largetable_run(struct replay *replay)
{
    uint64_t first = largetable_waits(replay);
    uint64_t before = first;
    for (size_t i = replay->skip; i < replay->trace.count; i++) {
        uint64_t begin_us = clock_mono_us();
        largetable_find(replay, replay->trace.keys[i]);
        hist_record(replay->hist, clock_mono_us() - begin_us);
        if (replay->window > 0 && (i + 1 - replay->skip) % replay->window == 0) {
            largetable_window(replay, &before);
        }
    }
    replay->misses = largetable_waits(replay) - first;
}

/* ---- the program ---- */

static void replay_option(struct replay *replay, const char *name, const char *value)
{
    if (value == NULL) {
        errx(2, "%s needs a value", name);
    }
    if (strcmp(name, "--trace") == 0) {
        replay->path = value;
    } else if (strcmp(name, "--format") == 0) {
        replay->limits.format = value;
    } else if (strcmp(name, "--peer") == 0) {
        replay->peer = value;
    } else if (strcmp(name, "--port") == 0) {
        replay->port = (uint16_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--size") == 0) {
        replay->size = (uint32_t)strtoul(value, NULL, 10);
    } else if (strcmp(name, "--requests") == 0) {
        replay->limits.count_max = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--skip") == 0) {
        replay->skip = strtoull(value, NULL, 10);
    } else if (strcmp(name, "--window") == 0) {
        replay->window = strtoull(value, NULL, 10);
    } else {
        errx(2, "there is no option %s; see the head of test/sim/cache_replay.c", name);
    }
}

static void replay_run(struct replay *replay)
{
    bool is_memcached = strcmp(replay->peer, "memcached") == 0;
    (is_memcached ? memcached_open : largetable_open)(replay);
    uint64_t begin_us = clock_mono_us();
    buf_init(&replay->windows, NULL);
    if (replay->load) {
        largetable_load(replay);
    } else {
        (is_memcached ? memcached_run : largetable_run)(replay);
    }
    printf("{\"requests\": %" PRIu64 ", \"distinct\": %u, \"misses\": %" PRIu64
           ", \"seconds\": %.3f, \"p50\": %" PRIu64 ", \"p99\": %" PRIu64 ", \"p99.9\": %" PRIu64
           ", \"windows\": [%.*s]}\n",
           hist_count(replay->hist), replay->trace.distinct, replay->misses,
           (double)(clock_mono_us() - begin_us) / 1e6, hist_percentile(replay->hist, 50),
           hist_percentile(replay->hist, 99), hist_percentile(replay->hist, 99.9),
           SLICE_FMT(buf_slice(&replay->windows)));
    buf_close(&replay->windows);
    if (is_memcached) {
        close(replay->fd);
        buf_close(&replay->in);
    } else {
        tool_client_close(&replay->client);
    }
}

int main(int argc, char **argv)
{
    struct replay replay = {.limits = {.count_max = SIZE_MAX, .seed = 1}, .size = 4096};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--load") == 0) {
            replay.load = true;
        } else {
            replay_option(&replay, argv[i], argv[i + 1]);
            i++;
        }
    }
    bool known = replay.peer != NULL && (strcmp(replay.peer, "largetable") == 0 ||
                                         (strcmp(replay.peer, "memcached") == 0 && !replay.load));
    if (replay.path == NULL || replay.limits.format == NULL || !known || replay.port == 0 ||
        replay.size < 16 || replay.size > REPLAY_NOISE / 4) {
        errx(2, "give --trace, --format, --port and --peer; see test/sim/cache_replay.c");
    }
    trace_read(&replay.trace, replay.path, &replay.limits);
    replay_make_noise(&replay);
    replay.hist = hist_new();
    replay_run(&replay);
    hist_free(replay.hist);
    mem_free(replay.noise);
    trace_close(&replay.trace);
}
