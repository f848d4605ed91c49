/* wire/message_test.c - frames as clients send them, and as attackers do. */
#include "wire/message.h"

#include "doc/build.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "lib/test.h"
#include "wire/compose.h"
#include "wire/wire_private.h"

static struct slice flat_doc(struct arena *arena, const char *name, int32_t number)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, arena);
    doc_build_begin(&builder, &buf);
    doc_build_i32(&builder, name, number);
    return doc_build_end(&builder);
}

struct frame {
    struct arena arena;
    struct buf buf;
};

static void frame_open(struct frame *frame)
{
    arena_init(&frame->arena);
    buf_init(&frame->buf, NULL);
    buf_extend(&frame->buf, WIRE_HEADER_SIZE);
}

static void frame_u32(struct frame *frame, uint32_t number)
{
    buf_append(&frame->buf, &number, 4);
}

static void frame_doc(struct frame *frame, const char *name, int32_t number)
{
    buf_append_slice(&frame->buf, flat_doc(&frame->arena, name, number));
}

/* Parse an exact-size copy, so that ASan sees a read past the end. */
static int frame_parse(struct frame *frame, int32_t opcode, struct wire_message *ret_message)
{
    struct wire_header header = {(uint32_t)frame->buf.len, 77, 0, opcode};
    wire_header_write(frame->buf.data, &header);
    uint8_t *copy = arena_alloc(&frame->arena, frame->buf.len);
    memcpy(copy, frame->buf.data, frame->buf.len);
    struct err err;
    return wire_message_parse(slice_of(copy, frame->buf.len), ret_message, &err);
}

static void frame_close(struct frame *frame)
{
    buf_close(&frame->buf);
    arena_close(&frame->arena);
}

TEST(header_lengths_out_of_bounds_are_refused)
{
    static const uint32_t lengths[] = {0, 15, 0x80000000u, UINT32_MAX, WIRE_MESSAGE_SIZE_MAX + 1};
    struct wire_header header;
    uint8_t bytes[16] = {0};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memcpy(bytes, &lengths[i], 4);
        int result = wire_header_parse(slice_of(bytes, 16), WIRE_MESSAGE_SIZE_MAX, &header, NULL);
        assert_int_equal(result, -LT_EPROTOCOLERROR);
        assert_int_equal(wire_fate_of(result), WIRE_FATE_CLOSE);
    }
    uint32_t largest = WIRE_MESSAGE_SIZE_MAX;
    memcpy(bytes, &largest, 4);
    assert_int_equal(wire_header_parse(slice_of(bytes, 16), WIRE_MESSAGE_SIZE_MAX, &header, NULL),
                     0);
    assert_int_equal(
        wire_header_parse(slice_of(bytes, 16), WIRE_MESSAGE_SIZE_BEFORE_LOGIN_MAX, &header, NULL),
        -LT_EPROTOCOLERROR);
}

TEST(msg_with_sections_in_any_order_is_parsed_in_place)
{
    struct frame frame;
    struct wire_message message;
    frame_open(&frame);
    frame_u32(&frame, WIRE_EXHAUST_ALLOWED | 1u << 20);
    size_t at = wire_compose_sequence(&frame.buf, SLICE("documents"));
    frame_doc(&frame, "_id", 1);
    frame_doc(&frame, "_id", 2);
    wire_compose_sequence_end(&frame.buf, at);
    buf_append_byte(&frame.buf, 0);
    frame_doc(&frame, "insert", 5);
    at = wire_compose_sequence(&frame.buf, SLICE("empty"));
    wire_compose_sequence_end(&frame.buf, at);
    assert_int_equal(frame_parse(&frame, WIRE_OP_MSG, &message), 0);
    assert_int_equal(message.header.request_id, 77);
    assert_int_equal(doc_value_get_i32(doc_get_str(message.body, "insert")), 5);
    assert_int_equal(message.sequences_count, 2);
    const struct wire_sequence *docs = wire_message_sequence(&message, SLICE("documents"));
    assert_int_equal(docs->count, 2);
    assert_int_equal(wire_message_sequence(&message, SLICE("empty"))->count, 0);
    assert_null(wire_message_sequence(&message, SLICE("x")));
    struct slice rest = docs->docs;
    struct slice doc;
    int sum = 0;
    while (wire_sequence_next(&rest, &doc)) {
        sum += doc_value_get_i32(doc_get_str(doc, "_id"));
    }
    assert_int_equal(sum, 3);
    frame_close(&frame);
}

