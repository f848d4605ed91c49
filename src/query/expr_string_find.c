/* query/expr_string_find.c - looking for strings in strings: positions, trimming, replacing. */
#include "query/expr_private.h"

/* ---- $indexOfBytes, $indexOfCP: variant 1 counts code points ---- */

static int find_bound(struct query__call *call, uint32_t index, int64_t *ret_bound)
{
    if (index >= call->count) {
        return 0;
    }
    const char *what = index == 2 ? "starting" : "ending";
    struct doc_value value = call->args[index];
    int32_t bound;
    if (!query__value_i32(value, &bound)) {
        return err_set(call->err, 40096,
                       "%s requires an integral %s index, found a value of type: "
                       "%s, with value: %.*s",
                       call->expr->op->name, what, doc_type_name(value.type),
                       SLICE_FMT(query__print(call->eval, value)));
    }
    if (bound < 0) {
        return err_set(call->err, 40097, "%s requires a nonnegative %s index, found: %d",
                       call->expr->op->name, what, bound);
    }
    *ret_bound = bound;
    return 0;
}

/* The byte position of part in text[from, to), or -1. */
static int64_t find_bytes(struct slice text, struct slice part, int64_t from, int64_t to)
{
    int64_t end = to < (int64_t)text.len ? to : (int64_t)text.len;
    if (from > end) {
        return -1;
    }
    if (part.len == 0) {
        return from;
    }
    const uint8_t *at = memmem(text.data + from, (size_t)(end - from), part.data, part.len);
    return at == NULL ? -1 : at - text.data;
}

static int64_t find_points(struct slice text, struct slice part, int64_t from, int64_t to)
{
    if (from > query__string_points(text) || from > to) {
        return -1;
    }
    int64_t first = (int64_t)query__string_skip(text, 0, from);
    int64_t last = (int64_t)query__string_skip(text, (size_t)first, to - from);
    int64_t at = find_bytes(text, part, first, last);
    return at < 0 ? -1 : query__string_points(slice_of(text.data, (size_t)at));
}

static int find_index_of(struct query__call *call, struct doc_value *ret_value)
{
    bool points = call->expr->op->variant != 0;
    if (doc_value_is_nullish(call->args[0])) {
        *ret_value = doc_null;
        return 0;
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (call->args[i].type != DOC_STRING) {
            int code = points ? 40093 : 40091;
            return err_set(call->err, code + (int)i,
                           "%s requires a string as the %s argument, "
                           "found: %s",
                           call->expr->op->name, i == 0 ? "first" : "second",
                           doc_type_name(call->args[i].type));
        }
    }
    int64_t from = 0;
    int64_t to = INT64_MAX;
    int rc = find_bound(call, 2, &from);
    rc = rc < 0 ? rc : find_bound(call, 3, &to);
    if (rc < 0) {
        return rc;
    }
    struct slice text = doc_value_get_string(call->args[0]);
    struct slice part = doc_value_get_string(call->args[1]);
    int64_t at = points ? find_points(text, part, from, to) : find_bytes(text, part, from, to);
    *ret_value = doc_value_integer(call->eval->arena, at);
    return 0;
}

/* ---- $trim, $ltrim, $rtrim: variant bit 0 left, bit 1 right ---- */

static const struct query__params find_trim_params = {
    50696, 50694, {{"input", 50695}, {"chars", 0}}};

/* What goes when `chars` is not given. */
static const char find_blanks[] = " \t\n\v\f\r"
                                  "\xC2\xA0\xE1\x9A\x80\xE2\x80\x80\xE2\x80\x81\xE2\x80\x82"
                                  "\xE2\x80\x83\xE2\x80\x84\xE2\x80\x85\xE2\x80\x86\xE2\x80\x87"
                                  "\xE2\x80\x88\xE2\x80\x89\xE2\x80\x8A";

static bool find_in_set(struct slice set, struct slice point)
{
    for (size_t at = 0; at < set.len;) {
        size_t next = query__string_skip(set, at, 1);
        if (slice_equal(slice_of(set.data + at, next - at), point)) {
            return true;
        }
        at = next;
    }
    return false;
}

static struct slice find_trim_text(struct slice text, struct slice set, int sides)
{
    while ((sides & 1) && text.len > 0) {
        size_t next = query__string_skip(text, 0, 1);
        if (!find_in_set(set, slice_of(text.data, next))) {
            break;
        }
        text = slice_from(text, next);
    }
    while ((sides & 2) && text.len > 0) {
        size_t last = text.len - 1;
        while (last > 0 && (text.data[last] & 0xC0) == 0x80) {
            last--;
        }
        if (!find_in_set(set, slice_from(text, last))) {
            break;
        }
        text.len = last;
    }
    return text;
}

