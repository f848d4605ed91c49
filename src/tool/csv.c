/* tool/csv.c - cut a line into fields, give each a type, nest them by their dotted names. */
#include "tool/csv.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "doc/build.h"
#include "doc/utf8.h"

enum { CSV_DIGITS_MAX = 17 }; /* a double keeps these */

struct csv_field {
    struct slice text;
    bool quoted;
};

struct csv_column {
    struct slice name; /* dotted */
    size_t field;      /* of the line */
};

struct tool_csv {
    struct arena arena;
    struct csv_column *columns; /* those with a common prefix side by side */
    size_t count;
};

/* ---- fields ---- */

/* The text between quotes with each doubled one made one. */
static struct slice csv_undouble(struct slice text, struct arena *arena)
{
    uint8_t *to = arena_alloc(arena, text.len);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        to[len++] = text.data[i];
        i += text.data[i] == '"';
    }
    return slice_of(to, len);
}

/* The field that opens with a quote at *at; its end goes to *at. */
static int csv_quoted(struct slice line, size_t *at, struct arena *arena, struct csv_field *field,
                      struct err *err)
{
    bool doubled = false;
    size_t from = *at + 1;
    size_t i = from;
    for (; i < line.len; i++) {
        bool quote = line.data[i] == '"';
        if (quote && (i + 1 == line.len || line.data[i + 1] != '"')) {
            break;
        }
        doubled = doubled || quote;
        i += quote;
    }
    if (i >= line.len) {
        return err_set(err, LT_EFAILEDTOPARSE, "a quoted field has no end");
    }
    if (i + 1 < line.len && line.data[i + 1] != ',') {
        return err_set(err, LT_EFAILEDTOPARSE, "text follows a closing quote");
    }
    struct slice text = slice_of(line.data + from, i - from);
    *field = (struct csv_field){doubled ? csv_undouble(text, arena) : text, true};
    *at = i + 1;
    return 0;
}

static void csv_plain(struct slice line, size_t *at, struct csv_field *field)
{
    const uint8_t *comma = memchr(line.data + *at, ',', line.len - *at);
    size_t end = comma == NULL ? line.len : (size_t)(comma - line.data);
    *field = (struct csv_field){slice_of(line.data + *at, end - *at), false};
    *at = end;
}

struct csv_cells {
    struct csv_field *fields; /* room for `max` */
    size_t max;
    size_t count; /* how many there are, even past `max` */
};

/* Cut `line` into cells->fields. */
static int csv_cut(struct slice line, struct arena *arena, struct csv_cells *cells, struct err *err)
{
    struct csv_field beyond;
    size_t at = 0;
    cells->count = 0;
    if (!doc_utf8_valid(line)) {
        return err_set(err, LT_EFAILEDTOPARSE, "the line is no UTF-8");
    }
    for (bool more = true; more; at++) {
        struct csv_field *field =
            cells->count < cells->max ? &cells->fields[cells->count] : &beyond;
        bool quoted = at < line.len && line.data[at] == '"';
        int code = 0;
        if (quoted) {
            code = csv_quoted(line, &at, arena, field, err);
        } else {
            csv_plain(line, &at, field);
        }
        if (code < 0) {
            return code;
        }
        cells->count++;
        more = at < line.len;
    }
    return 0;
}

/* ---- the header ---- */

/* Is `a` equal to `b` or its dotted prefix? */
static bool csv_covers(struct slice a, struct slice b)
{
    return slice_starts(b, a) && (a.len == b.len || b.data[a.len] == '.');
}

static int csv_check_name(struct slice name, struct err *err)
{
    size_t parts = 1;
    bool empty = name.len == 0 || name.data[0] == '.' || name.data[name.len - 1] == '.';
    for (size_t i = 0; i < name.len; i++) {
        empty = empty || (i > 0 && name.data[i] == '.' && name.data[i - 1] == '.');
        parts += name.data[i] == '.';
    }
    if (empty || memchr(name.data, '\0', name.len) != NULL) {
        return err_set(err, LT_EFAILEDTOPARSE, "the header has an empty name: '%.*s'",
                       SLICE_FMT(name));
    }
    return parts <= TOOL_CSV_DEPTH_MAX
               ? 0
               : err_set(err, LT_EFAILEDTOPARSE, "a name in the header has more than %d parts",
                         TOOL_CSV_DEPTH_MAX);
}

/* Bytes of the dotted prefix that two names share: 4 of "a.b.c" and "a.b.d". */
static size_t csv_shared(struct slice a, struct slice b)
{
    size_t shared = 0;
    for (size_t i = 0; i < a.len && i < b.len && a.data[i] == b.data[i]; i++) {
        shared = a.data[i] == '.' ? i + 1 : shared;
    }
    return shared;
}

/* Put a column behind the one it shares the longest prefix with, else at the end. */
static int csv_add_column(struct tool_csv *csv, struct slice name, struct err *err)
{
    size_t best = 0;
    size_t to = csv->count;
    int code = csv_check_name(name, err);
    for (size_t i = 0; i < csv->count && code == 0; i++) {
        struct slice other = csv->columns[i].name;
        size_t shared = csv_shared(name, other);
        if (csv_covers(name, other) || csv_covers(other, name)) {
            code = err_set(err, LT_EFAILEDTOPARSE,
                           "the header has '%.*s' and '%.*s', which are one field",
                           SLICE_FMT(other), SLICE_FMT(name));
        }
        if (shared > 0 && shared >= best) {
            best = shared;
            to = i + 1;
        }
    }
    if (code < 0) {
        return code;
    }
    memmove(&csv->columns[to + 1], &csv->columns[to], (csv->count - to) * sizeof *csv->columns);
    csv->columns[to] = (struct csv_column){arena_copy(&csv->arena, name), csv->count};
    csv->count++;
    return 0;
}

