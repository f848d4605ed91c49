/* query/plan_text.c - $text by the text index.
 *
 * A collection has one at most. All predicates with a $text among them are served by it and nothing
 * else; one range for each word, behind the values of the fields before. The filter judges. */
#include "doc/view.h"
#include "query/plan_private.h"

static const struct query_plan_index *text_index(const struct query_plan_request *request)
{
    for (uint32_t i = 0; i < request->indexes_count; i++) {
        if (request->indexes[i].text != NULL && !request->indexes[i].unusable) {
            return &request->indexes[i];
        }
    }
    return NULL;
}

int query__plan_text_begin(struct query_context *context, const struct query_plan_request *request,
                           struct query_text *text, struct err *err)
{
    const struct query_plan_index *index = text_index(request);
    bool hinted =
        request->hint.type == DOC_STRING ||
        (request->hint.type == DOC_OBJECT && !doc_is_empty(doc_value_get_doc(request->hint)));
    struct text_query *query;
    if (index == NULL) {
        return err_set(err, LT_EINDEXNOTFOUND, "text index required for $text query");
    }
    if (hinted) {
        return err_set(err, LT_EBADVALUE,
                       "error processing query: planner returned error :: caused by :: text and "
                       "hint not allowed in same query");
    }
    if (request->sort != NULL && request->sort->natural != 0) {
        return err_set(err, LT_EBADVALUE,
                       "error processing query: planner returned error :: caused by :: text "
                       "expression not allowed with $natural sort order");
    }
    int code = text_query_parse(context->arena, index->text, &text->search, &query, err);
    if (code == 0) {
        text->query = query;
    }
    return code;
}

bool query__plan_text_refuses(const struct plan_fit *fit, const struct plan_set *set)
{
    const struct text_index *index = fit->index->spec->text;
    if ((index == NULL) != (set->text == NULL)) {
        return true;
    }
    return index != NULL && fit->points < index->field + 1;
}

void query__plan_text_bound(struct arena *arena, struct plan_fit *fit, uint32_t at,
                            const struct plan_set *set)
{
    if (set->text == NULL || set->text->query == NULL) {
        return;
    }
    const struct text_list *words = &set->text->query->words;
    struct plan_bounds *bounds = &fit->fields[at];
    bounds->items = arena_alloc(arena, ((size_t)words->count + 1) * sizeof *bounds->items);
    for (uint32_t i = 0; i < words->count; i++) {
        struct plan_bounds word = query__plan_path_bounds(arena, words->items[i], false);
        bounds->items[bounds->count++] = word.items[0];
    }
    fit->used[at] = 1;
}
