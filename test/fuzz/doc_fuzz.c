/* test/fuzz/doc_fuzz.c - bytes as BSON: whatever validation lets through can be walked, compared,
 * hashed, measured, written as JSON in every form and encoded as a key that decodes to an equal. */
#include <stdlib.h>

#include "doc/build.h"
#include "doc/compare.h"
#include "doc/json.h"
#include "doc/key.h"
#include "doc/validate.h"
#include "doc/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void fuzz_json(struct arena *arena, struct slice doc)
{
    struct buf buf;
    buf_init(&buf, arena);
    doc_json_write(&buf, doc, DOC_JSON_CANONICAL);
    size_t canonical = buf.len;
    doc_json_write(&buf, doc, DOC_JSON_RELAXED);
    doc_json_write_shell(&buf, doc_value_object(doc));
    struct buf back;
    size_t used = 0;
    buf_init(&back, arena);
    if (doc_json_read(slice_of(buf.data, canonical), &back, &used, NULL) == 0) {
        fuzz_require(used == canonical);
        fuzz_require(doc_validate(buf_slice(&back), DOC_DEPTH_STORED, NULL) == 0);
    }
}

static void fuzz_key(struct arena *arena, struct slice doc, bool descending)
{
    struct buf buf;
    struct doc_value back;
    buf_init(&buf, arena);
    doc_key_encode(&buf, doc_value_object(doc), descending);
    struct slice key = buf_slice(&buf);
    fuzz_require(doc_key_size(key, descending) == key.len);
    fuzz_require(doc_key_decode(&key, descending, arena, &back, NULL) == 0);
    fuzz_require(key.len == 0 && doc_equal(back, doc_value_object(doc)));
    fuzz_require(doc_hash(back, 1) == doc_hash(doc_value_object(doc), 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice doc = slice_of(data, size);
    struct err err;
    size_t used = 0;
    struct arena arena;
    arena_init(&arena);
    struct buf json;
    buf_init(&json, &arena);
    doc_json_read(doc, &json, &used, &err);
    if (doc_validate(doc, DOC_DEPTH_STORED, &err) == 0) {
        fuzz_require(doc_depth(doc) <= DOC_DEPTH_STORED);
        fuzz_require(doc_compare_docs(doc, doc) == 0);
        fuzz_json(&arena, doc);
        fuzz_key(&arena, doc, false);
        fuzz_key(&arena, doc, true);
    }
    arena_close(&arena);
    return 0;
}
