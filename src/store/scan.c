/* store/scan.c - walking ranges, finding each entry's record. */
#include "store/scan.h"

#include <assert.h>

#include "store/keys.h"
#include "store/page.h"
#include "store/record.h"

void store_scan_init(struct store_scan *scan, struct store_view *view,
                     const struct store_collection *collection, const struct store_index *index)
{
    *scan = (struct store_scan){.view = view, .collection = collection, .index = index};
    scan->repeats = index != NULL && (index->multikey || index->wildcard != NULL);
    buf_init(&scan->last, NULL);
    buf_init(&scan->page.copy, NULL);
    store_skip_init(&scan->seen);
}

static bool scan_is_records(const struct store_scan *scan)
{
    return scan->index == NULL || scan->index->is_id;
}

/* The whole key space of the collection or the index. */
static struct store_range scan_everything(const struct store_scan *scan, struct arena *arena)
{
    uint32_t id = scan_is_records(scan) ? scan->collection->id : scan->index->id;
    struct store_range range;
    store_key_range(id, arena_alloc(arena, 8), &range.from, &range.to);
    return range;
}

void store_scan_set_ranges(struct store_scan *scan, struct arena *arena,
                           const struct store_range *ranges, uint32_t count, bool backward)
{
    scan->backward = backward;
    scan->ranges_count = count == 0 ? 1 : count;
    scan->ranges = arena_alloc(arena, scan->ranges_count * sizeof *scan->ranges);
    if (count == 0) {
        scan->ranges[0] = scan_everything(scan, arena);
    }
    for (uint32_t i = 0; i < count; i++) {
        scan->ranges[i].from = arena_copy(arena, ranges[i].from);
        scan->ranges[i].to = arena_copy(arena, ranges[i].to);
    }
}

/* What a pause misses in a page goes forward, so a scan that goes backward does not use one. */
void store_scan_use_page(struct store_scan *scan)
{
    assert(scan->ranges_count == 1 && !scan_is_records(scan) && !scan->index->unique);
    scan->paged = !scan->backward && store_view_has_pages(scan->view);
}

/* A page may not stay pinned: what is left of it is read from a copy. */
static void scan_pause_page(struct store_scan_page *page)
{
    if (page->pin.handle != NULL) {
        buf_append_slice(&page->copy, page->pin.value);
        store_pin_release(&page->pin);
        page->pin.value = buf_slice(&page->copy);
    }
}

void store_scan_pause(struct store_scan *scan)
{
    store_pin_release(&scan->pin);
    scan_pause_page(&scan->page);
    if (scan->open) {
        store_view_cursor_close(&scan->cursor);
        scan->open = false;
    }
}

void store_scan_retry(struct store_scan *scan)
{
    store_scan_pause(scan);
    scan->again = scan->last.len > 0;
}

void store_scan_close(struct store_scan *scan)
{
    store_pin_release(&scan->page.pin);
    store_scan_pause(scan);
    buf_close(&scan->page.copy);
    buf_close(&scan->last);
    store_skip_close(&scan->seen);
}

static const struct store_range *scan_range(const struct store_scan *scan)
{
    uint32_t last = scan->ranges_count - 1;
    return &scan->ranges[scan->backward ? last - scan->range : scan->range];
}

/* Place the cursor at the next key of this range: after `last`, or at the range's beginning. */
static int scan_place(struct store_scan *scan)
{
    const struct store_range *range = scan_range(scan);
    if (scan->open && scan->last.len > 0) {
        return store_view_step(&scan->cursor);
    }
    if (!scan->open) {
        store_view_cursor_open(&scan->cursor, scan->view);
        scan->open = true;
    }
    bool resumed = scan->last.len > 0;
    struct slice start = resumed          ? buf_slice(&scan->last)
                         : scan->backward ? range->to
                                          : range->from;
    int code = store_view_seek(&scan->cursor, start, scan->backward);
    bool skip = resumed ? !scan->again : scan->backward; /* `to` is not in the range */
    bool there = code > 0 && slice_equal(store_view_key(&scan->cursor), start);
    if (scan->tails && resumed && !there && code >= 0) {
        return -LT_ECAPPEDPOSITIONLOST;
    }
    scan->again &= there;
    return there && skip ? store_view_step(&scan->cursor) : code;
}

static bool scan_in_range(const struct store_scan *scan, struct slice key)
{
    const struct store_range *range = scan_range(scan);
    return slice_compare(key, range->from) >= 0 && slice_compare(key, range->to) < 0;
}

/* The next key in any range: 1, 0 at the end. */
static int scan_key(struct store_scan *scan)
{
    while (scan->range < scan->ranges_count) {
        int code = scan_place(scan);
        if (code < 0) {
            store_scan_pause(scan);
            return code;
        }
        if (code > 0 && scan_in_range(scan, store_view_key(&scan->cursor))) {
            return 1;
        }
        if (scan->tails) {
            store_scan_pause(scan);
            return 0;
        }
        scan->range++;
        scan->last.len = 0;
    }
    return 0;
}

static void scan_remember(struct store_scan *scan, struct slice key)
{
    scan->again = false;
    scan->last.len = 0;
    buf_append_slice(&scan->last, key);
}

/* The key of the record that an index entry leads to; made in `key`. */
static int scan_entry_record(struct store_scan *scan, struct buf *key)
{
    struct slice entry = store_view_key(&scan->cursor);
    struct slice value = store_view_value(&scan->cursor);
    store_key_id(key, scan->collection->id);
    if (scan->index->unique) {
        buf_append_slice(key, value);
        return 0;
    }
    uint32_t fields_len;
    if (value.len < sizeof fields_len) {
        return -LT_ECORRUPT;
    }
    memcpy(&fields_len, value.data, sizeof fields_len);
    if (entry.len < 4 + (size_t)fields_len) {
        return -LT_ECORRUPT;
    }
    buf_append_slice(key, slice_from(entry, 4 + fields_len));
    return 0;
}

