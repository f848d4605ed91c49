/* store/index_text.c - the keys of a document in a text index.
 *
 * A key for each word: the fields before the text, the word's stem, the fields behind. A document
 * without words has none. The other fields may hold no arrays. */
#include <assert.h>

#include "doc/key.h"
#include "doc/view.h"
#include "store/index_keys_private.h"

int store__keys_of_text(struct store__keys *build, struct slice doc)
{
    const struct store_index *index = build->index;
    uint32_t field = index->text->field;
    struct text_list words;
    struct slice before = {0};
    struct slice after = {0};
    assert(field + 1 < index->fields_count);
    int code = text_index_words(index->text, build->arena, doc, &words, build->err);
    code = code < 0 ? code
                    : store__keys_plain(build, doc, (struct store__keys_part){0, field}, &before);
    code = code < 0 ? code
                    : store__keys_plain(build, doc,
                                        (struct store__keys_part){field + 2, index->fields_count},
                                        &after);
    for (uint32_t i = 0; code == 0 && i < words.count; i++) {
        struct buf key;
        buf_init(&key, build->arena);
        buf_append_slice(&key, before);
        doc_key_encode(&key, doc_value_string(build->arena, words.items[i]), false);
        buf_append_slice(&key, after);
        code = store__keys_push(build, buf_slice(&key));
    }
    build->exists = true;
    build->multikey = true;
    return code;
}
