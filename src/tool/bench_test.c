/* tool/bench_test.c - documents that follow from their number, and who asks for which. */
#include "lib/test.h"
#include "tool/bench_private.h"

static struct slice document(const struct bench_layout *layout, struct buf *buf, uint64_t number)
{
    buf->len = 0;
    buf_append_slice(buf, buf_slice(&layout->blank));
    bench_doc_patch(layout, buf->data, number);
    return buf_slice(buf);
}

TEST(bench_documents_have_the_size_asked_for_and_know_their_number)
{
    struct buf buf;
    buf_init(&buf, NULL);
    for (uint32_t size = BENCH_DOCUMENT_SIZE_MIN; size < 600; size += 7) {
        struct bench_layout layout;
        bench_layout_init(&layout, size);
        struct slice doc = document(&layout, &buf, size * 31);
        assert_int_equal(doc.len, size);
        assert_true(bench_doc_check(&layout, doc, size * 31));
        assert_false(bench_doc_check(&layout, doc, size * 31 + 1));
        buf_close(&layout.blank);
    }
    buf_close(&buf);
}

TEST(bench_notices_any_changed_byte_but_the_counters)
{
    struct bench_layout layout;
    struct buf buf;
    uint32_t unnoticed = 0;
    buf_init(&buf, NULL);
    bench_layout_init(&layout, 200);
    document(&layout, &buf, 12345);
    for (size_t i = 0; i < buf.len; i++) {
        buf.data[i] ^= 1;
        unnoticed += bench_doc_check(&layout, buf_slice(&buf), 12345);
        buf.data[i] ^= 1;
    }
    assert_int_equal(unnoticed, 8);
    buf_close(&layout.blank);
    buf_close(&buf);
}

TEST(bench_zipf_prefers_low_ranks_and_stays_in_range)
{
    struct bench_zipf zipf;
    uint64_t first = 0;
    bench_zipf_init(&zipf, 1000);
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t rank = bench_zipf_rank(&zipf, bench_mix(i));
        assert_true(rank < 1000);
        first += rank == 0;
    }
    assert_in_range(first, 12000, 14500); /* 1 / zeta(1000, 0.99) is 13 % */
    bench_zipf_init(&zipf, 1);
    assert_int_equal(bench_zipf_rank(&zipf, UINT64_MAX), 0);
}

TEST(bench_connections_together_load_each_document_once)
{
    struct bench bench = {.options = {.connections = 7, .batch = 10},
                          .workload = bench_workload_find("insertMany"),
                          .conns = 7,
                          .limit = 1003};
    uint8_t seen[1003] = {0};
    for (uint32_t number = 0; number < 7; number++) {
        struct bench_conn conn = {.bench = &bench, .number = number};
        while (bench_choose(&conn)) {
            assert_in_range(conn.count, 1, 10);
            for (uint32_t i = 0; i < conn.count; i++) {
                seen[bench_own_number(&conn, conn.inserted++)]++;
            }
        }
    }
    for (uint32_t i = 0; i < 1003; i++) {
        assert_int_equal(seen[i], 1);
    }
}

TEST(bench_latest_reads_only_what_is_loaded_or_acknowledged_to_this_connection)
{
    struct bench bench = {
        .options = {.connections = 3, .documents = 100, .distribution = BENCH_LATEST},
        .workload = bench_workload_find("ycsb-d"),
        .base = 100,
        .conns = 3};
    struct bench_conn conn = {.bench = &bench, .number = 2, .inserted = 5};
    uint64_t own = 0;
    bench_zipf_init(&bench.zipf, 100);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_true(bench_choose(&conn));
        if (conn.op == BENCH_READ && conn.key >= 100) {
            assert_int_equal((conn.key - 102) % 3, 0);
            assert_true(conn.key <= 114);
            own++;
        }
    }
    assert_true(own > 1000);
}

TEST(bench_workloads_share_out_a_hundred_percent)
{
    for (uint32_t i = 0; bench_workload_at(i) != NULL; i++) {
        uint32_t sum = 0;
        for (uint32_t op = 0; op < BENCH_OPS; op++) {
            sum += bench_workload_at(i)->share[op];
        }
        assert_int_equal(sum, 100);
    }
}

TEST(bench_hot_updates_are_all_of_one_document)
{
    struct bench bench = {
        .options = {.connections = 2, .documents = 100, .distribution = BENCH_HOT},
        .workload = bench_workload_find("update-hot"),
        .conns = 2};
    for (uint32_t i = 0; i < 100; i++) {
        struct bench_conn conn = {.bench = &bench, .number = i % 2, .random = i};
        assert_true(bench_choose(&conn));
        assert_int_equal(conn.op, BENCH_UPDATE);
        assert_int_equal(conn.key, 0);
    }
}
