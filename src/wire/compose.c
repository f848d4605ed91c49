/* wire/compose.c - room is left at begin, numbers are written at end. */
#include "wire/compose.h"

#include "wire/wire_private.h"

enum {
    COMPOSE_MSG_HEAD = WIRE_HEADER_SIZE + 4 + 1, /* flags, kind 0 */
    COMPOSE_REPLY_HEAD = WIRE_HEADER_SIZE + 20,  /* flags, cursor, from, count */
    COMPOSE_AWAIT_CAPABLE = 8,
};

size_t wire_compose_begin(struct buf *buf, enum wire_opcode opcode)
{
    assert(opcode == WIRE_OP_MSG || opcode == WIRE_OP_REPLY);
    size_t start = buf->len;
    size_t head = opcode == WIRE_OP_MSG ? COMPOSE_MSG_HEAD : COMPOSE_REPLY_HEAD;
    struct wire_header header = {.opcode = opcode};
    uint8_t *at = buf_extend(buf, head);
    memset(at, 0, head);
    wire_header_write(at, &header);
    if (opcode == WIRE_OP_REPLY) {
        const uint32_t flags = COMPOSE_AWAIT_CAPABLE;
        const uint32_t count = 1;
        memcpy(at + 16, &flags, 4);
        memcpy(at + 32, &count, 4);
    }
    return start;
}

size_t wire_compose_sequence(struct buf *buf, struct slice name)
{
    buf_append_byte(buf, 1);
    size_t start = buf->len;
    buf_extend(buf, 4);
    buf_append_slice(buf, name);
    buf_append_byte(buf, 0);
    return start;
}

void wire_compose_sequence_end(struct buf *buf, size_t sequence_start)
{
    uint32_t size = (uint32_t)(buf->len - sequence_start);
    memcpy(buf->data + sequence_start, &size, 4);
}

void wire_compose_end(struct buf *buf, size_t start, const struct wire_stamp *stamp)
{
    int32_t opcode;
    memcpy(&opcode, buf->data + start + 12, 4);
    bool checksum = opcode == WIRE_OP_MSG && (stamp->flags & WIRE_CHECKSUM_PRESENT);
    size_t length = buf->len - start + stamp->lent + (checksum ? 4 : 0);
    assert(!checksum || stamp->lent == 0);
    assert(length <= WIRE_MESSAGE_SIZE_MAX);
    struct wire_header header = {(uint32_t)length, stamp->request_id, stamp->response_to, opcode};
    wire_header_write(buf->data + start, &header);
    if (opcode == WIRE_OP_MSG) {
        memcpy(buf->data + start + WIRE_HEADER_SIZE, &stamp->flags, 4);
    }
    if (checksum) {
        uint32_t sum = wire__checksum(slice_of(buf->data + start, buf->len - start));
        buf_append(buf, &sum, 4);
    }
}

enum wire_opcode wire_compose_answer(const struct wire_header *request)
{
    return request->opcode == WIRE_OP_QUERY ? WIRE_OP_REPLY : WIRE_OP_MSG;
}
