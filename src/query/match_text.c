/* query/match_text.c - $text.
 *
 * What is looked for depends on the index: the planner parses it (plan_text.c). A document is then
 * judged by its texts, whatever led to it. */
#include "doc/view.h"
#include "query/match_private.h"

static int text_check(struct match_parser *parser, struct doc_elem op)
{
    static const struct {
        const char *name;
        uint8_t type;
    } fields[] = {{"$search", DOC_STRING},
                  {"$language", DOC_STRING},
                  {"$caseSensitive", DOC_BOOL},
                  {"$diacriticSensitive", DOC_BOOL}};
    struct slice spec = doc_value_get_doc(op.value);
    size_t known = 0;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct doc_value value = doc_get_str(spec, fields[i].name);
        if (!doc_value_exists(value)) {
            if (i == 0) {
                return err_set(parser->err, LT_ENOSUCHKEY, "Missing expected field \"$search\"");
            }
            continue;
        }
        known++;
        if (value.type != fields[i].type) {
            return err_set(parser->err, LT_ETYPEMISMATCH,
                           "\"%s\" had the wrong type. Expected %s, found %s", fields[i].name,
                           doc_type_name(fields[i].type), doc_type_name(value.type));
        }
    }
    if (known != doc_count(spec)) {
        return err_set(parser->err, LT_EBADVALUE, "extra fields in $text");
    }
    return 0;
}

int query__match_text(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    if (parser->inner) {
        return err_set(parser->err, LT_EBADVALUE,
                       "$text can only be applied to the top-level document");
    }
    if (op.value.type != DOC_OBJECT) {
        return err_set(parser->err, LT_EBADVALUE, "$text expects an object");
    }
    int code = text_check(parser, op);
    if (code < 0) {
        return code;
    }
    struct slice spec = doc_value_get_doc(op.value);
    struct doc_value language = doc_get_str(spec, "$language");
    struct query_text *text = arena_zero(parser->context->arena, 1, sizeof *text);
    text->search.search = doc_value_get_string(doc_get_str(spec, "$search"));
    if (doc_value_exists(language)) {
        text->search.language = doc_value_get_string(language);
    }
    text->search.keep |= doc_value_truth(doc_get_str(spec, "$caseSensitive")) ? TEXT_KEEP_CASE : 0;
    text->search.keep |=
        doc_value_truth(doc_get_str(spec, "$diacriticSensitive")) ? TEXT_KEEP_MARKS : 0;
    struct query_match *node = query__match_node(parser, QUERY_MATCH_TEXT, NULL, op.value);
    node->detail = text;
    query__match_push(parser, list, node);
    parser->text = true;
    return 0;
}

/* Count them; those under others than $and and $or apart. */
static void text_count(const struct query_match *node, bool plain, uint32_t *count,
                       uint32_t *negated)
{
    if (node->kind == QUERY_MATCH_TEXT) {
        (*(plain ? count : negated))++;
    }
    bool both = node->kind == QUERY_MATCH_AND || node->kind == QUERY_MATCH_OR;
    for (uint32_t i = 0; i < node->children_count; i++) {
        text_count(node->children[i], plain && both, count, negated);
    }
}

int query__match_text_check(struct match_parser *parser, const struct query_match *match,
                            int refusal)
{
    uint32_t count = 0;
    uint32_t negated = 0;
    if (!parser->text) {
        return 0;
    }
    if (parser->near) {
        return err_set(parser->err, LT_EBADVALUE, "text and geoNear not allowed in same query");
    }
    text_count(match, true, &count, &negated);
    if (negated > 0) {
        return err_set(parser->err, LT_EBADVALUE, "text expression not allowed in nor");
    }
    if (!parser->texts) {
        return err_set(parser->err, refusal,
                       refusal == 17313
                           ? "$match with $text is only allowed as the first pipeline stage"
                           : "$text is not allowed in this context");
    }
    return count <= 1 ? 0 : err_set(parser->err, LT_EBADVALUE, "Too many text expressions");
}

struct query_text *query_match_text(const struct query_match *match)
{
    struct query_text *text = match->kind == QUERY_MATCH_TEXT ? match->detail : NULL;
    bool both = match->kind == QUERY_MATCH_AND || match->kind == QUERY_MATCH_OR;
    for (uint32_t i = 0; both && i < match->children_count && text == NULL; i++) {
        text = query_match_text(match->children[i]);
    }
    return text;
}

bool query_text_score(const struct query_text *text, struct arena *arena, struct slice doc,
                      double *ret_score)
{
    return text->query != NULL && text_query_match(text->query, arena, doc, ret_score, NULL) == 1;
}
