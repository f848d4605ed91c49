/* cache/file_keep.c - what a restart must know of a level: its segments and its index.
 *
 * It is saved by the writer, with nothing waiting in a buffer; others may remove entries meanwhile,
 * so an entry that is saved may be gone already: whoever reads it back must remove it again.
 *
 * A segment that was written after it was saved has another generation in its entries than the one
 * that was saved, so it is a miss and nothing else. For that to hold after the next save too,
 * generations go on some way above the saved one. */
#include <assert.h>

#include "base/mem.h"
#include "cache/checkpoint.h"
#include "cache/file_private.h"

enum { FILE_GENERATIONS_AHEAD = 1 << 16, FILE_SAVED_AT_ONCE = 512 };

struct file_saved {
    uint32_t segment_bytes;
    uint32_t segments_count;
    uint32_t bound;
    uint32_t generation;
    uint32_t last;
};

struct file_saved_segment {
    uint32_t generation;
    uint32_t used;
};

static void file_save_part(struct cache_file *file, uint32_t part, struct cache_checkpoint *out)
{
    uint64_t saved[FILE_SAVED_AT_ONCE];
    uint32_t at = 0;
    uint32_t count;
    do {
        pthread_mutex_lock(&file->lock);
        count = cache_index_save(&file->index, part, &at, saved, FILE_SAVED_AT_ONCE);
        pthread_mutex_unlock(&file->lock);
        cache_checkpoint_add(out, &count, sizeof count);
        cache_checkpoint_add(out, saved, count * sizeof saved[0]);
    } while (count > 0);
}

void cache_file_save(struct cache_file *file, struct cache_checkpoint *out)
{
    struct file_saved head = {file->options.segment_bytes, file->segments_count, file->bound,
                              file->generation, file->last};
    assert(file->open == CACHE_FILE_NONE || atomic_load(&file->off));
    cache_checkpoint_add(out, &head, sizeof head);
    for (uint32_t i = 0; i < file->segments_count; i++) {
        struct file_saved_segment segment = {file->segments[i].generation, file->segments[i].used};
        cache_checkpoint_add(out, &segment, sizeof segment);
    }
    for (uint32_t part = 0; part < CACHE_INDEX_PARTS; part++) {
        file_save_part(file, part, out);
    }
}

/* ---- loading ---- */

static bool file_may_hold(const struct cache_file *file, uint64_t saved)
{
    uint32_t position = cache_index_saved_position(saved);
    if (position == 0) {
        return false;
    }
    uint64_t offset = cache_file_offset(file, position);
    uint64_t number = offset / file->options.segment_bytes;
    return number < file->segments_count && file->segments[number].generation != 0 &&
           offset % file->options.segment_bytes < file->segments[number].used;
}

static int file_load_part(struct cache_file *file, struct slice *from)
{
    uint32_t count = 0;
    int code;
    do {
        code = cache_checkpoint_take(from, &count, sizeof count);
        for (uint32_t i = 0; i < count && code == 0; i++) {
            uint64_t saved;
            code = cache_checkpoint_take(from, &saved, sizeof saved);
            if (code == 0 &&
                !(file_may_hold(file, saved) && cache_index_load(&file->index, saved))) {
                code = -LT_ECORRUPT;
            }
        }
    } while (code == 0 && count > 0);
    return code;
}

static int file_load_segments(struct cache_file *file, struct slice *from)
{
    int code = 0;
    for (uint32_t i = 0; i < file->segments_count && code == 0; i++) {
        struct file_saved_segment segment;
        code = cache_checkpoint_take(from, &segment, sizeof segment);
        if (code == 0 && segment.used > file->options.segment_bytes) {
            code = -LT_ECORRUPT;
        }
        if (code == 0) {
            file->segments[i].generation = segment.generation;
            file->segments[i].used = segment.used;
        }
    }
    return code;
}

void cache_file_forget(struct cache_file *file)
{
    pthread_mutex_lock(&file->lock);
    cache_index_close(&file->index);
    for (uint32_t i = 0; i < file->segments_count; i++) {
        if (i != file->open) {
            file->segments[i].generation = 0;
            file->segments[i].used = 0;
        }
    }
    pthread_mutex_unlock(&file->lock);
}

int cache_file_load(struct cache_file *file, struct slice *from)
{
    struct file_saved head;
    int code = cache_checkpoint_take(from, &head, sizeof head);
    if (code == 0 &&
        (head.segment_bytes != file->options.segment_bytes ||
         head.segments_count != file->segments_count || head.last >= file->segments_count ||
         head.bound == 0 || head.bound > file->segments_count)) {
        code = -LT_EBADVALUE;
    }
    code = code < 0 ? code : file_load_segments(file, from);
    for (uint32_t part = 0; part < CACHE_INDEX_PARTS && code == 0; part++) {
        code = file_load_part(file, from);
    }
    if (code < 0) {
        cache_file_forget(file);
        return code;
    }
    file->generation = head.generation + FILE_GENERATIONS_AHEAD;
    file->last = head.last;
    file->bound = head.bound;
    file->ready = CACHE_FILE_NONE;
    return 0;
}
