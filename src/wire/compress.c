/* wire/compress.c - snappy, zlib and zstd behind one bound.
 *
 *   header | original opcode | size inside | compressor | bytes
 *
 * The size that the peer declares decides what is allocated, so it is checked first; what comes out
 * must have that size exactly. */
#include "wire/compress.h"

#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include "doc/view.h"

enum { COMPRESS_HEAD = WIRE_HEADER_SIZE + 9, COMPRESS_ZLIB_LEVEL = 6, COMPRESS_ZSTD_LEVEL = 3 };

static const struct {
    const char *name;
    enum wire_compressor compressor;
} compress_names[] = {
    {"snappy", WIRE_COMPRESSOR_SNAPPY},
    {"zlib", WIRE_COMPRESSOR_ZLIB},
    {"zstd", WIRE_COMPRESSOR_ZSTD},
};

static const char *const compress_forbidden[] = {
    "hello",    "isMaster",   "ismaster",   "saslStart",       "saslContinue", "authenticate",
    "getnonce", "createUser", "updateUser", "copydbSaslStart", "copydb",       "copydbgetnonce",
};

bool wire_compressible(struct slice command)
{
    for (size_t i = 0; i < sizeof compress_forbidden / sizeof compress_forbidden[0]; i++) {
        if (slice_is(command, compress_forbidden[i])) {
            return false;
        }
    }
    return true;
}

/* Fill out[0..size) exactly. */
static bool compress_unpack(uint8_t compressor, struct slice packed, uint8_t *out, size_t size)
{
    size_t produced = size;
    uLongf zlib_produced = (uLongf)size;
    uLong zlib_used = (uLong)packed.len;
    switch (compressor) {
    case WIRE_COMPRESSOR_NOOP:
        if (packed.len != size) {
            return false;
        }
        memcpy(out, packed.data, size);
        return true;
    case WIRE_COMPRESSOR_SNAPPY:
        return snappy_uncompressed_length((const char *)packed.data, packed.len, &produced) ==
                   SNAPPY_OK &&
               produced == size &&
               snappy_uncompress((const char *)packed.data, packed.len, (char *)out, &produced) ==
                   SNAPPY_OK &&
               produced == size;
    case WIRE_COMPRESSOR_ZLIB:
        return uncompress2(out, &zlib_produced, packed.data, &zlib_used) == Z_OK &&
               zlib_produced == size && zlib_used == packed.len;
    case WIRE_COMPRESSOR_ZSTD:
        return ZSTD_decompress(out, size, packed.data, packed.len) == size;
    default:
        return false;
    }
}

static int compress_check(struct slice packed, int32_t opcode, uint32_t size, struct err *err)
{
    if (opcode != WIRE_OP_MSG && opcode != WIRE_OP_QUERY && opcode != WIRE_OP_REPLY) {
        return err_set(err, LT_EPROTOCOLERROR, "Opcode %d may not be compressed", opcode);
    }
    if (size == 0 || size > WIRE_MESSAGE_SIZE_MAX - WIRE_HEADER_SIZE) {
        return err_set(err, LT_EPROTOCOLERROR, "A compressed message of impossible size %u", size);
    }
    if (size > WIRE_RATIO_FREE_SIZE && size / WIRE_RATIO_MAX > packed.len) {
        return err_set(err, LT_EPROTOCOLERROR, "A compressed message of %u bytes in %zu", size,
                       packed.len);
    }
    return 0;
}

int wire_decompress(struct slice frame, struct buf *out, enum wire_compressor *ret_compressor,
                    struct err *err)
{
    struct wire_header header;
    if (frame.len < COMPRESS_HEAD) {
        return err_set(err, LT_EPROTOCOLERROR, "A compressed message without its size");
    }
    int result = wire_header_parse(frame, WIRE_MESSAGE_SIZE_MAX, &header, err);
    if (result != 0) {
        return result;
    }
    assert(header.length == frame.len && header.opcode == WIRE_OP_COMPRESSED);
    header.opcode = (int32_t)doc_load_u32(frame.data + WIRE_HEADER_SIZE);
    uint32_t size = doc_load_u32(frame.data + WIRE_HEADER_SIZE + 4);
    uint8_t compressor = frame.data[COMPRESS_HEAD - 1];
    struct slice packed = slice_from(frame, COMPRESS_HEAD);
    result = compress_check(packed, header.opcode, size, err);
    if (result != 0) {
        return result;
    }
    size_t start = out->len;
    uint8_t *at = buf_extend(out, WIRE_HEADER_SIZE + size);
    if (!compress_unpack(compressor, packed, at + WIRE_HEADER_SIZE, size)) {
        out->len = start;
        return err_set(err, LT_EPROTOCOLERROR, "A compressed message is damaged");
    }
    header.length = WIRE_HEADER_SIZE + size;
    wire_header_write(at, &header);
    *ret_compressor = compressor;
    return 0;
}

