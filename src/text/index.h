/* text/index.h - text indexes: which texts of a document they have, with which weight and in which
 * language.
 *
 * A specification has {key: {..., _fts: "text", _ftsx: 1, ...}, weights, default_language,
 * language_override}. The weight of "$**" is that of all texts that have none of their own.
 *
 * Invariant   of an accepted specification.
 * Thread      pure.
 * Memory      slices of the specification; lists are the arena's.
 * Errors      17261, 17262 a document that says a language that is none.
 */
#ifndef TEXT_INDEX_H
#define TEXT_INDEX_H

#include "base/err.h"
#include "doc/value.h"
#include "text/words.h"

struct text_weight {
    struct slice path;
    double weight;
};

struct text_index {
    uint32_t field; /* of the key pattern, `_fts`; `_ftsx` follows */
    struct text_weight *weights;
    uint32_t weights_count;
    double all; /* of texts at any other path; 0: they do not count */
    const struct text_language *language;
    struct slice language_override;
};

/* Is that what a key pattern says of a text field? {a: "text"} */
bool text_index_is_kind(struct doc_value value);

/* NULL: the specification is of another index. */
struct text_index *text_index_of_spec(struct arena *arena, struct slice spec);

/* One text of a document. */
struct text_piece {
    struct slice text;
    double weight;
    const struct text_language *language;
};
typedef int (*text_piece_cb)(void *context, const struct text_piece *piece);

struct text_reader {
    struct arena *arena;
    text_piece_cb cb;
    void *context;
    struct err *err;
};

/* All texts; stops at the first that is not answered with 0. */
int text_index_pieces(const struct text_index *index, struct slice doc,
                      const struct text_reader *reader);

/* The stems of the document's words, sorted, each once. */
struct text_list {
    struct slice *items;
    uint32_t count;
    uint32_t cap;
};
void text_list_push(struct text_list *list, struct arena *arena, struct slice item);
void text_list_settle(struct text_list *list);
bool text_list_has(const struct text_list *list, struct slice item);
int text_index_words(const struct text_index *index, struct arena *arena, struct slice doc,
                     struct text_list *ret_words, struct err *err);

#endif
