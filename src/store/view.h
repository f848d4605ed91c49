/* store/view.h - what a command reads: the engine, and for the owner the pending overlay on top.
 *
 * Invariant   a view with an overlay shows every effect that is in the log; one without shows
 *             applied data only, as of its snapshot.
 * Thread      one at a time; with an overlay, the shard's owner only.
 * Memory      a pin or the cursor's key and value are borrowed until released or moved; a cursor
 *             lives inside one slice of work, never across one.
 * Errors      as store/kv.h. After -LT_EAGAIN, `miss` says which key to fetch.
 */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "base/buf.h"
#include "store/kv.h"
#include "store/overlay.h"

struct store_view {
    struct store_kv *kv;
    struct store_snapshot *snapshot; /* borrowed; NULL: the newest */
    struct store_overlay *overlay;   /* NULL: applied data only */
    enum store_wait wait;
    struct buf miss;    /* the key that was not in memory */
    bool miss_is_alone; /* it alone was asked for, not those beside it */
};

void store_view_init(struct store_view *view, struct store_kv *kv, struct store_overlay *overlay);
void store_view_close(struct store_view *view);

/* The value of one key. */
int store_view_get(struct store_view *view, struct slice key, struct store_pin *ret_pin);

/* Does the view know pages? Only one of what is newest and applied does. */
bool store_view_has_pages(const struct store_view *view);
/* As store_kv_ops.page. */
int store_view_page(struct store_view *view, struct slice name, struct store_pin *ret_page);

struct store_view_cursor {
    struct store_view *view;
    struct store_cursor *engine;
    struct store_skip_node *pending; /* the overlay's candidate; NULL: none */
    bool engine_valid;
    bool at_pending; /* the pending node is the current key */
    bool backward;
};

void store_view_cursor_open(struct store_view_cursor *cursor, struct store_view *view);
void store_view_cursor_close(struct store_view_cursor *cursor);

/* As store_kv_ops.seek and step. */
int store_view_seek(struct store_view_cursor *cursor, struct slice key, bool backward);
int store_view_step(struct store_view_cursor *cursor);
struct slice store_view_key(const struct store_view_cursor *cursor);
struct slice store_view_value(const struct store_view_cursor *cursor);

#endif
