/* store/disk.h - the files of the journal: the seam between real and simulated disks.
 *
 * Invariant   what was written is durable after sync, what was created or removed after
 *             sync_names; before that a crash may keep all, some or none of it.
 * Thread      one at a time.
 * Memory      a file handle is a number.
 * Errors      -LT_ENOSUCHKEY no such file; -LT_EOUTOFDISKSPACE; -LT_EIO: the node stops, a failed
 *             sync is never tried again.
 */
#ifndef STORE_DISK_H
#define STORE_DISK_H

#include "base/err.h"

struct store_disk;
struct store_seal;

struct store_disk_ops {
    int (*open)(struct store_disk *disk, const char *name, bool create, int *ret_file);
    void (*close)(struct store_disk *disk, int file);
    int (*size)(struct store_disk *disk, int file, uint64_t *ret_size);
    /* *len bytes, and says how many it were: fewer only at the end of the file. */
    int (*read)(struct store_disk *disk, int file, uint64_t at, void *data, size_t *len);
    int (*write)(struct store_disk *disk, int file, uint64_t at, struct slice data);
    /* Reserve zeroed space, so that a later write need not grow the file. */
    int (*reserve)(struct store_disk *disk, int file, uint64_t size);
    int (*truncate)(struct store_disk *disk, int file, uint64_t size);
    int (*sync)(struct store_disk *disk, int file);
    int (*remove)(struct store_disk *disk, const char *name);
    int (*sync_names)(struct store_disk *disk);
    /* Call `cb` with every file name, in no order. */
    int (*list)(struct store_disk *disk, void (*cb)(void *context, const char *name),
                void *context);
    /* Bytes that may still be written, and bytes of the whole disk. Any thread; never waits long.
     */
    int (*room)(struct store_disk *disk, uint64_t *ret_free, uint64_t *ret_total);
    void (*free)(struct store_disk *disk);
};

struct store_disk {
    const struct store_disk_ops *ops;
    const struct store_seal *seal; /* what the journal is encrypted with; NULL: it is plain */
};

/* The files of a directory, which must exist. */
int store_disk_posix_new(const char *directory, struct store_disk **ret_disk, struct err *err);

#endif
