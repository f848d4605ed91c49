/* tool/bench_choose.c - workloads, and what each connection asks for next.
 *
 * Connection c of C inserts documents base + c, base + c + C, base + c + 2C...: so every connection
 * knows which of its own are acknowledged, and "latest" can read them at once, without sharing
 * anything between threads. */
#include <math.h>

#include "tool/bench_private.h"

const char *const bench_op_names[BENCH_OPS] = {
    [BENCH_READ] = "read",         [BENCH_READ_SECONDARY] = "read-secondary",
    [BENCH_UPDATE] = "update",     [BENCH_INSERT] = "insert",
    [BENCH_SCAN] = "scan",         [BENCH_INSERT_MANY] = "insertMany",
    [BENCH_RMW] = "rmw",           [BENCH_TXN_INSERT] = "txn-insert",
    [BENCH_TXN_READ] = "txn-read",
};

const char *const bench_distribution_names[BENCH_DISTRIBUTIONS] = {
    [BENCH_UNIFORM] = "uniform",
    [BENCH_ZIPFIAN] = "zipfian",
    [BENCH_LATEST] = "latest",
    [BENCH_HOT] = "hot",
};

/* clang-format off */
static const struct bench_workload bench_workloads[] = {
    {"insert", "single documents, durable when acknowledged",
     {[BENCH_INSERT] = 100}, BENCH_UNIFORM, false},
    {"insertMany", "--batch documents a command",
     {[BENCH_INSERT_MANY] = 100}, BENCH_UNIFORM, false},
    {"read", "one document by _id",
     {[BENCH_READ] = 100}, BENCH_UNIFORM, false},
    {"read-secondary", "by a secondary index, see --index",
     {[BENCH_READ_SECONDARY] = 100}, BENCH_UNIFORM, false},
    {"update", "add 1 to a number of one document",
     {[BENCH_UPDATE] = 100}, BENCH_UNIFORM, false},
    {"update-hot", "add 1 to a number of the same document, from all connections",
     {[BENCH_UPDATE] = 100}, BENCH_HOT, false},
    {"scan", "--scan-length documents in order of _id",
     {[BENCH_SCAN] = 100}, BENCH_UNIFORM, false},
    {"txn-insert", "transactions of --batch inserts, each a command",
     {[BENCH_TXN_INSERT] = 100}, BENCH_UNIFORM, false},
    {"txn-read", "transactions of --batch reads by _id",
     {[BENCH_TXN_READ] = 100}, BENCH_UNIFORM, false},
    {"ycsb-a", "half reads, half updates",
     {[BENCH_READ] = 50, [BENCH_UPDATE] = 50}, BENCH_ZIPFIAN, false},
    {"ycsb-b", "95 % reads, 5 % updates",
     {[BENCH_READ] = 95, [BENCH_UPDATE] = 5}, BENCH_ZIPFIAN, false},
    {"ycsb-c", "reads",
     {[BENCH_READ] = 100}, BENCH_ZIPFIAN, false},
    {"ycsb-d", "95 % reads of the latest, 5 % inserts",
     {[BENCH_READ] = 95, [BENCH_INSERT] = 5}, BENCH_LATEST, false},
    {"ycsb-e", "95 % scans of up to --scan-length, 5 % inserts",
     {[BENCH_SCAN] = 95, [BENCH_INSERT] = 5}, BENCH_ZIPFIAN, true},
    {"ycsb-f", "half reads, half reads with an update after them",
     {[BENCH_READ] = 50, [BENCH_RMW] = 50}, BENCH_ZIPFIAN, false},
    {"mixed", "some of everything, for a long run",
     {[BENCH_READ] = 40, [BENCH_READ_SECONDARY] = 10, [BENCH_UPDATE] = 30, [BENCH_INSERT] = 5,
      [BENCH_SCAN] = 5, [BENCH_RMW] = 10}, BENCH_ZIPFIAN, true},
};
/* clang-format on */

enum { BENCH_WORKLOADS = sizeof bench_workloads / sizeof bench_workloads[0] };

const struct bench_workload *bench_workload_at(uint32_t index)
{
    return index < BENCH_WORKLOADS ? &bench_workloads[index] : NULL;
}

const struct bench_workload *bench_workload_find(const char *name)
{
    for (uint32_t i = 0; i < BENCH_WORKLOADS; i++) {
        if (strcmp(name, bench_workloads[i].name) == 0) {
            return &bench_workloads[i];
        }
    }
    return NULL;
}

/* ---- zipf, as in Gray et al., "Quickly Generating Billion-Record Synthetic Databases" ---- */

#define ZIPF_THETA 0.99

