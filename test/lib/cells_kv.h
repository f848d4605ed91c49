/* test/lib/cells_kv.h - an engine of some numbers, which a cache can stand before.
 *
 * Invariant   the record of a cell begins with its number, which tells all of its bytes; 0 is no
 *             record.
 * Thread      as store/kv.h; the hooks run on the thread that reads or applies.
 * Memory      the test has it; close leaves it as it is, so that it can be opened again.
 * Errors      -LT_ENOSUCHKEY for a cell that is 0.
 */
#ifndef TEST_LIB_CELLS_KV_H
#define TEST_LIB_CELLS_KV_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/random_doc.h"
#include "lib/test.h"
#include "store/effect.h"
#include "store/kv.h"

/* Their keys are the entries of a page, if they are put as such, which has the collection's id as
 * its name. Cells belong to COLLECTIONS collections, 1 and up, by turns. */
enum { CELLS = 192, COLLECTIONS = 4, CELL_BYTES = 1000, CELL_NOISE = 600 };

/* Its first member is the engine; `front` is whoever stands before it. */
struct cells {
    struct store_kv kv;
    _Atomic uint64_t cells[CELLS]; /* 0: not there */
    void (*during_get)(struct cells *cells);
    void (*during_apply)(struct cells *cells);
    struct store_kv *front;
    _Atomic uint64_t gets;
    struct store_mark applied;
};

struct cell_key {
    uint8_t bytes[5];
};

static inline struct slice cell_key(uint8_t cell, struct cell_key *key)
{
    *key = (struct cell_key){{0, 0, 0, (uint8_t)(1 + cell % COLLECTIONS), cell}};
    return slice_of(key->bytes, sizeof key->bytes);
}

static inline uint8_t cell_of(struct slice key)
{
    return key.data[4];
}

static inline void cell_fill(uint64_t number, uint8_t bytes[CELL_BYTES])
{
    struct random_doc noise = {number};
    memset(bytes, 0, CELL_BYTES);
    memcpy(bytes, &number, sizeof number);
    for (size_t at = sizeof number; at < CELL_NOISE; at += sizeof number) {
        uint64_t part = random_doc_next(&noise);
        memcpy(bytes + at, &part, sizeof part);
    }
}

static inline struct cells *cells_of(struct store_kv *kv)
{
    return (struct cells *)kv;
}

static inline int cells_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                            enum store_wait wait, struct store_pin *ret_pin)
{
    (void)snapshot;
    (void)wait;
    struct cells *cells = cells_of(kv);
    uint64_t value = atomic_load(&cells->cells[cell_of(key)]);
    atomic_fetch_add(&cells->gets, 1);
    if (cells->during_get != NULL) {
        cells->during_get(cells);
    }
    if (value == 0) {
        return -LT_ENOSUCHKEY;
    }
    uint8_t *copy = mem_alloc(CELL_BYTES);
    cell_fill(value, copy);
    *ret_pin = (struct store_pin){slice_of(copy, CELL_BYTES), copy, mem_free};
    return 0;
}

static inline int cells_apply(struct store_kv *kv, const struct slice *payloads, size_t count,
                              struct store_mark mark)
{
    struct cells *cells = cells_of(kv);
    cells->applied = mark;
    for (size_t i = 0; i < count; i++) {
        struct store_effect effect;
        for (size_t at = 0; store_effect_next(payloads[i], &at, &effect) > 0;) {
            uint64_t value = 0;
            memcpy(&value, effect.value.data, effect.value.len == 0 ? 0 : sizeof value);
            atomic_store(&cells->cells[cell_of(effect.key)], value);
        }
    }
    if (cells->during_apply != NULL) {
        cells->during_apply(cells);
    }
    return 0;
}

/* ---- cursors ---- */

/* Among the cells in the order of their keys. */
struct cells_cursor {
    struct store_cursor cursor;
    struct cells *cells;
    int place; /* -1 and CELLS: at an end */
    int direction;
};

static inline int cells_place(uint8_t cell)
{
    return cell % COLLECTIONS * (CELLS / COLLECTIONS) + cell / COLLECTIONS;
}

static inline uint8_t cells_at(int place)
{
    return (uint8_t)(place % (CELLS / COLLECTIONS) * COLLECTIONS + place / (CELLS / COLLECTIONS));
}

static inline struct cells_cursor *cells_cursor_of(struct store_cursor *cursor)
{
    return (struct cells_cursor *)cursor;
}

