/* store/journal_test.c - what was acknowledged is there after any crash, or the loss is named.
 *
 * A model remembers every record that was offered and how far acknowledgement went. The journal
 * runs on a simulated disk that dies at a random change; what the next open reads must be a run of
 * the model's records that takes in everything acknowledged. */
#include "store/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"
#include "store/journal_private.h"
#include "store/seal.h"
#include "store/simdisk.h"

enum {
    MODEL_RECORDS_MAX = 4096,
    MODEL_BATCH_MAX = 6,
    MODEL_PAYLOAD_MAX = 2000,
    MODEL_SEGMENT = 16 << 10,
    MODEL_CRASHES = 300,
};

struct model {
    struct store_simdisk *sim;
    struct store_seal *seal;       /* of every second one; NULL: it is plain */
    struct store_journal *journal; /* NULL: dead */
    struct random_doc random;
    uint64_t seed;
    uint64_t salts[MODEL_RECORDS_MAX]; /* by index: what the payload was made from */
    uint64_t offered;                  /* highest index ever written */
    uint64_t acked;
    uint64_t trimmed; /* known to be in the store */
    uint64_t term;
    uint64_t term_acked;
    uint64_t batch_start; /* first index of the newest batch */
    uint64_t batch_term;  /* the vote before it */
    bool marked;
    /* ---- while it is read back ---- */
    uint64_t first;
    uint64_t last;
    uint64_t term_read;
    struct err err;
};

static size_t model_payload(uint64_t salt, uint8_t *ret_bytes)
{
    struct random_doc random = {salt};
    size_t len =
        random_doc_below(&random, 8) == 0 ? 0 : random_doc_below(&random, MODEL_PAYLOAD_MAX);
    for (size_t i = 0; i < len; i++) {
        ret_bytes[i] = (uint8_t)random_doc_next(&random);
    }
    return len;
}

static int model_on_record(void *context, const struct store_journal_record *record)
{
    struct model *model = context;
    uint8_t expected[MODEL_PAYLOAD_MAX];
    if (record->type == STORE_JOURNAL_VOTE) {
        model->term_read = record->term;
        return 0;
    }
    if (record->type == STORE_JOURNAL_MARK) {
        return 0;
    }
    if (model->first == 0) {
        model->first = record->index;
    } else {
        assert_int_equal(record->index, model->last + 1);
    }
    assert_true(record->index <= model->offered);
    size_t len = model_payload(model->salts[record->index], expected);
    assert_int_equal(record->payload.len, len);
    assert_true(slice_equal(record->payload, slice_of(expected, len)));
    model->last = record->index;
    return 0;
}

static int model_try_open(struct model *model)
{
    struct store_journal_options options = {
        .segment_bytes = MODEL_SEGMENT,
        .durable = model->trimmed,
        .on_record = model_on_record,
        .context = model,
    };
    struct store_disk *disk = store_simdisk_mount(model->sim);
    disk->seal = model->seal;
    model->first = 0;
    model->last = 0;
    model->term_read = 0;
    model->err = (struct err){0};
    int code = store_journal_open(disk, &options, &model->journal, &model->err);
    if (code < 0) {
        disk->ops->free(disk);
        model->journal = NULL;
    }
    return code;
}

static void model_fail(const struct model *model, const char *what)
{
    fail_msg("seed %llu: %s: offered %llu, acknowledged %llu, trimmed %llu, read %llu..%llu %s",
             (unsigned long long)model->seed, what, (unsigned long long)model->offered,
             (unsigned long long)model->acked, (unsigned long long)model->trimmed,
             (unsigned long long)model->first, (unsigned long long)model->last, model->err.text);
}

/* Everything acknowledged is there, and what there is is from now on. */
static void model_check(struct model *model)
{
    if (model->last < model->acked && model->acked > model->trimmed) {
        model_fail(model, "acknowledged records are lost");
    }
    if (model->first > model->trimmed + 1) {
        model_fail(model, "records before the first are missing");
    }
    if (model->term_read < model->term_acked) {
        model_fail(model, "a vote is lost");
    }
    model->offered = model->last > model->trimmed ? model->last : model->trimmed;
    model->offered = model->offered > model->acked ? model->offered : model->acked;
    model->acked = model->offered;
    model->term = model->term_acked = model->term_read;
    model->marked = false;
    model->batch_start = model->offered + 1;
}

static void model_open(struct model *model)
{
    if (model_try_open(model) < 0) {
        model_fail(model, "it does not open");
    }
    model_check(model);
}

static void model_close(struct model *model)
{
    store_journal_close(model->journal);
    model->journal = NULL;
}

