/* command/stage_collstats.c - $collStats: one document about the collection. */
#include "command/stages.h"
#include "command/status.h"
#include "doc/view.h"

struct collstats_parsed {
    struct command_cursor *cursor;
    bool count;
    bool storage;
    bool latency;
    int64_t scale;
};

struct collstats_state {
    bool given;
};

static int collstats_storage(struct collstats_parsed *parsed, struct doc_value value,
                             struct err *err)
{
    struct doc_value scale = doc_get_str(doc_value_get_doc(value), "scale");
    parsed->storage = true;
    if (doc_value_is_nullish(scale)) {
        return 0;
    }
    if (!doc_value_is_number(scale)) {
        return err_set(
            err, LT_ETYPEMISMATCH,
            "BSON field '$collStats.storageStats.scale' is the wrong type '%s', expected "
            "types '[long, int, decimal, double]'",
            doc_type_name(scale.type));
    }
    parsed->scale = doc_value_to_i64_clamped(scale);
    parsed->scale = parsed->scale > INT32_MAX ? INT32_MAX : parsed->scale;
    return parsed->scale >= 1
               ? 0
               : err_set(err, LT_EBADVALUE, "scale has to be >= 1, actual value '%lld'",
                         (long long)parsed->scale);
}

static int collstats_latency_spec(struct doc_value value, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, value);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "histograms")) {
            return err_set(err, 40415,
                           "BSON field '$collStats.latencyStats.%.*s' is an unknown field.",
                           SLICE_FMT(elem.name));
        }
        if (elem.value.type != DOC_BOOL) {
            return err_set(err, LT_ETYPEMISMATCH,
                           "BSON field '$collStats.latencyStats.histograms' is the wrong type "
                           "'%s', expected type 'bool'",
                           doc_type_name(elem.value.type));
        }
    }
    return 0;
}

static int collstats_field(struct collstats_parsed *parsed, const struct doc_elem *elem,
                           struct err *err)
{
    static const char *const known[] = {"count", "storageStats", "latencyStats", "queryExecStats"};
    size_t which = 0;
    while (which < 4 && !slice_is(elem->name, known[which])) {
        which++;
    }
    if (which == 4) {
        return err_set(err, 40415, "BSON field '$collStats.%.*s' is an unknown field.",
                       SLICE_FMT(elem->name));
    }
    if (doc_value_is_nullish(elem->value)) {
        return 0;
    }
    if (elem->value.type != DOC_OBJECT) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field '$collStats.%s' is the wrong type '%s', expected type 'object'",
                       known[which], doc_type_name(elem->value.type));
    }
    if ((which == 0 || which == 3) && !doc_is_empty(doc_value_get_doc(elem->value))) {
        return err_set(err, 31170, "$collStats option '%s' must be an empty object", known[which]);
    }
    parsed->count |= which == 0;
    parsed->latency |= which == 2;
    if (which == 2) {
        return collstats_latency_spec(elem->value, err);
    }
    return which == 1 ? collstats_storage(parsed, elem->value, err) : 0;
}

static int collstats_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    struct collstats_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 5447000, "$collStats must take a nested object but found: %s",
                       doc_type_name(spec.type));
    }
    parsed->cursor = parse->options->owner;
    parsed->scale = 1;
    doc_iter_value(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        int code = collstats_field(parsed, &elem, err);
        if (code < 0) {
            return code;
        }
    }
    query_stage_add(parse, parse->ops, parsed);
    return 0;
}

static void collstats_latency(struct doc_builder *builder)
{
    static const char *const kinds[] = {"reads", "writes", "commands", "transactions"};
    doc_build_open(builder, SLICE("latencyStats"));
    for (int i = 0; i < 4; i++) {
        doc_build_open(builder, slice_str(kinds[i]));
        doc_build_i64(builder, "latency", 0);
        doc_build_i64(builder, "ops", 0);
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

static int collstats_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct collstats_state *state = self->state;
    const struct collstats_parsed *parsed = self->stage->parsed;
    struct command_cursor *cursor = parsed->cursor;
    struct command_stats stats;
    if (state->given) {
        return 0;
    }
    const struct store_collection *collection = cursor->collection;
    if (collection == NULL && (parsed->count || parsed->storage)) {
        return err_set(err, LT_ENAMESPACENOTFOUND,
                       "Unable to retrieve storageStats in $collStats stage :: caused by :: "
                       "Collection [%.*s] not found.",
                       SLICE_FMT(cursor->ns));
    }
    query_stage_fresh(self);
    int code = command_collection_stats(&cursor->view, collection, &stats);
    if (code < 0) {
        return code;
    }
    struct doc_builder *builder = arena_alloc(self->eval->arena, sizeof *builder);
    struct buf *buf = arena_alloc(self->eval->arena, sizeof *buf);
    buf_init(buf, self->eval->arena);
    doc_build_begin(builder, buf);
    doc_build_string(builder, "ns", cursor->ns);
    doc_build_text(builder, "host", cursor->server->address);
    doc_build_date(builder, "localTime", self->eval->context->now_ms);
    if (parsed->latency) {
        collstats_latency(builder);
    }
    if (parsed->storage) {
        doc_build_open(builder, SLICE("storageStats"));
        command_build_stats(&cursor->view, builder, collection, &stats, parsed->scale);
        doc_build_close(builder);
    }
    if (parsed->count) {
        doc_build_i64(builder, "count", stats.documents);
    }
    *ret_doc = doc_build_end(builder);
    state->given = true;
    return 1;
}

const struct query_stage_ops command_stage_collstats = {
    .name = "$collStats",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct collstats_state),
    .parse = collstats_parse,
    .next = collstats_next,
};
