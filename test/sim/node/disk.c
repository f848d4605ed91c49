/* sim/node/disk.c - faults around store/simdisk and store/simkv.
 *
 * A node that dies between two operations of the disk finds that every later one fails; who drives
 * it sees `dead` when the call comes back, and nothing that it did meanwhile has left the node. */
#include "sim/node/disk.h"

#include <assert.h>
#include <xxhash.h>

#include "base/mem.h"

enum { DISK_RECORD_MAGIC = 0x4c544a52, DISK_MAGIC_AT = 8, DISK_FILES = 256 };

struct disk_mount {
    struct store_disk disk;
    struct sim_disk *sim;
    struct store_disk *inner;
    char names[DISK_FILES][32]; /* by handle */
};

static struct sim_disk *disk_here;

static struct disk_mount *mount_of(struct store_disk *disk)
{
    return (struct disk_mount *)disk;
}

static struct store_disk *mount_inner(struct store_disk *disk)
{
    return mount_of(disk)->inner;
}

struct sim_disk *sim_disk_here(void)
{
    return disk_here;
}

/* ---- what may go wrong ---- */

/* Before a change: does the node live to see it? */
static int disk_before(struct sim_disk *disk)
{
    if (disk->die_after > 0 && --disk->die_after == 0) {
        disk->dead = true;
        disk->cause = "it died";
    }
    return disk->dead ? -LT_EIO : 0;
}

/* After it: what the node was told is a cause to stop. */
static int disk_after(struct sim_disk *disk, const char *verb, const char *name, int code)
{
    sim_note(disk->world, "disk", "%s %s%s", verb, name,
             code == 0                     ? ""
             : code == -LT_EOUTOFDISKSPACE ? ": no space left"
                                           : ": input/output error");
    if (code < 0) {
        disk->cause = code == -LT_EOUTOFDISKSPACE ? "the disk is full" : "the disk fails";
    }
    return code;
}

/* ---- the mount ---- */

static int mount_open(struct store_disk *disk, const char *name, bool create, int *ret_file)
{
    struct disk_mount *mount = mount_of(disk);
    int code = create ? disk_before(mount->sim) : 0;
    code = code < 0 ? code : mount->inner->ops->open(mount->inner, name, create, ret_file);
    if (code == 0) {
        assert(*ret_file < DISK_FILES && strlen(name) < sizeof mount->names[0]);
        memcpy(mount->names[*ret_file], name, strlen(name) + 1);
    }
    return code < 0 || !create ? code : disk_after(mount->sim, "create", name, code);
}

static void mount_close(struct store_disk *disk, int file)
{
    mount_inner(disk)->ops->close(mount_inner(disk), file);
}

static int mount_size(struct store_disk *disk, int file, uint64_t *ret_size)
{
    return mount_inner(disk)->ops->size(mount_inner(disk), file, ret_size);
}

static int mount_read(struct store_disk *disk, int file, uint64_t at, void *data, size_t *len)
{
    return mount_inner(disk)->ops->read(mount_inner(disk), file, at, data, len);
}

/* Does it begin with a record of the journal? */
static bool disk_is_batch(struct slice data)
{
    uint32_t magic;
    if (data.len < DISK_MAGIC_AT + sizeof magic) {
        return false;
    }
    memcpy(&magic, data.data + DISK_MAGIC_AT, sizeof magic);
    return magic == DISK_RECORD_MAGIC;
}

/* A batch is proven by what comes behind it. What was written before it without a sync, a mark, is
 * no more durable than the batch: it may be torn where the batch is not. */
static void disk_note_write(struct sim_disk *sim, const char *name, uint64_t at, bool is_batch)
{
    bool is_first = strcmp(sim->unsynced.name, name) != 0 || at < sim->unsynced.at;
    if (is_first) {
        memcpy(sim->unsynced.name, name, strlen(name) + 1);
        sim->unsynced.at = at;
    }
    if (is_batch) {
        sim->written = sim->unsynced;
    }
}

static int mount_write(struct store_disk *disk, int file, uint64_t at, struct slice data)
{
    struct disk_mount *mount = mount_of(disk);
    struct sim_disk *sim = mount->sim;
    const char *name = mount->names[file];
    char verb[48];
    int code = disk_before(sim);
    if (code < 0) {
        return code;
    }
    bool fails = sim->fail_write > 0 && --sim->fail_write == 0;
    code = fails ? -LT_EIO : mount->inner->ops->write(mount->inner, file, at, data);
    if (code == 0) {
        disk_note_write(sim, name, at, disk_is_batch(data));
    }
    snprintf(verb, sizeof verb, "write %zu at %llu of", data.len, (unsigned long long)at);
    return disk_after(sim, verb, name, code);
}