static void model_write(struct model *model)
{
    static uint8_t payloads[MODEL_BATCH_MAX][MODEL_PAYLOAD_MAX];
    struct store_journal_record records[MODEL_BATCH_MAX];
    size_t count = 0;
    uint64_t index = model->offered;
    if (random_doc_below(&model->random, 6) == 0) {
        records[count++] = (struct store_journal_record){
            .group = 1, .type = STORE_JOURNAL_VOTE, .index = 1, .term = ++model->term};
    }
    size_t wanted = count + random_doc_below(&model->random, MODEL_BATCH_MAX - 1) + (count == 0);
    for (; count < wanted; count++) {
        uint64_t salt = random_doc_next(&model->random);
        model->salts[++index] = salt;
        size_t len = model_payload(salt, payloads[count]);
        records[count] = (struct store_journal_record){
            .group = 1,
            .type = STORE_JOURNAL_COMMAND,
            .index = index,
            .term = model->term,
            .payload = slice_of(payloads[count], len),
        };
    }
    model->batch_start = model->offered + 1;
    model->batch_term = model->term_acked;
    model->offered = index;
    if (store_journal_write(model->journal, records, count) < 0) {
        model_close(model);
        return;
    }
    model->acked = index;
    model->term_acked = model->term;
    model->marked = false;
}

static void model_trim(struct model *model)
{
    if (model->acked > model->trimmed) {
        model->trimmed +=
            random_doc_below(&model->random, (uint32_t)(model->acked - model->trimmed) + 1);
    }
    if (store_journal_trim(model->journal, model->trimmed, 0) < 0) {
        model_close(model);
    }
}

static void model_mark(struct model *model)
{
    if (store_journal_mark(model->journal) < 0) {
        model_close(model);
        return;
    }
    model->marked = true;
}

static void model_prepare(struct model *model)
{
    if (store_journal_prepare(model->journal) < 0) {
        model_close(model);
    }
}

static struct model *model_new(uint64_t seed)
{
    struct model *model = mem_zero(1, sizeof *model);
    model->seed = seed;
    model->random.state = seed * 7919;
    model->sim = store_simdisk_new(seed);
    if (seed % 2 == 1) {
        model->seal = store_seal_new(&(struct store_seal_key){.number = 1, .bytes = {1}}, 1);
    }
    return model;
}

static void model_free(struct model *model)
{
    model_close(model);
    store_simdisk_free(model->sim);
    store_seal_free(model->seal);
    mem_free(model);
}

static uint64_t model_rounds(void)
{
    const char *rounds = getenv("STORE_TEST_ROUNDS");
    return rounds != NULL ? strtoull(rounds, NULL, 10) : MODEL_CRASHES;
}

/* Work until the disk dies; reopening on it may be what it dies of. */
static void model_live(struct model *model)
{
    while (model->journal != NULL && model->offered + MODEL_BATCH_MAX < MODEL_RECORDS_MAX) {
        switch (random_doc_below(&model->random, 14)) {
        case 0:
            model_trim(model);
            break;
        case 1:
        case 2:
            model_mark(model);
            break;
        case 3: /* the process is killed: nothing that was written is lost */
            model_close(model);
            if (model_try_open(model) < 0) {
                assert_int_equal(model->err.code, LT_EIO);
                return;
            }
            model_check(model);
            break;
        case 4:
        case 5:
            model_prepare(model);
            break;
        default:
            model_write(model);
            break;
        }
    }
    model_close(model);
}

TEST(journal_keeps_what_was_acknowledged_through_any_crash)
{
    for (uint64_t seed = 1; seed <= model_rounds(); seed++) {
        struct model *model = model_new(seed);
        model_open(model);
        for (int crash = 0; crash < 6; crash++) {
            store_simdisk_halt_after(model->sim, 1 + random_doc_below(&model->random, 60));
            model_live(model);
            store_simdisk_crash(model->sim);
            model_open(model);
        }
        model_free(model);
    }
}

TEST(journal_refuses_a_flipped_bit_or_cuts_only_the_last_unmarked_batch)
{
    uint64_t refused = 0;
    for (uint64_t seed = 1; seed <= model_rounds(); seed++) {
        struct model *model = model_new(seed);
        model_open(model);
        store_simdisk_halt_after(model->sim, 40);
        model_live(model);
        store_simdisk_crash(model->sim);
        model_open(model);
        model_write(model);
        if (seed % 2 == 0) {
            model_mark(model);
        }
        model_close(model);
        const char *name;
        struct slice bytes;
        uint32_t files = 0;
        while (store_simdisk_file(model->sim, files, &name, &bytes)) {
            files++;
        }
        uint32_t file = random_doc_below(&model->random, files);
        assert_true(store_simdisk_file(model->sim, file, &name, &bytes));
        char damaged[64];
        snprintf(damaged, sizeof damaged, "%s", name);
        store_simdisk_flip(model->sim, file, random_doc_next(&model->random) % (bytes.len * 8));
        uint64_t acked = model->acked;
        int code = model_try_open(model);
        if (code < 0) {
            assert_int_equal(code, -LT_ECORRUPT);
            if (strstr(model->err.text, ".log") == NULL) {
                model_fail(model, "the damage is not named");
            }
            refused++;
        } else if (model->last < acked && acked > model->trimmed &&
                   (model->marked || model->last + 1 < model->batch_start)) {
            model_fail(model, "acknowledged records are lost without a word");
        } else if (model->term_read < (model->marked ? model->term_acked : model->batch_term)) {
            model_fail(model, "a vote is lost without a word");
        }
        model_free(model);
    }
    assert_true(refused > 0);
}

