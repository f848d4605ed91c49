/* command/read.c - walking a plan's branches, applying the filter. */
#include "command/read.h"

#include "command/index_filter.h"
#include "command/near.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/keys.h"
#include "store/record.h"

static bool read_is_empty(struct slice doc)
{
    return doc.len == 0 || doc_is_empty(doc);
}

static struct query_plan_index *read_indexes(const struct command_read_spec *spec,
                                             struct arena *arena, uint32_t *ret_count)
{
    const struct store_collection *collection = spec->collection;
    struct query_plan_index *list = arena_zero(arena, collection->indexes_count, sizeof *list);
    uint32_t count = 0;
    for (uint32_t i = 0; i < collection->indexes_count; i++) {
        const struct store_index *index = &collection->indexes[i];
        list[count++] = (struct query_plan_index){
            .name = index->name,
            .key = index->key,
            .is_id = index->is_id,
            .unique = index->unique,
            .sparse = index->sparse,
            .multikey = index->multikey,
            .partial = index->partial,
            .geo = index->geo,
            .collation = index->collation,
            .wildcard = index->wildcard,
            .text = index->text,
            .unusable = (index->hidden && !spec->hidden_too) || !index->ready,
        };
    }
    *ret_count = count;
    return list;
}

/* Only the indexes that an operator allows queries of this shape, whatever they hint at. */
static void read_restrict(struct command_read *read, const struct command_read_spec *spec,
                          const struct query_context *context, struct query_plan_index *indexes)
{
    const struct doc_collation *collation = context->collation;
    struct command_query_shape shape = {
        .match = read->match,
        .sort = spec->sort,
        .projection = spec->projection,
        .collation = collation == NULL ? (struct slice){0} : doc_collation_spec(collation)};
    struct slice allowed;
    read->restricted = spec->server != NULL &&
                       command_index_filters_find(&spec->server->index_filters, spec->collection,
                                                  &shape, context->arena, &allowed);
    for (uint32_t i = 0; read->restricted && i < spec->collection->indexes_count; i++) {
        bool allows = command_index_filter_allows(allowed, &spec->collection->indexes[i]);
        indexes[i].unusable |= !allows;
    }
}

static int read_plan(struct command_read *read, struct query_context *context,
                     const struct command_read_spec *spec, struct err *err)
{
    struct query_plan_request request = {.match = read->match, .hint = spec->hint};
    request.min = read_is_empty(spec->min) ? (struct slice){0} : spec->min;
    request.max = read_is_empty(spec->max) ? (struct slice){0} : spec->max;
    struct query_sort *sort = NULL;
    if (!read_is_empty(spec->sort)) {
        int code = query_sort_parse(context, spec->sort, &sort, err);
        if (code < 0) {
            return code;
        }
    }
    request.sort = sort;
    if (spec->collection == NULL) {
        read->plan = (struct query_plan){.sorted = true};
        return 0;
    }
    struct query_plan_index *indexes = read_indexes(spec, context->arena, &request.indexes_count);
    request.indexes = indexes;
    read_restrict(read, spec, context, indexes);
    if (read->restricted) {
        request.hint = doc_missing;
    }
    return query_plan_make(context, &request, &read->plan, err);
}

/* Each index of the plan serves once, however many branches look into it. */
static void read_count(const struct command_read *read, struct command_server *server)
{
    int32_t before = -1;
    for (uint32_t i = 0; server != NULL && i < read->plan.branches_count; i++) {
        int32_t index = read->plan.branches[i].index;
        if (index >= 0 && index != before) {
            command_uses_add(&server->uses, read->collection->indexes[index].id);
        }
        before = index;
    }
}