TEST(msg_unknown_required_bits_are_answered_then_closed)
{
    for (int bit = 2; bit < 16; bit++) {
        struct frame frame;
        struct wire_message message;
        frame_open(&frame);
        frame_u32(&frame, 1u << bit);
        buf_append_byte(&frame.buf, 0);
        frame_doc(&frame, "ping", 1);
        int result = frame_parse(&frame, WIRE_OP_MSG, &message);
        assert_int_equal(result, -LT_EILLEGALOPMSGFLAG);
        assert_int_equal(wire_fate_of(result), WIRE_FATE_REPLY_CLOSE);
        assert_int_equal(message.header.request_id, 77);
        frame_close(&frame);
    }
}

static int parse_sections(void (*fill)(struct frame *frame))
{
    struct frame frame;
    struct wire_message message;
    frame_open(&frame);
    frame_u32(&frame, 0);
    fill(&frame);
    int result = frame_parse(&frame, WIRE_OP_MSG, &message);
    frame_close(&frame);
    return result;
}

static void fill_two_bodies(struct frame *frame)
{
    for (int i = 0; i < 2; i++) {
        buf_append_byte(&frame->buf, 0);
        frame_doc(frame, "ping", 1);
    }
}

static void fill_two_sequences(struct frame *frame)
{
    buf_append_byte(&frame->buf, 0);
    frame_doc(frame, "insert", 1);
    for (int i = 0; i < 2; i++) {
        size_t at = wire_compose_sequence(&frame->buf, SLICE("documents"));
        wire_compose_sequence_end(&frame->buf, at);
    }
}

static void fill_field_and_sequence(struct frame *frame)
{
    buf_append_byte(&frame->buf, 0);
    frame_doc(frame, "documents", 1);
    size_t at = wire_compose_sequence(&frame->buf, SLICE("documents"));
    wire_compose_sequence_end(&frame->buf, at);
}

static void fill_unknown_kind(struct frame *frame)
{
    buf_append_byte(&frame->buf, 2);
    frame_doc(frame, "ping", 1);
}

static void fill_only_sequence(struct frame *frame)
{
    size_t at = wire_compose_sequence(&frame->buf, SLICE("documents"));
    wire_compose_sequence_end(&frame->buf, at);
}

static void fill_many_sequences(struct frame *frame)
{
    for (char name = 'a'; name < 'a' + 9; name++) {
        size_t at = wire_compose_sequence(&frame->buf, slice_of(&name, 1));
        wire_compose_sequence_end(&frame->buf, at);
    }
}

static void fill_nothing(struct frame *frame)
{
    (void)frame;
}

TEST(msg_with_wrong_sections_is_refused)
{
    assert_int_equal(parse_sections(fill_two_bodies), -WIRE__TWO_BODIES);
    assert_int_equal(parse_sections(fill_two_sequences), -WIRE__TWO_SEQUENCES);
    assert_int_equal(parse_sections(fill_field_and_sequence), -WIRE__FIELD_AND_SEQUENCE);
    assert_int_equal(parse_sections(fill_unknown_kind), -WIRE__UNKNOWN_KIND);
    assert_int_equal(parse_sections(fill_only_sequence), -WIRE__NO_BODY);
    assert_int_equal(parse_sections(fill_nothing), -WIRE__NO_BODY);
    assert_int_equal(parse_sections(fill_many_sequences), -LT_EPROTOCOLERROR);
}

static void fill_bad_body(struct frame *frame)
{
    buf_append_byte(&frame->buf, 0);
    buf_append(&frame->buf, "\x08\0\0\0\x0a\xff\0\0", 8);
}

static void fill_sequence_size_0(struct frame *frame)
{
    buf_append(&frame->buf, "\1\0\0\0\0documents", 14);
}

