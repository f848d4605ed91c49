/* test/lib/random_doc.c - choose a type, then an edge value or something near one. */
#include "lib/random_doc.h"

#include <math.h>

#include "doc/build.h"
#include "doc/decimal.h"

uint64_t random_doc_next(struct random_doc *random)
{
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t random_doc_below(struct random_doc *random, uint32_t bound)
{
    return (uint32_t)(random_doc_next(random) % bound);
}

static int64_t random_integer(struct random_doc *random)
{
    static const int64_t edges[] = {0,
                                    1,
                                    -1,
                                    255,
                                    256,
                                    -256,
                                    -257,
                                    INT32_MAX,
                                    INT32_MIN,
                                    INT64_MAX,
                                    INT64_MIN,
                                    9007199254740992,
                                    -9007199254740992,
                                    1000000000000000000};
    int64_t base = edges[random_doc_below(random, sizeof edges / sizeof edges[0])];
    switch (random_doc_below(random, 3)) {
    case 0:
        return base;
    case 1:
        return (int64_t)((uint64_t)base + random_doc_below(random, 5) - 2);
    default:
        return (int64_t)(random_doc_next(random) >> random_doc_below(random, 64));
    }
}

static double random_double(struct random_doc *random)
{
    static const double edges[] = {0.0,
                                   -0.0,
                                   0.1,
                                   0.5,
                                   -0.5,
                                   1e23,
                                   5e-324,
                                   -5e-324,
                                   INFINITY,
                                   -INFINITY,
                                   NAN,
                                   0x1p53,
                                   -0x1p53,
                                   0x1p63,
                                   -0x1p63,
                                   1.5,
                                   2.2250738585072014e-308,
                                   1.7976931348623157e308};
    double base = edges[random_doc_below(random, sizeof edges / sizeof edges[0])];
    switch (random_doc_below(random, 4)) {
    case 0:
        return base;
    case 1:
        return nextafter(base, random_doc_below(random, 2) ? INFINITY : -INFINITY);
    case 2:
        return (double)random_integer(random);
    default: {
        uint64_t bits = random_doc_next(random);
        memcpy(&base, &bits, sizeof base);
        return base;
    }
    }
}

static struct doc_decimal random_decimal(struct random_doc *random)
{
    static const char *const edges[] = {"0",
                                        "-0",
                                        "0E+6111",
                                        "1E-6176",
                                        "-1E-6176",
                                        "9.99E+6144",
                                        "-9.99E+6144",
                                        "NaN",
                                        "Infinity",
                                        "-Infinity",
                                        "0.1",
                                        "0.10",
                                        "-0.1",
                                        "1E+309",
                                        "-1E+309",
                                        "1E-400",
                                        "-1E-400",
                                        "9007199254740993",
                                        "1.50",
                                        "1E+23",
                                        "4.9E-324",
                                        "9007199254740992.5",
                                        "-9007199254740992.5",
                                        "9223372036854775807.5"};
    struct doc_decimal number = {0};
    switch (random_doc_below(random, 4)) {
    case 0:
        doc_decimal_of_text(
            slice_str(edges[random_doc_below(random, sizeof edges / sizeof edges[0])]), &number);
        return number;
    case 1:
        return doc_decimal_of_i64(random_integer(random));
    case 2:
        return doc_decimal_of_double_exact(random_double(random));
    default: {
        struct doc_decimal step = doc_decimal_of_double_exact(random_double(random));
        struct doc_decimal other = doc_decimal_of_i64(random_integer(random));
        return doc_decimal_apply(random_doc_below(random, 2) ? DOC_DECIMAL_ADD : DOC_DECIMAL_DIVIDE,
                                 step, other);
    }
    }
}

struct doc_value random_doc_number(struct random_doc *random, struct arena *arena)
{
    switch (random_doc_below(random, 4)) {
    case 0:
        return doc_value_i32(arena, (int32_t)random_integer(random));
    case 1:
        return doc_value_i64(arena, random_integer(random));
    case 2:
        return doc_value_double(arena, random_double(random));
    default:
        return doc_value_decimal(arena, random_decimal(random));
    }
}

/* Few letters, so that prefixes and equal texts are common. */
static struct slice random_text(struct random_doc *random, struct arena *arena, bool nul)
{
    static const char *const letters[] = {"a", "b", "\xff", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80"};
    struct buf buf;
    buf_init(&buf, arena);
    uint32_t count = random_doc_below(random, random_doc_below(random, 8) == 0 ? 300 : 4);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t which = random_doc_below(random, nul ? 7 : 6);
        if (which == 6) {
            buf_append_byte(&buf, 0);
        } else if (which != 2) {
            buf_append_slice(&buf, slice_str(letters[which]));
        }
    }
    return buf_slice(&buf);
}

static struct doc_value random_string(struct random_doc *random, struct arena *arena, uint8_t type)
{
    struct doc_value value = doc_value_string(arena, random_text(random, arena, true));
    value.type = type;
    return value;
}

static struct doc_value random_binary(struct random_doc *random, struct arena *arena)
{
    static const uint8_t subtypes[] = {0, 1, 2, 4, 5, 128, 255};
    uint8_t subtype = subtypes[random_doc_below(random, sizeof subtypes)];
    struct slice bytes = random_text(random, arena, true);
    if (subtype != 2) {
        return doc_value_binary(arena, subtype, bytes);
    }
    struct doc_value inner = doc_value_binary(arena, 0, bytes);
    uint8_t *both = arena_alloc(arena, bytes.len + 4);
    memcpy(both, inner.data, 4);
    if (bytes.len > 0) {
        memcpy(both + 4, bytes.data, bytes.len);
    }
    return doc_value_binary(arena, 2, slice_of(both, bytes.len + 4));
}

static struct doc_value random_container(struct random_doc *random, struct arena *arena, int depth,
                                         uint8_t type)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, arena);
    if (type == DOC_ARRAY) {
        doc_build_begin_array(&builder, &buf);
    } else {
        doc_build_begin(&builder, &buf);
    }
    uint32_t count = random_doc_below(random, 4);
    for (uint32_t i = 0; i < count; i++) {
        struct slice name = random_text(random, arena, false);
        doc_build_value(&builder, name, random_doc_value(random, arena, depth - 1));
    }
    struct slice doc = doc_build_end(&builder);
    return type == DOC_ARRAY ? doc_value_array(doc) : doc_value_object(doc);
}

