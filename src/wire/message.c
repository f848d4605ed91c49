/* wire/message.c - OP_MSG section by section; OP_QUERY and OP_REPLY for the handshake.
 *
 * A cursor moves over the frame; each read says what it takes and fails when less is left. */
#include "wire/message.h"

#include <isa-l/crc.h>

#include "doc/utf8.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "wire/wire_private.h"

enum { MESSAGE_REQUIRED_FLAGS = 0xffff, MESSAGE_KNOWN_FLAGS = 3 };

uint32_t wire__checksum(struct slice bytes)
{
    /* ISA-L leaves the two inversions of CRC-32C to its caller and does not write to `data`. */
    return ~crc32_iscsi((unsigned char *)(uintptr_t)bytes.data, (int)bytes.len, UINT32_MAX);
}

static int message_cut_short(struct err *err)
{
    return err_set(err, LT_EPROTOCOLERROR, "The message ends inside one of its parts");
}

static int message_take_u32(struct slice *rest, uint32_t *ret_number, struct err *err)
{
    if (rest->len < 4) {
        return message_cut_short(err);
    }
    *ret_number = doc_load_u32(rest->data);
    *rest = slice_from(*rest, 4);
    return 0;
}

static int message_take_cstring(struct slice *rest, struct slice *ret_text, struct err *err)
{
    const uint8_t *nul = rest->len == 0 ? NULL : memchr(rest->data, 0, rest->len);
    if (nul == NULL) {
        return message_cut_short(err);
    }
    *ret_text = slice_of(rest->data, (size_t)(nul - rest->data));
    *rest = slice_from(*rest, ret_text->len + 1);
    return 0;
}

/* A valid document at the front of `rest`. */
static int message_take_doc(struct slice *rest, struct slice *ret_doc, struct err *err)
{
    if (rest->len >= 4 && doc_load_u32(rest->data) > DOC_SIZE_INTERNAL_MAX &&
        doc_load_u32(rest->data) <= rest->len) {
        return err_set(err, LT_EBSONOBJECTTOOLARGE,
                       "BSONObj size: %u (0x%X) is invalid. Size must be between 0 and %d",
                       doc_load_u32(rest->data), doc_load_u32(rest->data), DOC_SIZE_INTERNAL_MAX);
    }
    size_t len = 0;
    int result = doc_validate_prefix(*rest, DOC_DEPTH_WIRE, &len, err);
    if (result != 0) {
        return result;
    }
    *ret_doc = slice_of(rest->data, len);
    *rest = slice_from(*rest, len);
    return 0;
}

const struct wire_sequence *wire_message_sequence(const struct wire_message *message,
                                                  struct slice name)
{
    for (uint32_t i = 0; i < message->sequences_count; i++) {
        if (slice_equal(message->sequences[i].name, name)) {
            return &message->sequences[i];
        }
    }
    return NULL;
}

bool wire_sequence_next(struct slice *docs, struct slice *ret_doc)
{
    if (docs->len == 0) {
        return false;
    }
    assert(docs->len >= 5 && doc_load_u32(docs->data) <= docs->len);
    *ret_doc = slice_of(docs->data, doc_load_u32(docs->data));
    *docs = slice_from(*docs, ret_doc->len);
    return true;
}

/* ---- OP_MSG ---- */

static int message_parse_body(struct slice *rest, struct wire_message *message, struct err *err)
{
    if (message->body.len > 0) {
        return err_set(err, WIRE__TWO_BODIES, "Multiple body sections in message");
    }
    return message_take_doc(rest, &message->body, err);
}

