/* cache/file.c - the writer's side: a ring of segments with second chance.
 *
 *   ... written | written | open: a buffer in memory | ready: empty | written, the next to go | ...
 *
 * Entries are appended to the buffer. When it is full it is written with one call, the ready
 * segment is opened, and the one after it is emptied to be the next ready one: what was hit there
 * is offered to the owner, and kept by appending it to the new buffer. At most half of a buffer is
 * such, so there is always room for what is new. Readers find entries of the open segment in the
 * buffer until it is written.
 *
 * Every segment has a generation of its own, and every entry that of its segment: bytes that an
 * earlier round left are never taken for those that should be there. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/mem.h"
#include "cache/file_private.h"

enum {
    FILE_UNIT_SHIFT_LEAST = 4,
    FILE_SEGMENT_LEAST = 64 << 10,
    FILE_SEGMENT_MOST = 1 << 20,
    FILE_SEGMENTS_WANTED = 64,
    FILE_SEGMENTS_LEAST = 4,
    FILE_ENTRIES_A_SEGMENT = 4,   /* at least so many fit */
    FILE_DISK_RESERVE_PARTS = 16, /* of the disk, for others */
};

/* ---- open and close ---- */

static uint32_t file_segment_bytes(const struct cache_file_options *options)
{
    uint32_t bytes = FILE_SEGMENT_LEAST;
    if (options->segment_bytes != 0) {
        return options->segment_bytes;
    }
    while (bytes < FILE_SEGMENT_MOST && options->bytes / bytes / 2 >= FILE_SEGMENTS_WANTED) {
        bytes *= 2;
    }
    return bytes;
}

static uint32_t file_segments(const struct cache_file *file, uint64_t bytes)
{
    uint64_t segments = bytes / file->options.segment_bytes;
    return segments < FILE_SEGMENTS_LEAST ? FILE_SEGMENTS_LEAST : (uint32_t)segments;
}

static int file_open_named(struct cache_file *file, struct err *err)
{
    const char *name = file->options.name;
    struct stat status;
    file->fd =
        openat(file->options.directory, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file->fd < 0 || fstat(file->fd, &status) != 0) {
        return err_set(err, LT_EIO, "cannot open the cache's file %s: %s", name, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return err_set(err, LT_EIO, "the cache's file %s is not a file: remove it", name);
    }
    uint64_t bytes = (uint64_t)file->segments_count * file->options.segment_bytes;
    if ((uint64_t)status.st_size > bytes && ftruncate(file->fd, (off_t)bytes) != 0) {
        return err_set(err, LT_EIO, "cannot shorten the cache's file %s: %s", name,
                       strerror(errno));
    }
    file->tall = (uint32_t)(((uint64_t)status.st_size + file->options.segment_bytes - 1) /
                            file->options.segment_bytes);
    file->tall = file->tall < file->segments_count ? file->tall : file->segments_count;
    if (file->options.mapped) {
        void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, file->fd, 0);
        if (map == MAP_FAILED) {
            return err_set(err, LT_EIO, "cannot map the cache's file %s: %s", name,
                           strerror(errno));
        }
        madvise(map, bytes, MADV_RANDOM);
        file->map = map;
    }
    return 0;
}

int cache_file_open(const struct cache_file_options *options, struct cache_file **ret_file,
                    struct err *err)
{
    struct cache_file *file = mem_zero(1, sizeof *file);
    file->options = *options;
    file->options.segment_bytes = file_segment_bytes(options);
    file->fd = -1;
    file->open = CACHE_FILE_NONE;
    file->bound = file_segments(file, options->bytes);
    uint32_t most = file_segments(file, options->bytes_most);
    file->segments_count = most > file->bound ? most : file->bound;
    file->unit_shift = FILE_UNIT_SHIFT_LEAST;
    uint64_t bytes = (uint64_t)file->segments_count * file->options.segment_bytes;
    while (bytes >> file->unit_shift >= UINT32_MAX) {
        file->unit_shift++;
    }
    file->segments = mem_zero(file->segments_count, sizeof *file->segments);
    for (uint32_t i = 0; i < file->segments_count; i++) {
        file->segments[i].file = file;
    }
    cache_index_init(&file->index);
    pthread_mutex_init(&file->lock, NULL);
    int code = file_open_named(file, err);
    if (code < 0) {
        cache_file_close(file);
        return code;
    }
    file->buffer = mem_alloc(file->options.segment_bytes);
    file->scratch = mem_alloc(file->options.segment_bytes);
    file->options.directory = -1;
    *ret_file = file;
    return 0;
}

