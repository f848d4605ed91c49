/* wire/compress_test.c - compression agreed, done, undone and abused. */
#include "wire/compress.h"

#include <zlib.h>

#include "doc/view.h"
#include "lib/test.h"
#include "wire/compose.h"

static void compose(struct buf *buf, const char *command, size_t filler)
{
    struct doc_builder builder;
    struct wire_stamp stamp = {.request_id = 11, .response_to = 12};
    struct buf text;
    buf_init(&text, NULL);
    memset(buf_extend(&text, filler), 'x', filler);
    size_t start = wire_compose_begin(buf, WIRE_OP_MSG);
    doc_build_begin(&builder, buf);
    doc_build_i32(&builder, command, 1);
    doc_build_string(&builder, "filler", buf_slice(&text));
    doc_build_end(&builder);
    wire_compose_end(buf, start, &stamp);
    buf_close(&text);
}

static int parse(struct buf *frame, struct wire_message *ret_message, struct buf *scratch)
{
    struct err err;
    uint32_t length = (uint32_t)frame->len;
    memcpy(frame->data, &length, 4);
    return wire_request_parse(buf_slice(frame), scratch, ret_message, &err);
}

TEST(compressed_messages_come_back_whole)
{
    for (int compressor = WIRE_COMPRESSOR_NOOP; compressor <= WIRE_COMPRESSOR_ZSTD; compressor++) {
        struct buf plain, packed, scratch;
        struct wire_message message;
        buf_init(&plain, NULL);
        buf_init(&packed, NULL);
        buf_init(&scratch, NULL);
        compose(&plain, "ping", 5000);
        wire_compress(buf_slice(&plain), (enum wire_compressor)compressor, &packed);
        if (compressor != WIRE_COMPRESSOR_NOOP) {
            assert_true(packed.len < 400);
        }
        assert_int_equal(parse(&packed, &message, &scratch), 0);
        assert_true(message.compressed);
        assert_int_equal(message.compressor, compressor);
        assert_int_equal(message.header.request_id, 11);
        assert_int_equal(message.header.response_to, 12);
        assert_true(slice_equal(buf_slice(&scratch), buf_slice(&plain)));
        buf_close(&plain);
        buf_close(&packed);
        buf_close(&scratch);
    }
}

/* An OP_COMPRESSED of a ping, its declared size replaced, one byte changed. */
static int parse_changed(int compressor, int64_t size_change, int original_opcode, int id)
{
    struct buf plain, packed, scratch;
    struct wire_message message;
    buf_init(&plain, NULL);
    buf_init(&packed, NULL);
    buf_init(&scratch, NULL);
    compose(&plain, "ping", 100);
    wire_compress(buf_slice(&plain), (enum wire_compressor)compressor, &packed);
    uint32_t size = (uint32_t)((int64_t)doc_load_u32(packed.data + 20) + size_change);
    memcpy(packed.data + 16, &original_opcode, 4);
    memcpy(packed.data + 20, &size, 4);
    packed.data[24] = (uint8_t)id;
    int result = parse(&packed, &message, &scratch);
    if (result != 0) {
        assert_int_equal(wire_fate_of(result), WIRE_FATE_CLOSE);
    }
    buf_close(&plain);
    buf_close(&packed);
    buf_close(&scratch);
    return result;
}

TEST(compressed_size_must_be_what_comes_out)
{
    for (int id = WIRE_COMPRESSOR_NOOP; id <= WIRE_COMPRESSOR_ZSTD; id++) {
        assert_int_equal(parse_changed(id, 0, WIRE_OP_MSG, id), 0);
        assert_int_equal(parse_changed(id, 1, WIRE_OP_MSG, id), -LT_EPROTOCOLERROR);
        assert_int_equal(parse_changed(id, -1, WIRE_OP_MSG, id), -LT_EPROTOCOLERROR);
        assert_int_equal(parse_changed(id, 1000000, WIRE_OP_MSG, id), -LT_EPROTOCOLERROR);
    }
}

TEST(compressed_messages_do_not_nest)
{
    assert_int_equal(parse_changed(1, 0, WIRE_OP_COMPRESSED, 1), -LT_EPROTOCOLERROR);
    assert_int_equal(parse_changed(1, 0, 2002, 1), -LT_EPROTOCOLERROR);
}

TEST(compressed_by_something_else_is_refused)
{
    assert_int_equal(parse_changed(1, 0, WIRE_OP_MSG, 4), -LT_EPROTOCOLERROR);
    assert_int_equal(parse_changed(1, 0, WIRE_OP_MSG, 3), -LT_EPROTOCOLERROR);
    assert_int_equal(parse_changed(3, 0, WIRE_OP_MSG, 2), -LT_EPROTOCOLERROR);
}