int command_read_open(struct command_read *read, struct query_context *context,
                      struct store_view *view, const struct command_read_spec *spec,
                      struct err *err)
{
    *read = (struct command_read){.view = view, .arena = context->arena, .array_index = -1};
    read->tails = spec->tails;
    read->tails_clock = UINT64_MAX - 1; /* a transaction sees nothing new */
    read->hold.memory = context->memory;
    arena_init(&read->scratch);
    store_skip_init(&read->seen);
    int code = 0;
    read->match = spec->match;
    if (spec->match == NULL) {
        code = query_match_parse_near(context, spec->filter, &read->match, err);
    }
    context->near = code < 0 ? NULL : query_match_near(read->match);
    struct query_text *text = code < 0 ? NULL : query_match_text(read->match);
    context->text = context->text == NULL ? text : context->text;
    code = code < 0 ? code : read_plan(read, context, spec, err);
    if (code == 0 && text != NULL) { /* stages that were parsed before look at theirs */
        context->text->query = text->query;
    }
    if (code < 0) {
        return code;
    }
    if (spec->collection != NULL) {
        read->collection = store_collection_hold(spec->collection);
        read_count(read, spec->server);
    }
    return 0;
}

int command_read_open_match(struct command_read *read, struct query_context *context,
                            struct arena *arena, const struct command_read_spec *spec,
                            struct err *err)
{
    struct query_context planning = *context;
    planning.arena = arena;
    *read = (struct command_read){.arena = arena, .match = spec->match, .array_index = -1};
    read->hold.memory = context->memory;
    arena_init(&read->scratch);
    store_skip_init(&read->seen);
    int code = read_plan(read, &planning, spec, err);
    if (code == 0 && spec->collection != NULL) {
        read->collection = store_collection_hold(spec->collection);
    }
    return code;
}

void command_read_begin(struct command_read *read, struct query_context *context)
{
    query_eval_init(&read->eval, context, context->arena);
    read->eval.arena = &read->scratch;
}

/* What a walk through the plan has opened. */
static void read_forget(struct command_read *read)
{
    command_read_pause(read);
    if (read->scanning) {
        store_scan_close(&read->scan);
        read->scanning = false;
    }
    command_shown_close(read);
    store_skip_close(&read->seen);
    command_near_free(read->near);
    read->near = NULL;
}

void command_read_close(struct command_read *read)
{
    read_forget(read);
    query_hold_drop(&read->hold);
    store_collection_release(read->collection);
    read->collection = NULL;
    arena_close(&read->scratch);
}

/* Are the collection and the indexes of the plan still there, under their names? */
static bool read_is_valid(const struct command_read *read, const struct store_catalog *catalog)
{
    const struct store_collection *now = store_catalog_find(catalog, read->collection->ns);
    if (now == NULL || now->id != read->collection->id) {
        return false;
    }
    for (uint32_t i = 0; i < read->plan.branches_count; i++) {
        int32_t index = read->plan.branches[i].index;
        if (index < 0) {
            continue;
        }
        const struct store_index *had = &read->collection->indexes[index];
        const struct store_index *has = store_collection_index(now, had->name);
        if (has == NULL || has->id != had->id) {
            return false;
        }
    }
    return true;
}

int command_read_slice(struct command_read *read, struct command_server *server, struct err *err)
{
    bool goes_on = read->begun;
    read->budget = goes_on || server == NULL
                       ? COMMAND_READ_SLICE
                       : atomic_load_explicit(&server->first_slice, memory_order_relaxed);
    read->err = err;
    read->begun = true;
    if (read->tails && server != NULL) {
        read->tails_clock = atomic_load(&server->applied_clock);
    }
    return goes_on && server != NULL ? command_read_check(read, server, err) : 0;
}

int command_read_check(struct command_read *read, struct command_server *server, struct err *err)
{
    if (read->collection == NULL) {
        return 0;
    }
    struct store_catalog *catalog = command_server_catalog(server);
    bool valid = read_is_valid(read, catalog);
    store_catalog_release(catalog);
    return valid ? 0
                 : err_set(err, LT_EQUERYPLANKILLED,
                           "collection %.*s, or the index in use, was dropped or renamed",
                           SLICE_FMT(read->collection->ns));
}

void command_read_restart(struct command_read *read)
{
    read_forget(read);
    read->branch = 0;
}

bool command_read_may_repeat(const struct command_read *read)
{
    for (uint32_t i = 0; i < read->plan.branches_count; i++) {
        int32_t index = read->plan.branches[i].index;
        if (index >= 0 && !read->collection->indexes[index].is_id) {
            return true;
        }
    }
    return read->plan.overlap;
}