void cache_file_close(struct cache_file *file)
{
    if (file == NULL) {
        return;
    }
    for (uint32_t i = 0; i < file->segments_count; i++) {
        assert(file->segments[i].pins == 0);
    }
    if (file->map != NULL) {
        munmap((void *)(uintptr_t)file->map,
               (uint64_t)file->segments_count * file->options.segment_bytes);
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    cache_index_close(&file->index);
    pthread_mutex_destroy(&file->lock);
    mem_free(file->segments);
    mem_free(file->buffer);
    mem_free(file->scratch);
    mem_free(file);
}

int cache__file_break(struct cache_file *file, const char *what)
{
    char text[256];
    snprintf(text, sizeof text,
             "%s the cache's file %s failed (%s): this level is off until the next start; reads go "
             "to the store. Free space or replace the disk",
             what, file->options.name, strerror(errno));
    pthread_mutex_lock(&file->lock);
    bool first = !atomic_exchange(&file->off, true);
    cache_index_close(&file->index);
    pthread_mutex_unlock(&file->lock);
    if (first) {
        file->options.trouble(file->options.context, text);
    }
    return -LT_EIO;
}

/* ---- entries ---- */

uint64_t cache__file_entry_len(const struct cache_file_head *head)
{
    return sizeof *head + (uint64_t)head->key_len + head->packed_len + head->extra;
}

static uint32_t file_extra(const struct cache_file *file)
{
    return file->options.gcm != NULL ? GCM_EXTRA : 0;
}

uint64_t cache_file_entry_bytes(const struct cache_file *file, struct slice key,
                                const struct cache_packed *packed)
{
    return sizeof(struct cache_file_head) + key.len + packed->bytes.len + file_extra(file);
}

static uint32_t file_checksum(const struct cache_file_head *head)
{
    const uint8_t *from = (const uint8_t *)head + sizeof head->checksum;
    return (uint32_t)XXH3_64bits(from, cache__file_entry_len(head) - sizeof head->checksum);
}

bool cache__file_is_entry(const struct cache_file_head *head, uint64_t len, uint32_t generation)
{
    return len >= sizeof *head && cache__file_entry_len(head) <= len &&
           head->generation == generation && head->checksum == file_checksum(head);
}

/* What is authenticated with key and value: all of the head but the checksum. */
static struct slice file_sealed_with(const struct cache_file_head *head)
{
    return slice_of(&head->generation, sizeof *head - sizeof head->checksum);
}

bool cache__file_decrypt(const struct cache_file *file, struct cache_file_head *head)
{
    uint8_t *text = (uint8_t *)(head + 1);
    struct slice sealed = slice_of(text, cache__file_entry_len(head) - sizeof *head);
    return file->options.gcm == NULL ||
           (head->extra == GCM_EXTRA &&
            gcm_unseal(file->options.gcm, file_sealed_with(head), sealed, text) == 0);
}

struct cache_packed cache__file_packed(const struct cache_file_head *head)
{
    struct slice key = cache_file_head_key(head);
    return (struct cache_packed){.bytes = slice_of(key.data + key.len, head->packed_len),
                                 .plain_len = head->plain_len,
                                 .codec = (enum cache_codec)head->codec,
                                 .dictionary = head->dictionary};
}

static uint32_t file_round(const struct cache_file *file, uint64_t len)
{
    uint64_t unit = UINT64_C(1) << file->unit_shift;
    return (uint32_t)((len + unit - 1) & ~(unit - 1));
}

static bool file_has_room(const struct cache_file *file, uint64_t len)
{
    return file->open != CACHE_FILE_NONE &&
           file->segments[file->open].used + file_round(file, len) <= file->options.segment_bytes;
}

/* Into the buffer, which has room; says at which position. */
static uint32_t file_write_entry(struct cache_file *file, struct slice key,
                                 const struct cache_packed *packed)
{
    struct cache_file_segment *segment = &file->segments[file->open];
    uint64_t len = cache_file_entry_bytes(file, key, packed);
    uint32_t padded = file_round(file, len);
    struct cache_file_head *head = (struct cache_file_head *)(file->buffer + segment->used);
    uint64_t at = (uint64_t)file->open * file->options.segment_bytes + segment->used;
    assert(file_has_room(file, len));
    pthread_mutex_lock(&file->lock);
    *head = (struct cache_file_head){.generation = segment->generation,
                                     .key_len = (uint32_t)key.len,
                                     .packed_len = (uint32_t)packed->bytes.len,
                                     .plain_len = packed->plain_len,
                                     .codec = packed->codec,
                                     .dictionary = packed->dictionary,
                                     .extra = file_extra(file)};
    uint8_t *to = (uint8_t *)(head + 1);
    memcpy(to, key.data, key.len);
    memcpy(to + key.len, packed->bytes.data, packed->bytes.len);
    if (file->options.gcm != NULL) {
        struct slice text = slice_of(to, key.len + packed->bytes.len);
        gcm_seal(file->options.gcm, file_sealed_with(head), text, to);
    }
    memset((uint8_t *)head + len, 0, padded - len);
    head->checksum = file_checksum(head);
    segment->used += padded;
    pthread_mutex_unlock(&file->lock);
    return (uint32_t)(at >> file->unit_shift) + 1;
}

/* ---- emptying ---- */

/* What becomes of one entry of the segment that is being emptied. */
static void file_leave(struct cache_file *file, const struct cache_file_leaver *leaver, bool keep)
{
    pthread_mutex_lock(&file->lock);
    enum cache_index_state state = cache_index_state(&file->index, leaver->hash, leaver->position);
    pthread_mutex_unlock(&file->lock);
    if (state == CACHE_INDEX_ABSENT) {
        return;
    }
    uint64_t len = cache_file_entry_bytes(file, leaver->key, &leaver->packed);
    bool gone = false;
    bool wanted = state == CACHE_INDEX_HIT && file->options.leave(file->options.context, leaver) &&
                  keep && file->kept + len <= file->options.segment_bytes / 2 &&
                  file_has_room(file, len);
    uint32_t position = 0;
    if (wanted) {
        position = file_write_entry(file, leaver->key, &leaver->packed);
        file->kept += (uint32_t)len;
    }
    pthread_mutex_lock(&file->lock);
    if (position != 0) {
        file->stats.kept +=
            cache_index_move(&file->index, leaver->hash, leaver->position, position);
    } else {
        gone = cache_index_remove(&file->index, leaver->hash, leaver->position);
        file->stats.evictions += gone;
    }
    pthread_mutex_unlock(&file->lock);
    if (gone) {
        file->options.gone(file->options.context, leaver);
    }
}

/* False when it came to a damaged entry. */
static bool file_leave_each(struct cache_file *file, uint32_t number, bool keep)
{
    const struct cache_file_segment *segment = &file->segments[number];
    uint64_t begin = (uint64_t)number * file->options.segment_bytes;
    uint32_t at = 0;
    while (at < segment->used) {
        struct cache_file_head *head = (struct cache_file_head *)(file->scratch + at);
        if (!cache__file_is_entry(head, segment->used - at, segment->generation) ||
            !cache__file_decrypt(file, head)) {
            return false;
        }
        struct slice key = cache_file_head_key(head);
        struct cache_file_leaver leaver = {
            .file = file,
            .hash = XXH3_64bits_withSeed(key.data, key.len, file->options.seed),
            .position = (uint32_t)((begin + at) >> file->unit_shift) + 1,
            .key = key,
            .packed = cache__file_packed(head),
        };
        file_leave(file, &leaver, keep);
        at += file_round(file, cache__file_entry_len(head));
    }
    return true;
}

/* Empty a segment: nothing leads there any more. What follows a damaged entry cannot be walked,
 * so it is looked for in the index. */
static int file_empty(struct cache_file *file, uint32_t number, bool keep)
{
    struct cache_file_segment *segment = &file->segments[number];
    uint64_t begin = (uint64_t)number * file->options.segment_bytes;
    if (segment->generation == 0) {
        return 0;
    }
    int code = cache__file_pread(file, begin, file->scratch, segment->used);
    if (code == -LT_EIO) {
        return code;
    }
    bool whole = code == 0 && file_leave_each(file, number, keep);
    uint32_t from = (uint32_t)(begin >> file->unit_shift) + 1;
    uint32_t units = file->options.segment_bytes >> file->unit_shift;
    pthread_mutex_lock(&file->lock);
    segment->generation = 0;
    segment->used = 0;
    if (!whole) {
        file->stats.damaged += cache_index_remove_range(&file->index, from, from + units);
    }
    pthread_mutex_unlock(&file->lock);
    return 0;
}

/* ---- the ring ---- */

static bool file_is_pinned(struct cache_file *file, uint32_t number)
{
    pthread_mutex_lock(&file->lock);
    bool pinned = file->segments[number].pins > 0;
    pthread_mutex_unlock(&file->lock);
    return pinned;
}

/* How many segments the ring has now: the file does not grow to the bound when that would take what
 * the store's own files may soon need. */
static uint32_t file_ring(const struct cache_file *file)
{
    struct statvfs disk;
    bool grows = file->bound > file->tall;
    bool is_short = grows && (fstatvfs(file->fd, &disk) != 0 ||
                              disk.f_bavail < disk.f_blocks / FILE_DISK_RESERVE_PARTS);
    return is_short ? file->tall : file->bound;
}

/* Empty the next segment from `from` on that nobody holds. */
static int file_make_ready(struct cache_file *file, uint32_t from, bool keep)
{
    uint32_t count = file_ring(file);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = (from + i) % count;
        if (number == file->open || file_is_pinned(file, number)) {
            continue;
        }
        int code = file_empty(file, number, keep);
        if (code < 0) {
            return code;
        }
        file->ready = number;
        return 0;
    }
    return -LT_EAGAIN;
}

