/* command/expire.c - a rule after the other, each of them a delete with a filter. */
#include "command/expire.h"

#include "base/log.h"
#include "command/member.h"
#include "command/series_filter.h"
#include "command/server.h"
#include "command/target.h"
#include "doc/view.h"

/* Where a pass is. */
struct expire_state {
    struct store_catalog *catalog; /* as it was when the pass began */
    uint32_t at;                   /* collection in it, */
    uint32_t index;                /* and index of that */
    bool running;                  /* a rule is in hand: */
    struct command_target target;
    int64_t deleted; /* by it */
};

/* Seconds until a document expires; -1: never. */
static int64_t expire_after(struct slice from)
{
    struct doc_value seconds = doc_get_str(from, "expireAfterSeconds");
    return doc_value_is_number(seconds) ? doc_value_to_i64_clamped(seconds) : -1;
}

/* {<field>: {$lte: <the latest date that is over>}}, and what the index demands besides. Buckets
 * are over with their last measurement. */
static struct slice expire_filter(struct command_op *op, const struct store_collection *collection,
                                  const struct store_index *index, int64_t after)
{
    struct command_series series;
    int64_t over_ms = op->wall_ms - after * 1000;
    if (command_series_read(collection->options, &series)) {
        return command_series_expired(&op->arena, &series, over_ms, index->partial);
    }
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_open(builder, doc_first(index->key).name);
    doc_build_date(builder, "$lte", over_ms);
    doc_build_close(builder);
    if (index->partial.len > 0) {
        doc_build_open_array(builder, SLICE("$and"));
        doc_build_doc(builder, "0", index->partial);
        doc_build_close(builder);
    }
    return doc_build_end(builder);
}

static int64_t expire_rule(const struct store_collection *collection,
                           const struct store_index *index)
{
    bool has_values =
        index->ready && index->geo.kind == GEO_INDEX_NONE && !index->hashed && index->text == NULL;
    return has_values ? expire_after(index->is_id ? collection->options : index->spec) : -1;
}

/* Take the next rule in hand: 1, 0 there is none. */
static int expire_next(struct command_op *op, struct expire_state *state)
{
    while (state->at < state->catalog->count) {
        const struct store_collection *old = state->catalog->collections[state->at];
        if (state->index == old->indexes_count) {
            state->at++;
            state->index = 0;
            continue;
        }
        const struct store_index *index = &old->indexes[state->index++];
        struct store_collection *collection = store_catalog_find(op->writer->catalog, old->ns);
        int64_t after = expire_rule(old, index);
        if (after < 0 || collection == NULL || collection->id != old->id) {
            continue;
        }
        struct command_target_spec spec = {.collection = collection,
                                           .filter = expire_filter(op, old, index, after),
                                           .hidden_too = true};
        command_target_init(op, &state->target, (struct slice){0});
        state->running = true;
        int code = command_target_open(op, &state->target, &spec);
        if (code == 0) {
            command_target_begin(&state->target);
        }
        return code < 0 ? code : 1;
    }
    return 0;
}

static void expire_end(struct command_op *op, struct expire_state *state, int code)
{
    const struct store_collection *collection = state->catalog->collections[state->at];
    if (state->deleted > 0 || code < 0) {
        log_info(op->server->log, "expire", "%.*s: %lld documents have expired%s%s",
                 SLICE_FMT(collection->ns), (long long)state->deleted,
                 code < 0 ? "; the rest stays for now: " : "", code < 0 ? op->err.text : "");
    }
    atomic_fetch_add(&op->server->expire.deleted, (uint64_t)state->deleted);
    command_target_close(&state->target);
    state->deleted = 0;
    state->running = false;
    op->err.code = 0;
}

static void expire_release(struct command_op *op)
{
    struct expire_state *state = op->state;
    if (state->running) {
        command_target_close(&state->target);
    }
    store_catalog_release(state->catalog);
}

static struct expire_state *expire_begin(struct command_op *op)
{
    struct expire_state *state = arena_zero(&op->arena, 1, sizeof *state);
    state->catalog = store_catalog_hold(op->writer->catalog);
    op->state = state;
    op->release = expire_release;
    return state;
}

static int expire_run(struct command_op *op)
{
    struct expire_state *state = op->state == NULL ? expire_begin(op) : op->state;
    int code = 1;
    while (state->running || (code = expire_next(op, state)) != 0) {
        code = code < 0 ? code : command_target_delete(op, &state->target, false, &state->deleted);
        if (command_is_paused(code)) {
            command_target_pause(&state->target);
            return code;
        }
        expire_end(op, state, code);
    }
    atomic_fetch_add(&op->server->expire.passes, 1);
    return 0;
}

void command_expire_start(struct command_op *op)
{
    static const struct command expire_command = {
        "expire", expire_run, COMMAND_WRITE | COMMAND_FREES, "delete what has expired"};
    struct doc_builder builder;
    struct buf body;
    buf_init(&body, &op->arena);
    doc_build_begin(&builder, &body);
    doc_build_i32(&builder, "expire", 1);
    command_set_body(op, doc_build_end(&builder));
    op->command = &expire_command;
    op->db = SLICE("local");
    op->stage = COMMAND_RUNS;
    op->started_us = op->mono_us;
    doc_build_begin(&op->builder, &op->reply);
}

bool command_expire_is_due(struct command_server *server, uint64_t mono_us)
{
    int64_t seconds = command_param(&server->parameters, COMMAND_PARAM_ttlMonitorSleepSecs);
    if (server->expire.last_us == 0) {
        server->expire.last_us = mono_us; /* the first pass, too, comes after a while */
    }
    if (mono_us < server->expire.last_us + (uint64_t)seconds * 1000000 ||
        command_param(&server->parameters, COMMAND_PARAM_ttlMonitorEnabled) == 0 ||
        !command_member_is_primary(server)) {
        return false;
    }
    server->expire.last_us = mono_us;
    return true;
}

void command_expire_status(const struct command_server *server, struct doc_builder *builder)
{
    doc_build_open(builder, SLICE("ttl"));
    doc_build_i64(builder, "deletedDocuments", (int64_t)atomic_load(&server->expire.deleted));
    doc_build_i64(builder, "passes", (int64_t)atomic_load(&server->expire.passes));
    doc_build_close(builder);
}
