/* store/describe.h - writing a collection's description, the document the catalog is made from.
 *
 * Invariant   what these write, store_collection_parse reads.
 * Thread      pure.
 * Memory      the description is built in the caller's arena.
 * Errors      none.
 */
#ifndef STORE_DESCRIBE_H
#define STORE_DESCRIBE_H

#include "doc/build.h"
#include "store/catalog.h"

struct store_describe {
    struct doc_builder builder;
    struct buf buf;
    struct slice clustered; /* the option clusteredIndex; empty: not given */
    struct slice collation; /* of the collection; empty: none */
};

/* What a description says before its indexes. */
struct store_describe_head {
    uint32_t id;
    struct slice db;
    struct slice name;
    uint8_t uuid[16];
    struct slice options;
    uint32_t natural; /* id of a capped collection's order; 0: it is not capped */
};

struct store_describe_head store_describe_head_of(const struct store_collection *collection);

struct store_describe *store_describe_begin(struct arena *arena,
                                            const struct store_describe_head *head);
/* One index; the first is _id_. Only id, ready, multikey and spec of `index` are used. */
void store_describe_index(struct store_describe *describe, const struct store_index *index);
/* The _id index of a collection with that id, named as its options say. */
void store_describe_id_index(struct store_describe *describe, uint32_t id);
struct slice store_describe_end(struct store_describe *describe);

#endif
