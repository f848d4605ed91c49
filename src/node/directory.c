/* node/directory.c - the data directory: made, locked, and opened as engine, cache and journal.
 *
 * The simulator has one of its own, of an engine and a disk in memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/node_private.h"

static int directory_make(const char *path, struct err *err)
{
    struct stat status;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return err_set(err, LT_EIO, "cannot create %s: %s", path, strerror(errno));
    }
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return err_set(err, LT_EIO, "%s is not a directory", path);
    }
    if ((status.st_mode & S_IWOTH) != 0) {
        return err_set(err, LT_EIO,
                       "%s can be written by everybody: run chmod o-w on it, then start again",
                       path);
    }
    return 0;
}

int node_lock_directory(const char *db_path, int *ret_fd, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    const char *path = (const char *)arena_format(&arena, "%s/lock", db_path).data;
    int code = 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        code = err_set(err, LT_EIO, "cannot open %s: %s", path, strerror(errno));
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        char pid[32] = "unknown";
        ssize_t len = pread(fd, pid, sizeof pid - 1, 0);
        pid[len > 0 ? len : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        code = err_set(err, LT_ELOCKED,
                       "another process (pid %s) uses the data directory %s; stop it, or give "
                       "this one a directory of its own with --dbpath",
                       pid, db_path);
    } else if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", getpid()) < 0) {
        code = err_set(err, LT_EIO, "cannot write %s: %s", path, strerror(errno));
    }
    arena_close(&arena);
    *ret_fd = fd;
    return code;
}

static int directory_open_journal(const struct node *node, struct store_disk **ret_disk,
                                  struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    struct slice path = arena_format(&arena, "%s/journal", node->config.db_path);
    int code = store_disk_posix_new((const char *)path.data, ret_disk, err);
    if (code == 0) {
        (*ret_disk)->seal = node->seal;
    }
    arena_close(&arena);
    return code;
}

static int directory_open_store(struct node *node, struct arena *arena, struct err *err)
{
    const char *db_path = node->config.db_path;
    const char *journal = (const char *)arena_format(arena, "%s/journal", db_path).data;
    const char *store = (const char *)arena_format(arena, "%s/store", db_path).data;
    const char *cache = (const char *)arena_format(arena, "%s/cache", db_path).data;
    int code = directory_make(journal, err);
    if (code == 0 && node->config.cache_mapped_bytes + node->config.cache_disk_bytes > 0) {
        code = directory_make(cache, err);
    }
    struct store_rocks_options options = {
        .path = store,
        .cache_bytes = node->config.block_bytes,
        .write_buffer_bytes = node->config.write_buffer_bytes,
        .compressor = node->config.compressor,
        .seal = node->seal,
    };
    struct store_kv *engine;
    code = code < 0 ? code : store_rocks_open(&options, &engine, err);
    if (code == 0) {
        node__cache_open(node, cache, engine);
    }
    return code < 0 ? code : directory_open_journal(node, &node->journal_disk, err);
}

int node__directory_journal(struct node *node, struct store_disk **ret_disk)
{
    struct err err;
    return directory_open_journal(node, ret_disk, &err);
}

int node__directory_open(struct node *node, struct err *err)
{
    struct arena arena;
    arena_init(&arena);
    int code = directory_make(node->config.db_path, err);
    code = code < 0 ? code : node_lock_directory(node->config.db_path, &node->lock_fd, err);
    code = code < 0
               ? code
               : node__encryption_open(node->config.db_path, node->config.master, &node->seal, err);
    code = code < 0 ? code : directory_open_store(node, &arena, err);
    arena_close(&arena);
    return code;
}
