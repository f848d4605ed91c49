/* text/index.c - walking a document for its texts. */
#include "text/index.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "doc/view.h"

bool text_index_is_kind(struct doc_value value)
{
    return value.type == DOC_STRING && slice_is(doc_value_get_string(value), "text");
}

/* ---- the specification ---- */

static bool index_field(struct slice key, uint32_t *ret_field)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, key);
    for (uint32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        if (slice_is(elem.name, "_fts") && text_index_is_kind(elem.value)) {
            *ret_field = i;
            return true;
        }
    }
    return false;
}

static void index_weights(struct text_index *index, struct arena *arena, struct slice weights)
{
    struct doc_iter iter;
    struct doc_elem elem;
    index->weights = arena_zero(arena, doc_count(weights) + 1, sizeof *index->weights);
    doc_iter_init(&iter, weights);
    while (doc_iter_next(&iter, &elem)) {
        double weight = doc_value_is_number(elem.value) ? doc_value_to_double(elem.value) : 1;
        if (slice_is(elem.name, "$**")) {
            index->all = weight;
        } else {
            index->weights[index->weights_count++] = (struct text_weight){elem.name, weight};
        }
    }
}

struct text_index *text_index_of_spec(struct arena *arena, struct slice spec)
{
    uint32_t field;
    struct doc_value key = doc_get_str(spec, "key");
    struct doc_value weights = doc_get_str(spec, "weights");
    struct doc_value language = doc_get_str(spec, "default_language");
    struct doc_value language_override = doc_get_str(spec, "language_override");
    if (!index_field(doc_value_get_doc(key), &field)) {
        return NULL;
    }
    struct text_index *index = arena_zero(arena, 1, sizeof *index);
    index->field = field;
    if (weights.type == DOC_OBJECT) {
        index_weights(index, arena, doc_value_get_doc(weights));
    }
    if (language.type == DOC_STRING) {
        index->language = text_language_find(doc_value_get_string(language));
    }
    if (index->language == NULL) {
        index->language = text_language_find(SLICE("english"));
    }
    index->language_override = language_override.type == DOC_STRING
                                   ? doc_value_get_string(language_override)
                                   : SLICE("language");
    return index;
}

/* ---- the walk ---- */

struct index_walk {
    const struct text_index *index;
    const struct text_reader *reader;
    struct buf path;
};

/* The weight of texts at the walk's path, 0 none; is there one of texts below? */
static double index_weigh(const struct index_walk *walk, bool *ret_below)
{
    const struct text_index *index = walk->index;
    struct slice path = buf_slice(&walk->path);
    double weight = index->all;
    *ret_below = index->all > 0;
    for (uint32_t i = 0; i < index->weights_count; i++) {
        struct slice other = index->weights[i].path;
        if (!slice_starts(other, path)) {
            continue;
        }
        if (other.len == path.len) {
            weight = index->weights[i].weight;
        } else if (other.data[path.len] == '.') {
            *ret_below = true;
        }
    }
    return weight;
}

static int index_language(const struct index_walk *walk, struct slice doc,
                          const struct text_language **language)
{
    struct doc_value value = doc_get(doc, walk->index->language_override);
    if (!doc_value_exists(value)) {
        return 0;
    }
    if (value.type != DOC_STRING) {
        return err_set(walk->reader->err, 17261,
                       "found language override field in document with non-string type: '%.*s'",
                       SLICE_FMT(walk->index->language_override));
    }
    const struct text_language *found = text_language_find(doc_value_get_string(value));
    if (found == NULL) {
        return err_set(walk->reader->err, 17262, "language override unsupported: %.*s",
                       SLICE_FMT(doc_value_get_string(value)));
    }
    *language = found;
    return 0;
}

static int index_fields(struct index_walk *walk, struct slice doc,
                        const struct text_language *language);

static int index_value(struct index_walk *walk, struct doc_value value,
                       const struct text_language *language)
{
    bool below;
    double weight = index_weigh(walk, &below);
    int code = 0;
    if (value.type == DOC_STRING && weight > 0) {
        struct text_piece piece = {doc_value_get_string(value), weight, language};
        return walk->reader->cb(walk->reader->context, &piece);
    }
    if (value.type == DOC_OBJECT && below) {
        return index_fields(walk, doc_value_get_doc(value), language);
    }
    if (value.type == DOC_ARRAY && (below || weight > 0)) {
        struct doc_iter iter;
        struct doc_elem elem;
        doc_iter_value(&iter, value);
        while (code == 0 && doc_iter_next(&iter, &elem)) {
            code = index_value(walk, elem.value, language);
        }
    }
    return code;
}

/* The depth is the document's, which is bounded. */
static int index_fields(struct index_walk *walk, struct slice doc,
                        const struct text_language *language)
{
    struct doc_iter iter;
    struct doc_elem elem;
    size_t len = walk->path.len;
    int code = index_language(walk, doc, &language);
    doc_iter_init(&iter, doc);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        if (len > 0) {
            buf_append_byte(&walk->path, '.');
        }
        buf_append_slice(&walk->path, elem.name);
        code = index_value(walk, elem.value, language);
        walk->path.len = len;
    }
    return code;
}

int text_index_pieces(const struct text_index *index, struct slice doc,
                      const struct text_reader *reader)
{
    struct index_walk walk = {.index = index, .reader = reader};
    buf_init(&walk.path, reader->arena);
    return index_fields(&walk, doc, index->language);
}

/* ---- lists of stems ---- */

void text_list_push(struct text_list *list, struct arena *arena, struct slice item)
{
    if (list->count == list->cap) {
        uint32_t cap = list->cap == 0 ? 16 : list->cap * 2;
        struct slice *items = arena_alloc(arena, cap * sizeof *items);
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = item;
}

static int list_order(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

void text_list_settle(struct text_list *list)
{
    uint32_t kept = 0;
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof *list->items, list_order);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (kept == 0 || !slice_equal(list->items[i], list->items[kept - 1])) {
            list->items[kept++] = list->items[i];
        }
    }
    list->count = kept;
}

bool text_list_has(const struct text_list *list, struct slice item)
{
    return list->count > 0 &&
           bsearch(&item, list->items, list->count, sizeof *list->items, list_order) != NULL;
}

/* ---- the words of a document ---- */

struct index_words {
    struct text_words words;
    struct text_list *list;
};

static int index_piece_words(void *context, const struct text_piece *piece)
{
    struct index_words *all = context;
    struct slice word;
    for (size_t at = 0; text_words_next(piece->text, &at, &word);) {
        struct slice stem = text_words_stem(&all->words, piece->language, word);
        if (stem.len > 0) {
            text_list_push(all->list, all->words.arena, stem);
        }
    }
    return 0;
}

int text_index_words(const struct text_index *index, struct arena *arena, struct slice doc,
                     struct text_list *ret_words, struct err *err)
{
    struct text_list list = {0};
    struct index_words all = {.list = &list};
    text_words_init(&all.words, arena, 0);
    struct text_reader reader = {arena, index_piece_words, &all, err};
    int code = text_index_pieces(index, doc, &reader);
    text_words_close(&all.words);
    text_list_settle(&list);
    *ret_words = list;
    return code;
}
