/* tool/import_read.c - from the file's bytes to batches of documents.
 *
 * The window holds the part of the file that is not yet done with; it grows only when a record is
 * longer than what it holds. A record that is no document is reported with the line it starts in,
 * and the next one is taken, unless --stop-on-error. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doc/build.h"
#include "doc/json.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "tool/csv.h"
#include "tool/import_private.h"

enum { READ_CHUNK = 1 << 20, READ_WINDOW_MAX = 256 << 20 };

struct import_reader {
    const struct import_settings *settings;
    struct import_senders *senders;
    struct import_report *report;
    int fd;
    bool at_end;
    struct buf window;
    size_t at;     /* done with window[0..at) */
    uint64_t read; /* bytes of the file */
    uint64_t line; /* of window[at]; with BSON the number of the next document */
    struct tool_splitter splitter;
    struct tool_csv *csv;
    struct buf doc; /* the record as a document */
    struct import_batch *batch;
};

/* ---- the window ---- */

static int reader_fill(struct import_reader *reader, struct err *err)
{
    struct buf *window = &reader->window;
    if (reader->at > 0) {
        memmove(window->data, window->data + reader->at, window->len - reader->at);
        window->len -= reader->at;
        reader->at = 0;
    }
    /* A long record doubles the window, so that looking at it again costs no more than reading. */
    size_t want = window->len > READ_CHUNK ? window->len : READ_CHUNK;
    if (window->len > READ_WINDOW_MAX) {
        return err_set(err, LT_EFAILEDTOPARSE, "line %llu: a record of more than %d bytes",
                       (unsigned long long)reader->line, READ_WINDOW_MAX);
    }
    buf_reserve(window, want);
    while (want > 0 && !reader->at_end) {
        ssize_t got = read(reader->fd, window->data + window->len, want);
        if (got < 0 && errno != EINTR) {
            return err_set(err, LT_EIO, "%s: %s", reader->settings->file, strerror(errno));
        }
        reader->at_end = got == 0;
        window->len += got > 0 ? (size_t)got : 0;
        reader->read += got > 0 ? (uint64_t)got : 0;
        want -= got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static struct slice reader_window(const struct import_reader *reader)
{
    return slice_of(reader->window.data + reader->at, reader->window.len - reader->at);
}

static uint64_t reader_lines(struct slice text)
{
    uint64_t lines = 0;
    const uint8_t *end = text.data + text.len;
    for (const uint8_t *at = text.data; at < end; at++, lines++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL) {
            break;
        }
    }
    return lines;
}

/* ---- one record ---- */

static int reader_json(struct import_reader *reader, struct slice text, struct err *err)
{
    size_t used = 0;
    int code = doc_json_read(text, &reader->doc, &used, err);
    if (code < 0) {
        return code;
    }
    for (; used < text.len; used++) {
        if (strchr(" \t\r\n", text.data[used]) == NULL || text.data[used] == '\0') {
            return err_set(err, LT_EFAILEDTOPARSE, "something follows the object");
        }
    }
    return 0;
}

/* The record as a document, in reader->doc. */
static int reader_convert(struct import_reader *reader, struct slice record, struct err *err)
{
    int code = 0;
    reader->doc.len = 0;
    switch (reader->splitter.format) {
    case TOOL_FORMAT_CSV:
        code =
            tool_csv_read(reader->csv, record, reader->settings->ignore_blanks, &reader->doc, err);
        break;
    case TOOL_FORMAT_BSON:
        code = doc_validate(record, DOC_DEPTH_STORED, err);
        buf_append_slice(&reader->doc, record);
        break;
    default:
        code = reader_json(reader, record, err);
    }
    if (code == 0 && reader->doc.len > DOC_SIZE_MAX) {
        code = err_set(err, LT_EBSONOBJECTTOOLARGE, "a document of %zu bytes; at most %d",
                       reader->doc.len, DOC_SIZE_MAX);
    }
    return code;
}

/* {q: the keys, u: the document, upsert: true}, appended to the batch. */
static int reader_add_upsert(struct import_reader *reader, struct err *err)
{
    const struct import_settings *settings = reader->settings;
    struct doc_builder builder;
    struct slice doc = buf_slice(&reader->doc);
    struct buf *docs = &reader->batch->docs;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &elem)) {
        if (slice_starts(elem.name, SLICE("$"))) {
            return err_set(err, LT_EDOLLARPREFIXEDFIELDNAME, "the field name '%.*s' starts with $",
                           SLICE_FMT(elem.name));
        }
    }
    for (uint32_t i = 0; i < settings->keys_count; i++) {
        if (!doc_value_exists(doc_path_get(&settings->keys[i], doc))) {
            return err_set(err, LT_EBADVALUE, "the document has no %.*s, which --key names",
                           SLICE_FMT(settings->keys[i].text));
        }
    }
    doc_build_begin(&builder, docs);
    doc_build_open(&builder, SLICE("q"));
    for (uint32_t i = 0; i < settings->keys_count; i++) {
        doc_build_open(&builder, settings->keys[i].text);
        doc_build_value(&builder, SLICE("$eq"), doc_path_get(&settings->keys[i], doc));
        doc_build_close(&builder);
    }
    doc_build_close(&builder);
    doc_build_doc(&builder, "u", doc);
    doc_build_bool(&builder, "upsert", true);
    doc_build_end(&builder);
    return 0;
}

