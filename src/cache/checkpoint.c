/* cache/checkpoint.c - head, what was added, and a checksum of both at the end. */
#include "cache/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char checkpoint_name[] = "index";
static const char checkpoint_new[] = "index.new";
static const char checkpoint_magic[8] = "LTCACHE2";

enum { CHECKPOINT_BYTES = 64 << 10 };

static void checkpoint_write(struct cache_checkpoint *checkpoint)
{
    const struct buf *waiting = &checkpoint->waiting;
    for (size_t done = 0; done < waiting->len && checkpoint->code == 0;) {
        ssize_t put = write(checkpoint->fd, waiting->data + done, waiting->len - done);
        if (put < 0 && errno != EINTR) {
            checkpoint->code = -LT_EIO;
        }
        done += put < 0 ? 0 : (size_t)put;
    }
    checkpoint->waiting.len = 0;
}

void cache_checkpoint_begin(struct cache_checkpoint *checkpoint, int directory,
                            const struct cache_checkpoint_head *head)
{
    *checkpoint = (struct cache_checkpoint){.directory = directory, .state = XXH3_createState()};
    buf_init(&checkpoint->waiting, NULL);
    XXH3_64bits_reset(checkpoint->state);
    unlinkat(directory, checkpoint_new, 0);
    checkpoint->fd =
        openat(directory, checkpoint_new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    checkpoint->code = checkpoint->fd < 0 ? -LT_EIO : 0;
    cache_checkpoint_add(checkpoint, checkpoint_magic, sizeof checkpoint_magic);
    cache_checkpoint_add(checkpoint, head, sizeof *head);
}

void cache_checkpoint_add(struct cache_checkpoint *checkpoint, const void *data, size_t len)
{
    XXH3_64bits_update(checkpoint->state, data, len);
    buf_append(&checkpoint->waiting, data, len);
    if (checkpoint->waiting.len >= CHECKPOINT_BYTES) {
        checkpoint_write(checkpoint);
    }
}

int cache_checkpoint_end(struct cache_checkpoint *checkpoint)
{
    uint64_t checksum = XXH3_64bits_digest(checkpoint->state);
    buf_append(&checkpoint->waiting, &checksum, sizeof checksum);
    checkpoint_write(checkpoint);
    if (checkpoint->fd >= 0) {
        close(checkpoint->fd);
    }
    if (checkpoint->code == 0 && renameat(checkpoint->directory, checkpoint_new,
                                          checkpoint->directory, checkpoint_name) != 0) {
        checkpoint->code = -LT_EIO;
    }
    if (checkpoint->code < 0) {
        int error = errno;
        unlinkat(checkpoint->directory, checkpoint_new, 0);
        errno = error;
    }
    buf_close(&checkpoint->waiting);
    XXH3_freeState(checkpoint->state);
    return checkpoint->code;
}

static int checkpoint_load(int fd, struct buf *out)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return -LT_EIO;
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = buf_extend(out, size);
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, data + done, size - done);
        if (got < 0 && errno != EINTR) {
            return -LT_EIO;
        }
        if (got == 0) {
            return -LT_ECORRUPT;
        }
        done += got < 0 ? 0 : (size_t)got;
    }
    return 0;
}

/* Check the whole, and leave what was added. */
static int checkpoint_check(struct buf *out, struct cache_checkpoint_head *ret_head)
{
    const size_t before = sizeof checkpoint_magic + sizeof *ret_head;
    uint64_t checksum;
    if (out->len < before + sizeof checksum) {
        return -LT_ECORRUPT;
    }
    out->len -= sizeof checksum;
    memcpy(&checksum, out->data + out->len, sizeof checksum);
    if (memcmp(out->data, checkpoint_magic, sizeof checkpoint_magic) != 0 ||
        checksum != XXH3_64bits(out->data, out->len)) {
        return -LT_ECORRUPT;
    }
    memcpy(ret_head, out->data + sizeof checkpoint_magic, sizeof *ret_head);
    out->len -= before;
    memmove(out->data, out->data + before, out->len);
    return 0;
}

int cache_checkpoint_read(int directory, struct cache_checkpoint_head *ret_head, struct buf *out)
{
    int fd = openat(directory, checkpoint_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? -LT_ENOSUCHKEY : -LT_EIO;
    }
    out->len = 0;
    int code = checkpoint_load(fd, out);
    close(fd);
    return code < 0 ? code : checkpoint_check(out, ret_head);
}

int cache_checkpoint_take(struct slice *from, void *out, size_t len)
{
    if (from->len < len) {
        return -LT_ECORRUPT;
    }
    if (len > 0) {
        memcpy(out, from->data, len);
    }
    *from = slice_from(*from, len);
    return 0;
}
