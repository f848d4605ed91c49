/* query/update.h - from a document and an update to the new document.
 *
 * Invariant   a parsed update is immutable. New fields of one update appear in order of name,
 * numbers first; fields that are there keep their place; _id stays what it is and comes first.
 * Thread      pure; share a parsed update freely.
 * Memory      see query/context.h; operands borrow the command, results lie in eval->arena.
 * Errors      MongoDB's codes and words; on an error no result is written.
 * Source      MONGODB.md 5.4.
 */
#ifndef QUERY_UPDATE_H
#define QUERY_UPDATE_H

#include "query/match.h"

struct query_update;

struct query_update_spec {
    struct doc_value update;        /* operators, a replacement, or an array: a pipeline; */
    struct slice delta;             /* instead of `update`: doc/delta.h; data NULL: none */
    struct doc_value array_filters; /* array, or missing */
    struct doc_value constants;     /* `c` of a pipeline update, or missing */
    bool multi;
    bool upsert;
};

/* One document on its way through an update. */
struct query_update_io {
    struct slice doc;     /* in: as it is */
    int32_t array_index;  /* in: what query_match_doc said, for `$` */
    struct slice new_doc; /* out: as it shall be; `doc` itself when nothing changed */
    bool modified;        /* out */
};

int query_update_parse(struct query_context *context, const struct query_update_spec *spec,
                       struct query_update **ret_update, struct err *err);

/* Update io->doc. */
int query_update_apply(const struct query_update *update, struct query_eval *eval,
                       struct query_update_io *io, struct err *err);

/* The document that an upsert inserts when nothing matched: the equalities of the filter, then the
 * update with $setOnInsert. An _id that neither gives is made from the context's time and random
 * sequence. Only the out fields of io are used. */
int query_update_upsert(const struct query_update *update, struct query_eval *eval,
                        const struct query_match *match, struct query_update_io *io,
                        struct err *err);

/* True for a replacement document, which multi and arrayFilters do not go with. */
bool query_update_is_replacement(const struct query_update *update);

#endif