static void fill_sequence_too_long(struct frame *frame)
{
    buf_append(&frame->buf,
               "\1\xff\xff\xff\x7f"
               "documents\0",
               15);
}

static void fill_sequence_without_nul(struct frame *frame)
{
    buf_append(&frame->buf, "\1\x08\0\0\0docs", 9);
}

static void fill_doc_past_sequence(struct frame *frame)
{
    size_t at = wire_compose_sequence(&frame->buf, SLICE("d"));
    frame_u32(frame, 100);
    wire_compose_sequence_end(&frame->buf, at);
    buf_append(&frame->buf, "\0\5\0\0\0\0", 6);
}

TEST(msg_lengths_that_overflow_are_refused)
{
    assert_int_equal(parse_sections(fill_bad_body), -LT_EINVALIDBSON);
    assert_int_equal(wire_fate_of(-LT_EINVALIDBSON), WIRE_FATE_KEEP);
    assert_int_equal(parse_sections(fill_sequence_size_0), -LT_EPROTOCOLERROR);
    assert_int_equal(parse_sections(fill_sequence_too_long), -LT_EPROTOCOLERROR);
    assert_int_equal(parse_sections(fill_sequence_without_nul), -LT_EPROTOCOLERROR);
    assert_int_equal(parse_sections(fill_doc_past_sequence), -LT_EINVALIDBSON);
}

TEST(checksum_is_crc32c)
{
    assert_int_equal(wire__checksum(SLICE("123456789")), 0xe3069283u);
}

TEST(msg_checksum_is_verified)
{
    struct frame frame;
    struct wire_message message;
    struct wire_stamp stamp = {.request_id = 3, .flags = WIRE_CHECKSUM_PRESENT};
    arena_init(&frame.arena);
    buf_init(&frame.buf, NULL);
    size_t start = wire_compose_begin(&frame.buf, WIRE_OP_MSG);
    frame_doc(&frame, "ping", 1);
    wire_compose_end(&frame.buf, start, &stamp);
    assert_int_equal(wire_message_parse(buf_slice(&frame.buf), &message, NULL), 0);
    assert_int_equal(doc_value_get_i32(doc_get_str(message.body, "ping")), 1);
    frame.buf.data[frame.buf.len - 6] ^= 1;
    assert_int_equal(wire_message_parse(buf_slice(&frame.buf), &message, NULL),
                     -LT_ECHECKSUMMISMATCH);
    frame_close(&frame);
}

TEST(msg_with_more_to_come_wants_no_reply)
{
    struct frame frame;
    struct wire_message message;
    frame_open(&frame);
    frame_u32(&frame, WIRE_MORE_TO_COME);
    buf_append_byte(&frame.buf, 0);
    frame_doc(&frame, "insert", 1);
    assert_int_equal(frame_parse(&frame, WIRE_OP_MSG, &message), 0);
    assert_false(wire_message_wants_reply(&message));
    frame_close(&frame);
}

TEST(legacy_and_unknown_opcodes_close_the_connection)
{
    static const int32_t opcodes[] = {0, 2001, 2002, 2005, 2006, 2007, 2010, 2012, 0x54544547};
    for (size_t i = 0; i < sizeof opcodes / sizeof opcodes[0]; i++) {
        struct frame frame;
        struct wire_message message;
        frame_open(&frame);
        frame_u32(&frame, 0);
        int result = frame_parse(&frame, opcodes[i], &message);
        assert_int_equal(wire_fate_of(result), WIRE_FATE_CLOSE);
        frame_close(&frame);
    }
}

static int parse_query(const char *collection, const char *command, bool wrapped,
                       struct wire_message *ret_message)
{
    struct frame frame;
    frame_open(&frame);
    frame_u32(&frame, 4);
    buf_append(&frame.buf, collection, strlen(collection) + 1);
    frame_u32(&frame, 0);
    frame_u32(&frame, UINT32_MAX);
    if (wrapped) {
        struct doc_builder builder;
        doc_build_begin(&builder, &frame.buf);
        doc_build_doc(&builder, "$query", flat_doc(&frame.arena, command, 1));
        doc_build_end(&builder);
    } else {
        frame_doc(&frame, command, 1);
    }
    int result = frame_parse(&frame, WIRE_OP_QUERY, ret_message);
    if (result == 0) {
        assert_string_equal((const char *)doc_first(ret_message->body).name.data, command);
        assert_true(slice_is(ret_message->database, "admin"));
    }
    frame_close(&frame);
    return result;
}

