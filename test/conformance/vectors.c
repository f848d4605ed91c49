/* test/conformance/vectors.c - gzip in, lines out; the id is cut from the line's front. */
#include "conformance/vectors.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

static const char vectors_suffix[] = ".jsonl.gz";

static int vectors_order(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool vectors_list(struct conf_vectors *vectors, const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        fprintf(stderr, "conformance: cannot open %s\n", path);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        size_t tail = sizeof vectors_suffix - 1;
        if (len <= tail || len - tail >= CONF_AREA_NAME_MAX ||
            strcmp(entry->d_name + len - tail, vectors_suffix) != 0 ||
            vectors->areas_count == CONF_AREAS_MAX) {
            continue;
        }
        char *name = vectors->areas[vectors->areas_count++];
        memcpy(name, entry->d_name, len - tail);
        name[len - tail] = '\0';
    }
    closedir(dir);
    qsort(vectors->areas, (size_t)vectors->areas_count, sizeof vectors->areas[0], vectors_order);
    return true;
}

static bool vectors_read(struct buf *text, const char *path)
{
    gzFile file = gzopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "conformance: cannot open %s\n", path);
        return false;
    }
    int got;
    do {
        buf_reserve(text, 1 << 20);
        got = gzread(file, text->data + text->len, 1 << 20);
        text->len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    gzclose(file);
    return got == 0;
}

/* {"id":"...": ids hold no escapes that matter here. */
static struct slice vectors_id(struct slice line)
{
    const struct slice head = SLICE("{\"id\":\"");
    if (!slice_starts(line, head)) {
        return SLICE("");
    }
    struct slice rest = slice_from(line, head.len);
    const uint8_t *quote = memmem(rest.data, rest.len, "\",\"", 3);
    return slice_of(rest.data, quote == NULL ? 0 : (size_t)(quote - rest.data));
}

static void vectors_split(struct conf_vectors *vectors, int area, const char *filter)
{
    struct slice rest = buf_slice(&vectors->texts[area]);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.len);
        size_t len = end == NULL ? rest.len : (size_t)(end - rest.data);
        struct conf_case it = {.area = area, .line = slice_of(rest.data, len)};
        it.id = vectors_id(it.line);
        bool wanted =
            filter == NULL || memmem(it.id.data, it.id.len, filter, strlen(filter)) != NULL;
        if (len > 0 && wanted) {
            buf_append(&vectors->cases, &it, sizeof it);
        }
        rest = slice_from(rest, end == NULL ? len : len + 1);
    }
}

bool conf_vectors_load(struct conf_vectors *vectors, const char *dir, const char *filter)
{
    if (vectors->areas_count == 0 && !vectors_list(vectors, dir)) {
        return false;
    }
    for (int i = 0; i < vectors->areas_count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s%s", dir, vectors->areas[i], vectors_suffix);
        if (!vectors_read(&vectors->texts[i], path)) {
            return false;
        }
        vectors_split(vectors, i, filter);
    }
    return true;
}

void conf_vectors_close(struct conf_vectors *vectors)
{
    for (int i = 0; i < vectors->areas_count; i++) {
        buf_close(&vectors->texts[i]);
    }
    buf_close(&vectors->cases);
}
