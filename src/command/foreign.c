/* command/foreign.c - other collections of the database, for $lookup and $unionWith.
 *
 * Each open plans its filter anew, so that an index on the foreign field is used for every document
 * that is joined. All reads of a cursor share its view: they see the same data. Of a view, its
 * pipeline runs first, and the filter judges what comes out. */
#include "base/mem.h"
#include "command/args.h"
#include "command/collation.h"
#include "command/stages.h"
#include "command/view.h"

struct command_foreign {
    struct command_foreign *next; /* of the cursor's list */
    struct command_cursor *cursor;
    struct command_read read;
    struct arena arena;
    /* ---- of a view ---- */
    struct query_context context;
    struct query_pipeline_options options;
    struct query_run *view; /* its pipeline; NULL: it is none */
    const struct query_match *filter;
    struct query_eval eval; /* the filter's, */
    struct arena scratch;   /* for each document anew */
};

static int foreign_next(void *context, struct slice *ret_doc, struct err *err)
{
    struct command_foreign *foreign = context;
    foreign->read.err = err;
    int code = command_read_next(&foreign->read, ret_doc);
    if (code == -LT_EYIELD) {
        (void)command_read_slice(&foreign->read, NULL, err);
    }
    return code;
}

static int foreign_view_next(void *context, struct slice *ret_doc, struct err *err)
{
    struct command_foreign *foreign = context;
    int code;
    while ((code = query_run_next(foreign->view, ret_doc, err)) > 0 && foreign->filter != NULL) {
        arena_reset(&foreign->scratch);
        foreign->eval.root = doc_value_object(*ret_doc);
        code = query_match_doc(foreign->filter, &foreign->eval, *ret_doc, NULL, err);
        if (code != 0) {
            break;
        }
    }
    return code;
}

static void foreign_close(void *context)
{
    struct command_foreign *foreign = context;
    struct command_foreign **link = &foreign->cursor->foreign;
    while (*link != foreign) {
        link = &(*link)->next;
    }
    *link = foreign->next;
    query_run_close(foreign->view);
    command_read_close(&foreign->read);
    arena_close(&foreign->scratch);
    arena_close(&foreign->arena);
    mem_free(foreign);
}

static const struct query_source_ops foreign_source_ops = {
    .next = foreign_next,
    .close = foreign_close,
};

void command_foreign_pause(struct command_cursor *cursor)
{
    for (struct command_foreign *foreign = cursor->foreign; foreign != NULL;
         foreign = foreign->next) {
        command_read_pause(&foreign->read);
    }
}

static const struct query_source_ops foreign_view_ops = {
    .next = foreign_view_next,
    .close = foreign_close,
};

/* As foreign_source_ops, where closing is the view's matter. */
static const struct query_source_ops foreign_base_ops = {.next = foreign_next};

/* "db.from", of the cursor's database. */
static struct slice foreign_namespace(struct command_foreign *foreign, struct slice from)
{
    return command_join(&foreign->arena, command_db_of(foreign->cursor->ns), from);
}

/* A filter that lets everything through. */
static struct query_match *foreign_all(struct arena *arena)
{
    struct query_match *match = arena_zero(arena, 1, sizeof *match);
    match->kind = QUERY_MATCH_AND;
    return match;
}

/* What the pipeline begins with and only an index can answer: $geoNear, $text; or NULL. */
static struct query_match *foreign_leading(const struct query_pipeline *pipeline)
{
    struct query_match *near = query_pipeline_leading_near(pipeline);
    const struct query_match *match = query_pipeline_leading_match(pipeline);
    bool text = near == NULL && match != NULL && query_match_text(match) != NULL;
    return text ? (struct query_match *)(uintptr_t)match : near;
}

/* The filter with what such a beginning of the pipeline asks for; either may be NULL. */
static struct query_match *foreign_filter(struct arena *arena,
                                          const struct query_pipeline *pipeline,
                                          struct query_match *match)
{
    struct query_match *near = pipeline == NULL ? NULL : foreign_leading(pipeline);
    if (near == NULL || match == NULL || near == match) {
        return near == NULL ? match : near;
    }
    struct query_match *both = foreign_all(arena);
    both->children = arena_alloc(arena, 2 * sizeof(struct query_match *));
    both->children[both->children_count++] = match;
    both->children[both->children_count++] = near;
    return both;
}

/* A read of documents that match, as `eval` has the outer variables. Nothing waits for the journal
 * here: a collection that is only shown has no documents to be joined. */
