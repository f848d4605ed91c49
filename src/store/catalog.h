/* store/catalog.h - which collections and indexes there are.
 *
 * Invariant   a collection's description, a BSON document in the store, is the truth; the structs
 *             are its parsed form and never change once made. A change makes a new collection
 *             and a new catalog, which shares all the others.
 * Thread      catalogs and collections are immutable and counted; any thread may hold one.
 * Memory      released by the last store_catalog_release / store_collection_release.
 * Errors      -LT_ECORRUPT for a description that no writer wrote.
 *
 * Description {id, db, name, uuid, options: {}, natural: id, indexes: [{id, ready, multikey, spec:
 *             {v, key, name, ...}}]}; the first index is _id_, whose id is the collection's. A view
 *             has none. `natural`: only of a capped collection.
 */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include <stdatomic.h>

#include "doc/collation.h"
#include "doc/path.h"
#include "doc/wildcard.h"
#include "geo/index.h"
#include "text/index.h"

/* How partial indexes and validators judge documents; the language itself lives in a room above. */
struct store_filter_ops {
    /* Parse a filter that was accepted before. The collation, by which its strings compare, may be
     * NULL; it lives longer than the filter. */
    void *(*parse)(struct slice filter, const struct doc_collation *collation);
    bool (*matches)(const void *filter, struct slice doc);
    void (*free)(void *filter);
};

struct command_shown;

struct store_index_field {
    struct doc_path path;
    bool descending;
    bool geo;    /* it has cells in place of values */
    bool hashed; /* it has hashes */
};

struct store_index {
    uint32_t id;
    struct slice name;
    struct slice key;                          /* {a: 1, b: -1} */
    struct slice spec;                         /* as listIndexes shows it */
    struct slice partial;                      /* partialFilterExpression, or empty */
    void *filter;                              /* its parsed form, or NULL */
    const struct store_filter_ops *filter_ops; /* of `filter` */
    struct store_index_field *fields;
    uint32_t fields_count;
    struct geo_index geo;
    const struct doc_collation *collation; /* strings are its sort keys; NULL: by bytes */
    struct doc_wildcard *wildcard;         /* NULL: it is none */
    struct text_index *text;               /* NULL: it is none */
    bool is_id;                            /* the records themselves, ordered by _id */
    bool is_natural;                       /* no user's: see store_capped */
    bool unique;
    bool sparse;
    bool hidden;
    bool ready;    /* false while it is being built: written, not read */
    bool multikey; /* some document has more than one entry */
    bool hashed;   /* some field is */
};

/* How much a collection holds, and the order in which its documents came. */
struct store_capped {
    int64_t bytes_max;
    int64_t documents_max; /* 0: any number */
    /* Sequence number -> record, as in a unique index; the number is in the record, too. */
    struct store_index natural;
};

/* Which documents a collection takes. */
struct store_validation {
    struct slice validator; /* empty: all */
    void *filter;           /* its parsed form; NULL: there is none */
    enum { STORE_VALIDATION_STRICT, STORE_VALIDATION_MODERATE, STORE_VALIDATION_OFF } level;
    enum { STORE_VALIDATION_ERROR, STORE_VALIDATION_WARN, STORE_VALIDATION_ERROR_AND_LOG } action;
};

struct store_collection {
    atomic_uint references;
    uint32_t id;
    struct slice db;
    struct slice name;
    struct slice ns; /* "db.name" */
    uint8_t uuid[16];
    struct slice options;
    const struct doc_collation *collation; /* of what does not say another; NULL: by bytes */
    struct slice view_on; /* of a view, which has no indexes: the collection it is on; else empty */
    struct slice view_pipeline; /* and an array of stages */
    struct store_validation validation;
    struct store_capped *capped; /* NULL: it is not */
    bool keeps_images; /* changeStreamPreAndPostImages: its log has documents as they were */
    struct slice description;
    struct store_index *indexes;
    uint32_t indexes_count;
    const struct store_filter_ops *filter_ops;
    /* Who makes its documents when they are read; NULL: they are stored. */
    const struct command_shown *shown;
    struct arena arena;
};

struct store_catalog {
    atomic_uint references;
    uint64_t version;                      /* the log index of its last change */
    struct store_collection **collections; /* sorted by ns */
    uint32_t count;
};

/* ---- collections ---- */
int store_collection_parse(struct slice description, const struct store_filter_ops *filter_ops,
                           struct store_collection **ret_collection);
void store_collection_release(struct store_collection *collection);

static inline struct store_collection *store_collection_hold(struct store_collection *collection)
{
    atomic_fetch_add_explicit(&collection->references, 1, memory_order_relaxed);
    return collection;
}

/* The index of that name, or NULL. */
const struct store_index *store_collection_index(const struct store_collection *collection,
                                                 struct slice name);

/* ---- catalogs ---- */
struct store_catalog *store_catalog_new(void);
void store_catalog_release(struct store_catalog *catalog);

static inline struct store_catalog *store_catalog_hold(struct store_catalog *catalog)
{
    atomic_fetch_add_explicit(&catalog->references, 1, memory_order_relaxed);
    return catalog;
}

/* A new catalog in which `put` (may be NULL) takes its place, and the collection `drop` (may be
 * NULL) is gone. Takes over the caller's reference to `put`; the old catalog stays as it is. */
struct store_catalog *store_catalog_with(const struct store_catalog *old, uint64_t version,
                                         struct store_collection *put,
                                         const struct store_collection *drop);

/* The collection "db.name", or NULL; a view is none. */
struct store_collection *store_catalog_find(const struct store_catalog *catalog, struct slice ns);
/* The same, or the view of that name. */
struct store_collection *store_catalog_find_any(const struct store_catalog *catalog,
                                                struct slice ns);
struct store_collection *store_catalog_find_uuid(const struct store_catalog *catalog,
                                                 const uint8_t uuid[16]);

/* Collections of one database are neighbours: the first one's position; *ret_count how many. */
uint32_t store_catalog_db(const struct store_catalog *catalog, struct slice db,
                          uint32_t *ret_count);

#endif
