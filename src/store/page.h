/* store/page.h - the keys that begin alike, as one value: the entries of one value of an index,
 * which a cache can keep where it could not keep a walk.
 *
 * Invariant   a page is `count, 2 bytes` and, for each key in order, `length, 2 bytes | what is
 *             behind the page's name`. One of too many keys, or too long ones, only says so.
 * Thread      a value.
 * Memory      a page that was read is its pin's; what it lists is borrowed from it.
 * Errors      as store/kv.h.
 */
#ifndef STORE_PAGE_H
#define STORE_PAGE_H

#include "store/kv.h"

enum { STORE_PAGE_KEYS_MAX = 64, STORE_PAGE_BYTES_MAX = 4096 };

/* Walk through an engine's keys that begin with `name`. Blocks if it may. */
int store_page_read(struct store_kv *engine, struct slice name, enum store_wait wait,
                    struct store_pin *ret_page);

/* How many keys the page lists; -1: too many for a page. */
int store_page_count(struct slice page);
/* What the nth of them ends with. */
struct slice store_page_rest(struct slice page, int nth);

#endif
