/* cache/checkpoint.c - head, what was added, and a checksum of both at the end.
 *
 * Before them stand a magic and the mark of what they are encrypted with. Then they go in frames:
 * the length of a text, and the text, sealed with the frame's number. */
#include "cache/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char checkpoint_name[] = "index";
static const char checkpoint_new[] = "index.new";
static const char checkpoint_magic[8] = "LTCACHE3";

enum { CHECKPOINT_BYTES = 64 << 10 };

/* What the file begins with, as it is. */
struct checkpoint_front {
    char magic[sizeof checkpoint_magic];
    struct store_seal_mark mark;
};

static void checkpoint_put(struct cache_checkpoint *checkpoint, const void *data, size_t len)
{
    for (size_t done = 0; done < len && checkpoint->code == 0;) {
        ssize_t put = write(checkpoint->fd, (const uint8_t *)data + done, len - done);
        if (put < 0 && errno != EINTR) {
            checkpoint->code = -LT_EIO;
        }
        done += put < 0 ? 0 : (size_t)put;
    }
}

/* The number of a frame is authenticated with its text. */
static struct slice checkpoint_sealed_with(const uint64_t *frame)
{
    return slice_of(frame, sizeof *frame);
}

static void checkpoint_write(struct cache_checkpoint *checkpoint)
{
    struct buf *waiting = &checkpoint->waiting;
    if (checkpoint->gcm != NULL) {
        struct slice text = buf_slice(waiting);
        buf_extend(waiting, GCM_EXTRA);
        text.data = waiting->data;
        uint32_t len = (uint32_t)waiting->len;
        gcm_seal(checkpoint->gcm, checkpoint_sealed_with(&checkpoint->frames), text, waiting->data);
        checkpoint->frames++;
        checkpoint_put(checkpoint, &len, sizeof len);
    }
    checkpoint_put(checkpoint, waiting->data, waiting->len);
    waiting->len = 0;
}

void cache_checkpoint_begin(struct cache_checkpoint *checkpoint, int directory,
                            const struct cache_seal *seal, const struct cache_checkpoint_head *head)
{
    struct checkpoint_front front = {.mark = seal->mark};
    *checkpoint = (struct cache_checkpoint){
        .directory = directory, .state = XXH3_createState(), .gcm = seal->gcm};
    memcpy(front.magic, checkpoint_magic, sizeof front.magic);
    buf_init(&checkpoint->waiting, NULL);
    XXH3_64bits_reset(checkpoint->state);
    unlinkat(directory, checkpoint_new, 0);
    checkpoint->fd =
        openat(directory, checkpoint_new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    checkpoint->code = checkpoint->fd < 0 ? -LT_EIO : 0;
    checkpoint_put(checkpoint, &front, sizeof front);
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
    uint64_t checksum;
    if (out->len < sizeof *ret_head + sizeof checksum) {
        return -LT_ECORRUPT;
    }
    out->len -= sizeof checksum;
    memcpy(&checksum, out->data + out->len, sizeof checksum);
    if (checksum != XXH3_64bits(out->data, out->len)) {
        return -LT_ECORRUPT;
    }
    memcpy(ret_head, out->data, sizeof *ret_head);
    out->len -= sizeof *ret_head;
    memmove(out->data, out->data + sizeof *ret_head, out->len);
    return 0;
}

/* Frames in the clear, closed up. */
static int checkpoint_decrypt(struct gcm *gcm, struct buf *out)
{
    struct slice rest = buf_slice(out);
    out->len = 0;
    for (uint64_t frame = 0; rest.len > 0; frame++) {
        uint32_t len;
        if (cache_checkpoint_take(&rest, &len, sizeof len) < 0 || len > rest.len ||
            gcm_unseal(gcm, checkpoint_sealed_with(&frame), slice_of(rest.data, len),
                       (uint8_t *)(uintptr_t)rest.data) < 0) {
            return -LT_ECORRUPT;
        }
        memmove(out->data + out->len, rest.data, len - GCM_EXTRA);
        out->len += len - GCM_EXTRA;
        rest = slice_from(rest, len);
    }
    return 0;
}

/* What stands at the front, and leave the rest in the clear. */
static int checkpoint_open(struct cache_seal *seal, struct buf *out)
{
    struct checkpoint_front front;
    if (out->len < sizeof front) {
        return -LT_ECORRUPT;
    }
    memcpy(&front, out->data, sizeof front);
    if (memcmp(front.magic, checkpoint_magic, sizeof front.magic) != 0 ||
        (front.mark.key != 0) != (seal->keys != NULL)) {
        return -LT_ECORRUPT;
    }
    out->len -= sizeof front;
    memmove(out->data, out->data + sizeof front, out->len);
    if (seal->keys == NULL) {
        return 0;
    }
    int code = store_seal_gcm(seal->keys, front.mark, &seal->gcm);
    seal->mark = front.mark;
    return code < 0 ? code : checkpoint_decrypt(seal->gcm, out);
}

int cache_checkpoint_read(int directory, struct cache_seal *seal,
                          struct cache_checkpoint_head *ret_head, struct buf *out)
{
    int fd = openat(directory, checkpoint_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? -LT_ENOSUCHKEY : -LT_EIO;
    }
    out->len = 0;
    int code = checkpoint_load(fd, out);
    close(fd);
    code = code < 0 ? code : checkpoint_open(seal, out);
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