int wire_request_parse(struct slice frame, struct buf *scratch, struct wire_message *ret_message,
                       struct err *err)
{
    struct wire_header header = {0};
    if (frame.len >= WIRE_HEADER_SIZE) {
        int result = wire_header_parse(frame, WIRE_MESSAGE_SIZE_MAX, &header, err);
        if (result != 0) {
            *ret_message = (struct wire_message){0};
            return result;
        }
    }
    if (header.opcode != WIRE_OP_COMPRESSED || header.length != frame.len) {
        return wire_message_parse(frame, ret_message, err);
    }
    enum wire_compressor compressor;
    scratch->len = 0;
    *ret_message = (struct wire_message){.header = header};
    int result = wire_decompress(frame, scratch, &compressor, err);
    if (result == 0) {
        result = wire_message_parse(buf_slice(scratch), ret_message, err);
        ret_message->compressed = true;
        ret_message->compressor = (uint8_t)compressor;
    }
    if (result == 0 && !wire_compressible(doc_first(ret_message->body).name)) {
        result = err_set(err, LT_EPROTOCOLERROR, "Command %.*s may not be compressed",
                         SLICE_FMT(doc_first(ret_message->body).name));
    }
    return result;
}

static size_t compress_bound(enum wire_compressor compressor, size_t size)
{
    switch (compressor) {
    case WIRE_COMPRESSOR_SNAPPY:
        return snappy_max_compressed_length(size);
    case WIRE_COMPRESSOR_ZLIB:
        return compressBound((uLong)size);
    case WIRE_COMPRESSOR_ZSTD:
        return ZSTD_compressBound(size);
    default:
        return size;
    }
}

/* Bytes written to out[0..cap), or 0. */
static size_t compress_pack(enum wire_compressor compressor, struct slice plain, uint8_t *out,
                            size_t cap)
{
    uLongf zlib_cap = (uLongf)cap;
    switch (compressor) {
    case WIRE_COMPRESSOR_SNAPPY:
        return snappy_compress((const char *)plain.data, plain.len, (char *)out, &cap) == SNAPPY_OK
                   ? cap
                   : 0;
    case WIRE_COMPRESSOR_ZLIB:
        return compress2(out, &zlib_cap, plain.data, (uLong)plain.len, COMPRESS_ZLIB_LEVEL) == Z_OK
                   ? zlib_cap
                   : 0;
    case WIRE_COMPRESSOR_ZSTD:
        cap = ZSTD_compress(out, cap, plain.data, plain.len, COMPRESS_ZSTD_LEVEL);
        return ZSTD_isError(cap) ? 0 : cap;
    default:
        memcpy(out, plain.data, plain.len);
        return plain.len;
    }
}

void wire_compress(struct slice message, enum wire_compressor compressor, struct buf *out)
{
    assert(message.len > WIRE_HEADER_SIZE);
    struct slice plain = slice_from(message, WIRE_HEADER_SIZE);
    size_t bound = compress_bound(compressor, plain.len);
    size_t start = out->len;
    uint8_t *at = buf_extend(out, COMPRESS_HEAD + bound);
    size_t packed = compress_pack(compressor, plain, at + COMPRESS_HEAD, bound);
    out->len = start + COMPRESS_HEAD + packed;
    if (packed == 0 || COMPRESS_HEAD + packed > WIRE_MESSAGE_SIZE_MAX) {
        out->len = start;
        buf_append_slice(out, message);
        return;
    }
    uint32_t size = (uint32_t)plain.len;
    memcpy(at, message.data, WIRE_HEADER_SIZE);
    memcpy(at + WIRE_HEADER_SIZE, message.data + 12, 4); /* the opcode inside */
    memcpy(at + WIRE_HEADER_SIZE + 4, &size, 4);
    at[COMPRESS_HEAD - 1] = (uint8_t)compressor;
    struct wire_header header = {
        .length = (uint32_t)(COMPRESS_HEAD + packed),
        .request_id = (int32_t)doc_load_u32(message.data + 4),
        .response_to = (int32_t)doc_load_u32(message.data + 8),
        .opcode = WIRE_OP_COMPRESSED,
    };
    wire_header_write(at, &header);
}

static int compress_of_name(struct doc_value name)
{
    for (size_t i = 0; i < sizeof compress_names / sizeof compress_names[0]; i++) {
        if (name.type == DOC_STRING &&
            slice_is(doc_value_get_string(name), compress_names[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

uint32_t wire_compressors_agree(struct doc_builder *builder, struct doc_value names)
{
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t agreed = 0;
    if (names.type != DOC_ARRAY) {
        return 0;
    }
    doc_iter_value(&iter, names);
    while (doc_iter_next(&iter, &elem)) {
        int row = compress_of_name(elem.value);
        if (row < 0 || (agreed & 1u << compress_names[row].compressor)) {
            continue;
        }
        if (agreed == 0) {
            doc_build_open_array(builder, SLICE("compression"));
        }
        agreed |= 1u << compress_names[row].compressor;
        doc_build_text(builder, "", compress_names[row].name);
    }
    if (agreed != 0) {
        doc_build_close(builder);
    }
    return agreed;
}
