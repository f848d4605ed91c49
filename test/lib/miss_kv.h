/* test/lib/miss_kv.h - an engine around another that now and then has nothing in memory.
 *
 * Invariant   answers are the inner engine's, or -LT_EAGAIN to readers that may not wait; asked
 *             often enough it answers.
 * Thread      one.
 * Memory      borrows the inner engine.
 * Errors      as store/kv.h.
 */
#ifndef TEST_LIB_MISS_KV_H
#define TEST_LIB_MISS_KV_H

#include "base/mem.h"
#include "lib/random_doc.h"
#include "store/kv.h"

struct miss_kv {
    struct store_kv kv;
    struct store_kv *inner;
    struct random_doc *random;
    uint32_t one_in; /* 0: never misses */
};

struct miss_cursor {
    struct store_cursor cursor;
    struct store_cursor *inner;
    struct miss_kv *miss;
    enum store_wait wait;
};

static inline bool miss_now(struct miss_kv *miss, enum store_wait wait)
{
    return wait == STORE_MEMORY_ONLY && miss->one_in > 0 &&
           random_doc_below(miss->random, miss->one_in) == 0;
}

static inline int miss_get(struct store_kv *kv, struct store_snapshot *snapshot, struct slice key,
                           enum store_wait wait, struct store_pin *ret_pin)
{
    struct miss_kv *miss = (struct miss_kv *)kv;
    return miss_now(miss, wait) ? -LT_EAGAIN
                                : miss->inner->ops->get(miss->inner, snapshot, key, wait, ret_pin);
}

static inline struct store_cursor *miss_inner(struct store_cursor *cursor)
{
    return ((struct miss_cursor *)cursor)->inner;
}

static inline void miss_cursor_close(struct store_cursor *cursor)
{
    miss_inner(cursor)->ops->close(miss_inner(cursor));
    mem_free(cursor);
}

static inline int miss_seek(struct store_cursor *cursor, struct slice key, bool backward)
{
    struct miss_cursor *self = (struct miss_cursor *)cursor;
    return miss_now(self->miss, self->wait) ? -LT_EAGAIN
                                            : self->inner->ops->seek(self->inner, key, backward);
}

static inline int miss_step(struct store_cursor *cursor)
{
    struct miss_cursor *self = (struct miss_cursor *)cursor;
    return miss_now(self->miss, self->wait) ? -LT_EAGAIN : self->inner->ops->step(self->inner);
}

static inline struct slice miss_key(struct store_cursor *cursor)
{
    return miss_inner(cursor)->ops->key(miss_inner(cursor));
}

static inline struct slice miss_value(struct store_cursor *cursor)
{
    return miss_inner(cursor)->ops->value(miss_inner(cursor));
}

static const struct store_cursor_ops miss_cursor_ops = {
    .close = miss_cursor_close,
    .seek = miss_seek,
    .step = miss_step,
    .key = miss_key,
    .value = miss_value,
};

static inline struct store_cursor *miss_cursor(struct store_kv *kv, struct store_snapshot *snapshot,
                                               enum store_wait wait)
{
    struct miss_kv *miss = (struct miss_kv *)kv;
    struct miss_cursor *cursor = mem_zero(1, sizeof *cursor);
    cursor->cursor.ops = &miss_cursor_ops;
    cursor->inner = miss->inner->ops->cursor(miss->inner, snapshot, wait);
    cursor->miss = miss;
    cursor->wait = wait;
    return &cursor->cursor;
}

/* For reading only. */
static const struct store_kv_ops miss_kv_ops = {
    .name = "miss",
    .get = miss_get,
    .cursor = miss_cursor,
};

static inline void miss_kv_init(struct miss_kv *miss, struct store_kv *inner,
                                struct random_doc *random, uint32_t one_in)
{
    *miss = (struct miss_kv){{&miss_kv_ops}, inner, random, one_in};
}

#endif