/* Pieces laid side by side as one value. */
static struct doc_value random_joined(struct arena *arena, uint8_t type, struct slice a,
                                      struct slice b)
{
    struct buf buf;
    buf_init(&buf, arena);
    buf_append_slice(&buf, a);
    buf_append_slice(&buf, b);
    return (struct doc_value){buf.data, (uint32_t)buf.len, type};
}

static struct slice random_cstring(struct random_doc *random, struct arena *arena)
{
    struct slice text = arena_copy(arena, random_text(random, arena, false));
    return slice_of(text.data, text.len + 1);
}

/* Options that exist, in their order. */
static struct slice random_options(struct random_doc *random)
{
    static const char *const options[] = {"", "i", "im", "imsx", "u"};
    const char *text = options[random_doc_below(random, sizeof options / sizeof options[0])];
    return slice_of(text, strlen(text) + 1);
}

static struct doc_value random_code_w_scope(struct random_doc *random, struct arena *arena,
                                            int depth)
{
    struct doc_value code = random_string(random, arena, DOC_CODE);
    struct doc_value scope = random_container(random, arena, depth, DOC_OBJECT);
    uint32_t len = 4 + code.len + scope.len;
    struct doc_value head = doc_value_i32(arena, (int32_t)len);
    struct doc_value front = random_joined(arena, DOC_CODE_W_SCOPE, slice_of(head.data, 4),
                                           slice_of(code.data, code.len));
    return random_joined(arena, DOC_CODE_W_SCOPE, slice_of(front.data, front.len),
                         slice_of(scope.data, scope.len));
}

static struct doc_value random_dbpointer(struct random_doc *random, struct arena *arena)
{
    struct doc_value name = random_string(random, arena, DOC_STRING);
    uint8_t oid[12] = {(uint8_t)random_doc_below(random, 2)};
    return random_joined(arena, DOC_DBPOINTER, slice_of(name.data, name.len), slice_of(oid, 12));
}

static struct doc_value random_oid(struct random_doc *random, struct arena *arena)
{
    uint8_t bytes[12] = {0};
    bytes[random_doc_below(random, 12)] = (uint8_t)random_doc_next(random);
    return doc_value_oid(arena, bytes);
}

struct doc_value random_doc_value(struct random_doc *random, struct arena *arena, int depth)
{
    uint32_t which = random_doc_below(random, depth > 0 ? 24 : 20);
    switch (which) {
    case 0:
        return (struct doc_value){NULL, 0, DOC_MINKEY};
    case 1:
        return (struct doc_value){NULL, 0, DOC_MAXKEY};
    case 2:
        return (struct doc_value){NULL, 0, DOC_UNDEFINED};
    case 3:
        return doc_null;
    case 4:
        return doc_value_bool(random_doc_below(random, 2));
    case 5:
    case 6:
        return random_string(random, arena, DOC_STRING);
    case 7:
        return random_string(random, arena, DOC_SYMBOL);
    case 8:
        return random_string(random, arena, DOC_CODE);
    case 9:
        return random_binary(random, arena);
    case 10:
        return random_oid(random, arena);
    case 11:
        return doc_value_date(arena, random_integer(random));
    case 12:
        return doc_value_timestamp(arena, (uint32_t)random_integer(random),
                                   (uint32_t)random_integer(random));
    case 13:
        return random_joined(arena, DOC_REGEX, random_cstring(random, arena),
                             random_options(random));
    case 14:
        return random_dbpointer(random, arena);
    case 20:
    case 21:
        return random_container(random, arena, depth, DOC_OBJECT);
    case 22:
        return random_container(random, arena, depth, DOC_ARRAY);
    case 23:
        return random_code_w_scope(random, arena, depth);
    default:
        return random_doc_number(random, arena);
    }
}

struct slice random_doc_make(struct random_doc *random, struct arena *arena, int depth)
{
    return doc_value_get_doc(random_container(random, arena, depth, DOC_OBJECT));
}