TEST(query_is_for_hello_only)
{
    struct wire_message message;
    assert_int_equal(parse_query("admin.$cmd", "ismaster", false, &message), 0);
    assert_int_equal(parse_query("admin.$cmd", "isMaster", true, &message), 0);
    assert_int_equal(parse_query("admin.$cmd", "find", false, &message),
                     -LT_EUNSUPPORTEDOPQUERYCOMMAND);
    assert_int_equal(parse_query("test.c", "hello", false, &message),
                     -LT_EUNSUPPORTEDOPQUERYCOMMAND);
    assert_int_equal(parse_query(".$cmd", "hello", false, &message),
                     -LT_EUNSUPPORTEDOPQUERYCOMMAND);
    assert_int_equal(wire_fate_of(-LT_EUNSUPPORTEDOPQUERYCOMMAND), WIRE_FATE_KEEP);
}

TEST(reply_to_a_query_is_what_old_drivers_expect)
{
    struct frame frame;
    struct wire_message message;
    struct wire_stamp stamp = {.request_id = 9, .response_to = 8};
    arena_init(&frame.arena);
    buf_init(&frame.buf, NULL);
    struct wire_header request = {.opcode = WIRE_OP_QUERY};
    assert_int_equal(wire_compose_answer(&request), WIRE_OP_REPLY);
    size_t start = wire_compose_begin(&frame.buf, WIRE_OP_REPLY);
    frame_doc(&frame, "ok", 1);
    wire_compose_end(&frame.buf, start, &stamp);
    assert_memory_equal(frame.buf.data + 12, "\1\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0",
                        24);
    assert_int_equal(wire_message_parse(buf_slice(&frame.buf), &message, NULL), 0);
    assert_int_equal(message.header.response_to, 8);
    frame_close(&frame);
}

TEST(msg_truncated_anywhere_is_refused)
{
    struct frame frame;
    frame_open(&frame);
    frame_u32(&frame, 0);
    buf_append_byte(&frame.buf, 0);
    frame_doc(&frame, "insert", 1);
    size_t at = wire_compose_sequence(&frame.buf, SLICE("documents"));
    frame_doc(&frame, "_id", 1);
    wire_compose_sequence_end(&frame.buf, at);
    size_t len = frame.buf.len;
    for (size_t cut = WIRE_HEADER_SIZE; cut < len; cut++) {
        struct wire_message message;
        frame.buf.len = cut;
        int result = frame_parse(&frame, WIRE_OP_MSG, &message);
        bool whole_body = cut == len - 14 - 15; /* the sequence is simply not there */
        assert_true(whole_body ? result == 0 : result < 0);
    }
    frame_close(&frame);
}

TEST(msg_body_past_the_document_limit_is_refused)
{
    struct frame frame;
    struct wire_message message;
    frame_open(&frame);
    frame_u32(&frame, 0);
    buf_append_byte(&frame.buf, 0);
    size_t size = DOC_SIZE_INTERNAL_MAX + 1;
    uint8_t *doc = buf_extend(&frame.buf, size);
    uint32_t text_len = (uint32_t)(size - 4 - 3 - 4 - 1);
    memset(doc, 'x', size);
    memcpy(doc, &(uint32_t){(uint32_t)size}, 4);
    memcpy(doc + 4, "\2a", 3);
    memcpy(doc + 7, &text_len, 4);
    memset(doc + size - 2, 0, 2);
    int result = frame_parse(&frame, WIRE_OP_MSG, &message);
    assert_int_equal(result, -LT_EBSONOBJECTTOOLARGE);
    assert_int_equal(wire_fate_of(result), WIRE_FATE_KEEP);
    frame_close(&frame);
}
