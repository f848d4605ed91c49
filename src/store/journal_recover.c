/* store/journal_recover.c - reading the journal back after a stop of any kind.
 *
 * Segments are walked oldest first. A record that fails its checks ends the walk. Then the rest is
 * searched: a later record that was begun after the damaged one had been synced, a later segment,
 * or the store itself having applied it, proves that acknowledged data is damaged, and the node
 * must not start. Otherwise the write was never finished, never acknowledged, and is cut. A record
 * proves something only where it was written: a payload may hold copies of records. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/planted.h"
#include "store/journal_private.h"

struct recover {
    struct store_journal *journal;
    const struct store_journal_options *options;
    struct err *err;
    struct slice bytes; /* of the segment in hand */
    struct buf plain;   /* of an encrypted record */
    char name[JOURNAL_NAME_MAX];
    bool ended; /* a torn or damaged record was met */
    uint64_t ended_at;
    uint64_t proven; /* bytes of the segment that the newest record says were synced before it */
};

struct recover_numbers {
    uint64_t *list;
    size_t count;
    size_t cap;
};

static void recover_name(void *context, const char *name)
{
    struct recover_numbers *numbers = context;
    char expected[JOURNAL_NAME_MAX];
    unsigned long long number = strtoull(name, NULL, 16);
    store__journal_name(number, expected);
    if (strcmp(name, expected) != 0) {
        return;
    }
    if (numbers->count == numbers->cap) {
        numbers->cap = numbers->cap == 0 ? 16 : numbers->cap * 2;
        numbers->list = mem_grow(numbers->list, numbers->cap * sizeof *numbers->list);
    }
    numbers->list[numbers->count++] = number;
}

