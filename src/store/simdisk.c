/* store/simdisk.c - every file twice: as it is now, and as it was synced.
 *
 * A crash goes over the sectors in which the two differ and lets the seed choose. Names are kept
 * the same way: a file may be there without its name being durable, and the other way round. */
#include "store/simdisk.h"

#include <assert.h>

#include "base/mem.h"

enum { SIMDISK_NAME_MAX = 64 };

struct simdisk_file {
    char name[SIMDISK_NAME_MAX];
    bool there;   /* as programs see it */
    bool durable; /* as it would be after a crash that loses everything */
    uint8_t *data;
    uint64_t size;
    uint8_t *synced;
    uint64_t synced_size;
    uint8_t *lost; /* a byte a sector: a failed sync gave it up, the next one will not write it */
    uint64_t lost_count;
};

struct store_simdisk {
    uint64_t random;
    struct simdisk_file **files;
    uint32_t count;
    uint32_t cap;
    uint64_t capacity;
    uint64_t halt_after; /* changes; 0: never */
    bool halted;
    uint64_t fail_sync;
};

struct simdisk_mount {
    struct store_disk disk;
    struct store_simdisk *sim;
};

static struct store_simdisk *simdisk_of(struct store_disk *disk)
{
    return ((struct simdisk_mount *)disk)->sim;
}

static uint64_t simdisk_random(struct store_simdisk *sim)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool simdisk_coin(struct store_simdisk *sim)
{
    return (simdisk_random(sim) & 1) != 0;
}

/* May one more change be made? */
static int simdisk_change(struct store_simdisk *sim)
{
    if (sim->halted) {
        return -LT_EIO;
    }
    if (sim->halt_after > 0 && --sim->halt_after == 0) {
        sim->halted = true;
    }
    return 0;
}

static struct simdisk_file *simdisk_find(struct store_simdisk *sim, const char *name)
{
    for (uint32_t i = 0; i < sim->count; i++) {
        if (sim->files[i]->there && strcmp(sim->files[i]->name, name) == 0) {
            return sim->files[i];
        }
    }
    return NULL;
}

static void simdisk_forget(struct store_simdisk *sim, uint32_t position)
{
    struct simdisk_file *file = sim->files[position];
    mem_free(file->data);
    mem_free(file->synced);
    mem_resize(file->lost, file->lost_count, 0);
    mem_free(file);
    sim->files[position] = NULL;
}

/* Close the gaps that forgetting left. Handles are positions: only between mounts. */
static void simdisk_pack(struct store_simdisk *sim)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < sim->count; i++) {
        if (sim->files[i] != NULL) {
            sim->files[kept++] = sim->files[i];
        }
    }
    sim->count = kept;
}

/* ---- the file operations ---- */

static int simdisk_open(struct store_disk *disk, const char *name, bool create, int *ret_file)
{
    struct store_simdisk *sim = simdisk_of(disk);
    struct simdisk_file *file = simdisk_find(sim, name);
    if (!create) {
        for (uint32_t i = 0; file != NULL && i < sim->count; i++) {
            if (sim->files[i] == file) {
                *ret_file = (int)i;
                return 0;
            }
        }
        return -LT_ENOSUCHKEY;
    }
    int code = file != NULL ? -LT_EIO : simdisk_change(sim);
    if (code < 0) {
        return code;
    }
    if (sim->count == sim->cap) {
        sim->cap = sim->cap == 0 ? 16 : sim->cap * 2;
        sim->files = mem_grow(sim->files, sim->cap * sizeof *sim->files);
    }
    assert(strlen(name) < SIMDISK_NAME_MAX);
    file = mem_zero(1, sizeof *file);
    memcpy(file->name, name, strlen(name) + 1);
    file->there = true;
    *ret_file = (int)sim->count;
    sim->files[sim->count++] = file;
    return 0;
}

static void simdisk_close(struct store_disk *disk, int file)
{
    (void)disk;
    (void)file;
}

static int simdisk_size(struct store_disk *disk, int file, uint64_t *ret_size)
{
    *ret_size = simdisk_of(disk)->files[file]->size;
    return 0;
}

static int simdisk_read(struct store_disk *disk, int file, uint64_t at, void *data, size_t *len)
{
    const struct simdisk_file *from = simdisk_of(disk)->files[file];
    uint64_t there = at < from->size ? from->size - at : 0;
    *len = *len < there ? *len : there;
    if (*len > 0) {
        memcpy(data, from->data + at, *len);
    }
    return 0;
}

static uint64_t simdisk_used(const struct store_simdisk *sim)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < sim->count; i++) {
        if (sim->files[i] != NULL && sim->files[i]->there) {
            used += sim->files[i]->size;
        }
    }
    return used;
}

