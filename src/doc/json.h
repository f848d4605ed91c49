/* doc/json.h - BSON as Extended JSON v2, both ways.
 *
 * Invariant   relaxed output is what people read, canonical output keeps every type; reading takes
 *             either form and plain JSON.
 * Thread      pure.
 * Memory      output goes to the caller's buf; documents read go to the caller's buf.
 * Errors      -LT_EFAILEDTOPARSE with the byte where reading stopped.
 * Source      MongoDB Extended JSON v2 specification. Decimal128 text by doc/decimal.
 */
#ifndef DOC_JSON_H
#define DOC_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "doc/value.h"

enum doc_json_form { DOC_JSON_RELAXED, DOC_JSON_CANONICAL };

void doc_json_write(struct buf *buf, struct slice doc, enum doc_json_form form);
void doc_json_write_value(struct buf *buf, struct doc_value value, enum doc_json_form form);

/* The value as the MongoDB server prints it inside error messages: { a: 1, b: "x" },
 * ObjectId('...'), new Date(ms), MinKey, 1.0 for a whole double. */
void doc_json_write_shell(struct buf *buf, struct doc_value value);

/* Read one JSON object at the front of `text` into a document appended to `buf`; *ret_used is how
 * far it went. Dates, ObjectIds and the rest by their Extended JSON wrappers. */
int doc_json_read(struct slice text, struct buf *buf, size_t *ret_used, struct err *err);

#endif
