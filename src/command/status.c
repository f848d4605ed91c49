/* command/status.c - serverStatus, dbStats and collStats. */
#include <stdio.h>
#include <unistd.h>

#include "command/cache_stats.h"
#include "command/cursor.h"
#include "command/expire.h"
#include "command/handlers.h"
#include "command/member.h"
#include "command/memory.h"
#include "command/series.h"
#include "command/status.h"
#include "command/version.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/view.h"
#include "memory/allocator.h"
#include "store/keys.h"

static void status_memory(struct doc_builder *builder)
{
    struct memory_process process = memory_process();
    doc_build_open(builder, SLICE("mem"));
    doc_build_i32(builder, "bits", 64);
    doc_build_i32(builder, "resident", (int32_t)(process.resident >> 20));
    doc_build_i32(builder, "virtual", (int32_t)(process.mapped >> 20));
    doc_build_bool(builder, "supported", true);
    doc_build_close(builder);
}

static void status_opcounters(struct command_op *op)
{
    const struct command_server *server = op->server;
    struct doc_builder *builder = &op->builder;
    doc_build_open(builder, SLICE("opcounters"));
    doc_build_i64(builder, "insert", (int64_t)atomic_load(&server->opcounters.insert));
    doc_build_i64(builder, "query", (int64_t)atomic_load(&server->opcounters.query));
    doc_build_i64(builder, "update", (int64_t)atomic_load(&server->opcounters.update));
    doc_build_i64(builder, "delete", (int64_t)atomic_load(&server->opcounters.remove));
    doc_build_i64(builder, "getmore", (int64_t)atomic_load(&server->opcounters.getmore));
    doc_build_i64(builder, "command", (int64_t)atomic_load(&server->opcounters.command));
    doc_build_close(builder);
}

/* Requests that failed are the client's; this server has no others that it survives. */
static void status_asserts(const struct command_server *server, struct doc_builder *builder)
{
    doc_build_open(builder, SLICE("asserts"));
    doc_build_i32(builder, "regular", 0);
    doc_build_i32(builder, "warning", 0);
    doc_build_i32(builder, "msg", 0);
    doc_build_i64(builder, "user", (int64_t)atomic_load(&server->opcounters.failed));
    doc_build_i32(builder, "tripwire", 0);
    doc_build_i32(builder, "rollovers", 0);
    doc_build_close(builder);
}

static void status_catalog(const struct store_catalog *catalog, struct doc_builder *builder)
{
    int32_t views = 0;
    int32_t capped = 0;
    int32_t clustered = 0;
    int32_t internal = 0;
    for (uint32_t i = 0; i < catalog->count; i++) {
        const struct store_collection *collection = catalog->collections[i];
        views += collection->view_on.len > 0;
        capped += doc_value_truth(doc_get_str(collection->options, "capped"));
        clustered += doc_value_exists(doc_get_str(collection->options, "clusteredIndex"));
        internal += slice_is(collection->db, "admin") || slice_is(collection->db, "config") ||
                    slice_is(collection->db, "local");
    }
    doc_build_open(builder, SLICE("catalogStats"));
    doc_build_i32(builder, "collections", (int32_t)catalog->count - views - internal);
    doc_build_i32(builder, "capped", capped);
    doc_build_i32(builder, "clustered", clustered);
    doc_build_i32(builder, "views", views);
    doc_build_i32(builder, "internalCollections", internal);
    doc_build_close(builder);
}

/* How long the server has run: no lock here is the whole server's. */
static void status_lock(double uptime, struct doc_builder *builder)
{
    doc_build_open(builder, SLICE("globalLock"));
    doc_build_i64(builder, "totalTime", (int64_t)(uptime * 1e6));
    doc_build_close(builder);
}

int command_server_status(struct command_op *op)
{
    const struct command_server *server = op->server;
    struct doc_builder *builder = &op->builder;
    double uptime = (double)(op->mono_us - server->started_us) / 1e6;
    doc_build_text(builder, "host", server->address);
    doc_build_text(builder, "version", COMMAND_MONGODB_VERSION);
    doc_build_text(builder, "process", "mongod"); /* as which it answers */
    doc_build_i64(builder, "pid", getpid());
    doc_build_double(builder, "uptime", uptime);
    doc_build_i64(builder, "uptimeMillis", (int64_t)(uptime * 1000));
    doc_build_i64(builder, "uptimeEstimate", (int64_t)uptime);
    doc_build_date(builder, "localTime", op->wall_ms);
    status_asserts(server, builder);
    status_catalog(op->catalog, builder);
    status_lock(uptime, builder);
    server->host_ops->status(server->host, builder);
    status_opcounters(op);
    command_cache_status(server, builder);
    status_memory(builder);
    command_memory_status(server, builder);
    doc_build_open(builder, SLICE("metrics"));
    doc_build_open(builder, SLICE("cursor"));
    doc_build_open(builder, SLICE("open"));
    doc_build_i64(builder, "total", command_cursors_count(server->cursors));
    doc_build_close(builder);
    doc_build_close(builder);
    command_expire_status(server, builder);
    doc_build_close(builder);
    doc_build_open(builder, SLICE("repl"));
    doc_build_text(builder, "setName", server->set_name);
    doc_build_bool(builder, "isWritablePrimary", command_member_is_primary(op->server));
    doc_build_bool(builder, "secondary", false);
    doc_build_text(builder, "primary", server->address);
    doc_build_text(builder, "me", server->address);
    doc_build_close(builder);
    doc_build_open(builder, SLICE("storageEngine"));
    doc_build_text(builder, "name", "largetable");
    doc_build_bool(builder, "supportsCommittedReads", true);
    doc_build_bool(builder, "persistent", true);
    doc_build_close(builder);
    return 0;
}