static bool reader_flush(struct import_reader *reader)
{
    struct import_batch *batch = reader->batch;
    if (batch->count == 0) {
        return true;
    }
    reader->batch = tool__batch_new(reader->settings);
    return tool__senders_give(reader->senders, batch);
}

/* False when the import has been stopped. */
static bool reader_add(struct import_reader *reader, struct slice record, uint64_t line)
{
    struct err err = {0};
    struct import_batch *batch = reader->batch;
    int code = reader_convert(reader, record, &err);
    if (code == 0 && reader->settings->keys_count > 0) {
        code = reader_add_upsert(reader, &err);
    } else if (code == 0) {
        buf_append_slice(&batch->docs, buf_slice(&reader->doc));
    }
    if (code < 0) {
        tool__report_failed(reader->report, line, err.text);
        return !reader->settings->stop_on_error;
    }
    batch->lines[batch->count++] = line;
    bool full =
        batch->count == reader->settings->batch_docs || batch->docs.len >= IMPORT_BATCH_BYTES;
    return !full || reader_flush(reader);
}

/* ---- the file ---- */

static int reader_open(struct import_reader *reader, struct err *err)
{
    struct stat status;
    const char *file = reader->settings->file;
    reader->fd = strcmp(file, "-") == 0 ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0) {
        return err_set(err, LT_EIO, "%s: %s", file, strerror(errno));
    }
    if (fstat(reader->fd, &status) == 0 && S_ISREG(status.st_mode)) {
        reader->report->bytes_total = (uint64_t)status.st_size;
    }
    int code = reader_fill(reader, err);
    bool marked = code == 0 && slice_starts(reader_window(reader), SLICE("\xef\xbb\xbf"));
    reader->at += marked ? 3 : 0;
    return code;
}

static bool reader_is_blank(struct slice text)
{
    size_t i = 0;
    while (i < text.len &&
           (text.data[i] == ' ' || (text.data[i] >= '\t' && text.data[i] <= '\r'))) {
        i++;
    }
    return i == text.len;
}

static int reader_guess(struct import_reader *reader, struct err *err)
{
    struct slice window = reader_window(reader);
    reader->splitter.format = reader->settings->format;
    if (reader->splitter.format == TOOL_FORMAT_UNKNOWN) {
        reader->splitter.format = tool_split_guess(window, reader->at_end);
    }
    bool blank = reader_is_blank(window);
    if (reader->splitter.format == TOOL_FORMAT_UNKNOWN && !blank) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "%s: the format is not known; unpack compressed files first, or give --type",
                       reader->settings->file);
    }
    if (blank && reader->at_end) {
        reader->splitter.format = TOOL_FORMAT_NDJSON; /* nothing, in any format */
    }
    reader->report->counts = reader->splitter.format == TOOL_FORMAT_BSON;
    return 0;
}

