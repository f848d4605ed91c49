/* store/journal_private.h - the journal's bytes, shared by its writer and its reader.
 *
 * Invariant   all integers little endian; a record's crc covers its header after the crc field and
 *             its payload as it lies there: sealed, when the segment is encrypted.
 * Thread      as store/journal.h.
 * Memory      as store/journal.h.
 * Errors      as store/journal.h.
 */
#ifndef STORE_JOURNAL_PRIVATE_H
#define STORE_JOURNAL_PRIVATE_H

#include "base/buf.h"
#include "base/gcm.h"
#include "store/journal.h"

enum {
    JOURNAL_HEAD = 64,
    JOURNAL_RECORD = 56,
    JOURNAL_ALIGN = 8,
    JOURNAL_RECORD_MAX = 256 << 20, /* above what an entry may hold */
    JOURNAL_NAME_MAX = 32,
    JOURNAL_BLANK = 256 << 10, /* zeroes written ahead at a time */
};

static const uint32_t journal_record_magic = 0x4c544a52; /* "RJTL" */
static const uint64_t journal_head_magic = 0x31304c4e524a544cu;

struct journal_header {
    uint32_t crc;
    uint32_t previous; /* the crc of the record before, or of the segment's head */
    uint32_t magic;
    uint32_t len; /* of the payload as it lies here */
    uint32_t group;
    uint32_t type : 8;
    uint32_t place : 24; /* journal_place(); a copy in a payload lies elsewhere */
    uint64_t index;
    uint64_t term;
    uint64_t durable; /* everything up to here was durable when this batch began, */
    uint64_t synced;  /* and so were these bytes of the segment */
};
_Static_assert(sizeof(struct journal_header) == JOURNAL_RECORD, "the journal's format");

struct journal_head {
    uint64_t magic;
    uint64_t number;  /* of the segment */
    uint64_t durable; /* at its creation */
    uint64_t term;    /* the vote at its creation */
    uint64_t voted_for;
    uint32_t previous; /* the crc of the last record of the segment before */
    uint32_t group;
    uint64_t salt; /* of what the payloads are sealed with: struct store_seal_mark */
    uint32_t key;  /* 0: nothing */
    uint32_t crc;  /* of everything above */
};
_Static_assert(sizeof(struct journal_head) == JOURNAL_HEAD, "the journal's format");

struct journal_segment {
    uint64_t number;
    uint64_t last_index; /* highest entry in it; 0: none */
    uint64_t size;       /* bytes on disk */
};

struct store_journal {
    struct store_disk *disk;
    uint64_t segment_bytes;
    struct journal_segment *segments; /* oldest first; the last is being written */
    size_t segments_count;
    size_t segments_cap;
    int file;         /* the last segment's */
    struct gcm *gcm;  /* what its payloads are sealed with; NULL: they are plain */
    uint64_t end;     /* where in it the next record goes */
    uint64_t synced;  /* its bytes before are durable */
    uint64_t blank;   /* its bytes before were written, if only with zeroes */
    uint32_t crc;     /* of the last record */
    uint64_t durable; /* last index written and synced */
    uint64_t term;    /* the newest vote */
    uint64_t voted_for;
    uint32_t vote_group;
    bool marked; /* the newest record is a mark */
    uint64_t syncs;
    uint64_t records;
    struct buf frame; /* a batch being put together */
};

uint32_t store__journal_crc(uint32_t seed, const void *data, size_t len);
uint32_t store__journal_record_crc(const struct journal_header *header, const uint8_t *payload);
void store__journal_name(uint64_t number, char name[JOURNAL_NAME_MAX]);
void store__journal_add_segment(struct store_journal *journal, uint64_t number, uint64_t size);

/* What the payloads of a segment are sealed with (NULL: plain); -LT_ECORRUPT when it is encrypted
 * and the disk is not, the other way round, or with a key that is not known. */
int store__journal_gcm(const struct store_disk *disk, const struct journal_head *head,
                       struct gcm **ret_gcm);

/* A sealed payload in the plain, in place of what `plain` held. */
int store__journal_unseal(struct gcm *gcm, const struct journal_header *header,
                          struct slice payload, struct buf *plain);

static inline uint64_t journal_padded(uint64_t size)
{
    return (size + JOURNAL_ALIGN - 1) & ~(uint64_t)(JOURNAL_ALIGN - 1);
}

/* What a record says of where in its segment it lies. */
static inline uint32_t journal_place(uint64_t at)
{
    return (uint32_t)(at / JOURNAL_ALIGN) & 0xffffff;
}

/* Read every segment in order; leaves `journal` at the end of the last one. */
int store__journal_recover(struct store_journal *journal,
                           const struct store_journal_options *options, struct err *err);

/* Start a new segment after the last. */
int store__journal_roll(struct store_journal *journal, uint64_t need);

#endif
