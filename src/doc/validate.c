/* doc/validate.c - one pass over the bytes, an explicit stack of open documents.
 *
 * A document is opened only after its length fits its parent and its last byte is NUL. That NUL
 * then stops every search for the end of a name inside it, so a name can be scanned without
 * counting; one that reaches the document's own NUL is an error. Every other length is compared
 * with the room that is left, never added to a pointer first. */
#include "doc/validate.h"

#include "doc/utf8.h"
#include "doc/view.h"

enum { VALIDATE_STACK_MAX = 256 };

#define VALIDATE_HIGH_BITS 0x8080808080808080u
#define VALIDATE_LOW_BITS 0x0101010101010101u

struct validate_state {
    const uint8_t *start;
    const uint8_t *limit; /* end of all bytes: eight may be loaded up to here */
    const uint8_t *at;
    const uint8_t *end; /* final NUL of the innermost open document */
    const char *problem;
    int depth;
    int depth_max;
    const uint8_t *ends[VALIDATE_STACK_MAX]; /* of the documents around it */
};

/* ---- parts of a document; each returns false after setting state->problem ---- */

static bool validate_fail(struct validate_state *state, const char *problem)
{
    state->problem = problem;
    return false;
}

static size_t validate_room(const struct validate_state *state)
{
    return (size_t)(state->end - state->at);
}

/* The NUL that ends the text, which is there; `*bits` gets a high bit when a byte has one. Eight
 * bytes at a time: the lowest bit of `nul` marks the first NUL, those above may be wrong. */
static const uint8_t *validate_find_nul(const struct validate_state *state, const uint8_t *at,
                                        uint64_t *bits)
{
    while (state->limit - at >= 8) {
        uint64_t word = doc_load_u64(at);
        uint64_t nul = (word - VALIDATE_LOW_BITS) & ~word & VALIDATE_HIGH_BITS;
        if (nul != 0) {
            *bits |= word & (nul ^ (nul - 1)) & VALIDATE_HIGH_BITS;
            return at + __builtin_ctzll(nul) / 8;
        }
        *bits |= word & VALIDATE_HIGH_BITS;
        at += 8;
    }
    while (*at != 0) {
        *bits |= *at++ & 0x80;
    }
    return at;
}

/* A name or the like: state->at moves behind its NUL, which lies before the document's own. */
static bool validate_cstring(struct validate_state *state)
{
    const uint8_t *from = state->at;
    uint64_t bits = 0;
    const uint8_t *at = validate_find_nul(state, from, &bits);
    if (at >= state->end) {
        return validate_fail(state, "a name or pattern without its NUL");
    }
    if (bits != 0 && !doc_utf8_valid(slice_of(from, (size_t)(at - from)))) {
        return validate_fail(state, "a name or pattern that is not UTF-8");
    }
    state->at = at + 1;
    return true;
}

/* int32 length with its NUL, bytes, NUL. */
static bool validate_string(struct validate_state *state)
{
    size_t room = validate_room(state);
    if (room < 5) {
        return validate_fail(state, "a string past the end of its document");
    }
    uint32_t len = doc_load_u32(state->at);
    if (len < 1 || len > room - 4) {
        return validate_fail(state, "a string with an impossible length");
    }
    const uint8_t *text = state->at + 4;
    if (text[len - 1] != 0) {
        return validate_fail(state, "a string without its NUL");
    }
    if (!doc_utf8_valid(slice_of(text, len - 1))) {
        return validate_fail(state, "a string that is not UTF-8");
    }
    state->at = text + len;
    return true;
}

static bool validate_binary(struct validate_state *state)
{
    size_t room = validate_room(state);
    if (room < 5) {
        return validate_fail(state, "a binary past the end of its document");
    }
    uint32_t len = doc_load_u32(state->at);
    if (len > room - 5) {
        return validate_fail(state, "a binary with an impossible length");
    }
    bool old = state->at[4] == 2;
    if (old && (len < 4 || doc_load_u32(state->at + 5) != len - 4)) {
        return validate_fail(state, "a binary of subtype 2 with a wrong inner length");
    }
    state->at += 5 + len;
    return true;
}

/* Open the document at state->at, which must end at or before the parent's `room`. */
static bool validate_open(struct validate_state *state, size_t room)
{
    if (room < 5) {
        return validate_fail(state, "a document past the end of its parent");
    }
    uint32_t len = doc_load_u32(state->at);
    if (len < 5 || len > room) {
        return validate_fail(state, "a document with an impossible length");
    }
    if (state->at[len - 1] != 0) {
        return validate_fail(state, "a document without its final NUL");
    }
    if (state->depth == state->depth_max) {
        return validate_fail(state, "too deep");
    }
    state->ends[state->depth++] = state->end;
    state->end = state->at + len - 1;
    state->at += 4;
    return true;
}