/* On to the next cell that is there. */
static inline int cells_settle(struct cells_cursor *cursor)
{
    while (cursor->place >= 0 && cursor->place < CELLS &&
           atomic_load(&cursor->cells->cells[cells_at(cursor->place)]) == 0) {
        cursor->place += cursor->direction;
    }
    return cursor->place >= 0 && cursor->place < CELLS;
}

static inline int cells_seek(struct store_cursor *base, struct slice key, bool backward)
{
    struct cells_cursor *cursor = cells_cursor_of(base);
    bool id_only = key.len == 4;
    cursor->place = id_only ? (key.data[3] - 1) * (CELLS / COLLECTIONS) : cells_place(cell_of(key));
    cursor->direction = backward ? -1 : 1;
    return cells_settle(cursor);
}

static inline int cells_step(struct store_cursor *base)
{
    struct cells_cursor *cursor = cells_cursor_of(base);
    cursor->place += cursor->direction;
    return cells_settle(cursor);
}

static inline struct slice cells_key(struct store_cursor *base)
{
    static _Thread_local struct cell_key key;
    return cell_key(cells_at(cells_cursor_of(base)->place), &key);
}

static inline struct slice cells_value(struct store_cursor *base)
{
    (void)base;
    return (struct slice){0};
}

static inline void cells_cursor_close(struct store_cursor *base)
{
    mem_free(base);
}

static const struct store_cursor_ops cells_cursor_ops = {.close = cells_cursor_close,
                                                         .seek = cells_seek,
                                                         .step = cells_step,
                                                         .key = cells_key,
                                                         .value = cells_value};

static inline struct store_cursor *
cells_cursor(struct store_kv *kv, struct store_snapshot *snapshot, enum store_wait wait)
{
    struct cells_cursor *cursor = mem_zero(1, sizeof *cursor);
    (void)snapshot;
    (void)wait;
    *cursor = (struct cells_cursor){.cursor = {&cells_cursor_ops}, .cells = cells_of(kv)};
    return &cursor->cursor;
}

/* ---- the engine ---- */

static inline void cells_close(struct store_kv *kv)
{
    (void)kv;
}

static inline struct store_mark cells_applied(struct store_kv *kv)
{
    return cells_of(kv)->applied;
}

static inline int cells_drop_range(struct store_kv *kv, struct slice from, struct slice to)
{
    (void)kv;
    (void)from;
    (void)to;
    return 0;
}

static const struct store_kv_ops cells_ops = {.name = "cells",
                                              .close = cells_close,
                                              .get = cells_get,
                                              .apply = cells_apply,
                                              .applied = cells_applied,
                                              .drop_range = cells_drop_range,
                                              .cursor = cells_cursor};

static inline void cells_change(struct store_kv *kv, uint8_t cell, uint64_t value, bool is_entry)
{
    uint8_t bytes[CELL_BYTES];
    struct cell_key key;
    struct buf payload;
    struct store_mark mark = kv->ops->applied(kv);
    mark.index++;
    buf_init(&payload, NULL);
    store_effect_begin(&payload, 1);
    cell_key(cell, &key);
    cell_fill(value, bytes);
    struct slice name = slice_of(key.bytes, sizeof key.bytes);
    struct slice record = slice_of(bytes, sizeof bytes);
    if (is_entry && value == 0) {
        store_effect_delete_entry(&payload, name, 4);
    } else if (is_entry) {
        store_effect_put_entry(&payload, name, 4, record);
    } else if (value == 0) {
        store_effect_delete(&payload, name);
    } else {
        store_effect_put(&payload, name, record);
    }
    struct slice whole = buf_slice(&payload);
    assert_int_equal(kv->ops->apply(kv, &whole, 1, mark), 0);
    buf_close(&payload);
}

static inline void cells_set(struct store_kv *kv, uint8_t cell, uint64_t value)
{
    cells_change(kv, cell, value, false);
}

static inline uint64_t cells_read_so(struct store_kv *kv, uint8_t cell, enum store_wait wait)
{
    uint8_t bytes[CELL_BYTES];
    struct cell_key key;
    struct store_pin pin = {0};
    uint64_t value = 0;
    int code = kv->ops->get(kv, NULL, cell_key(cell, &key), wait, &pin);
    if (code == 0) {
        memcpy(&value, pin.value.data, sizeof value);
        cell_fill(value, bytes);
        assert_true(slice_equal(pin.value, slice_of(bytes, sizeof bytes)));
        store_pin_release(&pin);
    } else {
        assert_int_equal(code, -LT_ENOSUCHKEY);
    }
    return value;
}

static inline uint64_t cells_read(struct store_kv *kv, uint8_t cell)
{
    return cells_read_so(kv, cell, STORE_MAY_WAIT);
}

#endif
