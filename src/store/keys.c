/* store/keys.c - composing keys. */
#include "store/keys.h"

const struct slice store_key_applied = {(const uint8_t *)"\0\0\0\0A", 5};
const struct slice store_key_next_id = {(const uint8_t *)"\0\0\0\0N", 5};
const struct slice store_key_defaults = {(const uint8_t *)"\0\0\0\0D", 5};
const struct slice store_key_cluster = {(const uint8_t *)"\0\0\0\0P", 5};
const struct slice store_key_clock = {(const uint8_t *)"\0\0\0\0T", 5};
const struct slice store_key_configuration = {(const uint8_t *)"\0\0\0\0G", 5};

static void keys_store_id(uint8_t bytes[4], uint32_t id)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(id >> (24 - 8 * i));
    }
}

void store_key_id(struct buf *buf, uint32_t id)
{
    keys_store_id(buf_extend(buf, 4), id);
}

void store_key_natural(struct buf *buf, uint32_t id, uint64_t sequence)
{
    store_key_id(buf, id);
    store_key_id(buf, (uint32_t)(sequence >> 32));
    store_key_id(buf, (uint32_t)sequence);
}

uint64_t store_key_load_sequence(struct slice key)
{
    assert(key.len == 12);
    return (uint64_t)store_key_load_id(key.data + 4) << 32 | store_key_load_id(key.data + 8);
}

void store_key_range(uint32_t id, uint8_t bytes[8], struct slice *ret_from, struct slice *ret_to)
{
    assert(id != UINT32_MAX);
    keys_store_id(bytes, id);
    keys_store_id(bytes + 4, id + 1);
    *ret_from = slice_of(bytes, 4);
    *ret_to = slice_of(bytes + 4, 4);
}

uint32_t store_key_load_id(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void keys_system(struct buf *buf, char tag, uint32_t id)
{
    store_key_id(buf, 0);
    buf_append_byte(buf, (uint8_t)tag);
    if (id != 0) {
        store_key_id(buf, id);
    }
}

void store_key_catalog(struct buf *buf, uint32_t collection_id)
{
    keys_system(buf, 'C', collection_id);
}

void store_key_counts(struct buf *buf, uint32_t collection_id)
{
    keys_system(buf, '#', collection_id);
}

void store_key_name(struct buf *buf, struct slice ns)
{
    keys_system(buf, 'L', 0);
    buf_append_slice(buf, ns);
}

void store_key_session(struct buf *buf, struct slice session, uint32_t part)
{
    keys_system(buf, 'S', 0);
    buf_append_slice(buf, session);
    if (session.len > 0) {
        store_key_id(buf, part);
    }
}

void store_key_after(struct buf *buf)
{
    while (buf->len > 0 && buf->data[buf->len - 1] == 0xff) {
        buf->len--;
    }
    assert(buf->len > 0);
    buf->data[buf->len - 1]++;
}
