/* tool/bench_options.c - the command line by argp. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/bench_private.h"

enum {
    KEY_BATCH = 0x100,
    KEY_DOCUMENT_SIZE,
    KEY_HOST,
    KEY_IDLE,
    KEY_INDEX,
    KEY_INDEXES,
    KEY_JSON,
    KEY_LOADED,
    KEY_PEER,
    KEY_RATE,
    KEY_SCAN_LENGTH,
    KEY_SPAWN,
    KEY_WARMUP,
};

static const struct bench_peer *const bench_peers[] = {&bench_mongo, &bench_redis, &bench_postgres,
                                                       &bench_echo};

enum { BENCH_PEERS = sizeof bench_peers / sizeof bench_peers[0] };

/* Options that are whole numbers. */
static const struct {
    int key;
    size_t offset;
    bool wide; /* uint64_t */
    uint64_t low, high;
} option_numbers[] = {
    {'c', offsetof(struct bench_options, connections), false, 1, 15000},
    {'t', offsetof(struct bench_options, threads), false, 1, 64},
    {'d', offsetof(struct bench_options, documents), true, 0, 1000000000},
    {KEY_BATCH, offsetof(struct bench_options, batch), false, 1, BENCH_BATCH_MAX},
    {KEY_DOCUMENT_SIZE, offsetof(struct bench_options, document_size), false,
     BENCH_DOCUMENT_SIZE_MIN, BENCH_DOCUMENT_SIZE_MAX},
    {KEY_INDEXES, offsetof(struct bench_options, indexes), false, 0, BENCH_INDEXES_MAX},
    {KEY_IDLE, offsetof(struct bench_options, idle), false, 1, 15000},
    {KEY_SCAN_LENGTH, offsetof(struct bench_options, scan_length), false, 1, 10000},
};

/* Options that are times or rates. */
static const struct {
    int key;
    size_t offset;
    double high;
} option_reals[] = {
    {'s', offsetof(struct bench_options, seconds), 86400},
    {KEY_WARMUP, offsetof(struct bench_options, warmup_s), 86400},
    {KEY_RATE, offsetof(struct bench_options, rate), 1e8},
};

static const struct argp_option option_rows[] = {
    {"workload", 'w', "NAME", 0, "what to measure (read); see below", 1},
    {"connections", 'c', "N", 0, "connections (64)", 1},
    {"threads", 't', "N", 0, "threads of the client (1)", 1},
    {"documents", 'd', "N", 0, "documents that are loaded first (100000)", 1},
    {"loaded", KEY_LOADED, NULL, 0,
     "a run with the same --documents and --document-size has left them there: only read", 1},
    {"document-size", KEY_DOCUMENT_SIZE, "BYTES", 0, "BSON bytes of a document (512)", 1},
    {"batch", KEY_BATCH, "N", 0, "documents of an insertMany (100)", 1},
    {"scan-length", KEY_SCAN_LENGTH, "N", 0, "documents of a scan (100)", 1},
    {"index", KEY_INDEX, "KIND", 0, "read-secondary by a unique or a plain index (unique)", 1},
    {"indexes", KEY_INDEXES, "N", 0, "plain secondary indexes that writes keep up (0)", 1},
    {"distribution", 'D', "KIND", 0, "uniform, zipfian, latest or hot (the workload's own)", 1},
    {"rate", KEY_RATE, "R", 0,
     "open loop: R operations a second, latency from when each was due (0: closed loop)", 1},
    {"warmup", KEY_WARMUP, "SECONDS", 0, "run so long before measuring (2)", 1},
    {"seconds", 's', "SECONDS", 0, "measure so long (10)", 1},
    {"spawn", KEY_SPAWN, NULL, 0,
     "start a server in a temporary directory; arguments after -- are given to it", 2},
    {"idle", KEY_IDLE, "N", 0, "with --spawn: what N idle connections cost", 2},
    {"host", KEY_HOST, "NAME", 0, "where the server is (127.0.0.1)", 2},
    {"port", 'p', "N", 0, "and its port (that of the kind of server)", 2},
    {"peer", KEY_PEER, "KIND", 0, "largetable, redis, postgres or echo (largetable)", 2},
    {"json", KEY_JSON, "FILE", 0, "write the results as JSON; - for standard output", 3},
    {0},
};