/* Zeroes up to `size`; -LT_EOUTOFDISKSPACE. */
static int simdisk_grow(struct store_simdisk *sim, struct simdisk_file *file, uint64_t size)
{
    if (size <= file->size) {
        return 0;
    }
    if (sim->capacity > 0 && simdisk_used(sim) - file->size + size > sim->capacity) {
        return -LT_EOUTOFDISKSPACE;
    }
    file->data = mem_grow(file->data, size);
    memset(file->data + file->size, 0, size - file->size);
    file->size = size;
    return 0;
}

static bool simdisk_is_lost(const struct simdisk_file *file, uint64_t at)
{
    uint64_t sector = at / STORE_SIMDISK_SECTOR;
    return sector < file->lost_count && file->lost[sector] != 0;
}

/* Sectors that are written anew are dirty anew. */
static void simdisk_find_again(struct simdisk_file *file, uint64_t at, uint64_t len)
{
    for (uint64_t i = at / STORE_SIMDISK_SECTOR;
         i <= (at + len - 1) / STORE_SIMDISK_SECTOR && i < file->lost_count; i++) {
        file->lost[i] = 0;
    }
}

static int simdisk_write(struct store_disk *disk, int file, uint64_t at, struct slice data)
{
    struct store_simdisk *sim = simdisk_of(disk);
    struct simdisk_file *to = sim->files[file];
    int code = simdisk_change(sim);
    code = code < 0 ? code : simdisk_grow(sim, to, at + data.len);
    if (code == 0 && data.len > 0) {
        memcpy(to->data + at, data.data, data.len);
        simdisk_find_again(to, at, data.len);
    }
    return code;
}

static int simdisk_reserve(struct store_disk *disk, int file, uint64_t size)
{
    struct store_simdisk *sim = simdisk_of(disk);
    int code = simdisk_change(sim);
    return code < 0 ? code : simdisk_grow(sim, sim->files[file], size);
}

static int simdisk_truncate(struct store_disk *disk, int file, uint64_t size)
{
    struct store_simdisk *sim = simdisk_of(disk);
    int code = simdisk_change(sim);
    if (code == 0 && size < sim->files[file]->size) {
        sim->files[file]->size = size;
    }
    return code < 0 ? code : simdisk_grow(sim, sim->files[file], size);
}

/* A sector as it is now becomes durable; bytes past the end are none. */
static void simdisk_settle_sector(struct simdisk_file *file, uint64_t at)
{
    uint64_t len = file->size - at < STORE_SIMDISK_SECTOR ? file->size - at : STORE_SIMDISK_SECTOR;
    memcpy(file->synced + at, file->data + at, len);
}

static void simdisk_settle(struct simdisk_file *file)
{
    file->synced = mem_grow(file->synced, file->size + 1);
    if (file->size > file->synced_size) {
        memset(file->synced + file->synced_size, 0, file->size - file->synced_size);
    }
    for (uint64_t at = 0; at < file->size; at += STORE_SIMDISK_SECTOR) {
        if (!simdisk_is_lost(file, at)) {
            simdisk_settle_sector(file, at);
        }
    }
    file->synced_size = file->size;
}

/* As Linux does: what a failed sync did not write counts as clean, and no later sync writes it. */
static void simdisk_lose(struct store_simdisk *sim, struct simdisk_file *file)
{
    uint64_t count = file->size / STORE_SIMDISK_SECTOR + 1;
    file->lost = mem_resize(file->lost, file->lost_count, count);
    file->lost_count = count;
    for (uint64_t i = 0; i < count; i++) {
        file->lost[i] |= simdisk_coin(sim);
    }
    simdisk_settle(file);
}

static bool simdisk_sync_fails(struct store_simdisk *sim)
{
    return sim->fail_sync > 0 && --sim->fail_sync == 0;
}

static int simdisk_sync(struct store_disk *disk, int file)
{
    struct store_simdisk *sim = simdisk_of(disk);
    int code = simdisk_change(sim);
    if (code == 0 && simdisk_sync_fails(sim)) {
        simdisk_lose(sim, sim->files[file]);
        code = -LT_EIO;
    }
    if (code == 0) {
        simdisk_settle(sim->files[file]);
    }
    return code;
}

static int simdisk_remove(struct store_disk *disk, const char *name)
{
    struct store_simdisk *sim = simdisk_of(disk);
    struct simdisk_file *file = simdisk_find(sim, name);
    int code = file == NULL ? -LT_ENOSUCHKEY : simdisk_change(sim);
    if (code == 0) {
        file->there = false;
    }
    return code;
}

static int simdisk_sync_names(struct store_disk *disk)
{
    struct store_simdisk *sim = simdisk_of(disk);
    int code = simdisk_change(sim);
    if (code < 0 || simdisk_sync_fails(sim)) {
        return -LT_EIO;
    }
    for (uint32_t i = 0; i < sim->count; i++) {
        sim->files[i]->durable = sim->files[i]->there;
    }
    return 0;
}