/* int32 length of all, string, document: the document must fill what the string leaves. */
static bool validate_code_w_scope(struct validate_state *state)
{
    size_t room = validate_room(state);
    if (room < 4 + 5 + 5) {
        return validate_fail(state, "a code with scope past the end of its document");
    }
    uint32_t len = doc_load_u32(state->at);
    if (len < 4 + 5 + 5 || len > room) {
        return validate_fail(state, "a code with scope of an impossible length");
    }
    const uint8_t *end = state->at + len;
    state->at += 4;
    if (!validate_string(state)) {
        return false;
    }
    size_t left = state->at < end ? (size_t)(end - state->at) : 0;
    if (left < 5 || doc_load_u32(state->at) != left) {
        return validate_fail(state, "a code with scope whose lengths disagree");
    }
    return validate_open(state, left);
}

static bool validate_bool(struct validate_state *state)
{
    if (validate_room(state) < 1 || *state->at > 1) {
        return validate_fail(state, "a bool that is neither 0 nor 1");
    }
    state->at++;
    return true;
}

static bool validate_skip(struct validate_state *state, size_t size)
{
    if (validate_room(state) < size) {
        return validate_fail(state, "a value past the end of its document");
    }
    state->at += size;
    return true;
}

static bool validate_value(struct validate_state *state, uint8_t type)
{
    switch (type) {
    case DOC_INT32:
        return validate_skip(state, 4);
    case DOC_DOUBLE:
    case DOC_INT64:
    case DOC_DATE:
    case DOC_TIMESTAMP:
        return validate_skip(state, 8);
    case DOC_STRING:
    case DOC_CODE:
    case DOC_SYMBOL:
        return validate_string(state);
    case DOC_OBJECT:
    case DOC_ARRAY:
        return validate_open(state, validate_room(state));
    case DOC_OID:
        return validate_skip(state, 12);
    case DOC_BOOL:
        return validate_bool(state);
    case DOC_NULL:
    case DOC_UNDEFINED:
    case DOC_MINKEY:
    case DOC_MAXKEY:
        return true;
    case DOC_BINARY:
        return validate_binary(state);
    case DOC_DECIMAL:
        return validate_skip(state, 16);
    case DOC_REGEX:
        return validate_cstring(state) && validate_cstring(state);
    case DOC_DBPOINTER:
        return validate_string(state) && validate_skip(state, 12);
    case DOC_CODE_W_SCOPE:
        return validate_code_w_scope(state);
    default:
        return validate_fail(state, "a value of unknown type");
    }
}

/* Until the outermost document is closed. */
static bool validate_walk(struct validate_state *state)
{
    while (state->depth > 0) {
        if (state->at == state->end) {
            state->at = state->end + 1;
            state->end = state->ends[--state->depth];
            continue;
        }
        uint8_t type = *state->at++;
        if (type == 0) {
            return validate_fail(state, "a document that ends before its length");
        }
        if (!validate_cstring(state) || !validate_value(state, type)) {
            return false;
        }
    }
    return true;
}

int doc_validate_prefix(struct slice bytes, int depth_max, size_t *ret_len, struct err *err)
{
    assert(depth_max > 0 && depth_max <= VALIDATE_STACK_MAX);
    struct validate_state state;
    state.start = bytes.data;
    state.limit = bytes.data + bytes.len;
    state.at = bytes.data;
    state.end = state.limit;
    state.problem = NULL;
    state.depth = 0;
    state.depth_max = depth_max;
    if (validate_open(&state, bytes.len) && validate_walk(&state)) {
        *ret_len = (size_t)(state.at - state.start);
        return 0;
    }
    if (state.depth == depth_max && strcmp(state.problem, "too deep") == 0) {
        return err_set(err, LT_EOVERFLOW,
                       "BSONObj exceeded maximum nested object depth: %d, at byte %td", depth_max,
                       state.at - state.start);
    }
    return err_set(err, LT_EINVALIDBSON, "Invalid BSON: %s, at byte %td", state.problem,
                   state.at - state.start);
}

int doc_validate(struct slice bytes, int depth_max, struct err *err)
{
    size_t len = 0;
    int result = doc_validate_prefix(bytes, depth_max, &len, err);
    if (result == 0 && len != bytes.len) {
        return err_set(err, LT_EINVALIDBSON, "Invalid BSON: %zu bytes after the document",
                       bytes.len - len);
    }
    return result;
}

int doc_depth(struct slice doc)
{
    struct doc_iter open[VALIDATE_STACK_MAX];
    struct doc_elem elem;
    int depth = 1;
    int deepest = 1;
    doc_iter_init(&open[0], doc);
    while (depth > 0) {
        if (!doc_iter_next(&open[depth - 1], &elem)) {
            depth--;
            continue;
        }
        struct slice below = slice_of(elem.value.data, elem.value.len);
        if (elem.value.type == DOC_CODE_W_SCOPE) {
            below = slice_from(below, 8 + (size_t)doc_load_u32(below.data + 4));
        } else if (elem.value.type != DOC_OBJECT && elem.value.type != DOC_ARRAY) {
            continue;
        }
        assert(depth < VALIDATE_STACK_MAX);
        doc_iter_init(&open[depth++], below);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}
