/* test/lib/cache_folder.h - a directory for a cache's files, each of a few segments.
 *
 * Invariant   the files are small enough that everything goes round many times.
 * Thread      one.
 * Memory      the directory goes with folder_close.
 * Errors      asserted.
 */
#ifndef TEST_LIB_CACHE_FOLDER_H
#define TEST_LIB_CACHE_FOLDER_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache/levels.h"
#include "lib/test.h"

/* Where two levels' files are, each of a few segments. */
struct folder {
    char path[64];
    struct cache_levels_options levels;
};

static inline void folder_open(struct folder *folder, const char *codec)
{
    *folder = (struct folder){.levels = {.path = folder->path,
                                         .mapped_bytes = 64 << 10,
                                         .disk_bytes = 64 << 10,
                                         .segment_bytes = 16 << 10,
                                         .queue_bytes = 32 << 10}};
    assert_int_equal(cache_codec_find(codec, &folder->levels.codec), 0);
    snprintf(folder->path, sizeof folder->path, "/tmp/cache_test.XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

static inline void folder_close(const struct folder *folder)
{
    static const char *const names[] = {"mapped", "disk", "index"};
    int directory = open(folder->path, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlinkat(directory, names[i], 0);
    }
    close(directory);
    assert_int_equal(rmdir(folder->path), 0);
}

#endif
