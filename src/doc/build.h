/* doc/build.h - writing a BSON document front to back.
 *
 * Invariant   every open document or array is closed before doc_build_end; nesting is at most
 *             DOC_BUILD_DEPTH_MAX. Array elements are named by their position.
 * Thread      one at a time.
 * Memory      bytes go to the caller's buf, after what is already there.
 * Errors      none; sizes are checked by those who know the limit (doc_build_size).
 */
#ifndef DOC_BUILD_H
#define DOC_BUILD_H

#include "base/buf.h"
#include "doc/value.h"

enum { DOC_BUILD_DEPTH_MAX = 256 };

struct doc_builder {
    struct buf *buf;
    uint32_t depth;    /* open documents, the outermost included */
    struct slice lent; /* a document that belongs into buf at lent_at; empty: none */
    size_t lent_at;
    struct {
        uint32_t start; /* where in buf it begins */
        uint32_t index; /* next position; arrays only */
        bool is_array;
    } open[DOC_BUILD_DEPTH_MAX];
};

/* Begin a document (or array) at the end of buf. */
void doc_build_begin(struct doc_builder *builder, struct buf *buf);
void doc_build_begin_array(struct doc_builder *builder, struct buf *buf);

/* Close the outermost: its bytes, borrowed from buf, which lack what was lent. */
struct slice doc_build_end(struct doc_builder *builder);

/* Bytes written since the begin. */
size_t doc_build_size(const struct doc_builder *builder);

/* ---- fields: in an array the name is ignored and may be empty ---- */
void doc_build_value(struct doc_builder *builder, struct slice name, struct doc_value value);
void doc_build_open(struct doc_builder *builder, struct slice name);
void doc_build_open_array(struct doc_builder *builder, struct slice name);
void doc_build_close(struct doc_builder *builder);
/* Every field of `doc`. */
void doc_build_fields(struct doc_builder *builder, struct slice doc);
/* Every field of `doc` but one. */
void doc_build_without(struct doc_builder *builder, struct slice doc, const char *name);

/* ---- the same by C string, for replies ---- */
void doc_build_i32(struct doc_builder *builder, const char *name, int32_t number);
void doc_build_i64(struct doc_builder *builder, const char *name, int64_t number);
void doc_build_double(struct doc_builder *builder, const char *name, double number);
void doc_build_bool(struct doc_builder *builder, const char *name, bool truth);
void doc_build_null(struct doc_builder *builder, const char *name);
void doc_build_date(struct doc_builder *builder, const char *name, int64_t unix_ms);
void doc_build_timestamp(struct doc_builder *builder, const char *name, uint64_t timestamp);
void doc_build_string(struct doc_builder *builder, const char *name, struct slice text);
void doc_build_text(struct doc_builder *builder, const char *name, const char *text);
void doc_build_oid(struct doc_builder *builder, const char *name, const uint8_t bytes[12]);
void doc_build_binary(struct doc_builder *builder, const char *name, uint8_t subtype,
                      struct slice bytes);
void doc_build_doc(struct doc_builder *builder, const char *name, struct slice doc);
void doc_build_array(struct doc_builder *builder, const char *name, struct slice array);

/* The same as doc_build_doc, but the document's bytes stay where they are: all lengths count them,
 * and who sends the buf sends them in between (doc_build_gather puts them in). Once. */
void doc_build_lend(struct doc_builder *builder, const char *name, struct slice doc);
void doc_build_gather(struct doc_builder *builder);

#endif