static int recover_order(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static int recover_corrupt(struct recover *recover, uint64_t at, const char *what)
{
    return err_set(recover->err, LT_ECORRUPT,
                   "journal file %s is damaged at byte %llu: %s. Acknowledged writes after this "
                   "point cannot be read; restore this member from a backup or from its peers, "
                   "and check the disk",
                   recover->name, (unsigned long long)at, what);
}

/* Is there a whole record at `at` whose own checksum holds? The chain is not looked at. */
static bool recover_whole(struct slice bytes, uint64_t at, struct journal_header *ret_header)
{
    if (bytes.len < JOURNAL_RECORD || at > bytes.len - JOURNAL_RECORD) {
        return false;
    }
    memcpy(ret_header, bytes.data + at, sizeof *ret_header);
    return ret_header->magic == journal_record_magic && ret_header->len <= JOURNAL_RECORD_MAX &&
           ret_header->len <= bytes.len - at - JOURNAL_RECORD &&
           (store__journal_record_crc(ret_header, bytes.data + at + JOURNAL_RECORD) ==
                ret_header->crc ||
            PLANTED(unchecked));
}

static int recover_record(struct recover *recover, const struct journal_header *header, uint64_t at)
{
    struct store_journal *journal = recover->journal;
    struct store_journal_record record = {
        .group = header->group,
        .type = (uint8_t)header->type,
        .index = header->index,
        .term = header->term,
        .payload = slice_of(recover->bytes.data + at + JOURNAL_RECORD, header->len),
    };
    if (journal->gcm != NULL) {
        if (store__journal_unseal(journal->gcm, header, record.payload, &recover->plain) < 0) {
            return recover_corrupt(recover, at, "a record was encrypted with another key");
        }
        record.payload = buf_slice(&recover->plain);
    }
    journal->crc = header->crc;
    journal->marked = record.type == STORE_JOURNAL_MARK;
    if (record.type == STORE_JOURNAL_VOTE) {
        journal->term = record.term;
        journal->voted_for = record.index;
        journal->vote_group = record.group;
    } else if (!journal->marked) {
        journal->segments[journal->segments_count - 1].last_index = record.index;
        journal->durable = record.index;
    }
    int code = recover->options->on_record(recover->options->context, &record);
    return code < 0 ? err_set(recover->err, -code, "journal file %s: a record cannot be used",
                              recover->name)
                    : 0;
}

/* Was it written here? One without a place is as old as the format. */
static bool recover_in_place(const struct journal_header *header, uint64_t at)
{
    return header->place == 0 || header->place == journal_place(at);
}

/* Does anything from `at` on prove that what follows the last good record was durable? */
static bool recover_was_durable(const struct recover *recover, uint64_t at)
{
    const struct store_journal *journal = recover->journal;
    struct journal_header header;
    for (uint64_t i = journal_padded(at); i + JOURNAL_RECORD <= recover->bytes.len;
         i += JOURNAL_ALIGN) {
        if (recover_whole(recover->bytes, i, &header) && recover_in_place(&header, i) &&
            (header.durable > journal->durable || header.synced > at)) {
            return true;
        }
    }
    return recover->options->durable > journal->durable;
}

static bool recover_is_zero(struct slice bytes, uint64_t from)
{
    for (uint64_t i = from; i < bytes.len; i++) {
        if (bytes.data[i] != 0) {
            return false;
        }
    }
    return true;
}

static int recover_segment_records(struct recover *recover)
{
    struct store_journal *journal = recover->journal;
    struct journal_header header;
    uint64_t at = JOURNAL_HEAD;
    recover->proven = 0;
    while (recover_whole(recover->bytes, at, &header) &&
           (header.previous == journal->crc || PLANTED(torn))) {
        int code = recover_record(recover, &header, at);
        if (code < 0) {
            return code;
        }
        recover->proven = header.synced;
        at += journal_padded(JOURNAL_RECORD + header.len);
        while (PLANTED(torn) && at + JOURNAL_RECORD < recover->bytes.len &&
               !recover_whole(recover->bytes, at, &header)) {
            at += JOURNAL_ALIGN;
        }
    }
    journal->end = at;
    if (!recover_is_zero(recover->bytes, at)) {
        recover->ended = true;
        recover->ended_at = at;
        if (recover_was_durable(recover, at)) {
            return recover_corrupt(recover, at, "a record does not match its checksum");
        }
    }
    return 0;
}

static int recover_segment_head(struct recover *recover, bool first)
{
    struct store_journal *journal = recover->journal;
    struct journal_head head;
    if (recover->bytes.len < sizeof head) {
        return -LT_ETORN;
    }
    memcpy(&head, recover->bytes.data, sizeof head);
    if (head.magic != journal_head_magic ||
        head.crc != store__journal_crc(~0u, &head, sizeof head - sizeof head.crc)) {
        return -LT_ETORN;
    }
    if (!first && (head.previous != journal->crc || head.durable != journal->durable)) {
        return recover_corrupt(recover, 0, "records before this file are missing");
    }
    gcm_free(journal->gcm);
    if (store__journal_gcm(journal->disk, &head, &journal->gcm) < 0) {
        return recover_corrupt(recover, 0, "it is not encrypted with a key of the keyring");
    }
    journal->term = head.term;
    journal->voted_for = head.voted_for;
    journal->vote_group = head.group;
    journal->durable = head.durable;
    journal->crc = head.crc;
    if (head.term == 0) {
        return 0;
    }
    struct store_journal_record vote = {.group = head.group,
                                        .type = STORE_JOURNAL_VOTE,
                                        .index = head.voted_for,
                                        .term = head.term};
    return recover->options->on_record(recover->options->context, &vote);
}

static int recover_load(struct recover *recover, int file)
{
    const struct store_disk_ops *ops = recover->journal->disk->ops;
    uint64_t size;
    int code = ops->size(recover->journal->disk, file, &size);
    if (code < 0) {
        return code;
    }
    size_t len = size;
    uint8_t *data = mem_alloc(len);
    code = ops->read(recover->journal->disk, file, 0, data, &len);
    recover->bytes = slice_of(data, len);
    return code;
}

/* Make the rest of the last segment zero again, so that the torn write is gone for good. */
static int recover_cut(struct recover *recover)
{
    struct store_journal *journal = recover->journal;
    const struct store_disk_ops *ops = journal->disk->ops;
    int code = ops->truncate(journal->disk, journal->file, journal->end);
    code = code < 0 ? code : ops->reserve(journal->disk, journal->file, recover->bytes.len);
    return code < 0 ? code : ops->sync(journal->disk, journal->file);
}

/* What no later record proves to be on the disk may be in memory only. A sync alone does not bring
 * it there: the sync that ended the last process may have failed, and then the system takes for
 * clean what it did not write. Written again, it is synced with the rest. */
static int recover_rewrite(struct recover *recover)
{
    struct store_journal *journal = recover->journal;
    uint64_t from = recover->proven < journal->end ? recover->proven : journal->end;
    struct slice tail = slice_of(recover->bytes.data + from, journal->end - from);
    return journal->disk->ops->write(journal->disk, journal->file, from, tail);
}

/* A last segment whose head was never finished holds nothing: remove it. */
static int recover_headless(struct recover *recover, bool last, int file)
{
    struct store_journal *journal = recover->journal;
    journal->disk->ops->close(journal->disk, file);
    journal->segments_count--;
    if (!last || recover->options->durable > journal->durable ||
        !(recover->bytes.len <= JOURNAL_HEAD || recover_is_zero(recover->bytes, JOURNAL_HEAD))) {
        return recover_corrupt(recover, 0, "its head does not match its checksum");
    }
    int code = journal->disk->ops->remove(journal->disk, recover->name);
    return code < 0 ? code : journal->disk->ops->sync_names(journal->disk);
}

static int recover_segment(struct recover *recover, uint64_t number, bool last)
{
    struct store_journal *journal = recover->journal;
    const struct store_disk_ops *ops = journal->disk->ops;
    bool first = journal->segments_count == 0;
    int file;
    store__journal_name(number, recover->name);
    if (recover->ended) {
        return recover_corrupt(recover, recover->ended_at, "the file before it ends too early");
    }
    if (!first && number != journal->segments[journal->segments_count - 1].number + 1) {
        return recover_corrupt(recover, 0, "the file before it is missing");
    }
    int code = ops->open(journal->disk, recover->name, false, &file);
    if (code < 0) {
        return err_set(recover->err, -code, "cannot open journal file %s", recover->name);
    }
    code = recover_load(recover, file);
    store__journal_add_segment(journal, number, recover->bytes.len);
    code = code < 0 ? code : recover_segment_head(recover, first);
    if (code == -LT_ETORN) {
        return recover_headless(recover, last, file);
    }
    if (journal->file >= 0) {
        ops->close(journal->disk, journal->file);
    }
    journal->file = file;
    code = code < 0 ? code : recover_segment_records(recover);
    if (code == 0 && last) {
        code = recover_rewrite(recover);
    }
    if (code == 0 && last && recover->ended) {
        code = recover_cut(recover);
    }
    return code;
}

/* What was read may still be in memory only: the process may have died, not the machine. */
static int recover_settle(struct store_journal *journal)
{
    const struct store_disk_ops *ops = journal->disk->ops;
    if (journal->segments_count == 0) {
        return 0;
    }
    int code = ops->sync(journal->disk, journal->file);
    journal->synced = journal->end;
    return code < 0 ? code : ops->sync_names(journal->disk);
}

int store__journal_recover(struct store_journal *journal,
                           const struct store_journal_options *options, struct err *err)
{
    struct recover recover = {.journal = journal, .options = options, .err = err};
    struct recover_numbers numbers = {0};
    buf_init(&recover.plain, NULL);
    int code = journal->disk->ops->list(journal->disk, recover_name, &numbers);
    if (numbers.count > 0) {
        qsort(numbers.list, numbers.count, sizeof *numbers.list, recover_order);
    }
    for (size_t i = 0; i < numbers.count && code == 0; i++) {
        code = recover_segment(&recover, numbers.list[i], i + 1 == numbers.count);
        mem_free((void *)(uintptr_t)recover.bytes.data);
        recover.bytes = (struct slice){0};
    }
    mem_free(numbers.list);
    buf_close(&recover.plain);
    code = code < 0 ? code : recover_settle(journal);
    if (code == 0 && options->durable > journal->durable) {
        code = err_set(err, LT_ECORRUPT,
                       "the store has applied log entry %llu, but the journal ends at %llu: "
                       "journal files are missing; restore this member from a backup or its peers",
                       (unsigned long long)options->durable, (unsigned long long)journal->durable);
    }
    if (code < 0 && err->code == 0) {
        err_set(err, -code, "the journal cannot be read");
    }
    return code;
}
