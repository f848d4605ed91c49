/* test/lib/json_doc.h - documents as tests write them: JSON with single quotes.
 *
 * Invariant   'x' stands for "x"; Extended JSON wrappers give the other types.
 * Thread      one.
 * Memory      documents and texts live in the arena.
 * Errors      bad JSON fails the test.
 */
#ifndef TEST_LIB_JSON_DOC_H
#define TEST_LIB_JSON_DOC_H

#include "base/buf.h"
#include "doc/json.h"
#include "lib/test.h"

static inline struct slice json_doc(struct arena *arena, const char *text)
{
    struct slice json = arena_copy(arena, slice_str(text));
    uint8_t *bytes = (uint8_t *)json.data;
    for (size_t i = 0; i < json.len; i++) {
        bytes[i] = bytes[i] == '\'' ? '"' : bytes[i];
    }
    struct buf buf;
    size_t used = 0;
    struct err err = {0};
    buf_init(&buf, arena);
    int rc = doc_json_read(json, &buf, &used, &err);
    if (rc < 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return buf_slice(&buf);
}

/* The document as relaxed JSON, NUL-terminated, with single quotes. */
static inline const char *json_text(struct arena *arena, struct slice doc)
{
    struct buf buf;
    buf_init(&buf, arena);
    doc_json_write(&buf, doc, DOC_JSON_RELAXED);
    buf_append_byte(&buf, '\0');
    for (size_t i = 0; i < buf.len; i++) {
        buf.data[i] = buf.data[i] == '"' ? '\'' : buf.data[i];
    }
    return (const char *)buf.data;
}

#endif