void bench_zipf_init(struct bench_zipf *zipf, uint64_t count)
{
    double zeta = 0;
    for (uint64_t i = 1; i <= count; i++) {
        zeta += 1 / pow((double)i, ZIPF_THETA);
    }
    zipf->count = count;
    zipf->zeta = zeta;
    zipf->half = pow(0.5, ZIPF_THETA);
    zipf->alpha = 1 / (1 - ZIPF_THETA);
    zipf->eta = (1 - pow(2 / (double)count, 1 - ZIPF_THETA)) / (1 - (1 + zipf->half) / zeta);
}

uint64_t bench_zipf_rank(const struct bench_zipf *zipf, uint64_t random)
{
    double even = (double)(random >> 11) * 0x1p-53;
    double scaled = even * zipf->zeta;
    if (scaled < 1 || zipf->count < 2) {
        return 0;
    }
    if (scaled < 1 + zipf->half || zipf->count == 2) {
        return 1;
    }
    double rank = (double)zipf->count * pow(zipf->eta * even - zipf->eta + 1, zipf->alpha);
    return rank >= (double)zipf->count ? zipf->count - 1 : (uint64_t)rank;
}

/* ---- choosing ---- */

static uint64_t choose_random(struct bench_conn *conn)
{
    return bench_mix(conn->random++);
}

uint64_t bench_own_number(const struct bench_conn *conn, uint64_t k)
{
    return conn->bench->base + k * conn->bench->conns + conn->number;
}

/* A document that is there, of the loaded ones or (latest) also of this connection's. */
static uint64_t choose_existing(struct bench_conn *conn, bool loaded_only)
{
    const struct bench *bench = conn->bench;
    uint64_t documents = bench->options.documents;
    uint64_t random = choose_random(conn);
    if (bench->options.distribution == BENCH_UNIFORM) {
        return random % documents;
    }
    if (bench->options.distribution == BENCH_HOT) {
        return 0;
    }
    uint64_t rank = bench_zipf_rank(&bench->zipf, random);
    if (bench->options.distribution == BENCH_ZIPFIAN) {
        return bench_mix(rank) % documents;
    }
    if (!loaded_only && rank < conn->inserted) {
        return bench_own_number(conn, conn->inserted - 1 - rank);
    }
    return documents - 1 - (loaded_only ? rank : rank - conn->inserted);
}

static enum bench_op choose_op(struct bench_conn *conn)
{
    const struct bench_workload *workload = conn->bench->workload;
    uint32_t point = (uint32_t)(choose_random(conn) % 100);
    enum bench_op op = 0;
    while (point >= workload->share[op]) {
        point -= workload->share[op++];
        assert(op < BENCH_OPS);
    }
    return op;
}

static void choose_scan(struct bench_conn *conn)
{
    const struct bench *bench = conn->bench;
    uint64_t documents = bench->options.documents;
    uint32_t length = bench->options.scan_length;
    if (bench->workload->scan_varies) {
        length = 1 + (uint32_t)(choose_random(conn) % length);
    }
    conn->key = choose_existing(conn, true);
    conn->key = conn->key > documents - length ? documents - length : conn->key;
    conn->count = length;
}

static void choose_secondary(struct bench_conn *conn)
{
    uint64_t documents = conn->bench->options.documents;
    conn->key = choose_existing(conn, true);
    if (conn->bench->options.index_plain) {
        conn->key -= conn->key % BENCH_GROUP_SIZE;
        uint64_t rest = documents - conn->key;
        conn->count = rest < BENCH_GROUP_SIZE ? (uint32_t)rest : BENCH_GROUP_SIZE;
    }
}

/* As many of this connection's own as the batch and the phase's limit let. */
static bool choose_insert(struct bench_conn *conn)
{
    const struct bench *bench = conn->bench;
    uint32_t count_max = conn->op == BENCH_INSERT ? 1 : bench->options.batch;
    conn->key = bench_own_number(conn, conn->inserted);
    conn->count = count_max;
    if (bench->limit > 0) {
        uint64_t step = bench->conns;
        uint64_t left =
            conn->key >= bench->limit ? 0 : (bench->limit - conn->key + step - 1) / step;
        conn->count = left < count_max ? (uint32_t)left : count_max;
    }
    return conn->count > 0;
}

bool bench_choose(struct bench_conn *conn)
{
    conn->op = choose_op(conn);
    conn->verb = conn->op == BENCH_RMW ? BENCH_READ : conn->op;
    conn->count = 1;
    switch (conn->op) {
    case BENCH_INSERT:
    case BENCH_INSERT_MANY:
    case BENCH_TXN_INSERT:
        return choose_insert(conn);
    case BENCH_TXN_READ:
        conn->key = choose_existing(conn, true);
        conn->count = conn->bench->options.batch;
        return true;
    case BENCH_SCAN:
        choose_scan(conn);
        return true;
    case BENCH_READ_SECONDARY:
        choose_secondary(conn);
        return true;
    default:
        conn->key = choose_existing(conn, conn->op != BENCH_READ);
        return true;
    }
}