int cache_file_seal(struct cache_file *file)
{
    if (atomic_load(&file->off)) {
        return -LT_EIO;
    }
    if (file->open == CACHE_FILE_NONE) {
        return 0;
    }
    const struct cache_file_segment *segment = &file->segments[file->open];
    uint64_t begin = (uint64_t)file->open * file->options.segment_bytes;
    for (uint32_t done = 0; done < segment->used;) {
        ssize_t put =
            pwrite(file->fd, file->buffer + done, segment->used - done, (off_t)(begin + done));
        if (put < 0 && errno != EINTR) {
            return cache__file_break(file, "writing");
        }
        done += put < 0 ? 0 : (uint32_t)put;
    }
    pthread_mutex_lock(&file->lock);
    file->stats.written += segment->used;
    file->tall = file->tall > file->open ? file->tall : file->open + 1;
    file->open = CACHE_FILE_NONE;
    pthread_mutex_unlock(&file->lock);
    return 0;
}

/* Write the open segment, open the ready one and make another ready. Where readers hold what is
 * ready, or held everything when it was time to make it so, another is emptied now: there is no
 * buffer then that could keep what leaves. */
static int file_turn(struct cache_file *file)
{
    int code = cache_file_seal(file);
    if (code == 0 && (file->ready == CACHE_FILE_NONE || file_is_pinned(file, file->ready))) {
        code = file_make_ready(file, file->last + 1, false);
    }
    if (code < 0) {
        return code;
    }
    pthread_mutex_lock(&file->lock);
    file->open = file->ready;
    file->generation += file->generation == UINT32_MAX ? 2 : 1;
    file->segments[file->open].generation = file->generation;
    file->segments[file->open].used = 0;
    pthread_mutex_unlock(&file->lock);
    file->kept = 0;
    file->last = file->open;
    file->ready = CACHE_FILE_NONE;
    code = file_make_ready(file, file->last + 1, true);
    return code == -LT_EAGAIN ? 0 : code;
}

