/* command/cache_stats.c - cacheStats, and serverStatus's short form of it. */
#include "command/cache_stats.h"

#include "cache/cache.h"
#include "command/args.h"
#include "command/handlers.h"
#include "command/server.h"
#include "doc/view.h"

static void stats_counts(struct doc_builder *builder, const struct cache_counts *counts)
{
    doc_build_i64(builder, "entries", (int64_t)counts->entries);
    doc_build_i64(builder, "hits", (int64_t)counts->hits);
    doc_build_i64(builder, "hitsAbsent", (int64_t)counts->absent);
    doc_build_i64(builder, "misses", (int64_t)counts->misses);
    doc_build_i64(builder, "evictions", (int64_t)counts->evictions);
    doc_build_i64(builder, "expirations", (int64_t)counts->expirations);
    doc_build_i64(builder, "invalidations", (int64_t)counts->invalidations);
    doc_build_i64(builder, "prefetched", (int64_t)counts->ahead);
    doc_build_i64(builder, "prefetchedUsed", (int64_t)counts->ahead_used);
    doc_build_i64(builder, "prefetchedUnused", (int64_t)counts->ahead_unused);
}

static void stats_file(struct doc_builder *builder, struct slice name,
                       const struct cache_file_stats *stats, uint64_t ghosts)
{
    if (stats->bytes_max == 0) {
        return;
    }
    doc_build_open(builder, name);
    doc_build_bool(builder, "off", stats->off);
    doc_build_i64(builder, "maxBytes", (int64_t)stats->bytes_max);
    doc_build_i64(builder, "bytes", (int64_t)stats->bytes);
    doc_build_i64(builder, "memoryBytes", (int64_t)stats->memory_bytes);
    doc_build_i64(builder, "entries", (int64_t)stats->entries);
    doc_build_i64(builder, "hits", (int64_t)stats->hits);
    doc_build_i64(builder, "misses", (int64_t)stats->misses);
    doc_build_i64(builder, "ghostHits", (int64_t)ghosts);
    doc_build_i64(builder, "evictions", (int64_t)stats->evictions);
    doc_build_i64(builder, "kept", (int64_t)stats->kept);
    doc_build_i64(builder, "bytesWritten", (int64_t)stats->written);
    doc_build_i64(builder, "checksumFailures", (int64_t)stats->damaged);
    doc_build_close(builder);
}

static void stats_levels(struct doc_builder *builder, const struct cache_levels_stats *stats)
{
    const struct cache_packer_stats *packed = &stats->packed;
    stats_file(builder, SLICE("mapped"), &stats->mapped, stats->ghosts[CACHE_SHARE_MAPPED]);
    stats_file(builder, SLICE("disk"), &stats->disk, stats->ghosts[CACHE_SHARE_DISK]);
    doc_build_open(builder, SLICE("demoted"));
    doc_build_i64(builder, "entries", (int64_t)stats->demotions);
    doc_build_i64(builder, "seenOnce", (int64_t)stats->refused);
    doc_build_i64(builder, "droppedByQueue", (int64_t)stats->queue_dropped);
    doc_build_i64(builder, "droppedByBudget", (int64_t)stats->budget_dropped);
    doc_build_i64(builder, "overtakenByWrites", (int64_t)stats->overtaken);
    doc_build_i64(builder, "prefetched", (int64_t)stats->prefetched);
    doc_build_close(builder);
    doc_build_open(builder, SLICE("compression"));
    doc_build_i64(builder, "values", (int64_t)packed->values);
    doc_build_i64(builder, "storedPlain", (int64_t)packed->plain);
    doc_build_i64(builder, "bytesIn", (int64_t)packed->bytes_in);
    doc_build_i64(builder, "bytesOut", (int64_t)packed->bytes_out);
    doc_build_double(builder, "ratio",
                     packed->bytes_out == 0 ? 1.0
                                            : (double)packed->bytes_in / (double)packed->bytes_out);
    doc_build_i64(builder, "dictionariesTrained", (int64_t)packed->trained);
    doc_build_close(builder);
}

static void stats_ahead(struct cache *cache, struct doc_builder *builder)
{
    struct cache_ahead_stats ahead = cache_ahead_stats(cache);
    doc_build_open(builder, SLICE("prefetch"));
    doc_build_bool(builder, "on", ahead.on);
    doc_build_i64(builder, "memoryBytes", (int64_t)ahead.bytes);
    doc_build_i64(builder, "guesses", (int64_t)ahead.guesses);
    doc_build_i64(builder, "refused", (int64_t)ahead.refused);
    doc_build_close(builder);
}

