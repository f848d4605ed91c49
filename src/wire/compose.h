/* wire/compose.h - writing messages around a body that the caller builds.
 *
 * Invariant   between begin and end the caller appends exactly one BSON document to buf, and after
 *             wire_compose_sequence any number of them.
 * Thread      pure.
 * Memory      bytes go to the caller's buf, after what is already there.
 * Errors      none.
 */
#ifndef WIRE_COMPOSE_H
#define WIRE_COMPOSE_H

#include "base/buf.h"
#include "wire/message.h"

/* What end writes into the header. */
struct wire_stamp {
    int32_t request_id;  /* this message's own */
    int32_t response_to; /* the request it answers; 0 in a request */
    uint32_t flags; /* WIRE_MORE_TO_COME, WIRE_EXHAUST_ALLOWED; WIRE_CHECKSUM_PRESENT adds one */
    size_t lent;    /* bytes of the body that are sent from elsewhere; then without a checksum */
};

/* Begin an OP_MSG or, to answer an OP_QUERY, an OP_REPLY: room for the header and what precedes the
 * body. Returns where the message starts in buf, for the calls below. */
size_t wire_compose_begin(struct buf *buf, enum wire_opcode opcode);

/* After the body of an OP_MSG: begin a sequence, whose documents the caller appends; its end is
 * marked by wire_compose_sequence_end with what this returned. */
size_t wire_compose_sequence(struct buf *buf, struct slice name);
void wire_compose_sequence_end(struct buf *buf, size_t sequence_start);

/* Fill in the header; the message is buf[start..len). */
void wire_compose_end(struct buf *buf, size_t start, const struct wire_stamp *stamp);

/* The opcode that answers a request: OP_REPLY for OP_QUERY, else OP_MSG. */
enum wire_opcode wire_compose_answer(const struct wire_header *request);

#endif
