/* tool/bench_doc.c - documents that follow from their number.
 *
 * {_id: "k000000000000123", n: 0, u: a unique number, g: number / 10, pad: letters}, all of one
 * layout, so that writing one is filling in a copy, and checking one needs no parsing. pad's
 * letters carry four bits each, which compresses about as text does. */
#include "doc/build.h"
#include "doc/view.h"
#include "tool/bench_private.h"

enum { LAYOUT_HEAD_MAX = 96 };

const struct bench_index bench_indexes[BENCH_INDEXES_MAX] = {
    {"{\"u\": 1}", "plain_u", "((doc->>'u')::bigint)"},
    {"{\"g\": 1}", "plain_g", "((doc->>'g')::bigint)"},
    {"{\"g\": 1, \"u\": 1}", "plain_g_u", "((doc->>'g')::bigint), ((doc->>'u')::bigint)"},
    {"{\"u\": 1, \"g\": 1}", "plain_u_g", "((doc->>'u')::bigint), ((doc->>'g')::bigint)"},
};

void bench_key_write(uint8_t at[BENCH_KEY_SIZE], uint64_t number)
{
    at[0] = 'k';
    for (int i = BENCH_KEY_SIZE - 1; i > 0; i--) {
        at[i] = (uint8_t)('0' + number % 10);
        number /= 10;
    }
}

uint64_t bench_mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

int64_t bench_unique_of(uint64_t number)
{
    return (int64_t)bench_mix(number);
}

/* Letters eight at a time. */
static uint64_t pad_word(uint64_t number, uint32_t index)
{
    return (bench_mix(number * 4096 + index) & 0x0f0f0f0f0f0f0f0f) + 0x6161616161616161;
}

void bench_pad_write(uint8_t *at, uint32_t size, uint64_t number)
{
    for (uint32_t done = 0; done < size; done += 8) {
        uint64_t word = pad_word(number, done / 8);
        memcpy(at + done, &word, size - done < 8 ? size - done : 8);
    }
}

static bool pad_check(const uint8_t *at, uint32_t size, uint64_t number)
{
    uint64_t differs = 0;
    for (uint32_t done = 0; done < size; done += 8) {
        uint64_t word = pad_word(number, done / 8);
        differs |= (uint64_t)memcmp(at + done, &word, size - done < 8 ? size - done : 8);
    }
    return differs == 0;
}

static uint32_t layout_offset(const struct bench_layout *layout, const char *name)
{
    return (uint32_t)(doc_get_str(buf_slice(&layout->blank), name).data - layout->blank.data);
}

void bench_layout_init(struct bench_layout *layout, uint32_t size)
{
    struct doc_builder builder;
    struct buf pad;
    uint8_t key[BENCH_KEY_SIZE];
    assert(size >= BENCH_DOCUMENT_SIZE_MIN);
    bench_key_write(key, 0);
    buf_init(&pad, NULL);
    buf_init(&layout->blank, NULL);
    doc_build_begin(&builder, &layout->blank);
    doc_build_string(&builder, "_id", slice_of(key, sizeof key));
    doc_build_i64(&builder, "n", 0);
    doc_build_i64(&builder, "u", 0);
    doc_build_i64(&builder, "g", 0);
    layout->pad_size = size - (uint32_t)doc_build_size(&builder) - sizeof "Tpad" - 4 - 2;
    memset(buf_extend(&pad, layout->pad_size), 'a', layout->pad_size);
    doc_build_string(&builder, "pad", buf_slice(&pad));
    doc_build_end(&builder);
    buf_close(&pad);
    assert(layout->blank.len == size);
    layout->id = layout_offset(layout, "_id") + 4;
    layout->n = layout_offset(layout, "n");
    layout->u = layout_offset(layout, "u");
    layout->g = layout_offset(layout, "g");
    layout->pad = layout_offset(layout, "pad") + 4;
    assert(layout->pad <= LAYOUT_HEAD_MAX);
}

/* All before pad's text. */
static void layout_head(const struct bench_layout *layout, uint8_t *at, uint64_t number)
{
    int64_t unique = bench_unique_of(number);
    uint64_t group = number / BENCH_GROUP_SIZE;
    bench_key_write(at + layout->id, number);
    memcpy(at + layout->u, &unique, sizeof unique);
    memcpy(at + layout->g, &group, sizeof group);
}

void bench_doc_patch(const struct bench_layout *layout, uint8_t *at, uint64_t number)
{
    layout_head(layout, at, number);
    bench_pad_write(at + layout->pad, layout->pad_size, number);
}

bool bench_doc_check(const struct bench_layout *layout, struct slice doc, uint64_t number)
{
    uint8_t head[LAYOUT_HEAD_MAX];
    int64_t updates;
    if (doc.len != layout->blank.len) {
        return false;
    }
    memcpy(head, layout->blank.data, layout->pad);
    layout_head(layout, head, number);
    memcpy(&updates, doc.data + layout->n, sizeof updates);
    memcpy(head + layout->n, &updates, sizeof updates);
    return updates >= 0 && memcmp(head, doc.data, layout->pad) == 0 && doc.data[doc.len - 2] == 0 &&
           doc.data[doc.len - 1] == 0 &&
           pad_check(doc.data + layout->pad, layout->pad_size, number);
}
