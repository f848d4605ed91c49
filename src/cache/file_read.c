/* cache/file_read.c - the readers' side: find, hold, look, compare.
 *
 * Under the lock a look-up finds a position and either copies the entry, when it is in the open
 * segment's buffer, or pins the segment. Outside of it the entry is read: who may not wait looks at
 * the map, if the system says that these pages are in memory, or copies what the system has of the
 * file in memory; who may wait reads the file, since an error of the disk is a code there and a
 * signal in the map. */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/mem.h"
#include "cache/file_private.h"

enum { FILE_PAGE = 4096, FILE_PAGES_MAX = 512, FILE_READ_FIRST = 4096 };

/* Where an entry is, and what holds it there. */
struct file_found {
    uint32_t position;
    struct cache_file_segment *segment; /* pinned; NULL: `copy` holds the entry */
    uint32_t generation;
    uint64_t offset;
    uint64_t room; /* bytes to the segment's end: an entry is not longer */
    struct cache_file_head *copy;
};

int cache__file_pread(struct cache_file *file, uint64_t at, void *out, uint64_t len)
{
    for (uint64_t done = 0; done < len;) {
        ssize_t got = pread(file->fd, (uint8_t *)out + done, len - done, (off_t)(at + done));
        if (got < 0 && errno != EINTR) {
            return cache__file_break(file, "reading");
        }
        if (got == 0) {
            return -LT_ECORRUPT;
        }
        done += got < 0 ? 0 : (uint64_t)got;
    }
    return 0;
}

static void file_unpin(void *handle)
{
    struct cache_file_segment *segment = handle;
    pthread_mutex_lock(&segment->file->lock);
    assert(segment->pins > 0);
    segment->pins--;
    pthread_mutex_unlock(&segment->file->lock);
}

static struct cache_file_head *file_copy(const struct cache_file_head *head)
{
    uint64_t len = cache__file_entry_len(head);
    return memcpy(mem_alloc(len), head, len);
}

/* The nth entry of that hash, held; false when there are not so many. */
static bool file_find(struct cache_file *file, uint64_t hash, uint32_t nth,
                      struct file_found *ret_found)
{
    uint32_t segment_bytes = file->options.segment_bytes;
    pthread_mutex_lock(&file->lock);
    uint32_t position = cache_index_find(&file->index, hash, nth);
    if (position != 0) {
        uint64_t offset = cache_file_offset(file, position);
        uint32_t number = (uint32_t)(offset / segment_bytes);
        uint32_t within = (uint32_t)(offset % segment_bytes);
        struct cache_file_segment *segment = &file->segments[number];
        *ret_found = (struct file_found){.position = position,
                                         .generation = segment->generation,
                                         .offset = offset,
                                         .room = segment_bytes - within};
        if (number == file->open) {
            ret_found->copy = file_copy((const struct cache_file_head *)(file->buffer + within));
        } else {
            ret_found->segment = segment;
            segment->pins++;
        }
    }
    file->stats.misses += position == 0;
    pthread_mutex_unlock(&file->lock);
    return position != 0;
}

/* ---- looking at the map ---- */

/* Would looking at these bytes not wait for the disk? */
static bool file_is_resident(const struct cache_file *file, uint64_t offset, uint64_t len)
{
    unsigned char pages[FILE_PAGES_MAX];
    uint64_t from = offset & ~(uint64_t)(FILE_PAGE - 1);
    uint64_t count = (offset + len - from + FILE_PAGE - 1) / FILE_PAGE;
    if (count > FILE_PAGES_MAX ||
        mincore((void *)(uintptr_t)(file->map + from), count * FILE_PAGE, pages) != 0) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if ((pages[i] & 1) == 0) {
            return false;
        }
    }
    return true;
}

/* A file that somebody cut is shorter than the map; what is behind its end is no memory, whatever
 * the system says of its pages: they may belong to a larger one that is cut through. */