void command_read_pause(struct command_read *read)
{
    store_pin_release(&read->pin);
    if (read->scanning) {
        store_scan_pause(&read->scan);
    }
}

/* The planner's ranges with the id of the index, or the collection, in front. */
static struct store_range *read_ranges(const struct query_plan_branch *branch, uint32_t id,
                                       struct arena *arena)
{
    struct store_range *ranges = arena_alloc(arena, branch->ranges_count * sizeof *ranges);
    for (uint32_t i = 0; i < branch->ranges_count; i++) {
        struct buf from;
        struct buf to;
        buf_init(&from, arena);
        buf_init(&to, arena);
        store_key_id(&from, id);
        store_key_id(&to, id);
        buf_append_slice(&from, branch->ranges[i].from);
        buf_append_slice(&to, branch->ranges[i].to);
        ranges[i] = (struct store_range){buf_slice(&from), buf_slice(&to)};
    }
    return ranges;
}

void command_read_scan(struct command_read *read, const struct query_plan_branch *branch,
                       struct arena *arena)
{
    const struct store_capped *capped = read->collection->capped;
    const struct store_index *index = branch->index >= 0 ? &read->collection->indexes[branch->index]
                                      : capped != NULL   ? &capped->natural
                                                         : NULL;
    uint32_t id = index == NULL ? read->collection->id : index->id;
    struct store_range *ranges = read_ranges(branch, id, arena);
    store_scan_init(&read->scan, read->view, read->collection, index);
    store_scan_set_ranges(&read->scan, arena, ranges, branch->ranges_count, branch->backward);
    read->scan.repeats &= !branch->once;
    if (branch->page) {
        store_scan_use_page(&read->scan);
    }
    read->scan.tails = read->tails && index != NULL && index->is_natural && !branch->backward;
    read->scanning = true;
}

void command_read_scanned(struct command_read *read)
{
    read->keys_examined += read->scan.keys_examined;
    read->docs_examined += read->scan.docs_examined;
    store_scan_close(&read->scan);
    read->scanning = false;
}

static void read_end_branch(struct command_read *read)
{
    uint32_t count = read->plan.branches_count;
    if (read->branch_keys == NULL && count > 1) {
        read->branch_keys = arena_zero(read->arena, count, sizeof *read->branch_keys);
    }
    if (read->scanning) {
        if (count > 1) {
            read->branch_keys[read->branch] = read->scan.keys_examined;
        }
        command_read_scanned(read);
    }
    read->branch++;
}

/* The value of a key of `id`, until the next. */
static int read_get(struct command_read *read, uint32_t id, struct slice rest)
{
    struct buf key;
    buf_init(&key, &read->scratch);
    store_key_id(&key, id);
    buf_append_slice(&key, rest);
    store_pin_release(&read->pin);
    return store_view_get(read->view, buf_slice(&key), &read->pin);
}

/* The one record of a point branch, by its _id or by the only entry of a unique index that can
 * lead to it: 1, 0 not there, negative. */
static int read_point(struct command_read *read, const struct query_plan_branch *branch,
                      struct slice *ret_doc)
{
    int code = 0;
    struct slice id = branch->ranges[0].from;
    if (branch->entry) {
        code = read_get(read, read->collection->indexes[branch->index].id, id);
        id = code == 0 ? arena_copy(&read->scratch, read->pin.value) : id;
    }
    code = code < 0 ? code : read_get(read, read->collection->id, id);
    if (code == -LT_EAGAIN) {
        return code;
    }
    read->branch++;
    if (code < 0) {
        return code == -LT_ENOSUCHKEY ? 0 : code;
    }
    read->docs_examined++;
    read->keys_examined++;
    code = store_record_doc(read->pin.value, ret_doc);
    return code < 0 ? code : 1;
}

static int read_lost(struct command_read *read)
{
    uint64_t sequence = store_key_load_sequence(buf_slice(&read->scan.last));
    return err_set(read->err, LT_ECAPPEDPOSITIONLOST,
                   "CollectionScan died due to position in capped collection being deleted. Last "
                   "seen record id: RecordId(%llu)",
                   (unsigned long long)sequence);
}

