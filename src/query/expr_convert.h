/* query/expr_convert.h - one conversion of $convert.
 *
 * Invariant   none beyond the fields'.
 * Thread      a value.
 * Memory      results are in arena.
 * Errors      241 (ConversionFailure) from every conversion.
 */
#ifndef QUERY_EXPR_CONVERT_H
#define QUERY_EXPR_CONVERT_H

#include "query/expr_private.h"

struct query__conversion {
    struct arena *arena;
    struct err *err;
    struct slice format; /* of binary as text: base64, base64url, hex, utf8, uuid, auto; "": none */
    int subtype;         /* of binary */
    uint8_t type;        /* the target */
    bool big_endian;
};

bool query__convert_format_known(struct slice format);

int query__convert_string(struct query__conversion *to, struct doc_value value,
                          struct doc_value *ret_value);
int query__convert_binary(struct query__conversion *to, struct doc_value value,
                          struct doc_value *ret_value);

/* Hexadecimal digits as half as many bytes. */
bool query__hex_read(struct slice text, uint8_t *bytes);

#endif
