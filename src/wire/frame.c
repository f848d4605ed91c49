/* wire/frame.c - four little-endian numbers; the fate of a connection is a table. */
#include "wire/frame.h"

#include <assert.h>

#include "wire/wire_private.h"

int wire_header_parse(struct slice bytes, uint32_t length_max, struct wire_header *ret_header,
                      struct err *err)
{
    assert(bytes.len >= WIRE_HEADER_SIZE);
    assert(length_max <= WIRE_MESSAGE_SIZE_MAX);
    uint32_t words[4];
    memcpy(words, bytes.data, sizeof words);
    if (words[0] < WIRE_HEADER_SIZE || words[0] > length_max) {
        return err_set(err, LT_EPROTOCOLERROR, "message length %d is invalid. Min: %d, Max: %u",
                       (int32_t)words[0], WIRE_HEADER_SIZE, length_max);
    }
    *ret_header =
        (struct wire_header){words[0], (int32_t)words[1], (int32_t)words[2], (int32_t)words[3]};
    return 0;
}

void wire_header_write(uint8_t *at, const struct wire_header *header)
{
    uint32_t words[4] = {header->length, (uint32_t)header->request_id,
                         (uint32_t)header->response_to, (uint32_t)header->opcode};
    memcpy(at, words, sizeof words);
}

static const struct {
    int code;
    enum wire_fate fate;
} frame_fates[] = {
    {LT_EPROTOCOLERROR, WIRE_FATE_CLOSE},
    {LT_EILLEGALOPMSGFLAG, WIRE_FATE_REPLY_CLOSE},
    {LT_ECHECKSUMMISMATCH, WIRE_FATE_REPLY_CLOSE},
    {WIRE__TWO_BODIES, WIRE_FATE_REPLY_CLOSE},
    {WIRE__TWO_SEQUENCES, WIRE_FATE_REPLY_CLOSE},
    {WIRE__UNKNOWN_KIND, WIRE_FATE_REPLY_CLOSE},
    {WIRE__FIELD_AND_SEQUENCE, WIRE_FATE_REPLY_CLOSE},
    {WIRE__NO_BODY, WIRE_FATE_REPLY_CLOSE},
};

enum wire_fate wire_fate_of(int code)
{
    int positive = code < 0 ? -code : code;
    for (size_t i = 0; i < sizeof frame_fates / sizeof frame_fates[0]; i++) {
        if (frame_fates[i].code == positive) {
            return frame_fates[i].fate;
        }
    }
    return WIRE_FATE_KEEP;
}
