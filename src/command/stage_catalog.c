/* command/stage_catalog.c - $listClusterCatalog: one document for each collection of the database,
 * of all databases in admin. They are made at once: a catalog is small. */
#include "command/stages.h"
#include "command/status.h"
#include "doc/view.h"

struct catalog_parsed {
    struct command_cursor *cursor;
    bool shards;
};

struct catalog_state {
    struct buf docs; /* one after another */
    size_t at;
    bool made;
};

static int catalog_field(const struct doc_elem *elem, struct catalog_parsed *parsed,
                         struct err *err)
{
    bool shards = slice_is(elem->name, "shards");
    if (!shards && !slice_is(elem->name, "balancingConfiguration")) {
        return err_set(err, 40415, "BSON field '$listClusterCatalog.%.*s' is an unknown field.",
                       SLICE_FMT(elem->name));
    }
    if (elem->value.type != DOC_BOOL) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field '$listClusterCatalog.%.*s' is the wrong type '%s', expected "
                       "type 'bool'",
                       SLICE_FMT(elem->name), doc_type_name(elem->value.type));
    }
    parsed->shards |= shards && doc_value_get_bool(elem->value);
    return 0;
}

static int catalog_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 9621302,
                       "The $listClusterCatalog stage specification must be an object");
    }
    if (!command_stage_of_database(parse)) {
        return err_set(err, 9621301,
                       "The $listClusterCatalog stage must be run on the database with "
                       "{aggregate: 1}");
    }
    struct catalog_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    parsed->cursor = parse->options->owner;
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_value(&iter, spec);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = catalog_field(&elem, parsed, err);
    }
    if (code == 0) {
        query_stage_add(parse, parse->ops, parsed);
    }
    return code;
}

static void catalog_collection(struct doc_builder *builder,
                               const struct store_collection *collection, bool shards)
{
    doc_build_string(builder, "ns", collection->ns);
    doc_build_string(builder, "db", collection->db);
    command_build_collection(builder, collection, false);
    doc_build_bool(builder, "sharded", false);
    if (shards) {
        doc_build_value(builder, SLICE("shards"), doc_empty_array);
    }
}

static void catalog_make(struct query_stage_run *self)
{
    struct catalog_state *state = self->state;
    const struct catalog_parsed *parsed = self->stage->parsed;
    const struct command_cursor *cursor = parsed->cursor;
    struct store_catalog *catalog = command_server_catalog(cursor->server);
    const uint8_t *dot = memchr(cursor->ns.data, '.', cursor->ns.len);
    struct slice db = slice_of(cursor->ns.data, (size_t)(dot - cursor->ns.data));
    struct doc_builder *builder = arena_alloc(&self->hold, sizeof *builder);
    buf_init(&state->docs, &self->hold);
    for (uint32_t i = 0; i < catalog->count; i++) {
        const struct store_collection *collection = catalog->collections[i];
        if (slice_is(db, "admin") || slice_equal(db, collection->db)) {
            doc_build_begin(builder, &state->docs);
            catalog_collection(builder, collection, parsed->shards);
            doc_build_end(builder);
        }
    }
    store_catalog_release(catalog);
    state->made = true;
}

static int catalog_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    (void)err;
    struct catalog_state *state = self->state;
    if (!state->made) {
        catalog_make(self);
    }
    if (state->at == state->docs.len) {
        return 0;
    }
    query_stage_fresh(self);
    *ret_doc = slice_of(state->docs.data + state->at, doc_load_u32(state->docs.data + state->at));
    state->at += ret_doc->len;
    return 1;
}

const struct query_stage_ops command_stage_catalog = {
    .name = "$listClusterCatalog",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct catalog_state),
    .parse = catalog_parse,
    .next = catalog_next,
};
