/* command/foreign.c - other collections of the database, for $lookup and $unionWith.
 *
 * Each open plans its filter anew, so that an index on the foreign field is used for every document
 * that is joined. All reads of a cursor share its view: they see the same data. */
#include "base/mem.h"
#include "command/args.h"
#include "command/stages.h"

struct command_foreign {
    struct command_foreign *next; /* of the cursor's list */
    struct command_cursor *cursor;
    struct command_read read;
    struct arena arena;
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

static void foreign_close(void *context)
{
    struct command_foreign *foreign = context;
    struct command_foreign **link = &foreign->cursor->foreign;
    while (*link != foreign) {
        link = &(*link)->next;
    }
    *link = foreign->next;
    command_read_close(&foreign->read);
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

/* The collection `from` of the cursor's database; *ret_catalog keeps it alive. */
static struct store_collection *foreign_find(struct command_cursor *cursor, struct slice from,
                                             struct store_catalog **ret_catalog)
{
    struct arena arena;
    const uint8_t *dot = memchr(cursor->ns.data, '.', cursor->ns.len);
    arena_init(&arena);
    struct slice db = slice_of(cursor->ns.data, (size_t)(dot - cursor->ns.data));
    struct slice ns = command_join(&arena, db, from);
    *ret_catalog = command_cursor_catalog(cursor);
    struct store_collection *collection = store_catalog_find(*ret_catalog, ns);
    arena_close(&arena);
    return collection;
}

/* A filter that lets everything through. */
static struct query_match *foreign_all(struct arena *arena)
{
    struct query_match *match = arena_zero(arena, 1, sizeof *match);
    match->kind = QUERY_MATCH_AND;
    return match;
}

static int foreign_open(void *owner, const struct query_foreign *wanted,
                        const struct query_eval *eval, struct query_run **ret_run, struct err *err)
{
    static const struct query_pipeline no_stages;
    struct command_cursor *cursor = owner;
    struct command_foreign *foreign = mem_zero(1, sizeof *foreign);
    struct store_catalog *catalog;
    struct query_match *match = (struct query_match *)(uintptr_t)wanted->filter;
    arena_init(&foreign->arena);
    match = match == NULL ? foreign_all(&foreign->arena) : match;
    struct store_collection *collection = foreign_find(cursor, wanted->from, &catalog);
    int code =
        command_read_open_match(&foreign->read, eval->context, &foreign->arena, match, collection);
    store_catalog_release(catalog);
    foreign->read.view = &cursor->view;
    foreign->read.eval = *eval;
    foreign->read.eval.arena = &foreign->read.scratch;
    (void)command_read_slice(&foreign->read, NULL, err);
    foreign->cursor = cursor;
    foreign->next = cursor->foreign;
    cursor->foreign = foreign;
    struct query_source source = {&foreign_source_ops, foreign};
    if (code < 0) {
        foreign_close(foreign);
        return err_set(err, -code, "the joined collection cannot be read");
    }
    *ret_run =
        query_run_new(wanted->pipeline != NULL ? wanted->pipeline : &no_stages, 0, eval, source);
    return 0;
}

const struct query_foreign_ops command_foreign_ops = {.open = foreign_open};