static void stats_all(struct cache *cache, struct doc_builder *builder)
{
    struct cache_space_stats stats = cache_stats(cache, 0);
    doc_build_i64(builder, "maxBytes", (int64_t)cache_bytes_max(cache));
    doc_build_i64(builder, "bytes", (int64_t)stats.bytes);
    doc_build_i64(builder, "liveBytes", (int64_t)stats.live);
    stats_counts(builder, &stats.counts);
    doc_build_i64(builder, "moves", (int64_t)stats.moves);
    struct cache_results_stats results = cache_results(cache);
    doc_build_open(builder, SLICE("results"));
    doc_build_i64(builder, "hits", (int64_t)results.hits);
    doc_build_i64(builder, "kept", (int64_t)results.kept);
    doc_build_close(builder);
    stats_ahead(cache, builder);
    struct cache_below_stats below;
    bool has_levels = cache_below(cache, &below);
    doc_build_i64(builder, "engineWaits", (int64_t)below.engine_waits);
    if (has_levels) {
        doc_build_i64(builder, "promotions", (int64_t)below.promotions);
        stats_levels(builder, &below.levels);
    }
}

void command_cache_status(const struct command_server *server, struct doc_builder *builder)
{
    if (server->cache != NULL) {
        doc_build_open(builder, SLICE("cache"));
        stats_all(server->cache, builder);
        doc_build_close(builder);
    }
}

/* ---- cacheStats ---- */

/* Of the records, the first index's id being the collection's, and of other indexes' entries. */
static struct cache_counts stats_of(struct cache *cache, const struct store_collection *collection)
{
    struct cache_counts counts = {0};
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        struct cache_space_stats stats = cache_stats(cache, collection->indexes[i].id);
        cache_counts_add(&counts, &stats.counts);
    }
    return counts;
}

/* Which guesses are let through now. */
static void stats_guesses(struct cache *cache, struct doc_builder *builder, uint32_t id)
{
    doc_build_open(builder, SLICE("prefetch"));
    doc_build_bool(builder, "sequences", cache_ahead_is_open(cache, id, CACHE_GUESS_SEQUENCE));
    doc_build_bool(builder, "pairs", cache_ahead_is_open(cache, id, CACHE_GUESS_PAIR));
    doc_build_close(builder);
}

static void stats_collection(struct cache *cache, struct doc_builder *builder,
                             const struct store_collection *collection)
{
    struct cache_counts counts = stats_of(cache, collection);
    struct cache_manner manner = cache_manner_of(cache, collection->id);
    doc_build_open(builder, SLICE(""));
    doc_build_string(builder, "ns", collection->ns);
    doc_build_text(builder, "policy", manner.policy);
    doc_build_bool(builder, "ownSpace", manner.own);
    doc_build_i64(builder, "maxBytes", (int64_t)manner.bytes_max);
    doc_build_i64(builder, "ttlSecs", manner.ttl_s);
    doc_build_i64(builder, "bytes", (int64_t)counts.bytes);
    stats_counts(builder, &counts);
    stats_guesses(cache, builder, collection->id);
    doc_build_close(builder);
}

static void stats_sample(struct cache *cache, struct doc_builder *builder)
{
    static const char *const sources[CACHE_SOURCES] = {"memory", "levels", "engine"};
    struct cache_sample_stats stats;
    cache_sampled(cache, &stats);
    doc_build_open(builder, SLICE("latencyMicros"));
    for (uint32_t i = 0; i < CACHE_SOURCES; i++) {
        doc_build_open(builder, slice_str(sources[i]));
        doc_build_i64(builder, "sampled", (int64_t)stats.latency[i].reads);
        doc_build_i64(builder, "p50", (int64_t)stats.latency[i].p50_us);
        doc_build_i64(builder, "p99", (int64_t)stats.latency[i].p99_us);
        doc_build_i64(builder, "max", (int64_t)stats.latency[i].max_us);
        doc_build_close(builder);
    }
    doc_build_close(builder);
    doc_build_open(builder, SLICE("missRatioCurve"));
    doc_build_i64(builder, "sampledReads", (int64_t)stats.reads);
    doc_build_open_array(builder, SLICE("sizes"));
    for (uint32_t i = 0; i < CACHE_SAMPLE_SIZES; i++) {
        doc_build_open(builder, SLICE(""));
        doc_build_i64(builder, "bytes", (int64_t)stats.curve[i].bytes);
        doc_build_double(builder, "missRatio", stats.curve[i].miss_ratio);
        doc_build_close(builder);
    }
    doc_build_close(builder);
    doc_build_close(builder);
}

static const struct command_arg cache_stats_args[] = {{NULL}};

/* One collection when the command names it, else those of the database, or of all with admin. */
int command_cache_stats(struct command_op *op)
{
    struct doc_builder *builder = &op->builder;
    struct cache *cache = op->server->cache;
    struct slice only = {0};
    int code = command_args(op, cache_stats_args, NULL);
    if (code == 0 && doc_first(op->body).value.type == DOC_STRING) {
        code = command_namespace(op, &only);
    }
    if (code < 0 || cache == NULL) {
        return code;
    }
    stats_all(cache, builder);
    stats_sample(cache, builder);
    doc_build_open_array(builder, SLICE("collections"));
    for (uint32_t i = 0; i < op->catalog->count; i++) {
        const struct store_collection *collection = op->catalog->collections[i];
        if (only.len > 0 ? slice_equal(only, collection->ns)
                         : slice_is(op->db, "admin") || slice_equal(op->db, collection->db)) {
            stats_collection(cache, builder, collection);
        }
    }
    doc_build_close(builder);
    return 0;
}
