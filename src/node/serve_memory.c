/* node/serve_memory.c - how much memory the options mean on this machine.
 *
 *   limit   as given; 0: half of what the control group or the machine has, at least 256 MB
 *   cache   cacheSizeMB: in memory, half of it blocks of the store
 *           cache.totalMB: its parts in memory and in files; the blocks get a quarter, since what
 *           the store has read is in the files below
 *           neither: a quarter of the limit in memory, at least 64 MB, at most 16 GB, and files in
 *           proportion, but no more than a sixteenth of the disk
 *   store   two write buffers: one is filled while one is written to disk
 *
 * The cache and the store grow to their bounds, so the limit must leave something beside them. A
 * limit that was not given grows to do so: cacheSizeMB alone goes on to work as it always did. */
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "memory/machine.h"
#include "node/serve_private.h"

#define SERVE_MB(n) ((uint64_t)(n) << 20)

enum {
    SERVE_LIMIT_MB_LEAST = 256,
    SERVE_CACHE_MB_LEAST = 8,
    SERVE_CACHE_MB_AUTO = 64,
    SERVE_CACHE_MB_MOST = 16 << 10,
    SERVE_REST_MB = 32,  /* for everything else */
    SERVE_FILES_MB = 64, /* less is not worth a level */
    SERVE_DISK_PARTS = 16,
};

static uint64_t serve_clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static uint64_t serve_limit(const struct options *options)
{
    struct memory_machine machine;
    uint64_t given = (uint64_t)options_int(options, OPTION_MEMORY_LIMITMB);
    if (given != 0) {
        return SERVE_MB(given);
    }
    memory_machine_read("", &machine);
    return serve_clamp(machine.bytes / 2, SERVE_MB(SERVE_LIMIT_MB_LEAST), UINT64_MAX);
}

/* The size of the disk where the data directory is, or will be; 0: unknown. */
static uint64_t serve_disk(const struct options *options)
{
    char path[4096];
    struct statvfs disk;
    snprintf(path, sizeof path, "%s", options_text(options, OPTION_STORAGE_DBPATH));
    while (statvfs(path, &disk) != 0) {
        char *end = strrchr(path, '/');
        if (end == NULL || end == path) {
            return statvfs(end == NULL ? "." : "/", &disk) == 0 ? disk.f_blocks * disk.f_frsize : 0;
        }
        *end = '\0';
    }
    return disk.f_blocks * disk.f_frsize;
}

static uint64_t serve_part(const struct options *options, enum option_id percent)
{
    return SERVE_MB(options_int(options, OPTION_CACHE_TOTALMB)) *
           (uint64_t)options_int(options, percent) / 100;
}

static int serve_check_percents(const struct options *options, struct err *err)
{
    long long percent = options_int(options, OPTION_CACHE_MEMORYPERCENT) +
                        options_int(options, OPTION_CACHE_MAPPEDPERCENT) +
                        options_int(options, OPTION_CACHE_DISKPERCENT);
    if (percent > 100) {
        return err_set(err, LT_EBADVALUE,
                       "largetable.cache: memoryPercent, mappedPercent and diskPercent are %lld "
                       "together: lower them to 100 or less",
                       percent);
    }
    return 0;
}

/* The cache in memory and files, by its total. */
static int serve_levels(const struct options *options, struct node_config *config, struct err *err)
{
    config->cache_bytes = serve_part(options, OPTION_CACHE_MEMORYPERCENT);
    config->block_bytes = config->cache_bytes / 4;
    config->cache_mapped_bytes = serve_part(options, OPTION_CACHE_MAPPEDPERCENT);
    config->cache_disk_bytes = serve_part(options, OPTION_CACHE_DISKPERCENT);
    if (config->cache_bytes < SERVE_MB(SERVE_CACHE_MB_LEAST)) {
        return err_set(err, LT_EBADVALUE,
                       "largetable.cache: of totalMB, memoryPercent leaves %llu MB for memory: "
                       "raise one of them, so that it is at least %d",
                       (unsigned long long)(config->cache_bytes >> 20), SERVE_CACHE_MB_LEAST);
    }
    return 0;
}