/* CSV's first record, or --fields, names the columns. True when the record was used for that. */
static int reader_header(struct import_reader *reader, struct slice record, bool *ret_used,
                         struct err *err)
{
    const char *fields = reader->settings->fields;
    *ret_used = false;
    if (reader->splitter.format != TOOL_FORMAT_CSV || reader->csv != NULL) {
        return 0;
    }
    *ret_used = fields == NULL;
    int code = tool_csv_new(fields == NULL ? record : slice_str(fields), &reader->csv, err);
    return code < 0 ? err_prefix(err, "%s: ", fields == NULL ? reader->settings->file : "--fields")
                    : 0;
}

static int reader_record(struct import_reader *reader, const struct tool_piece *piece,
                         struct err *err)
{
    struct slice window = reader_window(reader);
    struct slice record = slice_of(window.data + piece->from, piece->to - piece->from);
    bool is_bson = reader->splitter.format == TOOL_FORMAT_BSON;
    uint64_t line = reader->line + (is_bson ? 0 : reader_lines(slice_of(window.data, piece->from)));
    bool used = false;
    int code = reader_header(reader, record, &used, err);
    if (code == 0 && !used && !reader_add(reader, record, line)) {
        code = err_set(err, LT_EINTERRUPTED, "stopped at the first error");
    }
    reader->line += is_bson ? 1 : reader_lines(slice_of(window.data, piece->used));
    reader->at += piece->used;
    return code;
}

static int reader_run(struct import_reader *reader, struct err *err)
{
    enum tool_split result = TOOL_SPLIT_MORE;
    uint32_t count = 0;
    int code = 0;
    while (code == 0 && result != TOOL_SPLIT_END) {
        struct tool_piece piece;
        result = tool_split_next(&reader->splitter, reader_window(reader), reader->at_end, &piece);
        if (result == TOOL_SPLIT_RECORD) {
            code = reader_record(reader, &piece, err);
        } else if (result == TOOL_SPLIT_MORE) {
            uint64_t lines = reader_lines(slice_of(reader_window(reader).data, piece.used));
            reader->line += lines;
            reader->at += piece.used;
            code = reader_fill(reader, err);
        } else if (result == TOOL_SPLIT_LOST) {
            uint64_t lines = reader_lines(slice_of(reader_window(reader).data, piece.from));
            bool is_bson = reader->splitter.format == TOOL_FORMAT_BSON;
            tool__report_failed(reader->report, reader->line + (is_bson ? 0 : lines),
                                reader->splitter.lost);
            code = err_set(err, LT_EFAILEDTOPARSE, "the rest of the file cannot be read");
        }
        if (result != TOOL_SPLIT_RECORD || ++count % 64 == 0) {
            tool__report_tick(reader->report, reader->read - (reader->window.len - reader->at));
        }
    }
    /* What is good and stands before the mistake is imported all the same. */
    bool given = reader_flush(reader);
    return code == 0 && !given ? err_set(err, LT_EINTERRUPTED, "stopped at the first error") : code;
}

int tool__import_read(const struct import_settings *settings, struct import_senders *senders,
                      struct import_report *report, struct err *err)
{
    struct import_reader reader = {
        .settings = settings, .senders = senders, .report = report, .fd = -1, .line = 1};
    buf_init(&reader.window, NULL);
    buf_init(&reader.doc, NULL);
    reader.batch = tool__batch_new(settings);
    int code = reader_open(&reader, err);
    code = code < 0 ? code : reader_guess(&reader, err);
    code = code < 0 ? code : reader_run(&reader, err);
    if (reader.fd > STDERR_FILENO) {
        close(reader.fd);
    }
    tool_csv_free(reader.csv);
    tool__batch_free(reader.batch);
    buf_close(&reader.window);
    buf_close(&reader.doc);
    return code;
}
