/* query/match_parse.c - from a filter document to a tree.
 *
 * Each field becomes one leaf per operator (match_ops.c), all of them children of the $and that the
 * document is. What belongs to the top of a filter only ($expr, $text, $where) is refused inside
 * $elemMatch. */
#include "doc/build.h"
#include "doc/view.h"
#include "query/expr_private.h"
#include "query/match_private.h"
#include "query/schema.h"

void query__match_push(struct match_parser *parser, struct match_list *list,
                       struct query_match *node)
{
    if (list->count == list->cap) {
        uint32_t cap = list->cap == 0 ? 4 : list->cap * 2;
        struct query_match **items = arena_alloc(parser->context->arena, cap * sizeof *items);
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof *items);
        }
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = node;
}

struct query_match *query__match_node(struct match_parser *parser, enum query_match_kind kind,
                                      const struct doc_path *path, struct doc_value operand)
{
    struct query_match *node = arena_zero(parser->context->arena, 1, sizeof *node);
    node->kind = kind;
    if (path != NULL) {
        node->path = *path;
    }
    node->operand = operand;
    node->collation = parser->context->collation;
    return node;
}

void query__match_adopt(struct query_match *node, const struct match_list *list)
{
    node->children = list->items;
    node->children_count = list->count;
}

static int parse_tree(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    enum query_match_kind kind = slice_is(op.name, "$and")  ? QUERY_MATCH_AND
                                 : slice_is(op.name, "$or") ? QUERY_MATCH_OR
                                                            : QUERY_MATCH_NOR;
    if (op.value.type != DOC_ARRAY) {
        return err_set(parser->err, LT_EBADVALUE, "%.*s must be an array", SLICE_FMT(op.name));
    }
    if (doc_is_empty(doc_value_get_doc(op.value))) {
        return err_set(parser->err, LT_EBADVALUE, "$and/$or/$nor must be a nonempty array");
    }
    struct query_match *node = query__match_node(parser, kind, NULL, op.value);
    struct match_list children = {0};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, op.value);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_OBJECT) {
            return err_set(parser->err, LT_EBADVALUE,
                           "$or/$and/$nor entries need to be full objects");
        }
        struct query_match *child = NULL;
        int rc = query__match_filter(parser, doc_value_get_doc(elem.value), &child);
        if (rc < 0) {
            return rc;
        }
        query__match_push(parser, &children, child);
    }
    query__match_adopt(node, &children);
    query__match_push(parser, list, node);
    return 0;
}

static int parse_expr(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    if (parser->inner) {
        return err_set(parser->err, LT_EBADVALUE,
                       "%.*s can only be applied to the top-level document", SLICE_FMT(op.name));
    }
    struct query_match *node = query__match_node(parser, QUERY_MATCH_EXPR, NULL, op.value);
    struct query_expr *expr = NULL;
    int rc = query_expr_parse(parser->context, op.value, &expr, parser->err);
    if (rc < 0) {
        return rc;
    }
    query__expr_in_by_bytes(expr);
    node->detail = expr;
    query__match_push(parser, list, node);
    return 0;
}

/* {$lt: [{$rand: {}}, rate]}, which is drawn for each document. */
static struct doc_value parse_sample_expr(struct match_parser *parser, double rate)
{
    struct arena *arena = parser->context->arena;
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_open_array(builder, SLICE("$lt"));
    doc_build_open(builder, SLICE(""));
    doc_build_open(builder, SLICE("$rand"));
    doc_build_close(builder);
    doc_build_close(builder);
    doc_build_double(builder, "", rate);
    doc_build_close(builder);
    return doc_value_object(doc_build_end(builder));
}

static int parse_sample(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    if (!doc_value_is_number(op.value)) {
        return err_set(parser->err, LT_EBADVALUE, "argument to $sampleRate must be a numeric type");
    }
    double rate = doc_value_to_double(op.value);
    if (!(rate >= 0 && rate <= 1)) {
        return err_set(parser->err, LT_EBADVALUE,
                       "numeric argument to $sampleRate must be in [0, 1]");
    }
    if (rate > 0 && rate < 1) {
        return parse_expr(parser, (struct doc_elem){op.name, parse_sample_expr(parser, rate)},
                          list);
    }
    query__match_push(
        parser, list,
        query__match_node(parser, rate > 0 ? QUERY_MATCH_TRUE : QUERY_MATCH_FALSE, NULL, op.value));
    return 0;
}

static int parse_schema(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    if (op.value.type != DOC_OBJECT) {
        return err_set(parser->err, LT_ETYPEMISMATCH, "$jsonSchema must be an object");
    }
    struct query_match *node = query__match_node(parser, QUERY_MATCH_SCHEMA, NULL, op.value);
    struct query_schema *schema = NULL;
    int rc = query_schema_parse(parser->context, doc_value_get_doc(op.value), &schema, parser->err);
    if (rc < 0) {
        return rc;
    }
    node->detail = schema;
    query__match_push(parser, list, node);
    return 0;
}

static int parse_skip(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    (void)parser;
    (void)op;
    (void)list;
    return 0;
}

