/* store/history.c - find the segment by the clock of its first entry, then record after record. */
#include "store/history.h"

#include <stdio.h>

#include "base/buf.h"
#include "store/effect.h"
#include "store/journal_private.h"

/* ---- segments ---- */

static void history_close_file(struct store_history *history)
{
    if (history->file >= 0) {
        history->disk->ops->close(history->disk, history->file);
        history->file = -1;
    }
}

static int history_open_segment(struct store_history *history, uint64_t number)
{
    char name[JOURNAL_NAME_MAX];
    history_close_file(history);
    store__journal_name(number, name);
    int code = history->disk->ops->open(history->disk, name, false, &history->file);
    if (code < 0) {
        history->file = -1;
        return code;
    }
    history->segment = number;
    history->at = JOURNAL_HEAD;
    return 0;
}

struct history_range {
    uint64_t first;
    uint64_t last;
};

static void history_note_segment(void *context, const char *name)
{
    struct history_range *range = context;
    unsigned long long number;
    if (sscanf(name, "%16llx.log", &number) == 1) {
        range->first = range->first == 0 || number < range->first ? number : range->first;
        range->last = number > range->last ? number : range->last;
    }
}

/* ---- records ---- */

static bool history_is_entry(const struct journal_header *header)
{
    return header->type != STORE_JOURNAL_VOTE && header->type != STORE_JOURNAL_MARK;
}

/* The header at history->at: 1, 0 nothing is written there. */
static int history_header(struct store_history *history, struct journal_header *ret_header)
{
    size_t len = sizeof *ret_header;
    int code =
        history->disk->ops->read(history->disk, history->file, history->at, ret_header, &len);
    if (code < 0) {
        return code;
    }
    return len == sizeof *ret_header && ret_header->magic == journal_record_magic ? 1 : 0;
}

/* The entry of the record at history->at. */
static int history_entry(struct store_history *history, const struct journal_header *header,
                         struct store_tail_entry **ret_entry)
{
    struct buf payload;
    size_t len = header->len;
    if (len > JOURNAL_RECORD_MAX) {
        return -LT_ECORRUPT;
    }
    buf_init(&payload, NULL);
    uint8_t *data = buf_extend(&payload, len);
    int code = history->disk->ops->read(history->disk, history->file, history->at + JOURNAL_RECORD,
                                        data, &len);
    if (code >= 0 &&
        (len != header->len || store__journal_record_crc(header, data) != header->crc)) {
        code = -LT_ECORRUPT;
    }
    if (code >= 0) {
        struct slice bytes = buf_slice(&payload);
        *ret_entry = store_tail_entry_new(header->index, store_effect_clock(bytes), bytes);
    }
    buf_close(&payload);
    return code < 0 ? code : 1;
}

static void history_pass(struct store_history *history, const struct journal_header *header)
{
    history->at += journal_padded(JOURNAL_RECORD + header->len);
    if (history_is_entry(header)) {
        history->passed = header->index;
    }
}

/* The next record: 1 it is at history->at, 0 all were passed. What lies there is durable, since an
 * entry behind it is. */
static int history_record(struct store_history *history, struct journal_header *ret_header)
{
    int code = 0;
    while (history->passed < history->last && (code = history_header(history, ret_header)) == 0) {
        code = history_open_segment(history, history->segment + 1);
        if (code < 0) {
            return -LT_ECHANGESTREAMHISTORYLOST;
        }
    }
    return history->passed < history->last ? code : 0;
}

/* The next record of effects. */
static int history_effects(struct store_history *history, struct journal_header *ret_header)
{
    int code;
    while ((code = history_record(history, ret_header)) > 0 &&
           ret_header->type != STORE_JOURNAL_COMMAND) {
        history_pass(history, ret_header);
    }
    return code;
}

int store_history_next(struct store_history *history, struct store_tail_entry **ret_entry)
{
    struct journal_header header;
    int code = history_effects(history, &header);
    if (code > 0) {
        code = history_entry(history, &header, ret_entry);
        history_pass(history, &header);
    }
    return code;
}

/* ---- opening ---- */

/* The clock of the first effects in a segment, if they are durable: 1, 0 there are none. */
static int history_first(struct store_history *history, uint64_t number, uint64_t *ret_clock)
{
    struct journal_header header;
    struct store_tail_entry *entry;
    int code = history_open_segment(history, number);
    while (code >= 0 && (code = history_header(history, &header)) > 0 &&
           header.type != STORE_JOURNAL_COMMAND) {
        history_pass(history, &header);
    }
    if (code <= 0 || header.index > history->last) {
        return code < 0 ? code : 0;
    }
    code = history_entry(history, &header, &entry);
    if (code > 0) {
        *ret_clock = entry->clock;
        store_tail_entry_release(entry);
    }
    return code;
}

/* Open the last segment that begins at or before `clock`. Before the first one of all there is
 * nothing that could be missed. */
static int history_find(struct store_history *history, const struct history_range *range,
                        uint64_t clock)
{
    uint64_t found = 0;
    for (uint64_t number = range->first; number <= range->last; number++) {
        uint64_t first;
        int code = history_first(history, number, &first);
        if (code < 0) {
            return code;
        }
        if (code == 0 || first > clock) {
            break;
        }
        found = number;
    }
    if (found == 0 && range->first > 1) {
        return -LT_ECHANGESTREAMHISTORYLOST;
    }
    history->passed = 0;
    return history_open_segment(history, found == 0 ? range->first : found);
}

/* Step over what is not above `clock`. */
static int history_skip(struct store_history *history, uint64_t clock)
{
    struct journal_header header;
    int code;
    while ((code = history_effects(history, &header)) > 0) {
        struct store_tail_entry *entry;
        code = history_entry(history, &header, &entry);
        if (code < 0) {
            return code;
        }
        bool is_after = entry->clock > clock;
        store_tail_entry_release(entry);
        if (is_after) {
            return 0;
        }
        history_pass(history, &header);
    }
    return code;
}

int store_history_open(struct store_history *history, struct store_disk *disk, uint64_t clock,
                       uint64_t last)
{
    struct history_range range = {0};
    *history = (struct store_history){.disk = disk, .file = -1, .last = last};
    int code = disk->ops->list(disk, history_note_segment, &range);
    if (code >= 0 && range.first == 0) {
        code = -LT_ECHANGESTREAMHISTORYLOST;
    }
    code = code < 0 ? code : history_find(history, &range, clock);
    code = code < 0 ? code : history_skip(history, clock);
    if (code < 0) {
        store_history_close(history);
    }
    return code < 0 ? code : 0;
}

void store_history_close(struct store_history *history)
{
    if (history->disk != NULL) {
        history_close_file(history);
        history->disk->ops->free(history->disk);
        history->disk = NULL;
    }
}