static void option_number(struct bench_options *options, uint32_t row, const char *text,
                          struct argp_state *state)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' ||
        number < option_numbers[row].low || number > option_numbers[row].high) {
        argp_error(state, "'%s' is not a whole number between %llu and %llu", text,
                   (unsigned long long)option_numbers[row].low,
                   (unsigned long long)option_numbers[row].high);
        return;
    }
    void *to = (char *)options + option_numbers[row].offset;
    if (option_numbers[row].wide) {
        *(uint64_t *)to = number;
    } else {
        *(uint32_t *)to = (uint32_t)number;
    }
}

static void option_real(struct bench_options *options, uint32_t row, const char *text,
                        struct argp_state *state)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= 0) || number > option_reals[row].high) {
        argp_error(state, "'%s' is not a number between 0 and %.0f", text, option_reals[row].high);
        return;
    }
    *(double *)((char *)options + option_reals[row].offset) = number;
}

static void option_distribution(struct bench_options *options, const char *text,
                                struct argp_state *state)
{
    for (uint32_t i = 0; i < BENCH_DISTRIBUTIONS; i++) {
        if (strcmp(text, bench_distribution_names[i]) == 0) {
            options->distribution = i;
            return;
        }
    }
    argp_error(state, "there is no distribution '%s'", text);
}

static void option_peer(struct bench_options *options, const char *text, struct argp_state *state)
{
    for (uint32_t i = 0; i < BENCH_PEERS; i++) {
        if (strcmp(text, bench_peers[i]->name) == 0) {
            options->peer = bench_peers[i];
            return;
        }
    }
    argp_error(state, "there is no peer '%s'", text);
}

static void option_port(struct bench_options *options, const char *text, struct argp_state *state)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || number == 0 || number > UINT16_MAX) {
        argp_error(state, "'%s' is no port", text);
        return;
    }
    options->port = (uint16_t)number;
}

/* What was loaded by a run before can be read, and by nobody else be known. */
static void option_check_loaded(const struct bench_options *options, struct argp_state *state)
{
    const uint8_t *share = options->workload->share;
    if (options->spawn || options->peer != &bench_mongo) {
        argp_error(state, "--loaded is for a Largetable that was there before");
    }
    if (share[BENCH_READ] + share[BENCH_SCAN] < 100) {
        argp_error(state, "--loaded is for reads by _id, '%s' has more", options->workload->name);
    }
}

/* Who starts which server. */
static void option_check_spawn(const struct bench_options *options, struct argp_state *state)
{
    bool echo = options->peer->serve != NULL;
    if (options->spawn && options->peer != &bench_mongo && !echo) {
        argp_error(state, "--spawn starts Largetable and echo; ./dev bench starts the others");
    }
    if (!options->spawn && echo) {
        argp_error(state, "%s is a part of this program: it needs --spawn", options->peer->name);
    }
    if (!options->spawn && (options->idle > 0 || options->extra_count > 0)) {
        argp_error(state, "--idle and arguments after -- need --spawn");
    }
    if (echo && options->extra_count > 0) {
        argp_error(state, "arguments after -- are for Largetable, not for %s", options->peer->name);
    }
}

