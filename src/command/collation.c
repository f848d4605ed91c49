/* command/collation.c - finding the collation of a command.
 *
 * A collection's own is parsed again for each command that uses it: the collection may be gone
 * before the command's cursor is. */
#include "command/collation.h"

#include "command/series.h"
#include "doc/view.h"
#include "store/catalog.h"

static bool collation_is_given(struct slice given)
{
    return given.len > 0 && !doc_is_empty(given);
}

int command_collation(struct command_op *op, struct slice given,
                      const struct store_collection *collection, struct query_context *context)
{
    struct slice spec = given;
    if (!collation_is_given(given)) {
        if (collection == NULL || collection->collation == NULL) {
            context->collation = NULL;
            return 0;
        }
        spec = doc_collation_spec(collection->collation);
    }
    return doc_collation_parse(context->arena, spec, "collation", &context->collation, &op->err);
}

int command_collation_complete(struct command_op *op, struct slice given,
                               struct slice *ret_complete)
{
    const struct doc_collation *collation = NULL;
    if (collation_is_given(given)) {
        int code = doc_collation_parse(&op->arena, given, "collation", &collation, &op->err);
        if (code < 0) {
            return code;
        }
    }
    *ret_complete = collation == NULL ? (struct slice){0} : doc_collation_spec(collation);
    return 0;
}

/* In an arena of its own: a batch may check many. */
int command_collation_check(struct command_op *op, struct slice given)
{
    const struct doc_collation *collation;
    struct arena scratch;
    if (!collation_is_given(given)) {
        return 0;
    }
    arena_init(&scratch);
    int code = doc_collation_parse(&scratch, given, "collation", &collation, &op->err);
    arena_close(&scratch);
    return code;
}

int command_collation_check_view(const struct store_collection *view,
                                 const struct doc_collation *collation, struct err *err)
{
    if (command_series_is(view) || doc_collation_is_same(view->collation, collation)) {
        return 0;
    }
    return err_set(err, LT_EOPTIONNOTSUPPORTEDONVIEW,
                   "Cannot override a view's default collation: %.*s", SLICE_FMT(view->ns));
}