TEST(journal_rolls_and_trims_its_segments)
{
    struct model *model = model_new(1);
    model_open(model);
    while (store_journal_stats(model->journal).segments < 5) {
        model_write(model);
    }
    assert_int_equal(store_journal_trim(model->journal, 0, 0), 0);
    assert_int_equal(store_journal_stats(model->journal).segments, 5);
    model->trimmed = model->acked;
    uint64_t bytes = store_journal_stats(model->journal).bytes;
    assert_int_equal(store_journal_trim(model->journal, model->acked, bytes), 0);
    assert_int_equal(store_journal_stats(model->journal).segments, 5);
    assert_int_equal(store_journal_segments_above(model->journal, model->acked), 1);
    assert_int_equal(store_journal_trim(model->journal, model->acked, bytes / 2), 0);
    assert_int_equal(store_journal_stats(model->journal).segments, 3);
    assert_int_equal(store_journal_trim(model->journal, model->acked, 0), 0);
    assert_int_equal(store_journal_stats(model->journal).segments, 1);
    model_close(model);
    model_open(model);
    model_write(model);
    assert_non_null(model->journal);
    model_free(model);
}

TEST(journal_stops_at_the_first_failed_sync)
{
    struct model *model = model_new(2);
    model_open(model);
    model_write(model);
    store_simdisk_fail_sync(model->sim, 1);
    model_write(model);
    assert_null(model->journal);
    store_simdisk_crash(model->sim);
    model_open(model);
    model_free(model);
}

/* The system keeps in memory what a failed sync did not write, and takes it for clean. */
TEST(journal_writes_again_what_it_finds_and_nobody_synced)
{
    for (uint64_t seed = 100; seed < 200; seed++) {
        struct model *model = model_new(seed);
        model_open(model);
        model_write(model);
        store_simdisk_fail_sync(model->sim, 1);
        model_write(model);
        assert_null(model->journal);
        model_open(model);
        model_write(model);
        assert_non_null(model->journal);
        model_close(model);
        store_simdisk_crash(model->sim);
        model_open(model);
        model_free(model);
    }
}

TEST(journal_says_when_the_disk_is_full)
{
    struct model *model = model_new(3);
    model_open(model);
    store_simdisk_set_capacity(model->sim, 2 * MODEL_SEGMENT + MODEL_SEGMENT / 2);
    while (model->journal != NULL) {
        model_write(model);
    }
    store_simdisk_set_capacity(model->sim, 0);
    store_simdisk_crash(model->sim);
    model_open(model);
    model_write(model);
    assert_non_null(model->journal);
    model_free(model);
}

TEST(journal_refuses_when_the_store_is_ahead_of_it)
{
    struct model *model = model_new(4);
    model_open(model);
    model_write(model);
    model_close(model);
    model->trimmed = model->acked + 5;
    assert_int_equal(model_try_open(model), -LT_ECORRUPT);
    model_free(model);
}

/* ---- damage and what only looks like proof of it ---- */

enum { PROOF_PAYLOAD = 104, PROOF_RECORD = JOURNAL_RECORD + PROOF_PAYLOAD, PROOF_BATCHES = 20 };

static int proof_on_record(void *context, const struct store_journal_record *record)
{
    *(uint64_t *)context = record->index;
    return 0;
}

static int proof_open(struct store_simdisk *sim, struct store_journal **ret_journal,
                      uint64_t *ret_last)
{
    struct store_journal_options options = {
        .segment_bytes = MODEL_SEGMENT, .on_record = proof_on_record, .context = ret_last};
    struct store_disk *disk = store_simdisk_mount(sim);
    struct err err = {0};
    *ret_last = 0;
    int code = store_journal_open(disk, &options, ret_journal, &err);
    if (code < 0) {
        disk->ops->free(disk);
    }
    return code;
}

/* One batch of `count` records. */
static int proof_write(struct store_journal *journal, uint64_t index, size_t count,
                       struct slice payload)
{
    struct store_journal_record records[MODEL_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        records[i] = (struct store_journal_record){
            .group = 1, .type = STORE_JOURNAL_COMMAND, .index = index + i, .payload = payload};
    }
    return store_journal_write(journal, records, count);
}

