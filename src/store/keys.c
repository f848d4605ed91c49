/* store/keys.c - composing keys. */
#include "store/keys.h"

const struct slice store_key_applied = {(const uint8_t *)"\0\0\0\0A", 5};
const struct slice store_key_next_id = {(const uint8_t *)"\0\0\0\0N", 5};
const struct slice store_key_configuration = {(const uint8_t *)"\0\0\0\0G", 5};

void store_key_id(struct buf *buf, uint32_t id)
{
    uint8_t bytes[4] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    buf_append(buf, bytes, sizeof bytes);
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

void store_key_after(struct buf *buf)
{
    while (buf->len > 0 && buf->data[buf->len - 1] == 0xff) {
        buf->len--;
    }
    assert(buf->len > 0);
    buf->data[buf->len - 1]++;
}
