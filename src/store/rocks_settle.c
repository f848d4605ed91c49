/* store/rocks_settle.c - pack what is small and rests.
 *
 * RocksDB merges level 0, which is plain, into the levels below when it has ROCKS_PLAIN_FILES
 * files, so a small data set would stay plain for good. When nothing was applied for some seconds
 * and level 0 is a good part of all, one file is enough until something is applied again: what is
 * rewritten is at most ROCKS_SETTLE_PARTS bytes for one in level 0. RocksDB's own thread for that
 * does the work. Asking for the merge itself would wait for it, and a suggestion is not heard while
 * there is no other level. */
#include <stdio.h>

#include "store/rocks_private.h"

enum {
    ROCKS_SETTLE_PARTS = 8,
    ROCKS_SETTLE_RESTS = 3, /* times that it was asked, and nothing was applied since the last */
};

/* Is level 0 as large a part of the files? */
static bool rocks_is_worth_packing(rocksdb_t *db)
{
    uint64_t all = 0;
    uint64_t plain = 0;
    const rocksdb_livefiles_t *files = rocksdb_livefiles(db);
    for (int i = 0; i < rocksdb_livefiles_count(files); i++) {
        uint64_t size = rocksdb_livefiles_size(files, i);
        all += size;
        plain += rocksdb_livefiles_level(files, i) == 0 ? size : 0;
    }
    rocksdb_livefiles_destroy(files);
    return plain > 0 && plain >= all / ROCKS_SETTLE_PARTS;
}

/* Merge level 0 when it has `files`. An engine that refuses stays as it is, which is no error. */
static void rocks_set_trigger(struct rocks *rocks, int files)
{
    char number[16];
    snprintf(number, sizeof number, "%d", files);
    const char *names[1] = {"level0_file_num_compaction_trigger"};
    const char *values[1] = {number};
    char *message = NULL;
    rocksdb_set_options(rocks->db, 1, names, values, &message);
    if (store__rocks_code(message) == 0) {
        rocks->is_packing = files < ROCKS_PLAIN_FILES;
    }
}

bool store__rocks_settle(struct store_kv *kv)
{
    struct rocks *rocks = rocks_of(kv);
    uint64_t index = kv->ops->applied(kv).index;
    rocks->rests = index == rocks->seen_index ? rocks->rests + 1 : 0;
    rocks->seen_index = index;
    if (rocks->rests == 0 && rocks->is_packing) {
        rocks_set_trigger(rocks, ROCKS_PLAIN_FILES);
    } else if (rocks->rests == ROCKS_SETTLE_RESTS && rocks_is_worth_packing(rocks->db)) {
        rocks_set_trigger(rocks, 1);
    }
    return rocks->rests < ROCKS_SETTLE_RESTS;
}
