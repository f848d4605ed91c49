/* store/journal.c - writing: frame a batch, one write, one fdatasync.
 *
 * A batch that does not fit the rest of the segment starts a new one. A segment's space is reserved
 * when it is made, so that a sync has no file size to update; unwritten space reads as zeroes,
 * which end the segment for the reader. */
#include "store/journal.h"

#include <assert.h>
#include <isa-l/crc.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/planted.h"
#include "store/journal_private.h"
#include "store/seal.h"

uint32_t store__journal_crc(uint32_t seed, const void *data, size_t len)
{
    return crc32_iscsi((unsigned char *)(uintptr_t)data, (int)len, seed);
}

uint32_t store__journal_record_crc(const struct journal_header *header, const uint8_t *payload)
{
    uint32_t crc = store__journal_crc(~0u, &header->previous, sizeof *header - 4);
    return store__journal_crc(crc, payload, header->len);
}

void store__journal_name(uint64_t number, char name[JOURNAL_NAME_MAX])
{
    snprintf(name, JOURNAL_NAME_MAX, "%016llx.log", (unsigned long long)number);
}

/* ---- sealing ---- */

/* What stands in a header about a record and where it lies: all but the checksums. */
static struct slice journal_sealed_with(const struct journal_header *header)
{
    return slice_of(&header->magic, sizeof *header - offsetof(struct journal_header, magic));
}

int store__journal_gcm(const struct store_disk *disk, const struct journal_head *head,
                       struct gcm **ret_gcm)
{
    struct store_seal_mark mark = {.salt = head->salt, .key = head->key};
    *ret_gcm = NULL;
    if (disk->seal == NULL) {
        return head->key == 0 ? 0 : -LT_ECORRUPT;
    }
    return store_seal_gcm(disk->seal, mark, ret_gcm);
}

int store__journal_unseal(struct gcm *gcm, const struct journal_header *header,
                          struct slice payload, struct buf *plain)
{
    plain->len = 0;
    if (payload.len < GCM_EXTRA) {
        return -LT_ECORRUPT;
    }
    uint8_t *to = buf_extend(plain, payload.len - GCM_EXTRA);
    return gcm_unseal(gcm, journal_sealed_with(header), payload, to);
}

/* Bytes of a payload as it lies in the segment. */
static size_t journal_stored(const struct store_journal *journal, size_t len)
{
    return journal->gcm != NULL ? len + GCM_EXTRA : len;
}

/* ---- segments ---- */

void store__journal_add_segment(struct store_journal *journal, uint64_t number, uint64_t size)
{
    if (journal->segments_count == journal->segments_cap) {
        journal->segments_cap = journal->segments_cap == 0 ? 16 : journal->segments_cap * 2;
        journal->segments =
            mem_grow(journal->segments, journal->segments_cap * sizeof *journal->segments);
    }
    journal->segments[journal->segments_count++] =
        (struct journal_segment){.number = number, .size = size};
}

static struct journal_segment *journal_current(struct store_journal *journal)
{
    return &journal->segments[journal->segments_count - 1];
}

static void journal_mark_sealed(const struct store_seal *seal, struct journal_head *head)
{
    if (seal != NULL) {
        struct store_seal_mark mark = store_seal_mark(seal);
        head->salt = mark.salt;
        head->key = mark.key;
    }
}