TEST(compressed_size_is_bounded_before_anything_is_allocated)
{
    struct buf frame, scratch;
    struct wire_message message;
    static const uint32_t sizes[] = {0, WIRE_MESSAGE_SIZE_MAX - 15, 0x7fffffff, UINT32_MAX,
                                     40000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        buf_init(&frame, NULL);
        buf_init(&scratch, NULL);
        struct wire_header header = {.opcode = WIRE_OP_COMPRESSED};
        wire_header_write(buf_extend(&frame, 16), &header);
        buf_append(&frame, &(int32_t){WIRE_OP_MSG}, 4);
        buf_append(&frame, &sizes[i], 4);
        buf_append(&frame, "\2bytes", 6);
        assert_int_equal(parse(&frame, &message, &scratch), -LT_EPROTOCOLERROR);
        assert_int_equal(scratch.cap, 0);
        buf_close(&frame);
        buf_close(&scratch);
    }
}

TEST(compressed_bomb_is_refused)
{
    struct buf frame, scratch, zeros;
    struct wire_message message;
    buf_init(&frame, NULL);
    buf_init(&scratch, NULL);
    buf_init(&zeros, NULL);
    const uint32_t size = 20000000;
    memset(buf_extend(&zeros, size), 0, size);
    struct wire_header header = {.opcode = WIRE_OP_COMPRESSED};
    wire_header_write(buf_extend(&frame, 16), &header);
    buf_append(&frame, &(int32_t){WIRE_OP_MSG}, 4);
    buf_append(&frame, &size, 4);
    buf_append_byte(&frame, WIRE_COMPRESSOR_ZLIB);
    uLongf packed = compressBound(size);
    uint8_t *at = buf_extend(&frame, packed);
    assert_int_equal(compress2(at, &packed, zeros.data, size, 9), Z_OK);
    frame.len = 25 + packed;
    assert_true(packed > 19000); /* zlib's best is about 1:1030 */
    assert_int_equal(parse(&frame, &message, &scratch), -LT_EPROTOCOLERROR);
    assert_int_equal(scratch.cap, 0);
    buf_close(&frame);
    buf_close(&scratch);
    buf_close(&zeros);
}

TEST(compressed_login_is_refused)
{
    static const char *const commands[] = {"hello", "saslStart", "saslContinue", "createUser"};
    for (size_t i = 0; i < 4; i++) {
        struct buf plain, packed, scratch;
        struct wire_message message;
        buf_init(&plain, NULL);
        buf_init(&packed, NULL);
        buf_init(&scratch, NULL);
        compose(&plain, commands[i], 10);
        wire_compress(buf_slice(&plain), WIRE_COMPRESSOR_SNAPPY, &packed);
        assert_int_equal(parse(&packed, &message, &scratch), -LT_EPROTOCOLERROR);
        buf_close(&plain);
        buf_close(&packed);
        buf_close(&scratch);
    }
}

TEST(compressors_agreed_are_those_both_know_in_the_clients_order)
{
    struct arena arena;
    struct buf buf, reply;
    struct doc_builder names, builder;
    arena_init(&arena);
    buf_init(&buf, &arena);
    buf_init(&reply, &arena);
    doc_build_begin_array(&names, &buf);
    static const char *const asked[] = {"none", "zstd", "lzma", "snappy", "zstd"};
    for (size_t i = 0; i < 5; i++) {
        doc_build_text(&names, "", asked[i]);
    }
    doc_build_i32(&names, "", 5);
    struct slice array = doc_build_end(&names);
    doc_build_begin(&builder, &reply);
    uint32_t agreed = wire_compressors_agree(&builder, doc_value_array(array));
    struct slice doc = doc_build_end(&builder);
    assert_int_equal(agreed, 1u << WIRE_COMPRESSOR_ZSTD | 1u << WIRE_COMPRESSOR_SNAPPY);
    struct slice list = doc_value_get_doc(doc_get_str(doc, "compression"));
    assert_int_equal(doc_count(list), 2);
    assert_true(slice_is(doc_value_get_string(doc_array_at(list, 0)), "zstd"));
    reply.len = 0;
    doc_build_begin(&builder, &reply);
    assert_int_equal(wire_compressors_agree(&builder, doc_empty_array), 0);
    assert_int_equal(wire_compressors_agree(&builder, doc_missing), 0);
    assert_true(doc_is_empty(doc_build_end(&builder)));
    arena_close(&arena);
}