static struct slice proof_payload(void)
{
    static const uint8_t bytes[PROOF_PAYLOAD] = {1};
    return slice_of(bytes, sizeof bytes);
}

/* A disk with one journal of as many batches. */
static struct store_simdisk *proof_disk(uint64_t seed, uint64_t batches)
{
    struct store_simdisk *sim = store_simdisk_new(seed);
    struct store_journal *journal;
    uint64_t last;
    assert_int_equal(proof_open(sim, &journal, &last), 0);
    for (uint64_t i = 1; i <= batches; i++) {
        assert_int_equal(proof_write(journal, i, 1, proof_payload()), 0);
    }
    store_journal_close(journal);
    return sim;
}

TEST(journal_cuts_a_torn_write_that_carries_another_journal)
{
    struct store_simdisk *other = proof_disk(1, PROOF_BATCHES);
    const char *name;
    struct slice bytes;
    uint64_t torn = 0;
    assert_true(store_simdisk_file(other, 0, &name, &bytes));
    bytes = slice_of(bytes.data, JOURNAL_HEAD + PROOF_BATCHES * PROOF_RECORD);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct store_simdisk *sim = proof_disk(seed, 1);
        struct store_journal *journal;
        uint64_t last;
        assert_int_equal(proof_open(sim, &journal, &last), 0);
        store_simdisk_fail_sync(sim, 1);
        assert_int_equal(proof_write(journal, 2, 3, bytes), -LT_EIO);
        store_journal_close(journal);
        store_simdisk_crash(sim);
        assert_int_equal(proof_open(sim, &journal, &last), 0);
        assert_true(last >= 1);
        torn += last < 4 ? 1 : 0;
        store_journal_close(journal);
        store_simdisk_free(sim);
    }
    assert_true(torn > 0);
    store_simdisk_free(other);
}

TEST(journal_cuts_an_unmarked_batch_from_its_torn_record_on)
{
    for (int marked = 0; marked < 2; marked++) {
        struct store_simdisk *sim = proof_disk(1, 1);
        struct store_journal *journal;
        uint64_t last;
        assert_int_equal(proof_open(sim, &journal, &last), 0);
        assert_int_equal(proof_write(journal, 2, 3, proof_payload()), 0);
        assert_int_equal(marked == 0 ? 0 : store_journal_mark(journal), 0);
        store_journal_close(journal);
        store_simdisk_flip(sim, 0, 8 * (JOURNAL_HEAD + PROOF_RECORD + JOURNAL_RECORD));
        assert_int_equal(proof_open(sim, &journal, &last), marked == 0 ? 0 : -LT_ECORRUPT);
        if (marked == 0) {
            assert_int_equal(last, 1);
            assert_int_equal(proof_write(journal, 2, 1, proof_payload()), 0);
            store_journal_close(journal);
        }
        store_simdisk_free(sim);
    }
}

/* What a build that knew no places would have written. */
static void proof_forget_places(struct store_simdisk *sim, uint64_t records)
{
    const char *name;
    struct slice bytes;
    int file;
    struct store_disk *disk = store_simdisk_mount(sim);
    assert_true(store_simdisk_file(sim, 0, &name, &bytes));
    assert_int_equal(disk->ops->open(disk, name, false, &file), 0);
    uint32_t crc = ((const struct journal_head *)(const void *)bytes.data)->crc;
    for (uint64_t i = 0; i < records; i++) {
        uint64_t at = JOURNAL_HEAD + i * PROOF_RECORD;
        struct journal_header header;
        memcpy(&header, bytes.data + at, sizeof header);
        header.place = 0;
        header.previous = crc;
        crc = header.crc = store__journal_record_crc(&header, bytes.data + at + JOURNAL_RECORD);
        struct slice written = slice_of((const uint8_t *)&header, sizeof header);
        assert_int_equal(disk->ops->write(disk, file, at, written), 0);
    }
    disk->ops->free(disk);
}

TEST(journal_refuses_damage_that_spoils_the_head_of_the_last_batch_too)
{
    for (int places = 0; places < 2; places++) {
        struct store_simdisk *sim = proof_disk(1, 1);
        struct store_journal *journal;
        uint64_t last;
        assert_int_equal(proof_open(sim, &journal, &last), 0);
        assert_int_equal(proof_write(journal, 2, 2, proof_payload()), 0);
        store_journal_close(journal);
        if (places == 0) {
            proof_forget_places(sim, 3);
        }
        store_simdisk_flip(sim, 0, 8 * (JOURNAL_HEAD + JOURNAL_RECORD));
        store_simdisk_flip(sim, 0, 8 * (JOURNAL_HEAD + PROOF_RECORD + JOURNAL_RECORD));
        assert_int_equal(proof_open(sim, &journal, &last), -LT_ECORRUPT);
        store_simdisk_free(sim);
    }
}
