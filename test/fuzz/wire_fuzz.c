/* test/fuzz/wire_fuzz.c - bytes as a request frame: what parses has valid documents, none larger
 * than allowed, and composes again to a message that parses to the same. The header's length is set
 * right, so that the fuzzer does not spend itself on it; the first byte chooses the opcode. */
#include <stdlib.h>

#include "doc/validate.h"
#include "wire/compose.h"
#include "wire/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void fuzz_sequence(struct buf *again, const struct wire_sequence *sequence)
{
    struct slice rest = sequence->docs;
    struct slice doc;
    uint32_t count = 0;
    size_t start = wire_compose_sequence(again, sequence->name);
    while (wire_sequence_next(&rest, &doc)) {
        fuzz_require(doc_validate(doc, DOC_DEPTH_WIRE, NULL) == 0);
        buf_append_slice(again, doc);
        count++;
    }
    fuzz_require(count == sequence->count);
    wire_compose_sequence_end(again, start);
}

static void fuzz_compose(const struct wire_message *message)
{
    struct arena arena;
    struct buf again;
    struct wire_message back;
    struct wire_stamp stamp = {.request_id = 1, .flags = WIRE_CHECKSUM_PRESENT};
    arena_init(&arena);
    buf_init(&again, &arena);
    size_t start = wire_compose_begin(&again, WIRE_OP_MSG);
    buf_append_slice(&again, message->body);
    for (uint32_t i = 0; i < message->sequences_count; i++) {
        fuzz_sequence(&again, &message->sequences[i]);
    }
    wire_compose_end(&again, start, &stamp);
    fuzz_require(wire_message_parse(buf_slice(&again), &back, NULL) == 0);
    fuzz_require(slice_equal(back.body, message->body));
    fuzz_require(back.sequences_count == message->sequences_count);
    arena_close(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int32_t opcodes[] = {WIRE_OP_MSG, WIRE_OP_COMPRESSED, WIRE_OP_QUERY,
                                      WIRE_OP_REPLY};
    if (size < 1) {
        return 0;
    }
    struct wire_header header = {.length = (uint32_t)(WIRE_HEADER_SIZE + size - 1),
                                 .opcode = opcodes[data[0] % 4]};
    struct buf frame, scratch;
    struct wire_message message;
    struct err err;
    buf_init(&frame, NULL);
    buf_init(&scratch, NULL);
    buf_reserve(&frame, WIRE_HEADER_SIZE + size - 1);
    wire_header_write(buf_extend(&frame, WIRE_HEADER_SIZE), &header);
    buf_append(&frame, data + 1, size - 1);
    if (wire_request_parse(buf_slice(&frame), &scratch, &message, &err) == 0) {
        fuzz_require(doc_validate(message.body, DOC_DEPTH_WIRE, NULL) == 0);
        fuzz_require(message.body.len <= DOC_SIZE_INTERNAL_MAX);
        fuzz_compose(&message);
    } else {
        fuzz_require(err.code != 0 && wire_fate_of(err.code) <= WIRE_FATE_CLOSE);
    }
    buf_close(&frame);
    buf_close(&scratch);
    return 0;
}
