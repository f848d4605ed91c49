/* store/page.c - made by a cursor, read from its beginning. */
#include "store/page.h"

#include "base/buf.h"
#include "base/mem.h"

enum { PAGE_TOO_MANY = UINT16_MAX };

static void page_set_count(struct buf *page, uint16_t count)
{
    memcpy(page->data, &count, sizeof count);
}

static bool page_fits(const struct buf *page, int count, struct slice rest)
{
    return count < STORE_PAGE_KEYS_MAX &&
           page->len + sizeof(uint16_t) + rest.len <= STORE_PAGE_BYTES_MAX;
}

/* Each key under the cursor that begins with `name`: 0 when all are in the page or it says that
 * they are too many. */
static int page_fill(struct buf *page, struct store_cursor *cursor, struct slice name)
{
    int count = 0;
    int code = cursor->ops->seek(cursor, name, false);
    while (code > 0 && slice_starts(cursor->ops->key(cursor), name)) {
        struct slice rest = slice_from(cursor->ops->key(cursor), name.len);
        if (!page_fits(page, count, rest)) {
            page->len = sizeof(uint16_t);
            page_set_count(page, PAGE_TOO_MANY);
            return 0;
        }
        uint16_t len = (uint16_t)rest.len;
        buf_append(page, &len, sizeof len);
        buf_append_slice(page, rest);
        count++;
        code = cursor->ops->step(cursor);
    }
    page_set_count(page, (uint16_t)count);
    return code < 0 ? code : 0;
}

int store_page_read(struct store_kv *engine, struct slice name, enum store_wait wait,
                    struct store_pin *ret_page)
{
    struct buf page;
    struct store_cursor *cursor = engine->ops->cursor(engine, NULL, wait);
    buf_init(&page, NULL);
    buf_extend(&page, sizeof(uint16_t));
    int code = page_fill(&page, cursor, name);
    cursor->ops->close(cursor);
    if (code < 0) {
        buf_close(&page);
        return code;
    }
    *ret_page = (struct store_pin){buf_slice(&page), page.data, mem_free};
    return 0;
}

int store_page_count(struct slice page)
{
    uint16_t count;
    memcpy(&count, page.data, sizeof count);
    return count == PAGE_TOO_MANY ? -1 : count;
}

struct slice store_page_rest(struct slice page, int nth)
{
    uint16_t len = 0;
    size_t at = sizeof len;
    for (int i = 0; i <= nth; i++) {
        at += len;
        memcpy(&len, page.data + at, sizeof len);
        at += sizeof len;
    }
    return slice_of(page.data + at, len);
}