static int message_parse_sequence(struct slice *rest, struct wire_message *message, struct err *err)
{
    uint32_t size = 0;
    struct wire_sequence sequence = {0};
    if (rest->len < 4 || doc_load_u32(rest->data) < 5 || doc_load_u32(rest->data) > rest->len) {
        return message_cut_short(err);
    }
    size = doc_load_u32(rest->data);
    struct slice inside = slice_of(rest->data + 4, size - 4);
    *rest = slice_from(*rest, size);
    int result = message_take_cstring(&inside, &sequence.name, err);
    if (result != 0) {
        return result;
    }
    if (!doc_utf8_valid(sequence.name)) {
        return err_set(err, LT_EPROTOCOLERROR, "A document sequence's name is not UTF-8");
    }
    if (wire_message_sequence(message, sequence.name) != NULL) {
        return err_set(err, WIRE__TWO_SEQUENCES, "Duplicate document sequence: %.*s",
                       SLICE_FMT(sequence.name));
    }
    if (message->sequences_count == WIRE_SEQUENCES_MAX) {
        return err_set(err, LT_EPROTOCOLERROR, "More than %d document sequences",
                       WIRE_SEQUENCES_MAX);
    }
    sequence.docs = inside;
    while (inside.len > 0) {
        struct slice doc;
        result = message_take_doc(&inside, &doc, err);
        if (result != 0) {
            return result;
        }
        sequence.count++;
    }
    message->sequences[message->sequences_count++] = sequence;
    return 0;
}

static int message_check_flags(struct slice message, struct slice *rest, uint32_t flags,
                               struct err *err)
{
    if ((flags & MESSAGE_REQUIRED_FLAGS & ~(uint32_t)MESSAGE_KNOWN_FLAGS) != 0) {
        return err_set(err, LT_EILLEGALOPMSGFLAG, "Message contains illegal flags value: Ob%x",
                       flags);
    }
    if ((flags & WIRE_CHECKSUM_PRESENT) == 0) {
        return 0;
    }
    if (rest->len < 4) {
        return message_cut_short(err);
    }
    rest->len -= 4;
    uint32_t expected = doc_load_u32(rest->data + rest->len);
    if (wire__checksum(slice_of(message.data, message.len - 4)) != expected) {
        return err_set(err, LT_ECHECKSUMMISMATCH, "OP_MSG checksum does not match contents");
    }
    return 0;
}

/* A field may come in the body or as a sequence, not both. */
static int message_check_names(const struct wire_message *message, struct err *err)
{
    if (message->body.len == 0) {
        return err_set(err, WIRE__NO_BODY, "OP_MSG messages must have a body");
    }
    for (uint32_t i = 0; i < message->sequences_count; i++) {
        struct slice name = message->sequences[i].name;
        if (doc_value_exists(doc_get(message->body, name))) {
            return err_set(err, WIRE__FIELD_AND_SEQUENCE,
                           "Duplicate field between body and document sequence %.*s",
                           SLICE_FMT(name));
        }
    }
    return 0;
}

static int message_parse_msg(struct slice message, struct wire_message *ret_message,
                             struct err *err)
{
    struct slice rest = slice_from(message, WIRE_HEADER_SIZE);
    int result = message_take_u32(&rest, &ret_message->flags, err);
    if (result == 0) {
        result = message_check_flags(message, &rest, ret_message->flags, err);
    }
    while (result == 0 && rest.len > 0) {
        uint8_t kind = rest.data[0];
        rest = slice_from(rest, 1);
        if (kind == 0) {
            result = message_parse_body(&rest, ret_message, err);
        } else if (kind == 1) {
            result = message_parse_sequence(&rest, ret_message, err);
        } else {
            result = err_set(err, WIRE__UNKNOWN_KIND, "Unknown section kind %u", kind);
        }
    }
    return result != 0 ? result : message_check_names(ret_message, err);
}

/* ---- OP_QUERY: hello of old drivers ---- */

static bool message_is_hello(struct slice name)
{
    return slice_is(name, "hello") || slice_is(name, "ismaster") || slice_is(name, "isMaster");
}