/* The next document of the plan, matching or not. */
static int read_candidate(struct command_read *read, struct slice *ret_doc)
{
    if (command_shown_of(read->collection) != NULL) {
        return command_shown_next(read, ret_doc);
    }
    if (read->plan.near != NULL) {
        read->near = read->near == NULL ? command_near_new(&read->plan) : read->near;
        return command_near_next(read, ret_doc);
    }
    while (read->branch < read->plan.branches_count) {
        const struct query_plan_branch *branch = &read->plan.branches[read->branch];
        if (branch->point || branch->entry) {
            int code = read_point(read, branch, ret_doc);
            if (code != 0) {
                return code;
            }
            continue;
        }
        if (!read->scanning) {
            command_read_scan(read, branch, read->arena);
        }
        struct store_scan_record record;
        int code = store_scan_next(&read->scan, &record);
        if (code == -LT_ECAPPEDPOSITIONLOST) {
            return read_lost(read);
        }
        if (code != 0 || read->scan.tails) {
            *ret_doc = record.doc;
            return code;
        }
        read_end_branch(read);
    }
    return 0;
}

/* Was this document given by another branch? */
static bool read_is_repeated(struct command_read *read, struct slice doc)
{
    if (!read->plan.overlap || read->plan.branches_count < 2) {
        return false;
    }
    struct slice key = store_record_key(&read->scratch, read->collection, doc_get_str(doc, "_id"));
    struct store_skip_node *node = store_skip_at_or_after(&read->seen, key, 0);
    if (node != NULL && slice_equal(node->key, key)) {
        return true;
    }
    store_skip_insert(&read->seen, key, 0, (struct slice){0}, false);
    return false;
}

/* For each document that is looked at; most reads have nothing to remember. */
int command_read_hold(struct command_read *read)
{
    uint64_t bytes = read->seen.bytes + (read->scanning ? read->scan.seen.bytes : 0);
    bytes += read->near == NULL ? 0 : command_near_bytes(read->near);
    if (bytes == read->hold.bytes) {
        return 0;
    }
    int code = query_hold_check("knowing which documents were given already", bytes, read->err);
    return code < 0 ? code : query_hold_set(&read->hold, bytes, read->err);
}

int command_read_next(struct command_read *read, struct slice *ret_doc)
{
    for (;;) {
        if (read->budget == 0) {
            return -LT_EYIELD;
        }
        arena_reset(&read->scratch);
        int code = read_candidate(read, ret_doc);
        if (code <= 0) {
            return code;
        }
        read->budget--;
        code = command_read_hold(read);
        if (code < 0) {
            return code;
        }
        read->eval.root = doc_value_object(*ret_doc);
        code = query_match_doc(read->match, &read->eval, *ret_doc, &read->array_index, read->err);
        if (code < 0) {
            return code;
        }
        if (code > 0 && !read_is_repeated(read, *ret_doc)) {
            read->docs_given++;
            return 1;
        }
    }
}

static void read_fetch(struct command_op *op)
{
    struct command_read *read = op->fetch_context;
    read->collection->shown->ops->fetch(read->reader);
}

int command_read_wants(struct command_op *op, struct command_read *read)
{
    const struct command_shown *shown = command_shown_of(read->collection);
    if (shown == NULL || shown->ops->fetch == NULL) {
        return command_wants(op, read->view, read->scan.backward);
    }
    op->fetch_blocking = read_fetch;
    op->fetch_context = read;
    return -LT_EAGAIN;
}

uint64_t command_read_awaits(const struct command_read *read)
{
    return read->tails ? read->tails_clock + 1 : command_shown_awaits(read);
}

void command_read_examined(const struct command_read *read, uint64_t *ret_keys, uint64_t *ret_docs)
{
    *ret_keys = read->keys_examined + (read->scanning ? read->scan.keys_examined : 0);
    *ret_docs = read->docs_examined + (read->scanning ? read->scan.docs_examined : 0);
}