/* ---- sizes ---- */

static uint64_t status_range_size(struct store_kv *kv, uint32_t id)
{
    uint8_t bytes[8];
    struct slice from;
    struct slice to;
    store_key_range(id, bytes, &from, &to);
    return kv->ops->size(kv, from, to);
}

int command_collection_stats(struct store_view *view, const struct store_collection *collection,
                             struct command_stats *ret_stats)
{
    struct store_counts counts = {0};
    *ret_stats = (struct command_stats){0};
    if (collection == NULL) {
        return 0;
    }
    const struct command_shown *shown = command_shown_of(collection);
    if (shown != NULL && shown->ops->capped) {
        ret_stats->bytes = (int64_t)atomic_load(&shown->server->log_bytes);
        ret_stats->storage_bytes = ret_stats->bytes;
        return 0;
    }
    int code = store_read_counts(view, collection->id, &counts);
    ret_stats->documents = counts.documents;
    ret_stats->bytes = counts.bytes;
    ret_stats->indexes = collection->indexes_count;
    ret_stats->storage_bytes = (int64_t)status_range_size(view->kv, collection->id);
    if (collection->capped != NULL) {
        ret_stats->storage_bytes +=
            (int64_t)status_range_size(view->kv, collection->capped->natural.id);
    }
    for (uint32_t i = 1; i < collection->indexes_count; i++) {
        ret_stats->index_bytes += (int64_t)status_range_size(view->kv, collection->indexes[i].id);
    }
    return code;
}

/* The same for a command, which keeps no view. */
static int status_collection(struct command_op *op, const struct store_collection *collection,
                             struct command_stats *ret_stats)
{
    struct store_view view;
    store_view_init(&view, op->server->kv, NULL);
    view.wait = op->wait;
    int code = command_collection_stats(&view, collection, ret_stats);
    if (code == -LT_EAGAIN) {
        code = command_wants(op, &view, false);
    }
    store_view_close(&view);
    return code;
}

/* A whole number divided by the command's `scale`. */
static void status_number(struct doc_builder *builder, const char *name, int64_t number)
{
    if (number >= INT32_MIN && number <= INT32_MAX) {
        doc_build_i32(builder, name, (int32_t)number);
    } else {
        doc_build_i64(builder, name, number);
    }
}

static void status_series(struct doc_builder *builder, const struct store_collection *buckets,
                          const struct command_stats *stats)
{
    doc_build_open(builder, SLICE("timeseries"));
    doc_build_string(builder, "bucketsNs", buckets->ns);
    status_number(builder, "bucketCount", stats->documents);
    status_number(builder, "avgBucketSize",
                  stats->documents == 0 ? 0 : stats->bytes / stats->documents);
    doc_build_close(builder);
}

void command_build_stats(struct store_view *view, struct doc_builder *builder,
                         const struct store_collection *collection,
                         const struct command_stats *stats, int64_t scale)
{
    if (collection != NULL && command_series_is_buckets(collection->name)) {
        status_series(builder, collection, stats);
    }
    status_number(builder, "size", stats->bytes / scale);
    status_number(builder, "count", stats->documents);
    if (stats->documents > 0) {
        status_number(builder, "avgObjSize", stats->bytes / stats->documents);
    }
    status_number(builder, "numOrphanDocs", 0);
    status_number(builder, "storageSize", stats->storage_bytes / scale);
    status_number(builder, "totalIndexSize", stats->index_bytes / scale);
    status_number(builder, "totalSize", (stats->storage_bytes + stats->index_bytes) / scale);
    status_number(builder, "nindexes", stats->indexes);
    doc_build_open(builder, SLICE("indexSizes"));
    for (uint32_t i = 0; collection != NULL && i < collection->indexes_count; i++) {
        const struct store_index *index = &collection->indexes[i];
        int64_t size = index->is_id ? 0 : (int64_t)status_range_size(view->kv, index->id);
        char name[256];
        snprintf(name, sizeof name, "%.*s", SLICE_FMT(index->name));
        status_number(builder, name, size / scale);
    }
    doc_build_close(builder);
    const struct command_shown *shown = command_shown_of(collection);
    const struct store_capped *capped = collection == NULL ? NULL : collection->capped;
    bool is_log = shown != NULL && shown->ops->capped;
    doc_build_bool(builder, "capped", is_log || capped != NULL);
    if (is_log || capped != NULL) {
        int64_t bytes_max = is_log ? (int64_t)shown->server->log_bytes_max : capped->bytes_max;
        status_number(builder, "max", is_log ? 0 : capped->documents_max);
        status_number(builder, "maxSize", bytes_max / scale);
    }
    status_number(builder, "scaleFactor", scale);
}

