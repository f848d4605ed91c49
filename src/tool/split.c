/* tool/split.c - the ends of records in lines, JSON, CSV and BSON. */
#include "tool/split.h"

#include <assert.h>

#include "doc/validate.h"
#include "doc/value.h"

static enum tool_split split_lost(struct tool_splitter *splitter, const char *why)
{
    splitter->lost = why;
    return TOOL_SPLIT_LOST;
}

static bool split_is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool split_is_blank(struct slice text)
{
    size_t i = 0;
    while (i < text.len && split_is_space(text.data[i])) {
        i++;
    }
    return i == text.len;
}

/* ---- lines ---- */

static enum tool_split split_line(struct slice window, bool at_end, struct tool_piece *piece)
{
    size_t at = 0;
    while (at < window.len) {
        const uint8_t *end = memchr(window.data + at, '\n', window.len - at);
        size_t stop = end == NULL ? window.len : (size_t)(end - window.data);
        if (end == NULL && !at_end) {
            break;
        }
        *piece = (struct tool_piece){at, stop, end == NULL ? stop : stop + 1};
        if (!split_is_blank(slice_of(window.data + at, stop - at))) {
            piece->to -= window.data[stop - 1] == '\r';
            return TOOL_SPLIT_RECORD;
        }
        at = piece->used;
    }
    return at_end ? TOOL_SPLIT_END : TOOL_SPLIT_MORE;
}

/* ---- CSV ---- */

/* The line's end, past line ends inside of quotes; window.len + 1 when it is not there. */
static size_t split_csv_end(struct slice window, size_t at)
{
    bool quoted = false;
    bool field_starts = true;
    for (; at < window.len; at++) {
        uint8_t byte = window.data[at];
        if (quoted) {
            quoted = byte != '"'; /* of a doubled quote the second one opens again */
            field_starts = !quoted;
        } else if (byte == '"' && field_starts) {
            quoted = true;
        } else if (byte == '\n') {
            return at;
        } else {
            field_starts = byte == ',';
        }
    }
    return quoted ? window.len + 1 : window.len;
}

static enum tool_split split_csv(struct tool_splitter *splitter, struct slice window, bool at_end,
                                 struct tool_piece *piece)
{
    size_t at = 0;
    while (at < window.len) {
        size_t stop = split_csv_end(window, at);
        if (stop >= window.len && !at_end) {
            return TOOL_SPLIT_MORE;
        }
        if (stop > window.len) {
            *piece = (struct tool_piece){at, window.len, window.len};
            return split_lost(splitter, "a quoted field has no end");
        }
        *piece = (struct tool_piece){at, stop, stop < window.len ? stop + 1 : stop};
        if (!split_is_blank(slice_of(window.data + at, stop - at))) {
            piece->to -= window.data[stop - 1] == '\r';
            return TOOL_SPLIT_RECORD;
        }
        at = piece->used;
    }
    return at_end ? TOOL_SPLIT_END : TOOL_SPLIT_MORE;
}

/* ---- JSON ---- */

/* Behind the value that starts at `at`; 0 when the window ends first. */
static size_t split_json_end(struct slice window, size_t at)
{
    size_t depth = 0;
    bool nested = window.data[at] == '{' || window.data[at] == '[';
    bool quoted = false;
    for (; at < window.len; at++) {
        uint8_t byte = window.data[at];
        if (quoted) {
            at += byte == '\\';
            quoted = byte != '"';
            if (!quoted && depth == 0) {
                return at + 1;
            }
        } else if (byte == '"') {
            quoted = true;
        } else if (byte == '{' || byte == '[') {
            depth++;
        } else if (depth > 0 && (byte == '}' || byte == ']')) {
            if (--depth == 0) {
                return at + 1;
            }
        } else if (!nested && (byte == ',' || byte == ']' || byte == '}' || split_is_space(byte))) {
            return at + (byte == '}');
        }
    }
    return 0;
}

/* A comma or bracket between values: true when it was one. */
static bool split_json_mark(struct tool_splitter *splitter, uint8_t byte)
{
    enum tool_split_place place = splitter->place;
    bool inside = place == TOOL_SPLIT_IN_EMPTY_ARRAY || place == TOOL_SPLIT_BEHIND_VALUE;
    if (place == TOOL_SPLIT_AT_START && byte == '[') {
        splitter->place = TOOL_SPLIT_IN_EMPTY_ARRAY;
    } else if (place == TOOL_SPLIT_BEHIND_VALUE && byte == ',') {
        splitter->place = TOOL_SPLIT_BEFORE_VALUE;
    } else if (inside && byte == ']') {
        splitter->place = TOOL_SPLIT_BEHIND_ARRAY;
    } else {
        return false;
    }
    return true;
}