/* What the options say together. */
static void option_check(struct bench_options *options, struct argp_state *state)
{
    const struct bench_workload *workload = options->workload;
    bool reads = workload->share[BENCH_INSERT] + workload->share[BENCH_INSERT_MANY] < 100;
    options->port = options->port == 0 ? options->peer->port : options->port;
    options->threads =
        options->threads > options->connections ? options->connections : options->threads;
    if (options->distribution == BENCH_DISTRIBUTIONS) {
        options->distribution = workload->distribution;
    }
    for (uint32_t op = 0; op < BENCH_OPS; op++) {
        if (workload->share[op] > 0 && (options->peer->verbs & 1u << op) == 0) {
            argp_error(state, "%s cannot be asked for '%s'", options->peer->name,
                       bench_op_names[op]);
        }
    }
    if (reads && options->documents == 0) {
        argp_error(state, "this workload needs --documents");
    }
    if (workload->share[BENCH_SCAN] > 0 && options->scan_length > options->documents) {
        argp_error(state, "a scan cannot be longer than --documents");
    }
    option_check_spawn(options, state);
    if (options->loaded) {
        option_check_loaded(options, state);
    }
    if (options->indexes > 0 && workload->share[BENCH_READ_SECONDARY] > 0) {
        argp_error(state, "'%s' makes its own index; --indexes are for the others", workload->name);
    }
    if (options->seconds == 0) {
        argp_error(state, "--seconds must be more than 0");
    }
}

static error_t option_other(int key, char *text, struct argp_state *state)
{
    struct bench_options *options = state->input;
    for (uint32_t i = 0; i < sizeof option_numbers / sizeof option_numbers[0]; i++) {
        if (option_numbers[i].key == key) {
            option_number(options, i, text, state);
            return 0;
        }
    }
    for (uint32_t i = 0; i < sizeof option_reals / sizeof option_reals[0]; i++) {
        if (option_reals[i].key == key) {
            option_real(options, i, text, state);
            return 0;
        }
    }
    return ARGP_ERR_UNKNOWN;
}

static error_t option_parse(int key, char *text, struct argp_state *state)
{
    struct bench_options *options = state->input;
    switch (key) {
    case 'w':
        options->workload = bench_workload_find(text);
        if (options->workload == NULL) {
            argp_error(state, "there is no workload '%s'", text);
        }
        return 0;
    case 'D':
        option_distribution(options, text, state);
        return 0;
    case 'p':
        option_port(options, text, state);
        return 0;
    case KEY_INDEX:
        options->index_plain = strcmp(text, "plain") == 0;
        if (!options->index_plain && strcmp(text, "unique") != 0) {
            argp_error(state, "an index is unique or plain, not '%s'", text);
        }
        return 0;
    case KEY_HOST:
        options->host = text;
        return 0;
    case KEY_JSON:
        options->json_path = text;
        return 0;
    case KEY_LOADED:
        options->loaded = true;
        return 0;
    case KEY_PEER:
        option_peer(options, text, state);
        return 0;
    case KEY_SPAWN:
        options->spawn = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->extra_count == BENCH_EXTRA_MAX || !state->quoted) {
            argp_error(state, "'%s' is one argument too many", text);
            return 0;
        }
        options->extra[options->extra_count++] = text;
        return 0;
    case ARGP_KEY_END:
        option_check(options, state);
        return 0;
    default:
        return option_other(key, text, state);
    }
}

/* The workloads' names come from their table. */
static char *option_help(int key, const char *text, void *input)
{
    struct buf buf;
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC) {
        return (char *)text;
    }
    buf_init(&buf, NULL);
    buf_format(&buf, "Workloads:\n");
    for (uint32_t i = 0; bench_workload_at(i) != NULL; i++) {
        buf_format(&buf, "  %-15s %s\n", bench_workload_at(i)->name, bench_workload_at(i)->help);
    }
    buf_append_byte(&buf, '\0');
    return (char *)buf.data; /* argp frees it */
}

void bench_options_parse(struct bench_options *options, int argc, char **argv)
{
    static const struct argp argp = {
        .options = option_rows,
        .parser = option_parse,
        .args_doc = "[-- SERVER-ARGUMENT...]",
        .doc = "Measure a server, checking every answer.\v ",
        .help_filter = option_help,
    };
    *options = (struct bench_options){
        .workload = bench_workload_find("read"),
        .peer = &bench_mongo,
        .host = "127.0.0.1",
        .connections = 64,
        .threads = 1,
        .batch = 100,
        .document_size = 512,
        .scan_length = 100,
        .documents = 100000,
        .warmup_s = 2,
        .seconds = 10,
        .distribution = BENCH_DISTRIBUTIONS,
    };
    argp_parse(&argp, argc, argv, 0, NULL, options);
}
