/* store/claim.h - may this key be written, or is a transaction at it?
 *
 * Invariant   what a fork writes it has claimed, so of two that want to write a key the first one
 *             does; what it has claimed nobody else writes until it ends.
 * Thread      the shard's owner only.
 * Memory      a claim copies its key.
 * Errors      -LT_EWAIT for the owner's writer: somebody has the key, writer->blocker says who.
 *             -LT_EWRITECONFLICT for a fork: somebody has it, or has written it since the snapshot.
 *             -LT_EAGAIN as store/writer.h.
 */
#ifndef STORE_CLAIM_H
#define STORE_CLAIM_H

#include "store/writer.h"

/* Before the first put or delete of a record's key; `doc` is the document that the writer's view
 * has there, or empty. Claiming again is fine. */
int store_claim_record(struct store_writer *writer, struct slice key, struct slice doc);
/* The same of a key of a unique index. */
int store_claim(struct store_writer *writer, struct slice key);

/* Before a collection "db.name" is made. */
int store_claim_name(struct store_writer *writer, struct slice ns);

/* Can store_claim say anything but 0? */
static inline bool store_claims_matter(const struct store_writer *writer)
{
    return writer->fork != NULL || writer->locks.count > 0;
}

#endif
