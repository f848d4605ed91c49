/* store/simdisk.h - a disk in memory that fails as real ones do, from a seed.
 *
 * Invariant   a sector is written whole or not at all; what was not synced before a crash is kept
 *             sector by sector, name by name, as the seed decides; what was synced is kept.
 * Thread      one at a time.
 * Memory      the disk outlives its mounts; each mount is one store_disk, which its user frees.
 * Errors      as store/disk.h, when told to fail.
 */
#ifndef STORE_SIMDISK_H
#define STORE_SIMDISK_H

#include "store/disk.h"

enum { STORE_SIMDISK_SECTOR = 512 };

struct store_simdisk;

struct store_simdisk *store_simdisk_new(uint64_t seed);
void store_simdisk_free(struct store_simdisk *sim);

/* The disk as a program sees it; one mount at a time. */
struct store_disk *store_simdisk_mount(struct store_simdisk *sim);

/* Power fails: what was not synced is kept or lost. No mount may be in use afterwards. */
void store_simdisk_crash(struct store_simdisk *sim);

/* After `operations` more changes every one fails with EIO and does nothing, until the next crash:
 * the place where the program dies. 0: never. */
void store_simdisk_halt_after(struct store_simdisk *sim, uint64_t operations);

/* The `nth` sync from now fails with EIO, once, and part of what it should have written is not
 * written by any later sync either, though it is read back until the crash. 0: none does. */
void store_simdisk_fail_sync(struct store_simdisk *sim, uint64_t nth);

/* No more than this many bytes in all files. 0: no bound. */
void store_simdisk_set_capacity(struct store_simdisk *sim, uint64_t bytes);

/* Files there are, by position, and their bytes as they are now. False past the last. */
bool store_simdisk_file(const struct store_simdisk *sim, uint32_t position, const char **ret_name,
                        struct slice *ret_bytes);

/* Turn one bit of a file over, on the medium. */
void store_simdisk_flip(struct store_simdisk *sim, uint32_t position, uint64_t bit);

#endif