int tool_csv_new(struct slice line, struct tool_csv **ret_csv, struct err *err)
{
    struct tool_csv *csv = mem_zero(1, sizeof *csv);
    arena_init(&csv->arena);
    struct csv_field *fields = arena_zero(&csv->arena, TOOL_CSV_COLUMNS_MAX, sizeof *fields);
    struct csv_cells cells = {fields, TOOL_CSV_COLUMNS_MAX, 0};
    int code = csv_cut(line, &csv->arena, &cells, err);
    size_t count = cells.count;
    if (code == 0 && count > TOOL_CSV_COLUMNS_MAX) {
        code = err_set(err, LT_EFAILEDTOPARSE, "the header has more than %d fields",
                       TOOL_CSV_COLUMNS_MAX);
    }
    csv->columns = arena_zero(&csv->arena, count + 1, sizeof *csv->columns);
    for (size_t i = 0; i < count && code == 0; i++) {
        code = csv_add_column(csv, fields[i].text, err);
    }
    if (code < 0) {
        tool_csv_free(csv);
        return code;
    }
    *ret_csv = csv;
    return 0;
}

void tool_csv_free(struct tool_csv *csv)
{
    if (csv != NULL) {
        arena_close(&csv->arena);
        mem_free(csv);
    }
}

size_t tool_csv_columns(const struct tool_csv *csv)
{
    return csv->count;
}

/* ---- types ---- */

/* How many digits start at `at`. */
static size_t csv_digits(struct slice text, size_t at)
{
    size_t from = at;
    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
        at++;
    }
    return at - from;
}

/* A plain decimal number: *ret_whole when it has neither fraction nor exponent. */
static bool csv_is_number(struct slice text, bool *ret_whole)
{
    size_t at = text.len > 0 && text.data[0] == '-';
    size_t whole = csv_digits(text, at);
    size_t fraction = 0;
    if (whole == 0 || (whole > 1 && text.data[at] == '0')) {
        return false;
    }
    at += whole;
    *ret_whole = at == text.len;
    if (at < text.len && text.data[at] == '.') {
        fraction = csv_digits(text, at + 1);
        at += 1 + fraction;
        if (fraction == 0) {
            return false;
        }
    }
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        at += at < text.len && (text.data[at] == '-' || text.data[at] == '+');
        size_t exponent = csv_digits(text, at);
        at += exponent;
        if (exponent == 0 || exponent > 3) {
            return false;
        }
    }
    return at == text.len && (*ret_whole || whole + fraction <= CSV_DIGITS_MAX);
}

static struct doc_value csv_value(struct arena *arena, const struct csv_field *field)
{
    bool whole = false;
    if (!field->quoted && (slice_is(field->text, "true") || slice_is(field->text, "false"))) {
        return doc_value_bool(field->text.data[0] == 't');
    }
    if (!field->quoted && field->text.len < 40 && csv_is_number(field->text, &whole)) {
        char text[40] = "";
        memcpy(text, field->text.data, field->text.len);
        if (!whole) {
            double number = strtod(text, NULL);
            bool fits = number <= 1.7976931348623157e308 && number >= -1.7976931348623157e308;
            return fits ? doc_value_double(arena, number) : doc_value_string(arena, field->text);
        }
        errno = 0;
        long long number = strtoll(text, NULL, 10);
        bool minus_zero = number == 0 && text[0] == '-';
        if (errno == 0 && !minus_zero) {
            return doc_value_integer(arena, number);
        }
    }
    return doc_value_string(arena, field->text);
}

/* ---- documents ---- */

/* Columns in their order; nested documents open and close as the dotted prefix changes. */
static void csv_build(const struct tool_csv *csv, const struct csv_field *fields, bool skip_blank,
                      struct arena *arena, struct doc_builder *builder)
{
    struct slice last = {0}; /* the column written last */
    size_t depth = 0;        /* open nested documents: the dots of `last` */
    for (size_t i = 0; i < csv->count; i++) {
        struct slice name = csv->columns[i].name;
        const struct csv_field *field = &fields[csv->columns[i].field];
        if (skip_blank && !field->quoted && field->text.len == 0) {
            continue;
        }
        size_t at = csv_shared(name, last);
        size_t shared = 0;
        for (size_t j = 0; j < at; j++) {
            shared += name.data[j] == '.';
        }
        for (; depth > shared; depth--) {
            doc_build_close(builder);
        }
        for (const uint8_t *dot; (dot = memchr(name.data + at, '.', name.len - at)) != NULL;
             depth++) {
            size_t end = (size_t)(dot - name.data);
            doc_build_open(builder, slice_of(name.data + at, end - at));
            at = end + 1;
        }
        doc_build_value(builder, slice_from(name, at), csv_value(arena, field));
        last = name;
    }
    for (; depth > 0; depth--) {
        doc_build_close(builder);
    }
}

int tool_csv_read(const struct tool_csv *csv, struct slice line, bool skip_blank, struct buf *buf,
                  struct err *err)
{
    struct arena arena;
    struct doc_builder builder;
    arena_init(&arena);
    struct csv_field *fields = arena_zero(&arena, csv->count, sizeof *fields);
    struct csv_cells cells = {fields, csv->count, 0};
    int code = csv_cut(line, &arena, &cells, err);
    if (code == 0 && cells.count != csv->count) {
        code = err_set(err, LT_EFAILEDTOPARSE, "%zu fields, the header has %zu", cells.count,
                       csv->count);
    }
    if (code == 0) {
        doc_build_begin(&builder, buf);
        csv_build(csv, fields, skip_blank, &arena, &builder);
        doc_build_end(&builder);
    }
    arena_close(&arena);
    return code;
}