/* The last segment may end in a mark that was not synced: a next one must not be there without. */
int store__journal_roll(struct store_journal *journal, uint64_t need)
{
    const struct store_disk_ops *ops = journal->disk->ops;
    bool first = journal->segments_count == 0;
    if (!first && journal->synced < journal->end) {
        int synced = ops->sync(journal->disk, journal->file);
        if (synced < 0) {
            return synced;
        }
    }
    uint64_t number = first ? 1 : journal_current(journal)->number + 1;
    uint64_t size = need > journal->segment_bytes ? need : journal->segment_bytes;
    struct journal_head head = {
        .magic = journal_head_magic,
        .number = number,
        .durable = journal->durable,
        .term = journal->term,
        .voted_for = journal->voted_for,
        .group = journal->vote_group,
        .previous = journal->crc,
    };
    journal_mark_sealed(journal->disk->seal, &head);
    head.crc = store__journal_crc(~0u, &head, sizeof head - sizeof head.crc);
    char name[JOURNAL_NAME_MAX];
    store__journal_name(number, name);
    struct gcm *gcm;
    int file;
    int code = store__journal_gcm(journal->disk, &head, &gcm);
    code = code < 0 ? code : ops->open(journal->disk, name, true, &file);
    if (code < 0) {
        gcm_free(gcm);
        return code;
    }
    code = ops->reserve(journal->disk, file, size);
    code = code < 0 ? code : ops->write(journal->disk, file, 0, slice_of(&head, sizeof head));
    code = code < 0 ? code : ops->sync(journal->disk, file);
    code = code < 0 ? code : ops->sync_names(journal->disk);
    if (code < 0) {
        ops->close(journal->disk, file);
        ops->remove(journal->disk, name);
        gcm_free(gcm);
        return code;
    }
    if (!first) {
        ops->close(journal->disk, journal->file);
    }
    gcm_free(journal->gcm);
    journal->gcm = gcm;
    journal->file = file;
    journal->end = JOURNAL_HEAD;
    journal->synced = JOURNAL_HEAD;
    journal->blank = JOURNAL_HEAD;
    journal->crc = head.crc;
    store__journal_add_segment(journal, number, size);
    return 0;
}

int store_journal_open(struct store_disk *disk, const struct store_journal_options *options,
                       struct store_journal **ret_journal, struct err *err)
{
    struct store_journal *journal = mem_zero(1, sizeof *journal);
    journal->disk = disk;
    journal->segment_bytes = options->segment_bytes;
    journal->file = -1;
    buf_init(&journal->frame, NULL);
    int code = store__journal_recover(journal, options, err);
    if (code == 0 && journal->segments_count == 0) {
        code = store__journal_roll(journal, 0);
        if (code < 0) {
            err_set(err, -code, "cannot create the first journal file");
        }
    }
    if (code < 0) {
        journal->disk = NULL;
        store_journal_close(journal);
        return code;
    }
    *ret_journal = journal;
    return 0;
}

void store_journal_close(struct store_journal *journal)
{
    if (journal == NULL) {
        return;
    }
    if (journal->disk != NULL) {
        if (journal->file >= 0) {
            journal->disk->ops->close(journal->disk, journal->file);
        }
        journal->disk->ops->free(journal->disk);
    }
    gcm_free(journal->gcm);
    buf_close(&journal->frame);
    mem_free(journal->segments);
    mem_free(journal);
}

static void journal_frame(struct store_journal *journal, const struct store_journal_record *record)
{
    struct journal_header header = {
        .previous = journal->crc,
        .magic = journal_record_magic,
        .len = (uint32_t)journal_stored(journal, record->payload.len),
        .group = record->group,
        .type = record->type,
        .place = journal_place(journal->end + journal->frame.len),
        .index = record->index,
        .term = record->term,
        .durable = journal->durable,
        .synced = journal->synced,
    };
    size_t size = sizeof header + header.len;
    uint8_t *at = buf_extend(&journal->frame, journal_padded(size));
    if (journal->gcm != NULL) {
        gcm_seal(journal->gcm, journal_sealed_with(&header), record->payload, at + sizeof header);
    } else if (record->payload.len > 0) {
        memcpy(at + sizeof header, record->payload.data, record->payload.len);
    }
    header.crc = store__journal_record_crc(&header, at + sizeof header);
    journal->crc = header.crc;
    memcpy(at, &header, sizeof header);
    memset(at + size, 0, journal_padded(size) - size);
}

static uint64_t journal_batch_size(const struct store_journal *journal,
                                   const struct store_journal_record *records, size_t count)
{
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        assert(records[i].payload.len <= JOURNAL_RECORD_MAX);
        size += journal_padded(JOURNAL_RECORD + journal_stored(journal, records[i].payload.len));
    }
    return size;
}

/* What a batch changes in memory once it is on disk. */
static void journal_account(struct store_journal *journal,
                            const struct store_journal_record *records, size_t count)
{
    struct journal_segment *segment = journal_current(journal);
    for (size_t i = 0; i < count; i++) {
        if (records[i].type == STORE_JOURNAL_VOTE) {
            journal->term = records[i].term;
            journal->voted_for = records[i].index;
            journal->vote_group = records[i].group;
        } else if (records[i].type != STORE_JOURNAL_MARK) {
            segment->last_index = records[i].index;
            journal->durable = records[i].index;
        }
    }
    journal->records += count;
}