static int foreign_read(struct command_foreign *foreign, const struct query_eval *eval,
                        struct query_match *match, struct store_collection *collection,
                        struct err *err)
{
    match = match == NULL ? foreign_all(&foreign->arena) : match;
    collection = command_shown_of(collection) == NULL ? collection : NULL;
    struct command_read_spec spec = {.collection = collection, .match = match, .hint = doc_missing};
    int code = command_read_open_match(&foreign->read, eval->context, &foreign->arena, &spec, err);
    foreign->read.view = &foreign->cursor->view;
    foreign->read.eval = *eval;
    foreign->read.eval.arena = &foreign->read.scratch;
    (void)command_read_slice(&foreign->read, NULL, NULL);
    return code;
}

/* What a view's pipeline makes of what it is on. It sees none of the outer variables. */
static int foreign_open_view(struct command_foreign *foreign, const struct query_foreign *wanted,
                             const struct query_eval *eval, const struct store_catalog *catalog,
                             struct err *err)
{
    const struct store_collection *view =
        command_view_find(catalog, foreign_namespace(foreign, wanted->from));
    struct command_view_base base = {.catalog = catalog,
                                     .stages = doc_value_get_doc(doc_empty_array)};
    struct query_pipeline *pipeline;
    if (wanted->pipeline != NULL && query_pipeline_leading_near(wanted->pipeline) != NULL) {
        return err_set(err, 40603, "$geoNear was not the first stage in the pipeline");
    }
    foreign->context = *eval->context;
    foreign->context.arena = &foreign->arena;
    foreign->context.scope = NULL;
    foreign->context.let = (struct slice){0};
    foreign->options = command_stage_options(foreign->cursor);
    int code = command_collation_check_view(view, eval->context->collation, err);
    code = code < 0 ? code : command_view_resolve(view, &base, &foreign->arena, err);
    code = code < 0 ? code
                    : query_pipeline_parse(&foreign->context, base.stages, &foreign->options,
                                           &pipeline, err);
    if (code < 0) {
        return code;
    }
    struct query_eval inner;
    const struct query_match *match = query_pipeline_leading_match(pipeline);
    struct query_match *filter =
        foreign_filter(&foreign->arena, pipeline, (struct query_match *)(uintptr_t)match);
    query_eval_init(&inner, &foreign->context, &foreign->arena);
    code = foreign_read(foreign, &inner, filter, base.collection, err);
    struct query_source source = {&foreign_base_ops, foreign};
    foreign->view = query_run_new(pipeline, match != NULL, &inner, source);
    foreign->filter = wanted->filter;
    foreign->eval = *eval;
    foreign->eval.arena = &foreign->scratch;
    return code;
}

static int foreign_open(void *owner, const struct query_foreign *wanted,
                        const struct query_eval *eval, struct query_run **ret_run, struct err *err)
{
    static const struct query_pipeline no_stages;
    struct command_cursor *cursor = owner;
    struct command_foreign *foreign = mem_zero(1, sizeof *foreign);
    struct store_catalog *catalog = command_cursor_catalog(cursor);
    foreign->cursor = cursor;
    foreign->next = cursor->foreign;
    cursor->foreign = foreign;
    arena_init(&foreign->arena);
    arena_init(&foreign->scratch);
    struct slice ns = foreign_namespace(foreign, wanted->from);
    bool is_view = command_view_find(catalog, ns) != NULL;
    struct query_match *match = foreign_filter(&foreign->arena, wanted->pipeline,
                                               (struct query_match *)(uintptr_t)wanted->filter);
    int code = is_view ? foreign_open_view(foreign, wanted, eval, catalog, err)
                       : foreign_read(foreign, eval, match, store_catalog_find(catalog, ns), err);
    store_catalog_release(catalog);
    struct query_source source = {is_view ? &foreign_view_ops : &foreign_source_ops, foreign};
    if (code < 0) {
        foreign_close(foreign);
        return code;
    }
    *ret_run =
        query_run_new(wanted->pipeline != NULL ? wanted->pipeline : &no_stages, 0, eval, source);
    return 0;
}

static int foreign_check(void *owner, const struct query_context *context, struct slice from,
                         struct err *err)
{
    struct command_cursor *cursor = owner;
    struct store_catalog *catalog = command_cursor_catalog(cursor);
    struct slice ns = command_join(context->arena, command_db_of(cursor->ns), from);
    const struct store_collection *view = command_view_find(catalog, ns);
    int code = view == NULL ? 0 : command_collation_check_view(view, context->collation, err);
    store_catalog_release(catalog);
    return code;
}

const struct query_foreign_ops command_foreign_ops = {.open = foreign_open, .check = foreign_check};