/* ---- size ---- */

void cache_file_set_bound(struct cache_file *file, uint64_t bytes)
{
    uint32_t bound = file_segments(file, bytes);
    pthread_mutex_lock(&file->lock);
    file->bound = bound < file->segments_count ? bound : file->segments_count;
    pthread_mutex_unlock(&file->lock);
    if (file->ready != CACHE_FILE_NONE && file->ready >= file->bound) {
        file->ready = CACHE_FILE_NONE;
    }
}

bool cache_file_trim(struct cache_file *file)
{
    uint32_t number = file->tall - 1;
    if (atomic_load(&file->off) || file->tall <= file->bound || number == file->open ||
        file_is_pinned(file, number) || file_empty(file, number, true) < 0) {
        return false;
    }
    file->tall = number;
    if (number == file->bound &&
        ftruncate(file->fd, (off_t)((uint64_t)number * file->options.segment_bytes)) != 0) {
        cache__file_break(file, "shortening");
    }
    return true;
}

void cache_file_let_go(struct cache_file *file)
{
    if (file->map != NULL) {
        madvise((void *)(uintptr_t)file->map,
                (uint64_t)file->segments_count * file->options.segment_bytes, MADV_DONTNEED);
    }
}

int cache_file_append(struct cache_file *file, struct slice key, const struct cache_packed *packed,
                      uint32_t *ret_position)
{
    uint64_t len = cache_file_entry_bytes(file, key, packed);
    if (len > file->options.segment_bytes / FILE_ENTRIES_A_SEGMENT) {
        return -LT_EBADVALUE;
    }
    int code = atomic_load(&file->off) ? -LT_EIO : 0;
    if (code == 0 && !file_has_room(file, len)) {
        code = file_turn(file);
    }
    if (code == 0) {
        *ret_position = file_write_entry(file, key, packed);
    }
    return code;
}

void cache_file_publish(struct cache_file *file, uint64_t hash, uint32_t position)
{
    pthread_mutex_lock(&file->lock);
    if (!atomic_load(&file->off)) {
        cache_index_add(&file->index, hash, position);
    }
    pthread_mutex_unlock(&file->lock);
}

struct cache_file_stats cache_file_stats(struct cache_file *file)
{
    pthread_mutex_lock(&file->lock);
    struct cache_file_stats stats = file->stats;
    stats.entries = cache_index_count(&file->index);
    stats.memory_bytes = cache_index_bytes(&file->index) + 2 * file->options.segment_bytes;
    for (uint32_t i = 0; i < file->segments_count; i++) {
        stats.bytes += file->segments[i].used;
    }
    pthread_mutex_unlock(&file->lock);
    stats.off = atomic_load(&file->off);
    stats.bytes_max = (uint64_t)file->bound * file->options.segment_bytes;
    return stats;
}