static int mount_reserve(struct store_disk *disk, int file, uint64_t size)
{
    struct disk_mount *mount = mount_of(disk);
    int code = disk_before(mount->sim);
    code = code < 0 ? code : mount->inner->ops->reserve(mount->inner, file, size);
    return disk_after(mount->sim, "reserve", mount->names[file], code);
}

static int mount_truncate(struct store_disk *disk, int file, uint64_t size)
{
    struct disk_mount *mount = mount_of(disk);
    int code = disk_before(mount->sim);
    code = code < 0 ? code : mount->inner->ops->truncate(mount->inner, file, size);
    return disk_after(mount->sim, "truncate", mount->names[file], code);
}

static int mount_sync(struct store_disk *disk, int file)
{
    struct disk_mount *mount = mount_of(disk);
    struct sim_disk *sim = mount->sim;
    int code = disk_before(sim);
    code = code < 0 ? code : mount->inner->ops->sync(mount->inner, file);
    if (code == 0 && strcmp(sim->written.name, mount->names[file]) == 0) {
        sim->proof = sim->written;
    }
    if (code == 0) {
        sim->unsynced.name[0] = '\0';
    }
    return disk_after(sim, "sync", mount->names[file], code);
}

static int mount_remove(struct store_disk *disk, const char *name)
{
    struct disk_mount *mount = mount_of(disk);
    int code = disk_before(mount->sim);
    code = code < 0 ? code : mount->inner->ops->remove(mount->inner, name);
    return disk_after(mount->sim, "remove", name, code);
}

static int mount_sync_names(struct store_disk *disk)
{
    struct disk_mount *mount = mount_of(disk);
    int code = disk_before(mount->sim);
    code = code < 0 ? code : mount->inner->ops->sync_names(mount->inner);
    return disk_after(mount->sim, "sync", "the names", code);
}

static int mount_list(struct store_disk *disk, void (*cb)(void *context, const char *name),
                      void *context)
{
    return mount_inner(disk)->ops->list(mount_inner(disk), cb, context);
}

static int mount_room(struct store_disk *disk, uint64_t *ret_free, uint64_t *ret_total)
{
    return mount_inner(disk)->ops->room(mount_inner(disk), ret_free, ret_total);
}

static void mount_free(struct store_disk *disk)
{
    mount_inner(disk)->ops->free(mount_inner(disk));
    mem_free(disk);
}

static const struct store_disk_ops mount_ops = {
    .open = mount_open,
    .close = mount_close,
    .size = mount_size,
    .read = mount_read,
    .write = mount_write,
    .reserve = mount_reserve,
    .truncate = mount_truncate,
    .sync = mount_sync,
    .remove = mount_remove,
    .sync_names = mount_sync_names,
    .list = mount_list,
    .room = mount_room,
    .free = mount_free,
};

struct store_disk *sim_disk_mount(struct sim_disk *disk)
{
    struct disk_mount *mount = mem_zero(1, sizeof *mount);
    mount->disk.ops = &mount_ops;
    mount->disk.seal = disk->seal;
    mount->sim = disk;
    mount->inner = store_simdisk_mount(disk->sim);
    return &mount->disk;
}

/* ---- life and death ---- */

void sim_disk_open(struct sim_disk *disk, struct sim_world *world)
{
    *disk = (struct sim_disk){.world = world};
    disk->sim = store_simdisk_new(random_doc_next(&world->random));
    disk->engine = store_simkv_new();
    if (world->seed % 2 == 1) {
        disk->seal = store_seal_new(&(struct store_seal_key){.number = 1, .bytes = {1}}, 1);
    }
    disk_here = disk;
}

void sim_disk_close(struct sim_disk *disk)
{
    disk->engine->ops->close(disk->engine);
    store_simdisk_free(disk->sim);
    store_seal_free(disk->seal);
    disk_here = NULL;
}

void sim_disk_crash(struct sim_disk *disk, bool power)
{
    store_simdisk_fail_sync(disk->sim, 0);
    if (power) {
        store_simdisk_crash(disk->sim);
        disk->written = disk->proof;
        disk->unsynced.name[0] = '\0';
    }
    store_simkv_crash(disk->engine);
    disk->die_after = 0;
    disk->fail_write = 0;
    disk->dead = false;
    disk->cause = NULL;
}

static struct slice disk_file(const struct sim_disk *disk, uint32_t position, const char **ret_name)
{
    struct slice bytes = {0};
    return store_simdisk_file(disk->sim, position, ret_name, &bytes) ? bytes : (struct slice){0};
}

void sim_disk_fill(struct sim_disk *disk, uint64_t room)
{
    const char *name;
    uint64_t used = 0;
    for (uint32_t i = 0; disk_file(disk, i, &name).data != NULL; i++) {
        used += disk_file(disk, i, &name).len;
    }
    store_simdisk_set_capacity(disk->sim, used + room);
}

