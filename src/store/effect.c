/* store/effect.c - encoding and walking effects. */
#include "store/effect.h"

#include "store/keys.h"

enum { EFFECT_VERSION = 1 };

/* Of a page's entry: added to the kind. */
enum { EFFECT_ENTRY = 2 };

static void effect_u32(struct buf *buf, uint32_t number)
{
    buf_append(buf, &number, sizeof number);
}

void store_effect_begin(struct buf *buf, uint64_t clock)
{
    assert(buf->len == 0);
    buf_append_byte(buf, EFFECT_VERSION);
    buf_append(buf, &clock, sizeof clock);
}

static void effect_append(struct buf *buf, int kind, struct slice key, struct slice value)
{
    buf_append_byte(buf, (uint8_t)kind);
    effect_u32(buf, (uint32_t)key.len);
    buf_append_slice(buf, key);
    effect_u32(buf, (uint32_t)value.len);
    buf_append_slice(buf, value);
}

void store_effect_put(struct buf *buf, struct slice key, struct slice value)
{
    effect_append(buf, STORE_EFFECT_PUT, key, value);
}

void store_effect_delete(struct buf *buf, struct slice key)
{
    effect_append(buf, STORE_EFFECT_DELETE, key, (struct slice){0});
}

void store_effect_put_entry(struct buf *buf, struct slice key, size_t page_len, struct slice value)
{
    effect_append(buf, STORE_EFFECT_PUT + EFFECT_ENTRY, key, value);
    effect_u32(buf, (uint32_t)page_len);
}

void store_effect_delete_entry(struct buf *buf, struct slice key, size_t page_len)
{
    effect_append(buf, STORE_EFFECT_DELETE + EFFECT_ENTRY, key, (struct slice){0});
    effect_u32(buf, (uint32_t)page_len);
}

void store_effect_note(struct buf *buf, uint32_t id, const struct slice *parts, size_t count)
{
    uint32_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += (uint32_t)parts[i].len;
    }
    buf_append_byte(buf, STORE_EFFECT_NOTE);
    effect_u32(buf, sizeof id);
    store_key_id(buf, id);
    effect_u32(buf, len);
    for (size_t i = 0; i < count; i++) {
        buf_append_slice(buf, parts[i]);
    }
}

uint64_t store_effect_clock(struct slice payload)
{
    uint64_t clock = 0;
    if (payload.len >= STORE_EFFECT_HEADER) {
        memcpy(&clock, payload.data + 1, sizeof clock);
    }
    return clock;
}

static bool effect_number(struct slice payload, size_t *at, uint32_t *ret_number)
{
    if (payload.len - *at < sizeof *ret_number) {
        return false;
    }
    memcpy(ret_number, payload.data + *at, sizeof *ret_number);
    *at += sizeof *ret_number;
    return true;
}

/* A length-prefixed run of bytes at *at; false when it does not fit. */
static bool effect_run(struct slice payload, size_t *at, struct slice *ret_run)
{
    uint32_t len;
    if (!effect_number(payload, at, &len) || payload.len - *at < len) {
        return false;
    }
    *ret_run = slice_of(payload.data + *at, len);
    *at += len;
    return true;
}

int store_effect_next(struct slice payload, size_t *at, struct store_effect *ret_effect)
{
    if (*at == 0) {
        if (payload.len < STORE_EFFECT_HEADER || payload.data[0] != EFFECT_VERSION) {
            return -LT_ECORRUPT;
        }
        *at = STORE_EFFECT_HEADER;
    }
    if (*at == payload.len) {
        return 0;
    }
    uint8_t kind = payload.data[(*at)++];
    if (kind < STORE_EFFECT_PUT || kind > STORE_EFFECT_NOTE) {
        return -LT_ECORRUPT;
    }
    bool is_entry = kind > STORE_EFFECT_DELETE && kind < STORE_EFFECT_NOTE;
    uint32_t name_len = 0;
    ret_effect->kind = is_entry ? kind - EFFECT_ENTRY : kind;
    if (!effect_run(payload, at, &ret_effect->key) ||
        !effect_run(payload, at, &ret_effect->value) ||
        (is_entry && !effect_number(payload, at, &name_len)) || name_len > ret_effect->key.len) {
        return -LT_ECORRUPT;
    }
    ret_effect->name = slice_of(ret_effect->key.data, is_entry ? name_len : ret_effect->key.len);
    return 1;
}

int store_effect_next_change(struct slice payload, size_t *at, struct store_effect *ret_effect)
{
    int more;
    do {
        more = store_effect_next(payload, at, ret_effect);
    } while (more > 0 && ret_effect->kind == STORE_EFFECT_NOTE);
    return more;
}
