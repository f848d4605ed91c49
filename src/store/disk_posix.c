/* store/disk_posix.c - real files, reached relative to one open directory. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/disk.h"

struct disk_posix {
    struct store_disk disk;
    int directory;
};

static int disk_directory(struct store_disk *disk)
{
    return ((struct disk_posix *)disk)->directory;
}

static int disk_code(void)
{
    return errno == ENOENT ? -LT_ENOSUCHKEY : errno == ENOSPC ? -LT_EOUTOFDISKSPACE : -LT_EIO;
}

static int disk_open(struct store_disk *disk, const char *name, bool create, int *ret_file)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0);
    int file = openat(disk_directory(disk), name, flags, 0600);
    if (file < 0) {
        return disk_code();
    }
    *ret_file = file;
    return 0;
}

static void disk_close(struct store_disk *disk, int file)
{
    (void)disk;
    close(file);
}

static int disk_size(struct store_disk *disk, int file, uint64_t *ret_size)
{
    (void)disk;
    struct stat status;
    if (fstat(file, &status) != 0) {
        return disk_code();
    }
    *ret_size = (uint64_t)status.st_size;
    return 0;
}

static int disk_read(struct store_disk *disk, int file, uint64_t at, void *data, size_t *len)
{
    (void)disk;
    size_t done = 0;
    while (done < *len) {
        ssize_t got = pread(file, (uint8_t *)data + done, *len - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return disk_code();
        }
        if (got == 0) {
            break;
        }
        done += (size_t)got;
    }
    *len = done;
    return 0;
}

static int disk_write(struct store_disk *disk, int file, uint64_t at, struct slice data)
{
    (void)disk;
    size_t done = 0;
    while (done < data.len) {
        ssize_t put = pwrite(file, data.data + done, data.len - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return disk_code();
        }
        done += (size_t)put;
    }
    return 0;
}

static int disk_reserve(struct store_disk *disk, int file, uint64_t size)
{
    (void)disk;
    int error = posix_fallocate(file, 0, (off_t)size);
    errno = error;
    return error == 0 ? 0 : disk_code();
}

static int disk_truncate(struct store_disk *disk, int file, uint64_t size)
{
    (void)disk;
    return ftruncate(file, (off_t)size) == 0 ? 0 : disk_code();
}

static int disk_sync(struct store_disk *disk, int file)
{
    (void)disk;
    return fdatasync(file) == 0 ? 0 : -LT_EIO;
}

static int disk_remove(struct store_disk *disk, const char *name)
{
    return unlinkat(disk_directory(disk), name, 0) == 0 ? 0 : disk_code();
}

static int disk_sync_names(struct store_disk *disk)
{
    return fsync(disk_directory(disk)) == 0 ? 0 : -LT_EIO;
}

static int disk_list(struct store_disk *disk, void (*cb)(void *context, const char *name),
                     void *context)
{
    int copy = openat(disk_directory(disk), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);
    if (stream == NULL) {
        return disk_code();
    }
    struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        cb(context, entry->d_name);
    }
    closedir(stream);
    return 0;
}

static int disk_room(struct store_disk *disk, uint64_t *ret_free, uint64_t *ret_total)
{
    struct statvfs status;
    if (fstatvfs(disk_directory(disk), &status) != 0) {
        return disk_code();
    }
    *ret_free = (uint64_t)status.f_bavail * status.f_frsize;
    *ret_total = (uint64_t)status.f_blocks * status.f_frsize;
    return 0;
}

static void disk_free(struct store_disk *disk)
{
    close(disk_directory(disk));
    mem_free(disk);
}

static const struct store_disk_ops disk_posix_ops = {
    .open = disk_open,
    .close = disk_close,
    .size = disk_size,
    .read = disk_read,
    .write = disk_write,
    .reserve = disk_reserve,
    .truncate = disk_truncate,
    .sync = disk_sync,
    .remove = disk_remove,
    .sync_names = disk_sync_names,
    .list = disk_list,
    .room = disk_room,
    .free = disk_free,
};

int store_disk_posix_new(const char *directory, struct store_disk **ret_disk, struct err *err)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(err, LT_EIO, "cannot open the directory %s: %s", directory, strerror(errno));
    }
    struct disk_posix *posix = mem_zero(1, sizeof *posix);
    posix->disk.ops = &disk_posix_ops;
    posix->directory = fd;
    *ret_disk = &posix->disk;
    return 0;
}