static int simdisk_list(struct store_disk *disk, void (*cb)(void *context, const char *name),
                        void *context)
{
    struct store_simdisk *sim = simdisk_of(disk);
    for (uint32_t i = 0; i < sim->count; i++) {
        if (sim->files[i]->there) {
            cb(context, sim->files[i]->name);
        }
    }
    return 0;
}

static int simdisk_room(struct store_disk *disk, uint64_t *ret_free, uint64_t *ret_total)
{
    const struct store_simdisk *sim = simdisk_of(disk);
    uint64_t used = simdisk_used(sim);
    *ret_total = sim->capacity == 0 ? UINT64_MAX : sim->capacity;
    *ret_free = *ret_total > used ? *ret_total - used : 0;
    return 0;
}

static void simdisk_unmount(struct store_disk *disk)
{
    mem_free(disk);
}

static const struct store_disk_ops simdisk_ops = {
    .open = simdisk_open,
    .close = simdisk_close,
    .size = simdisk_size,
    .read = simdisk_read,
    .write = simdisk_write,
    .reserve = simdisk_reserve,
    .truncate = simdisk_truncate,
    .sync = simdisk_sync,
    .remove = simdisk_remove,
    .sync_names = simdisk_sync_names,
    .list = simdisk_list,
    .room = simdisk_room,
    .free = simdisk_unmount,
};

/* ---- what happens to it ---- */

struct store_simdisk *store_simdisk_new(uint64_t seed)
{
    struct store_simdisk *sim = mem_zero(1, sizeof *sim);
    sim->random = seed;
    return sim;
}

void store_simdisk_free(struct store_simdisk *sim)
{
    if (sim == NULL) {
        return;
    }
    for (uint32_t i = 0; i < sim->count; i++) {
        simdisk_forget(sim, i);
    }
    mem_free(sim->files);
    mem_free(sim);
}

struct store_disk *store_simdisk_mount(struct store_simdisk *sim)
{
    struct simdisk_mount *mount = mem_zero(1, sizeof *mount);
    mount->disk.ops = &simdisk_ops;
    mount->sim = sim;
    return &mount->disk;
}

/* Sector by sector, the old or the new. */
static void simdisk_crash_file(struct store_simdisk *sim, struct simdisk_file *file)
{
    uint64_t size =
        file->size == file->synced_size || simdisk_coin(sim) ? file->size : file->synced_size;
    uint8_t *data = mem_zero(size + 1, 1);
    for (uint64_t at = 0; at < size; at += STORE_SIMDISK_SECTOR) {
        bool fresh = simdisk_coin(sim) && !simdisk_is_lost(file, at);
        const uint8_t *from = fresh ? file->data : file->synced;
        uint64_t end = fresh ? file->size : file->synced_size;
        end = end < size ? end : size;
        end = end < at + STORE_SIMDISK_SECTOR ? end : at + STORE_SIMDISK_SECTOR;
        if (end > at) {
            memcpy(data + at, from + at, end - at);
        }
    }
    mem_free(file->data);
    file->data = data;
    file->size = size;
    file->lost = mem_resize(file->lost, file->lost_count, 0);
    file->lost_count = 0;
    simdisk_settle(file);
}

void store_simdisk_crash(struct store_simdisk *sim)
{
    for (uint32_t i = 0; i < sim->count; i++) {
        struct simdisk_file *file = sim->files[i];
        if (file->there != file->durable) {
            file->there = simdisk_coin(sim);
        }
        file->durable = file->there;
        if (file->there) {
            simdisk_crash_file(sim, file);
        } else {
            simdisk_forget(sim, i);
        }
    }
    simdisk_pack(sim);
    sim->halted = false;
    sim->halt_after = 0;
    sim->fail_sync = 0;
}

void store_simdisk_halt_after(struct store_simdisk *sim, uint64_t operations)
{
    sim->halt_after = operations;
}

void store_simdisk_fail_sync(struct store_simdisk *sim, uint64_t nth)
{
    sim->fail_sync = nth;
}

void store_simdisk_set_capacity(struct store_simdisk *sim, uint64_t bytes)
{
    sim->capacity = bytes;
}

bool store_simdisk_file(const struct store_simdisk *sim, uint32_t position, const char **ret_name,
                        struct slice *ret_bytes)
{
    for (uint32_t i = 0; i < sim->count; i++) {
        const struct simdisk_file *file = sim->files[i];
        if (file->there && position-- == 0) {
            *ret_name = file->name;
            *ret_bytes = slice_of(file->data, file->size);
            return true;
        }
    }
    return false;
}

void store_simdisk_flip(struct store_simdisk *sim, uint32_t position, uint64_t bit)
{
    const char *name;
    struct slice bytes;
    bool found = store_simdisk_file(sim, position, &name, &bytes);
    assert(found && bit / 8 < bytes.len);
    (void)found;
    struct simdisk_file *file = simdisk_find(sim, name);
    file->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    simdisk_settle(file);
}
