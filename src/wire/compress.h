/* wire/compress.h - OP_COMPRESSED, both ways, and what hello agrees on.
 *
 * Invariant   nothing is allocated before the declared size has been checked against the message
 *             limit and the ratio limit; a message inside a compressed one is never compressed.
 * Thread      pure.
 * Memory      results are appended to the caller's buf.
 * Errors      -LT_EPROTOCOLERROR: close the connection.
 * Source      MONGODB.md 2.1.
 */
#ifndef WIRE_COMPRESS_H
#define WIRE_COMPRESS_H

#include "doc/build.h"
#include "wire/message.h"

enum wire_compressor {
    WIRE_COMPRESSOR_NOOP = 0,
    WIRE_COMPRESSOR_SNAPPY = 1,
    WIRE_COMPRESSOR_ZLIB = 2,
    WIRE_COMPRESSOR_ZSTD = 3,
};

enum {
    WIRE_RATIO_MAX = 1000,              /* declared size to bytes sent ... */
    WIRE_RATIO_FREE_SIZE = 1024 * 1024, /* ... above this size */
};

/* The door for requests: parse `frame`, compressed or not. A decompressed message goes to `scratch`
 * (emptied first, its bytes must outlive *ret_message). Commands that must not come compressed are
 * refused. */
int wire_request_parse(struct slice frame, struct buf *scratch, struct wire_message *ret_message,
                       struct err *err);

/* Append the message inside the OP_COMPRESSED `frame`, with a header of its own, to `out`. */
int wire_decompress(struct slice frame, struct buf *out, enum wire_compressor *ret_compressor,
                    struct err *err);

/* Append `message` (whole, composed) as OP_COMPRESSED to `out`. When the library refuses, append it
 * as it is. */
void wire_compress(struct slice message, enum wire_compressor compressor, struct buf *out);

/* False for hello, login and user commands: secrets never travel beside chosen text. */
bool wire_compressible(struct slice command);

/* The field `compression` of hello's reply: of `names` (the request's array, or anything) those we
 * know, in the client's order. Nothing is written when there are none. Returns their bits,
 * 1 << enum wire_compressor. */
uint32_t wire_compressors_agree(struct doc_builder *builder, struct doc_value names);

#endif
