/* store/view.c - merging two sorted sources, the overlay winning where both have a key. */
#include "store/view.h"

#include <assert.h>

void store_view_init(struct store_view *view, struct store_kv *kv, struct store_overlay *overlay)
{
    *view = (struct store_view){.kv = kv, .overlay = overlay, .wait = STORE_MEMORY_ONLY};
    buf_init(&view->miss, NULL);
}

void store_view_close(struct store_view *view)
{
    buf_close(&view->miss);
}

static int view_missed(struct store_view *view, struct slice key, bool alone)
{
    view->miss_is_alone = alone;
    if (key.data != view->miss.data) {
        view->miss.len = 0;
        buf_append_slice(&view->miss, key);
    }
    return -LT_EAGAIN;
}

int store_view_get(struct store_view *view, struct slice key, struct store_pin *ret_pin)
{
    if (view->overlay != NULL) {
        const struct store_overlay_node *node = store_overlay_get(view->overlay, key);
        if (node != NULL) {
            *ret_pin = (struct store_pin){node->value, NULL, NULL};
            return node->deleted ? -LT_ENOSUCHKEY : 0;
        }
    }
    int code = view->kv->ops->get(view->kv, view->snapshot, key, view->wait, ret_pin);
    return code == -LT_EAGAIN ? view_missed(view, key, true) : code;
}

bool store_view_has_pages(const struct store_view *view)
{
    return view->overlay == NULL && view->snapshot == NULL && view->kv->ops->page != NULL;
}

int store_view_page(struct store_view *view, struct slice name, struct store_pin *ret_page)
{
    assert(store_view_has_pages(view));
    int code = view->kv->ops->page(view->kv, name, view->wait, ret_page);
    return code == -LT_EAGAIN ? view_missed(view, name, false) : code;
}

void store_view_cursor_open(struct store_view_cursor *cursor, struct store_view *view)
{
    *cursor = (struct store_view_cursor){.view = view};
    cursor->engine = view->kv->ops->cursor(view->kv, view->snapshot, view->wait);
}

void store_view_cursor_close(struct store_view_cursor *cursor)
{
    if (cursor->engine != NULL) {
        cursor->engine->ops->close(cursor->engine);
        cursor->engine = NULL;
    }
}

static int view_engine_state(struct store_view_cursor *cursor, int state)
{
    cursor->engine_valid = state > 0;
    return state < 0 ? state : 0;
}

static int view_engine_step(struct store_view_cursor *cursor)
{
    return view_engine_state(cursor, cursor->engine->ops->step(cursor->engine));
}

/* The newest pending version of the key next to `key`, in the cursor's direction. */
static struct store_skip_node *view_pending_beside(struct store_view_cursor *cursor,
                                                   struct slice key)
{
    struct store_skip *skip = store_overlay_sorted(cursor->view->overlay);
    if (!cursor->backward) {
        return store_skip_at_or_after(skip, key, 0);
    }
    struct store_skip_node *before = store_skip_before(skip, key, UINT64_MAX);
    return before == NULL ? NULL : store_skip_at_or_after(skip, before->key, UINT64_MAX);
}

/* Choose between engine and overlay; step over what a tombstone hides. */
static int view_settle(struct store_view_cursor *cursor)
{
    int code = 0;
    while (cursor->pending != NULL) {
        int order = -1;
        if (cursor->engine_valid) {
            order = slice_compare(cursor->pending->key, cursor->engine->ops->key(cursor->engine));
            order = cursor->backward ? -order : order;
        }
        if (order > 0) {
            break;
        }
        if (order == 0) {
            code = view_engine_step(cursor);
            if (code < 0) {
                return code;
            }
        }
        if (!cursor->pending->deleted) {
            cursor->at_pending = true;
            return 1;
        }
        cursor->pending = view_pending_beside(cursor, cursor->pending->key);
    }
    cursor->at_pending = false;
    return cursor->engine_valid ? 1 : code;
}

static int view_result(struct store_view_cursor *cursor, int state, struct slice key)
{
    return state == -LT_EAGAIN ? view_missed(cursor->view, key, false) : state;
}

int store_view_seek(struct store_view_cursor *cursor, struct slice key, bool backward)
{
    cursor->backward = backward;
    cursor->pending = NULL;
    int code = view_engine_state(cursor, cursor->engine->ops->seek(cursor->engine, key, backward));
    if (code < 0) {
        return view_result(cursor, code, key);
    }
    if (cursor->view->overlay != NULL) {
        struct store_skip *skip = store_overlay_sorted(cursor->view->overlay);
        cursor->pending = store_skip_at_or_after(skip, key, UINT64_MAX);
        bool exact = cursor->pending != NULL && slice_equal(cursor->pending->key, key);
        if (backward && !exact) {
            cursor->pending = view_pending_beside(cursor, key);
        }
    }
    return view_result(cursor, view_settle(cursor), key);
}

int store_view_step(struct store_view_cursor *cursor)
{
    struct buf *miss = &cursor->view->miss;
    miss->len = 0;
    buf_append_slice(miss, store_view_key(cursor));
    cursor->view->miss_is_alone = false;
    int code = 0;
    if (cursor->at_pending) {
        cursor->pending = view_pending_beside(cursor, cursor->pending->key);
    } else {
        code = view_engine_step(cursor);
    }
    return code < 0 ? code : view_settle(cursor);
}

struct slice store_view_key(const struct store_view_cursor *cursor)
{
    return cursor->at_pending ? cursor->pending->key : cursor->engine->ops->key(cursor->engine);
}

struct slice store_view_value(const struct store_view_cursor *cursor)
{
    return cursor->at_pending ? cursor->pending->value : cursor->engine->ops->value(cursor->engine);
}
