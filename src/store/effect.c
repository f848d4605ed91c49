/* store/effect.c - encoding and walking effects. */
#include "store/effect.h"

enum { EFFECT_VERSION = 1 };

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

void store_effect_put(struct buf *buf, struct slice key, struct slice value)
{
    buf_append_byte(buf, STORE_EFFECT_PUT);
    effect_u32(buf, (uint32_t)key.len);
    buf_append_slice(buf, key);
    effect_u32(buf, (uint32_t)value.len);
    buf_append_slice(buf, value);
}

void store_effect_delete(struct buf *buf, struct slice key)
{
    buf_append_byte(buf, STORE_EFFECT_DELETE);
    effect_u32(buf, (uint32_t)key.len);
    buf_append_slice(buf, key);
    effect_u32(buf, 0);
}

uint64_t store_effect_clock(struct slice payload)
{
    uint64_t clock = 0;
    if (payload.len >= STORE_EFFECT_HEADER) {
        memcpy(&clock, payload.data + 1, sizeof clock);
    }
    return clock;
}

/* A length-prefixed run of bytes at *at; false when it does not fit. */
static bool effect_run(struct slice payload, size_t *at, struct slice *ret_run)
{
    uint32_t len;
    if (payload.len - *at < sizeof len) {
        return false;
    }
    memcpy(&len, payload.data + *at, sizeof len);
    *at += sizeof len;
    if (payload.len - *at < len) {
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
    if (kind != STORE_EFFECT_PUT && kind != STORE_EFFECT_DELETE) {
        return -LT_ECORRUPT;
    }
    ret_effect->kind = kind;
    if (!effect_run(payload, at, &ret_effect->key) ||
        !effect_run(payload, at, &ret_effect->value)) {
        return -LT_ECORRUPT;
    }
    return 1;
}