static int message_check_query(struct wire_message *message, struct slice collection,
                               uint32_t to_return, struct err *err)
{
    const struct slice suffix = SLICE(".$cmd");
    size_t base = collection.len < suffix.len ? 0 : collection.len - suffix.len;
    if (base == 0 || !slice_equal(slice_from(collection, base), suffix)) {
        return err_set(err, LT_EUNSUPPORTEDOPQUERYCOMMAND,
                       "OP_QUERY is no longer supported. The client driver may require an upgrade");
    }
    message->database = slice_of(collection.data, base);
    struct doc_value wrapped = doc_get_str(message->body, "$query");
    if (wrapped.type == DOC_OBJECT) {
        message->body = doc_value_get_doc(wrapped);
    }
    struct slice name = doc_first(message->body).name;
    if (!message_is_hello(name)) {
        return err_set(
            err, LT_EUNSUPPORTEDOPQUERYCOMMAND,
            "Unsupported OP_QUERY command: %.*s. The client driver may require an upgrade",
            SLICE_FMT(name));
    }
    if (to_return != 1 && to_return != UINT32_MAX) {
        return err_set(err, WIRE__BAD_NUMBER_TO_RETURN,
                       "Bad numberToReturn (%d) for $cmd type ns - can only be 1 or -1",
                       (int32_t)to_return);
    }
    return 0;
}

static int message_parse_query(struct slice message, struct wire_message *ret_message,
                               struct err *err)
{
    struct slice rest = slice_from(message, WIRE_HEADER_SIZE);
    struct slice collection = {0};
    struct slice fields = {0};
    uint32_t flags = 0;
    uint32_t skip = 0;
    uint32_t to_return = 0;
    int result = message_take_u32(&rest, &flags, err);
    if (result == 0) {
        result = message_take_cstring(&rest, &collection, err);
    }
    if (result == 0) {
        result = message_take_u32(&rest, &skip, err);
    }
    if (result == 0) {
        result = message_take_u32(&rest, &to_return, err);
    }
    if (result == 0) {
        result = message_take_doc(&rest, &ret_message->body, err);
    }
    if (result == 0 && rest.len > 0) {
        result = message_take_doc(&rest, &fields, err);
    }
    if (result == 0 && rest.len > 0) {
        result = err_set(err, LT_EPROTOCOLERROR, "Bytes after the query");
    }
    return result != 0 ? result : message_check_query(ret_message, collection, to_return, err);
}

/* ---- OP_REPLY: what servers answer to OP_QUERY ---- */

static int message_parse_reply(struct slice message, struct wire_message *ret_message,
                               struct err *err)
{
    if (message.len < WIRE_HEADER_SIZE + 20) {
        return message_cut_short(err);
    }
    struct slice rest = slice_from(message, WIRE_HEADER_SIZE + 20);
    int result = message_take_doc(&rest, &ret_message->body, err);
    if (result == 0 && rest.len > 0) {
        return err_set(err, LT_EPROTOCOLERROR, "More than one document in a reply");
    }
    return result;
}

int wire_message_parse(struct slice message, struct wire_message *ret_message, struct err *err)
{
    memset(ret_message, 0, offsetof(struct wire_message, sequences));
    if (message.len < WIRE_HEADER_SIZE) {
        return message_cut_short(err);
    }
    int result = wire_header_parse(message, WIRE_MESSAGE_SIZE_MAX, &ret_message->header, err);
    if (result != 0) {
        return result;
    }
    if (ret_message->header.length != message.len) {
        return message_cut_short(err);
    }
    switch (ret_message->header.opcode) {
    case WIRE_OP_MSG:
        return message_parse_msg(message, ret_message, err);
    case WIRE_OP_QUERY:
        return message_parse_query(message, ret_message, err);
    case WIRE_OP_REPLY:
        return message_parse_reply(message, ret_message, err);
    default:
        return err_set(err, LT_EPROTOCOLERROR, "Opcode %d is not supported",
                       ret_message->header.opcode);
    }
}