static int parse_always(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    int64_t one = 0;
    bool number = op.value.type == DOC_INT32 || op.value.type == DOC_INT64 ||
                  op.value.type == DOC_DOUBLE || op.value.type == DOC_DECIMAL;
    if (!number || !doc_value_to_i64_exact(op.value, &one) || one != 1) {
        return err_set(parser->err, LT_EFAILEDTOPARSE, "%.*s must be an integer value of 1",
                       SLICE_FMT(op.name));
    }
    bool truth = slice_is(op.name, "$alwaysTrue");
    query__match_push(
        parser, list,
        query__match_node(parser, truth ? QUERY_MATCH_TRUE : QUERY_MATCH_FALSE, NULL, op.value));
    return 0;
}

static int parse_where(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    (void)list;
    return err_set(parser->err, LT_EBADVALUE,
                   parser->inner ? "%.*s can only be applied to the top-level document"
                                 : "%.*s is not supported",
                   SLICE_FMT(op.name));
}

static const struct {
    const char *name;
    int (*parse)(struct match_parser *parser, struct doc_elem op, struct match_list *list);
} parse_tops[] = {
    {"$and", parse_tree},           {"$or", parse_tree},           {"$nor", parse_tree},
    {"$expr", parse_expr},          {"$comment", parse_skip},      {"$alwaysTrue", parse_always},
    {"$alwaysFalse", parse_always}, {"$where", parse_where},       {"$text", query__match_text},
    {"$jsonSchema", parse_schema},  {"$sampleRate", parse_sample},
};

static int parse_top(struct match_parser *parser, struct doc_elem op, struct match_list *list)
{
    for (size_t i = 0; i < sizeof parse_tops / sizeof *parse_tops; i++) {
        if (slice_is(op.name, parse_tops[i].name)) {
            return parse_tops[i].parse(parser, op, list);
        }
    }
    return err_set(parser->err, LT_EBADVALUE,
                   "unknown top level operator: %.*s. If you have a field name that starts with a "
                   "'$' symbol, consider using $getField or $setField.",
                   SLICE_FMT(op.name));
}

static int parse_field(struct match_parser *parser, struct doc_elem field, struct match_list *list)
{
    if (field.name.len > 0 && field.name.data[0] == '$' && !slice_is(field.name, "$ref") &&
        !slice_is(field.name, "$id") && !slice_is(field.name, "$db")) {
        return parse_top(parser, field, list);
    }
    struct doc_path path;
    int rc = doc_path_parse(parser->context->arena, field.name, &path, parser->err);
    if (rc < 0) {
        return rc;
    }
    if (query_match_is_operators(field.value)) {
        return query__match_operators(parser, &path, doc_value_get_doc(field.value), list);
    }
    if (field.value.type == DOC_REGEX) {
        struct query_match *node = NULL;
        rc = query__match_regex(parser, &path, field.value, &node);
        if (rc == 0) {
            query__match_push(parser, list, node);
        }
        return rc;
    }
    if (field.value.type == DOC_UNDEFINED) {
        return err_set(parser->err, LT_EBADVALUE, "cannot compare to undefined");
    }
    query__match_push(parser, list, query__match_node(parser, QUERY_MATCH_EQ, &path, field.value));
    return 0;
}

int query__match_filter(struct match_parser *parser, struct slice filter,
                        struct query_match **ret_match)
{
    if (++parser->depth > MATCH_PARSE_DEPTH_MAX) {
        return err_set(parser->err, LT_EBADVALUE, "exceeded maximum query tree depth");
    }
    struct match_list list = {0};
    struct doc_iter iter;
    struct doc_elem field;
    doc_iter_init(&iter, filter);
    while (doc_iter_next(&iter, &field)) {
        int rc = parse_field(parser, field, &list);
        if (rc < 0) {
            return rc;
        }
    }
    *ret_match = query__match_node(parser, QUERY_MATCH_AND, NULL, doc_value_object(filter));
    query__match_adopt(*ret_match, &list);
    parser->depth--;
    return 0;
}

int query_match_parse(struct query_context *context, struct slice filter,
                      struct query_match **ret_match, struct err *err)
{
    struct match_parser parser = {.context = context, .err = err};
    int code = query__match_filter(&parser, filter, ret_match);
    return code < 0 ? code : query__match_text_check(&parser, *ret_match, LT_EBADVALUE);
}

int query_match_parse_near(struct query_context *context, struct slice filter,
                           struct query_match **ret_match, struct err *err)
{
    struct match_parser parser = {.context = context, .err = err, .nears = true, .texts = true};
    int code = query__match_filter(&parser, filter, ret_match);
    code = code < 0 ? code : query__match_near_check(&parser, *ret_match);
    return code < 0 ? code : query__match_text_check(&parser, *ret_match, LT_EBADVALUE);
}

int query_match_parse_stage(struct query_context *context, struct slice filter, bool first,
                            struct query_match **ret_match, struct err *err)
{
    struct match_parser parser = {.context = context, .err = err, .texts = first};
    int code = query__match_filter(&parser, filter, ret_match);
    return code < 0 ? code : query__match_text_check(&parser, *ret_match, 17313);
}
