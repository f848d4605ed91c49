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
    gcm_free(history->gcm);
    history->gcm = NULL;
}

/* What the segment's records are sealed with. */
static int history_open_seal(struct store_history *history)
{
    struct journal_head head;
    size_t len = sizeof head;
    int code = history->disk->ops->read(history->disk, history->file, 0, &head, &len);
    if (code >= 0 && len < sizeof head) {
        code = -LT_ECORRUPT;
    }
    return code < 0 ? code : store__journal_gcm(history->disk, &head, &history->gcm);
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
    return history_open_seal(history);
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

/* The payload of the record at history->at, as it lies there. */
static int history_payload(struct store_history *history, const struct journal_header *header,
                           struct buf *payload)
{
    size_t len = header->len;
    if (len > JOURNAL_RECORD_MAX) {
        return -LT_ECORRUPT;
    }
    uint8_t *data = buf_extend(payload, len);
    int code = history->disk->ops->read(history->disk, history->file, history->at + JOURNAL_RECORD,
                                        data, &len);
    if (code >= 0 &&
        (len != header->len || store__journal_record_crc(header, data) != header->crc)) {
        code = -LT_ECORRUPT;
    }
    return code;
}

/* The entry of the record at history->at. */
static int history_entry(struct store_history *history, const struct journal_header *header,
                         struct store_tail_entry **ret_entry)
{
    struct buf payload;
    struct buf plain;
    buf_init(&payload, NULL);
    buf_init(&plain, NULL);
    int code = history_payload(history, header, &payload);
    struct slice bytes = buf_slice(&payload);
    if (code >= 0 && history->gcm != NULL) {
        code = store__journal_unseal(history->gcm, header, bytes, &plain);
        bytes = buf_slice(&plain);
    }
    if (code >= 0) {
        struct store_mark mark = {header->index, header->term, store_effect_clock(bytes)};
        *ret_entry = store_tail_entry_new(&mark, bytes);
    }
    buf_close(&payload);
    buf_close(&plain);
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
 * nothing that could be missed. The oldest ones may be dropped while this looks at them. */
static int history_find(struct store_history *history, struct history_range *range, uint64_t clock)
{
    uint64_t found = 0;
    for (uint64_t number = range->first; number <= range->last; number++) {
        uint64_t first;
        int code = history_first(history, number, &first);
        if (code == -LT_ENOSUCHKEY) {
            range->first = number + 1;
            continue;
        }
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

/* Take the disk, also on error, and see which segments there are. */
static int history_begin(struct store_history *history, struct store_disk *disk, uint64_t last,
                         struct history_range *ret_range)
{
    *ret_range = (struct history_range){0};
    *history = (struct store_history){.disk = disk, .file = -1, .last = last};
    buf_init(&history->places, NULL);
    int code = disk->ops->list(disk, history_note_segment, ret_range);
    return code >= 0 && ret_range->first == 0 ? -LT_ECHANGESTREAMHISTORYLOST : code;
}

/* A segment that was listed may be dropped before it is opened. */
static int history_begun(struct store_history *history, int code)
{
    if (code < 0) {
        store_history_close(history);
    }
    return code == -LT_ENOSUCHKEY ? -LT_ECHANGESTREAMHISTORYLOST : code < 0 ? code : 0;
}

int store_history_open(struct store_history *history, struct store_disk *disk, uint64_t clock,
                       uint64_t last)
{
    struct history_range range;
    int code = history_begin(history, disk, last, &range);
    code = code < 0 ? code : history_find(history, &range, clock);
    code = code < 0 ? code : history_skip(history, clock);
    return history_begun(history, code);
}

int store_history_open_oldest(struct store_history *history, struct store_disk *disk, uint64_t last)
{
    struct history_range range;
    int code = history_begin(history, disk, last, &range);
    if (code >= 0) {
        do {
            code = history_open_segment(history, range.first);
        } while (code == -LT_ENOSUCHKEY && range.first++ < range.last);
    }
    return history_begun(history, code);
}

/* ---- backward ---- */

/* Note where the entries of a segment begin. One that was dropped meanwhile has none, nor have
 * those before it. */
static int history_survey(struct store_history *history, uint64_t number)
{
    struct journal_header header;
    history->passed = 0;
    int code = history_open_segment(history, number);
    if (code == -LT_ENOSUCHKEY) {
        history->oldest = history->segment;
        return 0;
    }
    while (code >= 0 && history->passed < history->last &&
           (code = history_header(history, &header)) > 0) {
        bool has_effects = header.type == STORE_JOURNAL_COMMAND && header.index <= history->last;
        if (has_effects) {
            buf_append(&history->places, &history->at, sizeof history->at);
        }
        history_pass(history, &header);
    }
    return code < 0 ? code : 0;
}

int store_history_open_back(struct store_history *history, struct store_disk *disk, uint64_t clock,
                            uint64_t last)
{
    struct history_range range;
    int code = history_begin(history, disk, last, &range);
    if (code >= 0 && clock < UINT64_MAX) {
        code = history_find(history, &range, clock);
        range.last = code < 0 ? range.first : history->segment;
        code = code == -LT_ECHANGESTREAMHISTORYLOST ? 0 : code;
    }
    history->oldest = range.first;
    code = code < 0 ? code : history_survey(history, range.last);
    return history_begun(history, code);
}

int store_history_previous(struct store_history *history, struct store_tail_entry **ret_entry)
{
    struct journal_header header;
    int code = 0;
    while (code >= 0 && history->places.len == 0 && history->segment > history->oldest) {
        code = history_survey(history, history->segment - 1);
    }
    if (code < 0 || history->places.len == 0) {
        return code;
    }
    history->places.len -= sizeof history->at;
    memcpy(&history->at, history->places.data + history->places.len, sizeof history->at);
    code = history_header(history, &header);
    return code > 0 ? history_entry(history, &header, ret_entry) : -LT_ECORRUPT;
}

void store_history_close(struct store_history *history)
{
    if (history->disk != NULL) {
        history_close_file(history);
        buf_close(&history->places);
        history->disk->ops->free(history->disk);
        history->disk = NULL;
    }
}
