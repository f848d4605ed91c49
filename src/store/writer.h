/* store/writer.h - the owner's hand: evaluates writes against what is logged, collects effects.
 *
 * Invariant   everything put through the writer is in the open entry and in the overlay at once, so
 *             the next read through writer->view sees it. Taking the entry closes it; its index is
 *             the one the log gives next.
 * Thread      the shard's owner only.
 * Memory      the payload taken belongs to the caller (heap).
 * Errors      -LT_EAGAIN when something must be read from disk first (writer->view.miss); then
 *             nothing was written.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/catalog.h"
#include "store/highest.h"
#include "store/locks.h"

struct store_counts {
    int64_t documents;
    int64_t bytes;
    uint64_t sequence; /* of a capped collection: the number given last; else 0 */
};

struct store_fork;
struct store_counter; /* counts of one collection, with what is pending */

enum { STORE_WRITER_SPARE = 8, STORE_WRITER_SPARE_BYTES = 256 << 10 };

struct store_writer {
    struct store_view view; /* over the overlay below */
    struct store_overlay overlay;
    struct store_catalog *catalog; /* the newest, pending changes included */
    const struct store_filter_ops *filter_ops;
    struct buf effects;                   /* the open entry; empty when there is none */
    struct buf spare[STORE_WRITER_SPARE]; /* empty: for the next entries */
    uint32_t spare_count;
    struct buf key;   /* of the counts that end an entry */
    uint64_t index;   /* the open entry's place in the log */
    uint64_t clock;   /* hybrid clock of the open entry */
    uint32_t next_id; /* for collections and indexes */
    bool next_id_changed;
    bool catalog_changed;           /* the open entry changes the catalog */
    bool timed;                     /* the open entry has a note of its time */
    uint32_t events;                /* that the open entry tells of */
    int64_t wall_ms;                /* of the open entry */
    struct store_counter *counters; /* a small hash table by collection id */
    struct store_highest *highest;  /* of each collection's records; NULL in a fork */
    size_t counters_cap;
    size_t counters_count;
    struct buf counters_changed;        /* ids (uint32_t) that the open entry changed */
    struct store_fork *fork;            /* that this is the writer of; NULL: it is the owner's */
    struct store_locks locks;           /* the owner's: what forks have claimed */
    struct store_locks_holder *blocker; /* after -LT_EWAIT: who has the key */
};

/* The catalog that a view shows. */
int store_catalog_load(struct store_view *view, const struct store_filter_ops *filter_ops,
                       struct store_catalog **ret_catalog);

/* An empty writer on the engine, with nothing loaded. */
void store_writer_init(struct store_writer *writer, struct store_kv *kv,
                       const struct store_filter_ops *filter_ops);
/* The owner's: load the catalog from the engine. */
int store_writer_open(struct store_writer *writer, struct store_kv *kv,
                      const struct store_filter_ops *filter_ops, struct err *err);
void store_writer_close(struct store_writer *writer);

/* Start an entry that will get `index`, unless one is open; `wall_ms` is when. */
void store_writer_begin(struct store_writer *writer, uint64_t index, uint64_t clock,
                        int64_t wall_ms);

/* What is put from here on comes from one client. */
void store_writer_begin_run(struct store_writer *writer);

void store_writer_put(struct store_writer *writer, struct slice key, struct slice value);
void store_writer_delete(struct store_writer *writer, struct slice key);
/* The same of a page's entry, as in store/effect.h. */
void store_writer_put_entry(struct store_writer *writer, struct slice key, size_t page_len,
                            struct slice value);
void store_writer_delete_entry(struct store_writer *writer, struct slice key, size_t page_len);

/* Close the open entry: its payload on the heap, the caller's; empty when nothing was written. */
struct buf store_writer_take(struct store_writer *writer);
/* A payload that is not wanted any more: its memory is for the next ones, or freed. */
void store_writer_give_back(struct store_writer *writer, struct buf *payload);

/* Tell the overlay how far the engine is. */
void store_writer_applied(struct store_writer *writer, uint64_t index);

/* Change a collection's document count and size; read it first with store_writer_counts. */
int store_writer_counts(struct store_writer *writer, uint32_t collection_id,
                        struct store_counts *ret_counts);
void store_writer_count(struct store_writer *writer, uint32_t collection_id, int64_t documents,
                        int64_t bytes);

/* How often a counted collection's records were written to, since it was counted first. */
uint64_t store_writer_changes(const struct store_writer *writer, uint32_t collection_id);

/* The next sequence number of a capped collection, which is counted. */
uint64_t store_writer_next_sequence(struct store_writer *writer, uint32_t collection_id);
/* No document of a counted collection has a lower number, as far as is known: to be raised by who
 * learns more. Until another collection is counted. */
uint64_t *store_writer_oldest(struct store_writer *writer, uint32_t collection_id);

/* Is a counted collection to be named in the open entry? It is, then, from now on. */
bool store_writer_names(struct store_writer *writer, uint32_t collection_id);
/* The collection gets another name: it is to be named again. */
void store_writer_unname(struct store_writer *writer, uint32_t collection_id);
/* Was the collection counted by this writer? Then it is one whose records it has written. */
bool store_writer_has_counted(const struct store_writer *writer, uint32_t collection_id);
/* What `from` counted is to be added to `writer`: read what that needs, then do it. */
int store_writer_load_counts(struct store_writer *writer, const struct store_writer *from);
void store_writer_add_counts(struct store_writer *writer, const struct store_writer *from);

/* A fresh id for a collection or an index. */
uint32_t store_writer_new_id(struct store_writer *writer);

/* Put a collection described by `description` into the catalog, in place of `old` (NULL: new). */
int store_writer_put_collection(struct store_writer *writer, struct slice description,
                                const struct store_collection *old);
void store_writer_drop_collection(struct store_writer *writer,
                                  const struct store_collection *collection);

/* The applied counts, as readers see them. Zero for a collection that never had a document. */
int store_read_counts(struct store_view *view, uint32_t collection_id,
                      struct store_counts *ret_counts);

#endif