static enum tool_split split_json_stop(struct tool_splitter *splitter)
{
    bool open = splitter->place == TOOL_SPLIT_IN_EMPTY_ARRAY ||
                splitter->place == TOOL_SPLIT_BEFORE_VALUE ||
                splitter->place == TOOL_SPLIT_BEHIND_VALUE;
    return open ? split_lost(splitter, "the array has no end") : TOOL_SPLIT_END;
}

static enum tool_split split_json(struct tool_splitter *splitter, struct slice window, bool at_end,
                                  struct tool_piece *piece)
{
    size_t at = 0;
    for (; at < window.len; at++) {
        if (!split_is_space(window.data[at]) && !split_json_mark(splitter, window.data[at])) {
            break;
        }
    }
    *piece = (struct tool_piece){at, at, at};
    if (at == window.len) {
        return at_end ? split_json_stop(splitter) : TOOL_SPLIT_MORE;
    }
    if (splitter->place == TOOL_SPLIT_BEHIND_VALUE) {
        return split_lost(splitter, "expected a comma or the end of the array");
    }
    if (splitter->place == TOOL_SPLIT_BEHIND_ARRAY) {
        return split_lost(splitter, "something follows the array");
    }
    if (window.data[at] == ',' || window.data[at] == ']' || window.data[at] == '}') {
        return split_lost(splitter, "expected a value");
    }
    size_t end = split_json_end(window, at);
    if (end == 0 && !at_end) {
        return TOOL_SPLIT_MORE;
    }
    bool nested = window.data[at] == '{' || window.data[at] == '[';
    if (end == 0 && (nested || window.data[at] == '"')) {
        return split_lost(splitter, "the last value has no end");
    }
    *piece = (struct tool_piece){at, end == 0 ? window.len : end, end == 0 ? window.len : end};
    bool in_array =
        splitter->place == TOOL_SPLIT_IN_EMPTY_ARRAY || splitter->place == TOOL_SPLIT_BEFORE_VALUE;
    splitter->place = in_array ? TOOL_SPLIT_BEHIND_VALUE : TOOL_SPLIT_IN_SEQUENCE;
    return TOOL_SPLIT_RECORD;
}

/* ---- BSON ---- */

static enum tool_split split_bson(struct tool_splitter *splitter, struct slice window, bool at_end,
                                  struct tool_piece *piece)
{
    *piece = (struct tool_piece){0};
    if (window.len == 0 && at_end) {
        return TOOL_SPLIT_END;
    }
    uint32_t len = window.len < 4 ? 0 : doc_load_u32(window.data);
    if (window.len >= 4 && (len < 5 || len > DOC_SIZE_INTERNAL_MAX)) {
        return split_lost(splitter, "the next document's length is impossible");
    }
    if (window.len < 4 || window.len < len) {
        return at_end ? split_lost(splitter, "the last document is cut off") : TOOL_SPLIT_MORE;
    }
    *piece = (struct tool_piece){0, len, len};
    return TOOL_SPLIT_RECORD;
}

enum tool_split tool_split_next(struct tool_splitter *splitter, struct slice window, bool at_end,
                                struct tool_piece *ret_piece)
{
    *ret_piece = (struct tool_piece){0};
    switch (splitter->format) {
    case TOOL_FORMAT_JSON:
        return split_json(splitter, window, at_end, ret_piece);
    case TOOL_FORMAT_NDJSON:
        return split_line(window, at_end, ret_piece);
    case TOOL_FORMAT_CSV:
        return split_csv(splitter, window, at_end, ret_piece);
    case TOOL_FORMAT_BSON:
        return split_bson(splitter, window, at_end, ret_piece);
    case TOOL_FORMAT_UNKNOWN:
        break;
    }
    assert(false);
    return TOOL_SPLIT_END;
}

/* ---- guessing ---- */

/* Does the first line hold a whole object? */
static bool guess_is_line(struct slice window, size_t at)
{
    size_t end = split_json_end(window, at);
    return end != 0 && memchr(window.data + at, '\n', end - at) == NULL;
}

enum tool_format tool_split_guess(struct slice window, bool at_end)
{
    /* A BSON document's fourth byte is 0 or 1: it has at most 16 MB. No text has such a byte. */
    if (window.len >= 5 && window.data[3] <= 1) {
        return TOOL_FORMAT_BSON;
    }
    bool gzip = window.len >= 2 && window.data[0] == 0x1f && window.data[1] == 0x8b;
    bool zstd = slice_starts(window, SLICE("\x28\xb5\x2f\xfd"));
    size_t at = 0;
    while (at < window.len && split_is_space(window.data[at])) {
        at++;
    }
    if (at == window.len || gzip || zstd) {
        return TOOL_FORMAT_UNKNOWN;
    }
    if (window.data[at] == '{') {
        bool whole = guess_is_line(window, at);
        return whole || (!at_end && memchr(window.data, '\n', window.len) == NULL)
                   ? TOOL_FORMAT_NDJSON
                   : TOOL_FORMAT_JSON;
    }
    return window.data[at] == '[' ? TOOL_FORMAT_JSON : TOOL_FORMAT_CSV;
}
