/* wire/message.h - one request or reply, parsed in place.
 *
 * Invariant   after success every document inside is valid BSON of at most DOC_DEPTH_WIRE levels
 *             and DOC_SIZE_INTERNAL_MAX bytes, sequences have different names, none of which is a
 *             field of the body.
 * Thread      pure.
 * Memory      slices borrow the message's bytes.
 * Errors      MongoDB's codes; wire_fate_of says what becomes of the connection. On an error
 *             header and flags are filled as far as they were read, so that it can be answered.
 * Source      MONGODB.md 2.1.
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include "wire/frame.h"

enum {
    WIRE_SEQUENCES_MAX = 8, /* documents, updates, deletes, ops, nsInfo: clients know five */
    WIRE_CHECKSUM_PRESENT = 1 << 0,
    WIRE_MORE_TO_COME = 1 << 1,
    WIRE_EXHAUST_ALLOWED = 1 << 16,
};

/* Documents that belong to the body as an array field of that name. */
struct wire_sequence {
    struct slice name;
    struct slice docs; /* one after the other */
    uint32_t count;
};

struct wire_message {
    struct wire_header header;
    uint32_t flags;        /* of OP_MSG; OP_QUERY has none */
    uint8_t compressor;    /* enum wire_compressor it came with; 0 when plain */
    bool compressed;       /* it came in OP_COMPRESSED: answer alike */
    struct slice database; /* OP_QUERY: from "<database>.$cmd"; else empty, $db is in the body */
    struct slice body;
    uint32_t sequences_count;
    struct wire_sequence sequences[WIRE_SEQUENCES_MAX]; /* of the others nothing is said */
};

/* Parse a whole OP_MSG, OP_QUERY or (from a server) OP_REPLY. `message` is exactly the frame.
 * OP_COMPRESSED goes through wire_request_parse of wire/compress.h. */
int wire_message_parse(struct slice message, struct wire_message *ret_message, struct err *err);

/* False for a request with moreToCome: send nothing back. */
static inline bool wire_message_wants_reply(const struct wire_message *message)
{
    return (message->flags & WIRE_MORE_TO_COME) == 0;
}

/* The sequence of that name, or NULL. */
const struct wire_sequence *wire_message_sequence(const struct wire_message *message,
                                                  struct slice name);

/* Cut the first document off a sequence's docs: false at the end. */
bool wire_sequence_next(struct slice *docs, struct slice *ret_doc);

#endif
