/* store/scan.h - documents in key order: a collection's records or an index's entries, in ranges.
 *
 * Invariant   each record is given once, also when several index entries lead to it. Ranges are
 *             disjoint and sorted; a backward scan takes them from the last.
 * Thread      one at a time.
 * Memory      the scan copies its ranges; a document is borrowed until the next call or pause.
 * Errors      -LT_EAGAIN something must come from disk (view->miss): fetch, call again;
 *             -LT_ECORRUPT an index entry that leads nowhere it should; -LT_ECAPPEDPOSITIONLOST
 *             what a scan that tails gave last is gone.
 */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "store/catalog.h"
#include "store/view.h"

/* Keys in [from, to), index id or collection id included. */
struct store_range {
    struct slice from;
    struct slice to;
};

/* Where a scan is in a page. */
struct store_scan_page {
    struct store_pin pin; /* of the page, or a copy of it after a pause */
    struct buf copy;
    bool open;
    int at; /* keys that were dealt with */
};

struct store_scan {
    struct store_view *view;
    const struct store_collection *collection;
    /* NULL or is_id: the records themselves; a capped collection's order may be one. */
    const struct store_index *index;
    struct store_range *ranges;
    uint32_t ranges_count;
    bool backward;
    bool paged;   /* the only range is read by its page */
    bool repeats; /* several entries may lead to one record */
    bool tails;   /* the end is not the end: the next call looks for what came since; forward */

    uint32_t range;  /* ranges finished */
    struct buf last; /* the key given last; empty: none in this range */
    bool again;      /* begin at `last`, not after it */
    bool open;
    struct store_view_cursor cursor;
    struct store_scan_page page;
    struct store_pin pin;
    struct store_skip seen; /* records given, when some may come again */
    uint64_t keys_examined;
    uint64_t docs_examined;
};

struct store_scan_record {
    struct slice key; /* of the record */
    struct slice doc;
};

/* `ranges_count` 0: everything. */
void store_scan_init(struct store_scan *scan, struct store_view *view,
                     const struct store_collection *collection, const struct store_index *index);
void store_scan_set_ranges(struct store_scan *scan, struct arena *arena,
                           const struct store_range *ranges, uint32_t count, bool backward);
/* Its one range is all keys of one value of an index that is not unique, which begin with `from`:
 * read them by their page, if the view knows any. */
void store_scan_use_page(struct store_scan *scan);
void store_scan_close(struct store_scan *scan);

/* 1 a record, 0 the end, negative. */
int store_scan_next(struct store_scan *scan, struct store_scan_record *ret_record);

/* The document given last was not dealt with: give it again. Pauses too. */
void store_scan_retry(struct store_scan *scan);

/* Let go of everything borrowed; the next call goes on where this one was. */
void store_scan_pause(struct store_scan *scan);

/* After -LT_EAGAIN: bring what was missing into memory, a key's value, or so many keys from it on.
 * Blocks; any thread. */
int store_fetch(struct store_kv *kv, struct slice key, bool backward, uint32_t keys_count);

#endif