void sim_disk_heal(struct sim_disk *disk)
{
    store_simdisk_set_capacity(disk->sim, 0);
    store_simdisk_fail_sync(disk->sim, 0);
    disk->die_after = 0;
    disk->fail_write = 0;
}

/* ---- damage ---- */

static uint64_t disk_digest(const struct sim_disk *disk)
{
    const char *name;
    struct slice bytes;
    uint64_t digest = 0;
    for (uint32_t i = 0; (bytes = disk_file(disk, i, &name)).data != NULL; i++) {
        digest = XXH3_64bits_withSeed(bytes.data, bytes.len, digest ^ strlen(name));
    }
    return digest;
}

static bool disk_flip(struct sim_disk *disk, const char *where, uint64_t bit)
{
    const char *name;
    for (uint32_t i = 0; disk_file(disk, i, &name).data != NULL; i++) {
        if (strcmp(name, where) == 0) {
            store_simdisk_flip(disk->sim, i, bit);
            return true;
        }
    }
    return false;
}

bool sim_disk_flip(struct sim_disk *disk)
{
    const char *name;
    uint32_t count = 0;
    while (disk_file(disk, count, &name).data != NULL) {
        count++;
    }
    struct slice bytes =
        count == 0 ? (struct slice){0} : disk_file(disk, sim_below(disk->world, count), &name);
    bool is_newest = bytes.len > 0 && strcmp(name, disk->proof.name) == 0;
    uint64_t end = is_newest ? disk->proof.at : bytes.len;
    if (end == 0 || (!is_newest && strcmp(name, disk->proof.name) > 0)) {
        return false;
    }
    memcpy(disk->flipped.name, name, strlen(name) + 1);
    disk->flipped.at = sim_between(disk->world, 0, end * 8 - 1);
    disk_flip(disk, name, disk->flipped.at);
    sim_note(disk->world, "disk", "bit %llu of %s flips", (unsigned long long)disk->flipped.at,
             name);
    return true;
}

void sim_disk_remember(struct sim_disk *disk)
{
    if (disk->flipped.name[0] != '\0') {
        disk->flipped_digest = disk_digest(disk);
    }
}

bool sim_disk_repair(struct sim_disk *disk)
{
    bool unchanged = disk->flipped_digest == disk_digest(disk);
    disk_flip(disk, disk->flipped.name, disk->flipped.at);
    disk->flipped = (struct sim_place){0};
    return unchanged;
}

/* ---- the engine, as the node sees it in one life ---- */

static struct store_kv *engine_inner(struct store_kv *kv)
{
    return ((struct miss_kv *)kv)->inner;
}

static void engine_close(struct store_kv *kv)
{
    mem_free(kv); /* the inner one outlives the node */
}

static int engine_apply(struct store_kv *kv, const struct slice *payloads, size_t count,
                        struct store_mark mark)
{
    return engine_inner(kv)->ops->apply(engine_inner(kv), payloads, count, mark);
}

static struct store_mark engine_applied(struct store_kv *kv)
{
    return engine_inner(kv)->ops->applied(engine_inner(kv));
}

static int engine_flush(struct store_kv *kv, uint64_t *ret_index)
{
    int code = engine_inner(kv)->ops->flush(engine_inner(kv), ret_index);
    sim_note(disk_here->world, "engine", "flushed up to entry %llu",
             (unsigned long long)*ret_index);
    return code;
}

static int engine_drop_range(struct store_kv *kv, struct slice from, struct slice to)
{
    return engine_inner(kv)->ops->drop_range(engine_inner(kv), from, to);
}

static bool engine_settle(struct store_kv *kv)
{
    return engine_inner(kv)->ops->settle(engine_inner(kv));
}

static struct store_snapshot *engine_snapshot(struct store_kv *kv)
{
    return engine_inner(kv)->ops->snapshot(engine_inner(kv));
}

static void engine_snapshot_release(struct store_kv *kv, struct store_snapshot *snapshot)
{
    engine_inner(kv)->ops->snapshot_release(engine_inner(kv), snapshot);
}

static uint64_t engine_size(struct store_kv *kv, struct slice from, struct slice to)
{
    return engine_inner(kv)->ops->size(engine_inner(kv), from, to);
}

static const struct store_kv_ops engine_ops = {
    .name = "simulated",
    .close = engine_close,
    .get = miss_get,
    .apply = engine_apply,
    .applied = engine_applied,
    .flush = engine_flush,
    .drop_range = engine_drop_range,
    .settle = engine_settle,
    .snapshot = engine_snapshot,
    .snapshot_release = engine_snapshot_release,
    .size = engine_size,
    .cursor = miss_cursor,
};

struct store_kv *sim_disk_engine(struct sim_disk *disk)
{
    struct miss_kv *miss = mem_alloc(sizeof *miss);
    miss_kv_init(miss, disk->engine, &disk->world->random, disk->miss_one_in);
    miss->kv.ops = &engine_ops;
    return &miss->kv;
}
