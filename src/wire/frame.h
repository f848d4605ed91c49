/* wire/frame.h - the sixteen bytes before every message, and what an error does to a connection.
 *
 * Invariant   a parsed header's length is 16..length_max; nothing is said about its opcode.
 * Thread      pure.
 * Memory      values only.
 * Errors      -LT_EPROTOCOLERROR for a length that no message can have.
 * Source      MONGODB.md 2.1.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "base/err.h"

enum {
    WIRE_HEADER_SIZE = 16,
    WIRE_MESSAGE_SIZE_MAX = 48000000,
    WIRE_MESSAGE_SIZE_BEFORE_LOGIN_MAX = 64 * 1024,
};

enum wire_opcode {
    WIRE_OP_REPLY = 1,
    WIRE_OP_QUERY = 2004,
    WIRE_OP_COMPRESSED = 2012,
    WIRE_OP_MSG = 2013,
};

struct wire_header {
    uint32_t length; /* of the whole message, these bytes included */
    int32_t request_id;
    int32_t response_to;
    int32_t opcode; /* enum wire_opcode, or anything */
};

/* Read the header at the front of `bytes`, which holds at least WIRE_HEADER_SIZE of them. */
int wire_header_parse(struct slice bytes, uint32_t length_max, struct wire_header *ret_header,
                      struct err *err);

/* Write it to `at`, which has WIRE_HEADER_SIZE bytes. */
void wire_header_write(uint8_t *at, const struct wire_header *header);

/* What becomes of a connection after a message failed to parse with that code. */
enum wire_fate {
    WIRE_FATE_KEEP,        /* reply with the error and go on: the framing is sound */
    WIRE_FATE_REPLY_CLOSE, /* reply with the error, then close: the peer is confused */
    WIRE_FATE_CLOSE,       /* close without a word: these are not MongoDB's bytes */
};

/* `code` may be negative as returned or positive as in struct err. */
enum wire_fate wire_fate_of(int code);

#endif