static uint64_t file_room(const struct cache_file *file, const struct file_found *found)
{
    struct stat status;
    uint64_t size = fstat(file->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
    uint64_t room = size > found->offset ? size - found->offset : 0;
    return room < found->room ? room : found->room;
}

static int file_look(const struct cache_file *file, const struct file_found *found,
                     const struct cache_file_head **ret_head)
{
    uint64_t room = file_room(file, found);
    const struct cache_file_head *head =
        (const struct cache_file_head *)(file->map + found->offset);
    if (room < sizeof *head || !file_is_resident(file, found->offset, sizeof *head)) {
        return -LT_EAGAIN;
    }
    uint64_t len = cache__file_entry_len(head);
    if (len <= found->room && (len > room || !file_is_resident(file, found->offset, len))) {
        return -LT_EAGAIN;
    }
    *ret_head = head;
    return 0;
}

/* ---- reading the file ---- */

/* As pread; who may not wait gets what the system has in memory, which may be less. */
static ssize_t file_read_some(const struct cache_file *file, uint64_t at, struct iovec *into,
                              enum store_wait wait)
{
    ssize_t got;
    do {
        got = preadv2(file->fd, into, 1, (off_t)at, wait == STORE_MEMORY_ONLY ? RWF_NOWAIT : 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* What a first read could not give. */
static int file_fetch_rest(struct cache_file *file, const struct file_found *found, uint64_t len,
                           enum store_wait wait)
{
    struct iovec into = {found->copy, len};
    if (wait == STORE_MEMORY_ONLY) {
        ssize_t got = file_read_some(file, found->offset, &into, wait);
        return got >= 0 && (uint64_t)got == len ? 0 : -LT_EAGAIN;
    }
    int code = cache__file_pread(file, found->offset, found->copy, len);
    return code == -LT_ECORRUPT ? 0 : code;
}

/* The entry in memory of its own; most are not longer than a first read. An error is for those to
 * tell who may wait. */
static int file_fetch(struct cache_file *file, struct file_found *found, enum store_wait wait)
{
    uint64_t first = found->room < FILE_READ_FIRST ? found->room : FILE_READ_FIRST;
    found->copy = mem_zero(1, FILE_READ_FIRST);
    struct iovec into = {found->copy, first};
    ssize_t got = file_read_some(file, found->offset, &into, wait);
    if (wait == STORE_MEMORY_ONLY && got < (ssize_t)sizeof *found->copy) {
        return -LT_EAGAIN;
    }
    if (got < 0) {
        return cache__file_break(file, "reading");
    }
    uint64_t len = cache__file_entry_len(found->copy);
    if (len <= (uint64_t)got || len > found->room) {
        return 0;
    }
    found->copy = mem_grow(found->copy, len > FILE_READ_FIRST ? len : FILE_READ_FIRST);
    return file_fetch_rest(file, found, len, wait);
}

/* Is this the entry that was looked for, undamaged? What is encrypted is in memory of its own
 * afterwards, in the clear. */
static bool file_is_whole(struct cache_file *file, struct file_found *found,
                          const struct cache_file_head **head)
{
    if (!cache__file_is_entry(*head, found->room, found->generation)) {
        return false;
    }
    if (file->options.gcm == NULL) {
        return true;
    }
    found->copy = found->copy != NULL ? found->copy : file_copy(*head);
    *head = found->copy;
    return cache__file_decrypt(file, found->copy);
}

/* The entry's bytes, whatever they are. */
static int file_view(struct cache_file *file, struct file_found *found, enum store_wait wait,
                     const struct cache_file_head **ret_head)
{
    int code = 0;
    if (found->copy == NULL && wait == STORE_MEMORY_ONLY && file->map != NULL) {
        return file_look(file, found, ret_head);
    }
    if (found->copy == NULL) {
        code = file_fetch(file, found, wait);
    }
    *ret_head = found->copy;
    return code;
}

/* ---- the door ---- */

static void file_let_go(struct file_found *found)
{
    if (found->segment != NULL) {
        file_unpin(found->segment);
    }
    mem_free(found->copy);
}

static bool file_is_key(const struct cache_file *file, uint64_t hash, struct slice key,
                        const struct cache_file_head *head)
{
    struct slice there = cache_file_head_key(head);
    return key.len == 0 ? XXH3_64bits_withSeed(there.data, there.len, file->options.seed) == hash
                        : slice_equal(there, key);
}

/* Lend the entry: what holds it changes hands. */
static void file_lend(struct file_found *found, const struct cache_file_head *head,
                      struct cache_file_value *ret_value)
{
    bool copied = found->copy != NULL;
    *ret_value = (struct cache_file_value){
        .key = cache_file_head_key(head),
        .packed = cache__file_packed(head),
        .handle = copied ? (void *)found->copy : (void *)found->segment,
        .release = copied ? mem_free : file_unpin,
    };
    if (copied && found->segment != NULL) {
        file_unpin(found->segment);
    }
}

static void file_count(struct cache_file *file, uint64_t hash, uint32_t position, bool good)
{
    pthread_mutex_lock(&file->lock);
    if (good) {
        file->stats.hits++;
        cache_index_hit(&file->index, hash, position);
    } else {
        file->stats.damaged += cache_index_remove(&file->index, hash, position);
    }
    pthread_mutex_unlock(&file->lock);
}

int cache_file_get(struct cache_file *file, uint64_t hash, struct slice key, enum store_wait wait,
                   struct cache_file_value *ret_value)
{
    struct file_found found;
    uint32_t nth = 0;
    while (file_find(file, hash, nth, &found)) {
        const struct cache_file_head *head;
        int code = file_view(file, &found, wait, &head);
        if (code < 0) {
            file_let_go(&found);
            return code;
        }
        bool good = file_is_whole(file, &found, &head);
        if (good && file_is_key(file, hash, key, head)) {
            file_lend(&found, head, ret_value);
            file_count(file, hash, found.position, true);
            return 0;
        }
        file_let_go(&found);
        if (good) {
            nth++;
        } else {
            file_count(file, hash, found.position, false);
        }
    }
    return -LT_ENOSUCHKEY;
}

void cache_file_release(struct cache_file_value *value)
{
    if (value->handle != NULL) {
        value->release(value->handle);
        value->handle = NULL;
    }
}

bool cache_file_has_hash(struct cache_file *file, uint64_t hash)
{
    pthread_mutex_lock(&file->lock);
    bool found = cache_index_find(&file->index, hash, 0) != 0;
    pthread_mutex_unlock(&file->lock);
    return found;
}

bool cache_file_has(struct cache_file *file, const struct cache_file_leaver *leaver)
{
    pthread_mutex_lock(&file->lock);
    bool found =
        cache_index_state(&file->index, leaver->hash, leaver->position) != CACHE_INDEX_ABSENT;
    pthread_mutex_unlock(&file->lock);
    return found;
}

bool cache_file_remove(struct cache_file *file, uint64_t hash)
{
    pthread_mutex_lock(&file->lock);
    bool found = cache_index_remove_hash(&file->index, hash) > 0;
    pthread_mutex_unlock(&file->lock);
    return found;
}