static int find_trim(struct query__call *call, struct doc_value *ret_value)
{
    struct doc_value input = call->args[0];
    struct doc_value chars = call->args[1];
    bool given = call->expr->args[1] != NULL;
    if (!doc_value_is_nullish(input) && input.type != DOC_STRING) {
        return err_set(call->err, 50699,
                       "%s requires its input to be a string, got %.*s (of type "
                       "%s) instead.",
                       call->expr->op->name, SLICE_FMT(query__print(call->eval, input)),
                       doc_type_name(input.type));
    }
    if (doc_value_is_nullish(input)) {
        *ret_value = doc_null;
        return 0;
    }
    if (given && doc_value_is_nullish(chars)) {
        *ret_value = doc_null;
        return 0;
    }
    if (given && chars.type != DOC_STRING) {
        return err_set(call->err, 50700,
                       "%s requires 'chars' to be a string, got %.*s (of type "
                       "%s) instead.",
                       call->expr->op->name, SLICE_FMT(query__print(call->eval, chars)),
                       doc_type_name(chars.type));
    }
    struct slice set = given ? doc_value_get_string(chars)
                             : slice_of(find_blanks, sizeof find_blanks); /* NUL included */
    struct slice text = find_trim_text(doc_value_get_string(input), set, call->expr->op->variant);
    *ret_value = doc_value_string(call->eval->arena, text);
    return 0;
}

/* ---- $replaceOne, $replaceAll: variant 1 replaces all ---- */

static const struct query__params find_replace_params = {
    51751, 51750, {{"input", 51749}, {"find", 51748}, {"replacement", 51747}}};

static int find_replace_check(struct query__call *call)
{
    bool all = call->expr->op->variant != 0;
    static const struct {
        const char *name;
        int one_code;
        int all_code;
    } parts[] = {
        {"input", 10503904, 51746}, {"find", 10503901, 51745}, {"replacement", 10503902, 51744}};
    for (int at = 0; at < 3; at++) {
        struct doc_value value = call->args[at];
        if (!doc_value_is_nullish(value) && value.type != DOC_STRING) {
            return err_set(call->err, all ? parts[at].all_code : parts[at].one_code,
                           "%s requires that '%s' be a string, found: %.*s", call->expr->op->name,
                           parts[at].name, SLICE_FMT(query__print(call->eval, value)));
        }
    }
    return 0;
}

static int find_replace(struct query__call *call, struct doc_value *ret_value)
{
    int rc = find_replace_check(call);
    if (rc < 0) {
        return rc;
    }
    for (int i = 0; i < 3; i++) {
        if (doc_value_is_nullish(call->args[i])) {
            *ret_value = doc_null;
            return 0;
        }
    }
    struct slice text = doc_value_get_string(call->args[0]);
    struct slice part = doc_value_get_string(call->args[1]);
    struct slice replacement = doc_value_get_string(call->args[2]);
    bool all = call->expr->op->variant != 0;
    struct buf buf;
    buf_init(&buf, call->eval->arena);
    size_t at = 0;
    for (bool more = true; more && at <= text.len;) {
        int64_t hit = find_bytes(text, part, (int64_t)at, INT64_MAX);
        if (hit < 0) {
            break;
        }
        buf_append(&buf, text.data + at, (size_t)hit - at);
        buf_append_slice(&buf, replacement);
        at = (size_t)hit + part.len;
        if (part.len == 0) { /* the empty string is before every character and at the end */
            size_t next = query__string_skip(text, at, 1);
            more = all && at < text.len;
            if (more) {
                buf_append(&buf, text.data + at, next - at);
                at = next;
            }
        } else {
            more = all;
        }
    }
    buf_append(&buf, text.data + at, text.len - at);
    *ret_value = doc_value_string(call->eval->arena, buf_slice(&buf));
    return 0;
}

const struct query__op query__ops_string_find[] = {
    {"$indexOfBytes", 2, 4, .variant = 0, .call = find_index_of},
    {"$indexOfCP", 2, 4, .variant = 1, .call = find_index_of},
    {"$ltrim", 1, 1, .variant = 1, .call = find_trim, .params = &find_trim_params},
    {"$rtrim", 1, 1, .variant = 2, .call = find_trim, .params = &find_trim_params},
    {"$trim", 1, 1, .variant = 3, .call = find_trim, .params = &find_trim_params},
    {"$replaceOne", 1, 1, .variant = 0, .call = find_replace, .params = &find_replace_params},
    {"$replaceAll", 1, 1, .variant = 1, .call = find_replace, .params = &find_replace_params},
    {0},
};
