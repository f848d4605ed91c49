/* command/index_text.c - what a text index may be, and how it is kept.
 *
 * {a: 1, b: "text", c: "text"} is kept as {a: 1, _fts: "text", _ftsx: 1} with the weights of b and
 * c; who brings back what listIndexes told gives it so. */
#include <stdlib.h>

#include "command/index_spec.h"
#include "doc/build.h"
#include "doc/view.h"
#include "text/index.h"

enum { TEXT_WEIGHT_MAX = 99999 };

struct text_fields {
    struct text_weight *items;
    uint32_t count;
};

static int text_wrong(struct command_op *op, const char *what)
{
    return err_set(&op->err, LT_ECANNOTCREATEINDEX, "Invalid text index: %s", what);
}

bool command_index_is_text(struct slice key)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, key);
    while (doc_iter_next(&iter, &elem)) {
        if (text_index_is_kind(elem.value)) {
            return true;
        }
    }
    return false;
}

/* ---- weights ---- */

static void text_put(struct text_fields *fields, struct slice path, double weight)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (slice_equal(fields->items[i].path, path)) {
            fields->items[i].weight = weight;
            return;
        }
    }
    fields->items[fields->count++] = (struct text_weight){path, weight};
}

static int text_put_weights(struct command_op *op, struct text_fields *fields, struct slice weights)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, weights);
    while (doc_iter_next(&iter, &elem)) {
        int64_t weight = doc_value_is_number(elem.value) ? doc_value_to_i64_clamped(elem.value) : 0;
        if (weight < 1 || weight > TEXT_WEIGHT_MAX) {
            return text_wrong(op, "a weight must be a number from 1 to 99999");
        }
        bool whole = slice_is(elem.name, "$**");
        if (elem.name.len == 0 || (elem.name.data[0] == '$' && !whole)) {
            return text_wrong(op, "a weight's field must have a name without '$'");
        }
        text_put(fields, elem.name, (double)weight);
    }
    return 0;
}

static int text_order(const void *a, const void *b)
{
    return slice_compare(((const struct text_weight *)a)->path,
                         ((const struct text_weight *)b)->path);
}

/* ---- the key ---- */

/* The key as it is kept; the text fields' names go into `fields`. */
static int text_key(struct command_op *op, struct slice key, struct text_fields *fields,
                    struct slice *ret_key)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    enum { TEXT_BEFORE, TEXT_INSIDE, TEXT_BEHIND } place = TEXT_BEFORE;
    struct doc_iter iter;
    struct doc_elem elem;
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_iter_init(&iter, key);
    while (doc_iter_next(&iter, &elem)) {
        bool kept = slice_is(elem.name, "_fts") || slice_is(elem.name, "_ftsx");
        if (!text_index_is_kind(elem.value) && !kept) {
            place = place == TEXT_INSIDE ? TEXT_BEHIND : place;
            doc_build_value(builder, elem.name, elem.value);
            continue;
        }
        if (place == TEXT_BEHIND) {
            return text_wrong(op, "its text fields must be next to one another");
        }
        if (place == TEXT_BEFORE) {
            doc_build_text(builder, "_fts", "text");
            doc_build_i32(builder, "_ftsx", 1);
        }
        place = TEXT_INSIDE;
        if (!kept) {
            text_put(fields, elem.name, 1);
        }
    }
    *ret_key = doc_build_end(builder);
    return 0;
}

/* ---- the options ---- */

static int text_options(struct command_op *op, struct slice spec, struct command_index_text *text)
{
    struct doc_value language = doc_get_str(spec, "default_language");
    struct doc_value language_override = doc_get_str(spec, "language_override");
    struct doc_value version = doc_get_str(spec, "textIndexVersion");
    int64_t number = 3;
    text->language = SLICE("english");
    text->language_override = SLICE("language");
    text->version = 3;
    if (doc_value_exists(language)) {
        bool known = language.type == DOC_STRING &&
                     text_language_find(doc_value_get_string(language)) != NULL;
        if (!known) {
            return text_wrong(op, "default_language is not a language that is supported");
        }
        text->language = doc_value_get_string(language);
    }
    if (doc_value_exists(language_override)) {
        bool good = language_override.type == DOC_STRING &&
                    doc_value_get_string(language_override).len > 0 &&
                    doc_value_get_string(language_override).data[0] != '$';
        if (!good) {
            return text_wrong(op, "language_override must be the name of a field");
        }
        text->language_override = doc_value_get_string(language_override);
    }
    if (doc_value_exists(version) &&
        (!doc_value_is_number(version) || !doc_value_to_i64_exact(version, &number) || number < 1 ||
         number > 3)) {
        return text_wrong(op, "textIndexVersion must be 1, 2 or 3");
    }
    text->version = (int32_t)number;
    return 0;
}

static int text_refuse_options(struct command_op *op, struct slice spec)
{
    static const char *const names[] = {"weights", "default_language", "language_override",
                                        "textIndexVersion"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (doc_value_exists(doc_get_str(spec, names[i]))) {
            return err_set(&op->err, LT_ECANNOTCREATEINDEX,
                           "the option '%s' is only allowed in a text index", names[i]);
        }
    }
    return 0;
}

int command_index_parse_text(struct command_op *op, struct slice spec,
                             struct command_index_text *ret_text)
{
    struct slice key = doc_value_get_doc(doc_get_str(spec, "key"));
    struct doc_value weights = doc_get_str(spec, "weights");
    struct command_index_text text = {.key = key};
    struct text_fields fields = {0};
    if (!command_index_is_text(key)) {
        *ret_text = text;
        return text_refuse_options(op, spec);
    }
    if (doc_value_exists(weights) && weights.type != DOC_OBJECT) {
        return text_wrong(op, "weights must be a document");
    }
    struct slice given = doc_value_get_doc(doc_value_exists(weights) ? weights : doc_empty_object);
    fields.items =
        arena_zero(&op->arena, doc_count(key) + doc_count(given) + 1, sizeof *fields.items);
    int code = text_key(op, key, &fields, &text.key);
    code = code < 0 ? code : text_put_weights(op, &fields, given);
    code = code < 0 ? code : text_options(op, spec, &text);
    if (code == 0 && fields.count == 0) {
        code = text_wrong(op, "it has no fields");
    }
    if (code < 0) {
        return code;
    }
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    qsort(fields.items, fields.count, sizeof *fields.items, text_order);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    for (uint32_t i = 0; i < fields.count; i++) {
        struct doc_value weight = doc_value_i32(&op->arena, (int32_t)fields.items[i].weight);
        doc_build_value(builder, fields.items[i].path, weight);
    }
    text.weights = doc_build_end(builder);
    *ret_text = text;
    return 0;
}

void command_index_build_text(struct doc_builder *builder, const struct command_index_text *text)
{
    if (text->weights.len == 0) {
        return;
    }
    doc_build_doc(builder, "weights", text->weights);
    doc_build_string(builder, "default_language", text->language);
    doc_build_string(builder, "language_override", text->language_override);
    doc_build_i32(builder, "textIndexVersion", text->version);
}
