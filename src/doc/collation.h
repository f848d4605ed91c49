/* doc/collation.h - how strings compare when it is not by bytes.
 *
 * Invariant   a collation never changes once it is parsed; NULL is one: by bytes. Two texts that
 *             compare equal have the same sort key, and memcmp orders sort keys as the texts are.
 * Thread      immutable; any thread may use one, several at once.
 * Memory      a collation lives in the arena it was parsed into, and so does what ICU keeps for it.
 * Errors      MongoDB's codes and words: 40414, 40415, TypeMismatch, BadValue, 161 for a version
 *             that this server is not.
 * Source      decision 0027.
 */
#ifndef DOC_COLLATION_H
#define DOC_COLLATION_H

#include "base/buf.h"
#include "base/err.h"
#include "doc/value.h"

struct doc_collation;

/* From {locale: "en", strength: 2, ...}. {locale: "simple"} is NULL. `field` is what the document
 * is called in messages. */
int doc_collation_parse(struct arena *arena, struct slice spec, const char *field,
                        const struct doc_collation **ret_collation, struct err *err);

/* Every option, given or the locale's own, as listCollections shows it. Not of NULL. */
struct slice doc_collation_spec(const struct doc_collation *collation);

/* Do both compare alike? */
bool doc_collation_is_same(const struct doc_collation *a, const struct doc_collation *b);

/* Negative, 0 or positive. Not of NULL. */
int doc_collation_compare(const struct doc_collation *collation, struct slice a, struct slice b);

/* Append the text's sort key, which has no NUL in it. Not of NULL. */
void doc_collation_sort_key(const struct doc_collation *collation, struct slice text,
                            struct buf *buf);

/* Does a value of this type compare by a collation? Objects and arrays may hold strings. */
static inline bool doc_collation_concerns(uint8_t type)
{
    return type == DOC_STRING || type == DOC_SYMBOL || type == DOC_OBJECT || type == DOC_ARRAY;
}

#endif