struct stats_args {
    int64_t scale;
    bool free_storage;
};

static const struct command_arg stats_arg_table[] = {
    {"scale", COMMAND_ARG_INT, offsetof(struct stats_args, scale), 0},
    {"freeStorage", COMMAND_ARG_BOOL, offsetof(struct stats_args, free_storage), 0},
    {NULL},
};

static int stats_args_read(struct command_op *op, struct stats_args *args)
{
    args->scale = 1;
    int code = command_args(op, stats_arg_table, args);
    if (code == 0 && args->scale < 1) {
        code =
            err_set(&op->err, 51024, "BSON field 'scale' value must be >= 1, actual value '%lld'",
                    (long long)args->scale);
    }
    return code;
}

int command_coll_stats(struct command_op *op)
{
    struct stats_args args;
    struct command_stats stats;
    struct slice ns;
    int code = stats_args_read(op, &args);
    code = code < 0 ? code : command_namespace(op, &ns);
    struct slice read = code < 0 ? ns : command_series_buckets(&op->arena, op->catalog, ns);
    code = code < 0 ? code : command_view_refuse(op, read);
    if (code < 0) {
        return code;
    }
    const struct store_collection *collection = store_catalog_find(op->catalog, read);
    code = status_collection(op, collection, &stats);
    if (code < 0) {
        return code;
    }
    struct store_view view;
    store_view_init(&view, op->server->kv, NULL);
    doc_build_string(&op->builder, "ns", ns);
    command_build_stats(&view, &op->builder, collection, &stats, args.scale);
    store_view_close(&view);
    return 0;
}

/* Of the disk that the data is on. */
static void status_disk(struct command_op *op, double scale)
{
    struct store_disk *disk;
    uint64_t unused = 0;
    uint64_t total = 0;
    if (op->server->host_ops->open_journal(op->server->host, &disk) < 0) {
        return;
    }
    if (disk->ops->room(disk, &unused, &total) == 0) {
        doc_build_double(&op->builder, "fsUsedSize", (double)(total - unused) / scale);
        doc_build_double(&op->builder, "fsTotalSize", (double)total / scale);
    }
    disk->ops->free(disk);
}

int command_db_stats(struct command_op *op)
{
    struct stats_args args = {0};
    uint32_t views = 0;
    struct command_stats sum = {0};
    uint32_t count;
    int code = stats_args_read(op, &args);
    code = code == -51024
               ? err_set(&op->err, LT_EBADVALUE, "Scale factor must be greater than zero")
               : code;
    if (code < 0) {
        return code;
    }
    uint32_t first = store_catalog_db(op->catalog, op->db, &count);
    for (uint32_t i = first; i < first + count; i++) {
        struct command_stats stats;
        code = status_collection(op, op->catalog->collections[i], &stats);
        if (code < 0) {
            return code;
        }
        sum.documents += stats.documents;
        sum.bytes += stats.bytes;
        sum.storage_bytes += stats.storage_bytes;
        sum.index_bytes += stats.index_bytes;
        sum.indexes += stats.indexes;
        views += op->catalog->collections[i]->view_on.len > 0;
    }
    struct doc_builder *builder = &op->builder;
    double scale = (double)args.scale;
    doc_build_string(builder, "db", op->db);
    doc_build_i64(builder, "collections", count - views + (views > 0)); /* system.views */
    doc_build_i64(builder, "views", views);
    doc_build_i64(builder, "objects", sum.documents);
    doc_build_double(builder, "avgObjSize",
                     sum.documents == 0 ? 0 : (double)sum.bytes / (double)sum.documents);
    doc_build_double(builder, "dataSize", (double)sum.bytes / scale);
    doc_build_double(builder, "storageSize", (double)sum.storage_bytes / scale);
    doc_build_i64(builder, "indexes", sum.indexes);
    doc_build_double(builder, "indexSize", (double)sum.index_bytes / scale);
    doc_build_double(builder, "totalSize", (double)(sum.storage_bytes + sum.index_bytes) / scale);
    if (args.free_storage) { /* what is free is given back to the disk */
        doc_build_double(builder, "freeStorageSize", 0);
        doc_build_double(builder, "indexFreeStorageSize", 0);
        doc_build_double(builder, "totalFreeStorageSize", 0);
    }
    status_disk(op, scale);
    doc_build_i64(builder, "scaleFactor", args.scale);
    return 0;
}
