/* sim/trace.c - reads a trace through zlib, or through xz(1) by a pipe. */
#include "sim/trace.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"

struct bytes {
    char *data;
    size_t len;
    size_t cap;
};

static char *bytes_room(struct bytes *bytes, size_t size)
{
    if (bytes->len + size > bytes->cap) {
        bytes->cap = (bytes->len + size) * 2;
        bytes->data = mem_grow(bytes->data, bytes->cap);
    }
    return bytes->data + bytes->len;
}

enum { READ_BYTES = 1 << 20 };

static void bytes_read_gz(struct bytes *bytes, const char *path)
{
    gzFile file = gzopen(path, "rb");
    if (file == NULL) {
        err(2, "%s", path);
    }
    int got;
    while ((got = gzread(file, bytes_room(bytes, READ_BYTES), READ_BYTES)) > 0) {
        bytes->len += (size_t)got;
    }
    if (got < 0 || gzclose(file) != Z_OK) {
        errx(2, "%s: damaged gzip file", path);
    }
}

static void bytes_read_xz(struct bytes *bytes, const char *path)
{
    char command[4096];
    if (strchr(path, '\'') != NULL ||
        snprintf(command, sizeof command, "xz -dc '%s'", path) >= (int)sizeof command) {
        errx(2, "%s: a path with a quote, or too long", path);
    }
    FILE *pipe = popen(command, "r");
    if (pipe == NULL) {
        err(2, "%s", command);
    }
    size_t got;
    while ((got = fread(bytes_room(bytes, READ_BYTES), 1, READ_BYTES, pipe)) > 0) {
        bytes->len += got;
    }
    if (pclose(pipe) != 0) {
        errx(2, "%s failed; is xz-utils installed?", command);
    }
}

/* ---- numbering ---- */

struct number {
    uint64_t key;
    uint32_t next; /* number + 1; 0: empty */
};

struct numbers {
    struct number *table;
    uint32_t cap;
};

static uint64_t trace_hash(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static struct number *numbers_find(const struct numbers *numbers, uint64_t key)
{
    uint32_t at = (uint32_t)trace_hash(key) & (numbers->cap - 1);
    while (numbers->table[at].next != 0 && numbers->table[at].key != key) {
        at = (at + 1) & (numbers->cap - 1);
    }
    return &numbers->table[at];
}

static void numbers_grow(struct numbers *numbers)
{
    struct numbers old = *numbers;
    numbers->cap = old.cap == 0 ? 1024 : old.cap * 2;
    numbers->table = mem_zero(numbers->cap, sizeof *numbers->table);
    for (uint32_t i = 0; i < old.cap; i++) {
        if (old.table[i].next != 0) {
            *numbers_find(numbers, old.table[i].key) = old.table[i];
        }
    }
    mem_free(old.table);
}

static void trace_add(struct trace *trace, struct numbers *numbers, uint64_t key, uint32_t size)
{
    if (trace->distinct >= numbers->cap / 2) {
        numbers_grow(numbers);
        trace->hashes = mem_grow(trace->hashes, numbers->cap * sizeof *trace->hashes);
        trace->numbers = mem_grow(trace->numbers, numbers->cap * sizeof *trace->numbers);
    }
    if ((trace->count & (trace->count - 1)) == 0) {
        size_t cap = trace->count == 0 ? 1 : trace->count * 2;
        trace->keys = mem_grow(trace->keys, cap * sizeof *trace->keys);
        trace->sizes = mem_grow(trace->sizes, cap * sizeof *trace->sizes);
    }
    struct number *number = numbers_find(numbers, key);
    if (number->next == 0) {
        trace->hashes[trace->distinct] = trace_hash(key ^ trace->seed);
        trace->numbers[trace->distinct] = key;
        trace->bytes += size;
        *number = (struct number){key, ++trace->distinct};
    }
    trace->keys[trace->count] = number->next - 1;
    trace->sizes[trace->count++] = size;
}

/* ---- formats ---- */

static uint64_t big_endian(const char *at, size_t width)
{
    uint64_t key = 0;
    for (size_t i = 0; i < width; i++) {
        key = key << 8 | (uint8_t)at[i];
    }
    return key;
}

/* One line; false when there is nothing on it. */
static bool line_parse(const char *line, const char *format, uint64_t *ret_key, uint32_t *ret_size)
{
    bool sized = strcmp(format, "sized") == 0;
    unsigned long long key = 0;
    unsigned size = 1;
    int want = sized ? 2 : 1;
    int got = sscanf(line, strcmp(format, "text") == 0 ? "%llu" : "%*u %llu %u", &key, &size);
    *ret_key = key;
    *ret_size = sized ? size : 1;
    return got >= want;
}

static void trace_read_lines(struct trace *trace, struct numbers *numbers, char *text,
                             const struct trace_limits *limits)
{
    char *rest;
    for (char *line = strtok_r(text, "\r\n", &rest);
         line != NULL && trace->count < limits->count_max; line = strtok_r(NULL, "\r\n", &rest)) {
        uint64_t key;
        uint32_t size;
        if (line_parse(line, limits->format, &key, &size)) {
            trace_add(trace, numbers, key, size);
        } else if (strchr(line, '*') == NULL) {
            errx(2, "request %zu: cannot read \"%s\"", trace->count, line);
        }
    }
}

void trace_read(struct trace *trace, const char *path, const struct trace_limits *limits)
{
    struct bytes bytes = {0};
    struct numbers numbers = {0};
    size_t width = strcmp(limits->format, "int32") == 0   ? 4
                   : strcmp(limits->format, "int64") == 0 ? 8
                                                          : 0;
    size_t len = strlen(path);
    *trace = (struct trace){.seed = trace_hash(limits->seed)};
    if (len > 3 && strcmp(path + len - 3, ".xz") == 0) {
        bytes_read_xz(&bytes, path);
    } else {
        bytes_read_gz(&bytes, path);
    }
    for (size_t at = 0; width > 0 && at + width <= bytes.len && trace->count < limits->count_max;
         at += width) {
        trace_add(trace, &numbers, big_endian(bytes.data + at, width), 1);
    }
    if (width == 0) {
        *bytes_room(&bytes, 1) = '\0';
        trace_read_lines(trace, &numbers, bytes.data, limits);
    }
    mem_free(bytes.data);
    mem_free(numbers.table);
}

void trace_close(struct trace *trace)
{
    mem_free(trace->keys);
    mem_free(trace->sizes);
    mem_free(trace->hashes);
    mem_free(trace->numbers);
}
