/* command/stage_index_stats.c - $indexStats: one document for each index of the collection. */
#include "command/series_index.h"
#include "command/stages.h"
#include "doc/view.h"

struct index_stats_state {
    uint32_t at; /* next index */
};

static int index_stats_parse(struct query_stage_parse *parse, struct doc_value spec,
                             struct err *err)
{
    if (spec.type != DOC_OBJECT || !doc_is_empty(doc_value_get_doc(spec))) {
        return err_set(err, 28803, "The $indexStats stage specification must be an empty object");
    }
    query_stage_add(parse, parse->ops, parse->options->owner);
    return 0;
}

static int index_stats_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    (void)err;
    struct index_stats_state *state = self->state;
    const struct command_cursor *cursor = self->stage->parsed;
    if (cursor->collection == NULL || state->at == cursor->collection->indexes_count) {
        return 0;
    }
    bool is_series = command_series_is_buckets(cursor->collection->name) &&
                     !slice_equal(cursor->collection->ns, cursor->ns);
    if (is_series && state->at == 0 && ++state->at == cursor->collection->indexes_count) {
        return 0;
    }
    const struct store_index *index = &cursor->collection->indexes[state->at++];
    struct slice spec = index->spec;
    struct command_server *server = cursor->server;
    query_stage_fresh(self);
    struct doc_builder *builder = arena_alloc(self->eval->arena, sizeof *builder);
    struct buf *buf = arena_alloc(self->eval->arena, sizeof *buf);
    buf_init(buf, self->eval->arena);
    doc_build_begin(builder, buf);
    doc_build_string(builder, "name", index->name);
    if (is_series) {
        spec = command_series_index_asked(self->eval->arena, spec);
    }
    doc_build_value(builder, SLICE("key"), doc_get_str(spec, "key"));
    doc_build_text(builder, "host", server->address);
    doc_build_open(builder, SLICE("accesses"));
    doc_build_i64(builder, "ops", (int64_t)command_uses_of(&server->uses, index->id));
    doc_build_date(builder, "since", server->started_ms);
    doc_build_close(builder);
    if (!index->ready) {
        doc_build_bool(builder, "building", true);
    }
    doc_build_doc(builder, "spec", spec);
    *ret_doc = doc_build_end(builder);
    return 1;
}

const struct query_stage_ops command_stage_index_stats = {
    .name = "$indexStats",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct index_stats_state),
    .parse = index_stats_parse,
    .next = index_stats_next,
};
