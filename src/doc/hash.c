/* doc/hash.c - MD5 over a value in one form.
 *
 * A seed, then for the value its class, and its bytes; numbers as the int64 that they are cut to.
 * A document's elements follow one another with their names, and a zero class ends them. */
#include "doc/hash.h"

#include <assert.h>
#include <openssl/evp.h>

#include "base/buf.h"
#include "doc/compare.h"
#include "doc/key.h"
#include "doc/view.h"

enum { HASH_MD5 = 16 };

static void hash_i32(struct buf *buf, int32_t number)
{
    buf_append(buf, &number, sizeof number);
}

static void hash_value(struct buf *buf, struct doc_value value);

/* Of an array's elements the positions count, whatever their names are. */
static void hash_fields(struct buf *buf, struct slice doc, bool array)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    for (uint32_t at = 0; doc_iter_next(&iter, &elem); at++) {
        hash_i32(buf, doc_class(elem.value.type));
        if (array) {
            buf_format(buf, "%u", at);
        } else {
            buf_append_slice(buf, elem.name);
        }
        buf_append_byte(buf, 0);
        hash_value(buf, elem.value);
    }
    hash_i32(buf, 0);
}

/* {int32 length, int32 text length, text, scope} */
static void hash_scoped_code(struct buf *buf, struct doc_value value)
{
    uint32_t len;
    memcpy(&len, value.data + 4, sizeof len);
    buf_append(buf, value.data + 8, len);
    hash_fields(buf, slice_of(value.data + 8 + len, value.len - 8 - len), false);
}

static void hash_value(struct buf *buf, struct doc_value value)
{
    if (value.type == DOC_OBJECT || value.type == DOC_ARRAY) {
        hash_fields(buf, doc_value_get_doc(value), value.type == DOC_ARRAY);
    } else if (value.type == DOC_CODE_W_SCOPE) {
        hash_scoped_code(buf, value);
    } else if (doc_value_is_number(value)) {
        int64_t number = doc_value_to_i64_clamped(value);
        buf_append(buf, &number, sizeof number);
    } else {
        buf_append(buf, value.data, value.len);
    }
}

bool doc_hash_is_index_kind(struct doc_value value)
{
    return value.type == DOC_STRING && slice_is(doc_value_get_string(value), "hashed");
}

int64_t doc_hash_index_key(struct arena *arena, struct doc_value value)
{
    struct buf buf;
    uint8_t sum[HASH_MD5];
    int64_t hash;
    buf_init(&buf, arena);
    hash_i32(&buf, 0);
    hash_i32(&buf, doc_class(value.type));
    if (doc_value_exists(value)) {
        hash_value(&buf, value);
    }
    int code = EVP_Digest(buf.data, buf.len, sum, NULL, EVP_md5(), NULL);
    assert(code == 1);
    (void)code;
    memcpy(&hash, sum, sizeof hash);
    return hash;
}

int64_t doc_hash_index_key_by(struct arena *arena, struct doc_value value,
                              const struct doc_collation *collation)
{
    struct buf key;
    if (collation == NULL || !doc_collation_concerns(value.type)) {
        return doc_hash_index_key(arena, value);
    }
    buf_init(&key, arena);
    doc_key_encode_by(&key, value, false, collation);
    return doc_hash_index_key(arena, doc_value_binary(arena, 0, buf_slice(&key)));
}