static int journal_put(struct store_journal *journal, const struct store_journal_record *records,
                       size_t count)
{
    uint64_t size = journal_batch_size(journal, records, count);
    if (journal->end + size > journal_current(journal)->size) {
        int code = store__journal_roll(journal, JOURNAL_HEAD + size);
        if (code < 0) {
            return code;
        }
    }
    journal->frame.len = 0;
    for (size_t i = 0; i < count; i++) {
        journal_frame(journal, &records[i]);
    }
    assert(journal->frame.len == size);
    int code = journal->disk->ops->write(journal->disk, journal->file, journal->end,
                                         buf_slice(&journal->frame));
    journal->end += code < 0 ? 0 : size;
    if (journal->frame.cap > 4 << 20) {
        buf_close(&journal->frame);
    }
    return code;
}

int store_journal_write(struct store_journal *journal, const struct store_journal_record *records,
                        size_t count)
{
    int code = journal_put(journal, records, count);
    if (code == 0 && !PLANTED(unsynced)) {
        code = journal->disk->ops->sync(journal->disk, journal->file);
    }
    if (code < 0 && PLANTED(retried)) {
        code = journal->disk->ops->sync(journal->disk, journal->file);
    }
    if (code < 0) {
        return code;
    }
    journal->syncs++;
    journal->synced = journal->end;
    journal->marked = false;
    journal_account(journal, records, count);
    return 0;
}

int store_journal_prepare(struct store_journal *journal)
{
    static const uint8_t zeroes[JOURNAL_BLANK];
    const struct store_disk_ops *ops = journal->disk->ops;
    uint64_t size = journal_current(journal)->size;
    uint64_t from = journal->blank > journal->end ? journal->blank : journal->end;
    uint64_t len = size - from < JOURNAL_BLANK ? size - from : JOURNAL_BLANK;
    if (len == 0 || from - journal->end >= JOURNAL_BLANK / 2) {
        return 0;
    }
    from -= PLANTED(zeroed) ? JOURNAL_RECORD : 0;
    int code = ops->write(journal->disk, journal->file, from, slice_of(zeroes, len));
    journal->blank = from + len;
    return code < 0 ? code : ops->sync(journal->disk, journal->file);
}

int store_journal_mark(struct store_journal *journal)
{
    if (journal->marked || journal->durable == 0) {
        return 0;
    }
    struct store_journal_record mark = {.type = STORE_JOURNAL_MARK, .index = journal->durable};
    int code = journal_put(journal, &mark, 1);
    journal->marked = code == 0;
    return code;
}

/* One name at a time, each made durable: a crash must not leave a gap between segments. */
int store_journal_trim(struct store_journal *journal, uint64_t index, uint64_t keep)
{
    size_t drop = 0;
    uint64_t left = store_journal_stats(journal).bytes;
    while (drop + 1 < journal->segments_count && journal->segments[drop].last_index <= index &&
           left - journal->segments[drop].size >= keep) {
        left -= journal->segments[drop].size;
        char name[JOURNAL_NAME_MAX];
        store__journal_name(journal->segments[drop].number, name);
        int code = journal->disk->ops->remove(journal->disk, name);
        code = code < 0 ? code : journal->disk->ops->sync_names(journal->disk);
        if (code < 0) {
            return code;
        }
        drop++;
    }
    memmove(journal->segments, journal->segments + drop,
            (journal->segments_count - drop) * sizeof *journal->segments);
    journal->segments_count -= drop;
    return 0;
}

uint64_t store_journal_segments_above(const struct store_journal *journal, uint64_t index)
{
    uint64_t count = 0;
    for (size_t i = 0; i < journal->segments_count; i++) {
        count += i + 1 == journal->segments_count || journal->segments[i].last_index > index;
    }
    return count;
}

int store_journal_room(struct store_journal *journal, uint64_t *ret_free, uint64_t *ret_total)
{
    return journal->disk->ops->room(journal->disk, ret_free, ret_total);
}

struct store_journal_stats store_journal_stats(const struct store_journal *journal)
{
    struct store_journal_stats stats = {
        .segments = journal->segments_count,
        .syncs = journal->syncs,
        .records = journal->records,
    };
    for (size_t i = 0; i < journal->segments_count; i++) {
        stats.bytes += journal->segments[i].size;
    }
    return stats;
}
