/* store/effect.h - what a write changes: the payload of a log entry.
 *
 * Invariant   a payload is `version byte | hybrid clock, 8 bytes | operations`; an operation is
 *             `kind byte | key length, 4 bytes | key | value length, 4 bytes | value`, and of an
 *             entry of a page, behind that, `page length, 4 bytes`. Applying one is blind: it reads
 *             nothing, and steps over notes (store/note.h).
 * Thread      a value.
 * Memory      appends to the caller's buf; iteration borrows the payload.
 * Errors      -LT_ECORRUPT for bytes that no encoder wrote.
 */
#ifndef STORE_EFFECT_H
#define STORE_EFFECT_H

#include "base/buf.h"
#include "base/err.h"

enum store_effect_kind {
    STORE_EFFECT_PUT = 1,
    STORE_EFFECT_DELETE = 2,
    STORE_EFFECT_NOTE = 5,
};

struct store_effect {
    enum store_effect_kind kind;
    struct slice key;
    struct slice value; /* empty for a delete */
    /* What readers know the change by: the key, or its beginning that all entries of a page
     * (store/page.h) have. */
    struct slice name;
};

enum { STORE_EFFECT_HEADER = 9 };

/* Begin a payload in an empty buf. */
void store_effect_begin(struct buf *buf, uint64_t clock);
void store_effect_put(struct buf *buf, struct slice key, struct slice value);
void store_effect_delete(struct buf *buf, struct slice key);
/* The same of a page's entry: `page_len` bytes of the key are common to all of them. */
void store_effect_put_entry(struct buf *buf, struct slice key, size_t page_len, struct slice value);
void store_effect_delete_entry(struct buf *buf, struct slice key, size_t page_len);

/* A note: `parts`, one after another, about what has that id. */
void store_effect_note(struct buf *buf, uint32_t id, const struct slice *parts, size_t count);

/* Step through a payload: set *at to 0 first; 1 = an effect, 0 = end, -LT_ECORRUPT. */
int store_effect_next(struct slice payload, size_t *at, struct store_effect *ret_effect);

/* The same, but for notes. */
int store_effect_next_change(struct slice payload, size_t *at, struct store_effect *ret_effect);

/* The hybrid clock of a payload. */
uint64_t store_effect_clock(struct slice payload);

#endif