/* Was the record given before? One given `again` is not meant. */
static bool scan_seen(struct store_scan *scan, struct slice record_key, bool again)
{
    if (!scan->repeats) {
        return false;
    }
    struct store_skip_node *node = store_skip_at_or_after(&scan->seen, record_key, 0);
    if (node != NULL && slice_equal(node->key, record_key)) {
        return !again;
    }
    store_skip_insert(&scan->seen, record_key, 0, (struct slice){0}, false);
    return false;
}

/* The record that an entry leads to: 1, 0 it is gone, as its entry is a moment later; negative. */
static int scan_get(struct store_scan *scan, struct slice key, struct store_scan_record *ret_record)
{
    int code = store_view_get(scan->view, key, &scan->pin);
    if (code == -LT_EAGAIN) {
        store_scan_pause(scan);
    }
    if (code < 0) {
        return code == -LT_ENOSUCHKEY ? 0 : code;
    }
    ret_record->key = (struct slice){0};
    code = store_record_doc(scan->pin.value, &ret_record->doc);
    return code < 0 ? code : 1;
}

/* In a capped collection's order: has the document come again, so that its place is another? */
static bool scan_has_moved(const struct store_scan *scan)
{
    uint64_t sequence;
    return scan->index->is_natural &&
           (store_record_sequence(scan->pin.value, &sequence) < 0 ||
            sequence != store_key_load_sequence(store_view_key(&scan->cursor)));
}

/* Follow the entry under the cursor: 1 its record, 0 gone or seen before, negative. */
static int scan_follow(struct store_scan *scan, struct store_scan_record *ret_record)
{
    struct buf key;
    buf_init(&key, NULL);
    int code = scan_entry_record(scan, &key);
    code = code < 0 ? code : scan_get(scan, buf_slice(&key), ret_record);
    if (code >= 0) {
        bool again = scan->again;
        scan_remember(scan, store_view_key(&scan->cursor));
        code = code > 0 && !scan_has_moved(scan) && !scan_seen(scan, buf_slice(&key), again);
    }
    buf_close(&key);
    return code;
}

/* ---- by a page ---- */

/* Open it: 1, 0 it is too long to be one, negative. */
static int scan_open_page(struct store_scan *scan)
{
    struct store_scan_page *page = &scan->page;
    if (page->open) {
        return 1;
    }
    int code = store_view_page(scan->view, scan->ranges[0].from, &page->pin);
    if (code < 0) {
        return code;
    }
    if (store_page_count(page->pin.value) < 0) {
        store_pin_release(&page->pin);
        scan->paged = false;
        return 0;
    }
    page->open = true;
    return 1;
}

/* As store_scan_next. */
static int scan_next_of_page(struct store_scan *scan, struct store_scan_record *ret_record)
{
    struct store_scan_page *page = &scan->page;
    while (page->at < store_page_count(page->pin.value)) {
        struct buf key;
        buf_init(&key, NULL);
        store_key_id(&key, scan->collection->id);
        buf_append_slice(&key, store_page_rest(page->pin.value, page->at));
        int code = scan_get(scan, buf_slice(&key), ret_record);
        buf_close(&key);
        if (code == -LT_EAGAIN) {
            return code;
        }
        page->at++;
        scan->keys_examined++;
        scan->docs_examined += code > 0;
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

int store_scan_next(struct store_scan *scan, struct store_scan_record *ret_record)
{
    if (scan->paged) {
        store_pin_release(&scan->pin);
        int code = scan_open_page(scan);
        if (code != 0) {
            return code < 0 ? code : scan_next_of_page(scan, ret_record);
        }
    }
    for (;;) {
        store_pin_release(&scan->pin);
        int code = scan_key(scan);
        if (code <= 0) {
            return code;
        }
        if (!scan_is_records(scan)) {
            scan->keys_examined += !scan->index->is_natural;
            code = scan_follow(scan, ret_record);
            if (code == 0) {
                continue;
            }
            scan->docs_examined += code == 1;
            return code;
        }
        scan_remember(scan, store_view_key(&scan->cursor));
        scan->docs_examined++;
        scan->keys_examined += scan->index != NULL;
        ret_record->key = store_view_key(&scan->cursor);
        code = store_record_doc(store_view_value(&scan->cursor), &ret_record->doc);
        return code < 0 ? code : 1;
    }
}

/* Seek, and step over the next keys. */
static int scan_fetch_beside(struct store_kv *kv, struct slice key, bool backward,
                             uint32_t keys_count)
{
    struct store_cursor *cursor = kv->ops->cursor(kv, NULL, STORE_MAY_WAIT);
    int code = cursor->ops->seek(cursor, key, backward);
    for (uint32_t i = 0; i < keys_count && code > 0; i++) {
        code = cursor->ops->step(cursor);
    }
    cursor->ops->close(cursor);
    return code < 0 ? code : 0;
}

int store_fetch(struct store_kv *kv, struct slice key, bool backward, uint32_t keys_count)
{
    struct store_pin pin;
    if (keys_count > 0) {
        return scan_fetch_beside(kv, key, backward, keys_count);
    }
    int code = kv->ops->get(kv, NULL, key, STORE_MAY_WAIT, &pin);
    if (code == 0) {
        store_pin_release(&pin);
    }
    return code == -LT_ENOSUCHKEY ? 0 : code;
}