static int serve_memory_only(const struct options *options, struct node_config *config,
                             struct err *err)
{
    config->cache_bytes = SERVE_MB(options_int(options, OPTION_CACHESIZEMB));
    config->block_bytes = config->cache_bytes / 2;
    if (options_int(options, OPTION_CACHE_TOTALMB) != 0) {
        return err_set(err, LT_EBADVALUE,
                       "give largetable.cacheSizeMB (memory only) or largetable.cache.totalMB "
                       "(memory and files), not both");
    }
    if (config->cache_bytes < SERVE_MB(SERVE_CACHE_MB_LEAST)) {
        return err_set(err, LT_EBADVALUE,
                       "largetable.cacheSizeMB: %llu is too small: give at least %d, or 0 for a "
                       "quarter of the memory limit",
                       (unsigned long long)(config->cache_bytes >> 20), SERVE_CACHE_MB_LEAST);
    }
    return 0;
}

/* What the machine has room for. */
static void serve_from_machine(const struct options *options, uint64_t limit,
                               struct node_config *config)
{
    uint64_t memory =
        serve_clamp(limit / 4, SERVE_MB(SERVE_CACHE_MB_AUTO), SERVE_MB(SERVE_CACHE_MB_MOST));
    uint64_t mapped = (uint64_t)options_int(options, OPTION_CACHE_MAPPEDPERCENT);
    uint64_t files = mapped + (uint64_t)options_int(options, OPTION_CACHE_DISKPERCENT);
    uint64_t bytes = memory * files / (uint64_t)options_int(options, OPTION_CACHE_MEMORYPERCENT);
    bytes = serve_clamp(bytes, 0, serve_disk(options) / SERVE_DISK_PARTS);
    if (bytes >= SERVE_MB(SERVE_FILES_MB)) {
        config->cache_mapped_bytes = bytes * mapped / files;
        config->cache_disk_bytes = bytes - config->cache_mapped_bytes;
    }
    config->cache_bytes = memory;
    config->block_bytes = memory / 4;
}

static int serve_cache(const struct options *options, uint64_t limit, struct node_config *config,
                       struct err *err)
{
    if (options_int(options, OPTION_CACHESIZEMB) != 0) {
        return serve_memory_only(options, config, err);
    }
    int code = serve_check_percents(options, err);
    if (code == 0 && options_int(options, OPTION_CACHE_TOTALMB) != 0) {
        code = serve_levels(options, config, err);
    } else if (code == 0) {
        serve_from_machine(options, limit, config);
    }
    return code;
}

int node__serve_memory(const struct options *options, struct node_config *config, struct err *err)
{
    uint64_t limit = serve_limit(options);
    bool is_given = options_int(options, OPTION_MEMORY_LIMITMB) != 0;
    int code = serve_cache(options, limit, config, err);
    if (code < 0) {
        return code;
    }
    uint64_t cache = config->cache_bytes;
    uint64_t store = 2 * config->write_buffer_bytes;
    uint64_t least = cache + store + SERVE_MB(SERVE_REST_MB);
    if (is_given && limit < least) {
        return err_set(err, LT_EBADVALUE,
                       "largetable.memory.limitMB is %llu, but the cache takes %llu, two write "
                       "buffers %llu and the rest at least %d: raise it to %llu, or lower "
                       "the cache or writeBufferMB",
                       (unsigned long long)(limit >> 20), (unsigned long long)(cache >> 20),
                       (unsigned long long)(store >> 20), SERVE_REST_MB,
                       (unsigned long long)(least >> 20));
    }
    least += is_given ? 0 : SERVE_MB(SERVE_LIMIT_MB_LEAST) / 2;
    config->memory_bytes = limit < least ? least : limit;
    return 0;
}
