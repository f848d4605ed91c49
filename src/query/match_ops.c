/* query/match_ops.c - the operators that stand on a path.
 *
 * A table names them; each appends to the list what it means, negations as NOT of a leaf. */
#include <stdlib.h>

#include "doc/compare.h"
#include "doc/view.h"
#include "query/match_private.h"

static struct query_match *parse_not(struct match_parser *parser, struct query_match *child)
{
    struct match_list list = {0};
    struct query_match *node =
        query__match_node(parser, QUERY_MATCH_NOT, &child->path, child->operand);
    query__match_push(parser, &list, child);
    query__match_adopt(node, &list);
    return node;
}

bool query_match_is_operators(struct doc_value value)
{
    if (value.type != DOC_OBJECT) {
        return false;
    }
    struct slice name = doc_first(doc_value_get_doc(value)).name;
    return name.len > 0 && name.data[0] == '$' && !slice_is(name, "$ref") &&
           !slice_is(name, "$id") && !slice_is(name, "$db");
}

/* ---- regular expressions ---- */

int query__match_regex(struct match_parser *parser, const struct doc_path *path,
                       struct doc_value value, struct query_match **ret_node)
{
    struct query_regex *regex = NULL;
    int rc = query_regex_compile(parser->context->arena, doc_value_get_pattern(value),
                                 doc_value_get_options(value), &regex, parser->err);
    if (rc < 0) {
        return rc;
    }
    *ret_node = query__match_node(parser, QUERY_MATCH_REGEX, path, value);
    (*ret_node)->detail = regex;
    return 0;
}

/* The regex that $regex and $options of one document make together, as a BSON regex. */
static int parse_regex_value(struct match_parser *parser, struct slice ops,
                             struct doc_value *ret_value)
{
    struct slice pattern = {0};
    struct slice options = {0};
    bool has_regex = false;
    bool has_options = false;
    struct doc_iter iter;
    struct doc_elem op;
    doc_iter_init(&iter, ops);
    while (doc_iter_next(&iter, &op)) {
        if (slice_is(op.name, "$regex")) {
            has_regex = true;
            if (op.value.type == DOC_STRING) {
                pattern = doc_value_get_string(op.value);
            } else if (op.value.type == DOC_REGEX) {
                pattern = doc_value_get_pattern(op.value);
                struct slice own = doc_value_get_options(op.value);
                if (own.len > 0 && has_options) {
                    return err_set(parser->err, 51074, "options set in both $regex and $options");
                }
                options = own.len > 0 ? own : options;
            } else {
                return err_set(parser->err, LT_EBADVALUE, "$regex has to be a string");
            }
        } else if (slice_is(op.name, "$options")) {
            has_options = true;
            if (op.value.type != DOC_STRING) {
                return err_set(parser->err, LT_EBADVALUE, "$options has to be a string");
            }
            if (options.len > 0) {
                return err_set(parser->err, 51075, "options set in both $regex and $options");
            }
            options = doc_value_get_string(op.value);
        }
    }
    if (!has_regex) {
        return err_set(parser->err, LT_EBADVALUE, "$options needs a $regex");
    }
    if (pattern.len > 0 && memchr(pattern.data, '\0', pattern.len) != NULL) {
        return err_set(parser->err, LT_EBADVALUE,
                       "Regular expression cannot contain an embedded null byte");
    }
    if (options.len > 0 && memchr(options.data, '\0', options.len) != NULL) {
        return err_set(parser->err, 51108, "invalid flag in regex options");
    }
    size_t len = pattern.len + options.len + 2;
    uint8_t *bytes = arena_zero(parser->context->arena, len, 1);
    if (pattern.len > 0) {
        memcpy(bytes, pattern.data, pattern.len);
    }
    if (options.len > 0) {
        memcpy(bytes + pattern.len + 1, options.data, options.len);
    }
    *ret_value = (struct doc_value){bytes, (uint32_t)len, DOC_REGEX};
    return 0;
}

/* ---- operators on a path; each appends what it means to the list ---- */

struct parse_op {
    const char *name;
    int (*parse)(struct match_parser *parser, const struct doc_path *path, struct doc_elem op,
                 struct match_list *list);
    enum query_match_kind kind;
};

static const struct parse_op *parse_op_find(struct slice name);

static int parse_compare(struct match_parser *parser, const struct doc_path *path,
                         struct doc_elem op, struct match_list *list)
{
    bool negated = slice_is(op.name, "$ne");
    enum query_match_kind kind = parse_op_find(op.name)->kind;
    if (op.value.type == DOC_UNDEFINED) {
        return err_set(parser->err, LT_EBADVALUE, "cannot compare to undefined");
    }
    if (op.value.type == DOC_REGEX && negated) {
        return err_set(parser->err, LT_EBADVALUE, "Can't have regex as arg to $ne.");
    }
    if (op.value.type == DOC_REGEX && kind != QUERY_MATCH_EQ) {
        return err_set(parser->err, LT_EBADVALUE,
                       "Can't have RegEx as arg to predicate over field '%.*s'.",
                       SLICE_FMT(path->text));
    }
    struct query_match *node = query__match_node(parser, kind, path, op.value);
    query__match_push(parser, list, negated ? parse_not(parser, node) : node);
    return 0;
}

static int parse_in_order(const void *a, const void *b, void *collation)
{
    return doc_compare_by(*(const struct doc_value *)a, *(const struct doc_value *)b, collation);
}

static void parse_in_sort(struct query_match *node)
{
    if (node->operands_count == 0) {
        return;
    }
    qsort_r(node->operands, node->operands_count, sizeof *node->operands, parse_in_order,
            (void *)(uintptr_t)node->collation);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < node->operands_count; i++) {
        if (!doc_equal_by(node->operands[i], node->operands[kept - 1], node->collation)) {
            node->operands[kept++] = node->operands[i];
        }
    }
    node->operands_count = kept;
}

static int parse_in(struct match_parser *parser, const struct doc_path *path, struct doc_elem op,
                    struct match_list *list)
{
    if (op.value.type != DOC_ARRAY) {
        return err_set(parser->err, LT_EBADVALUE, "%.*s needs an array", SLICE_FMT(op.name));
    }
    struct query_match *node = query__match_node(parser, QUERY_MATCH_IN, path, op.value);
    struct match_list regexes = {0};
    node->operands = arena_zero(parser->context->arena, doc_count(doc_value_get_doc(op.value)),
                                sizeof *node->operands);
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, op.value);
    while (doc_iter_next(&iter, &elem)) {
        if (query_match_is_operators(elem.value)) {
            return err_set(parser->err, LT_EBADVALUE, "cannot nest $ under %.*s",
                           SLICE_FMT(op.name));
        }
        if (elem.value.type == DOC_UNDEFINED) {
            return err_set(parser->err, LT_EBADVALUE,
                           "InMatchExpression equality cannot be undefined");
        }
        if (elem.value.type == DOC_REGEX) {
            struct query_match *regex = NULL;
            int rc = query__match_regex(parser, path, elem.value, &regex);
            if (rc < 0) {
                return rc;
            }
            query__match_push(parser, &regexes, regex);
        } else {
            node->operands[node->operands_count++] = elem.value;
        }
    }
    parse_in_sort(node);
    query__match_adopt(node, &regexes);
    query__match_push(parser, list, slice_is(op.name, "$nin") ? parse_not(parser, node) : node);
    return 0;
}

static int parse_exists(struct match_parser *parser, const struct doc_path *path,
                        struct doc_elem op, struct match_list *list)
{
    struct query_match *node = query__match_node(parser, QUERY_MATCH_EXISTS, path, doc_true);
    query__match_push(parser, list, doc_value_truth(op.value) ? node : parse_not(parser, node));
    return 0;
}

static int parse_detail(struct match_parser *parser, const struct doc_path *path,
                        struct doc_elem op, struct match_list *list)
{
    struct query_match *node =
        query__match_node(parser, parse_op_find(op.name)->kind, path, op.value);
    int rc = 0;
    switch (node->kind) {
    case QUERY_MATCH_TYPE:
        rc = query__match_type_parse(parser->context, node, parser->err);
        break;
    case QUERY_MATCH_SIZE:
        rc = query__match_size_parse(parser->context, node, parser->err);
        break;
    case QUERY_MATCH_MOD:
        rc = query__match_mod_parse(parser->context, node, parser->err);
        break;
    default: {
        struct match_bits *bits = NULL;
        rc = query__match_bits_parse(parser->context->arena, op, &bits, parser->err);
        node->detail = bits;
        break;
    }
    }
    if (rc == 0) {
        query__match_push(parser, list, node);
    }
    return rc;
}

/* $elemMatch holds operators for the element itself, unless its first one belongs to documents. */
static bool parse_elem_is_value(struct doc_value value)
{
    struct slice name = doc_first(doc_value_get_doc(value)).name;
    return query_match_is_operators(value) && parse_op_find(name) != NULL;
}

static int parse_elem_match(struct match_parser *parser, const struct doc_path *path,
                            struct doc_elem op, struct match_list *list)
{
    if (op.value.type != DOC_OBJECT) {
        return err_set(parser->err, LT_EBADVALUE, "$elemMatch needs an Object");
    }
    bool outer = parser->inner;
    parser->inner = true;
    struct match_list children = {0};
    struct query_match *node = NULL;
    int rc = 0;
    if (parse_elem_is_value(op.value)) {
        static const struct doc_path whole = {0};
        node = query__match_node(parser, QUERY_MATCH_ELEM_VALUE, path, op.value);
        rc = query__match_operators(parser, &whole, doc_value_get_doc(op.value), &children);
    } else {
        struct query_match *child = NULL;
        node = query__match_node(parser, QUERY_MATCH_ELEM_OBJECT, path, op.value);
        rc = query__match_filter(parser, doc_value_get_doc(op.value), &child);
        query__match_push(parser, &children, child);
    }
    parser->inner = outer;
    query__match_adopt(node, &children);
    if (rc == 0) {
        query__match_push(parser, list, node);
    }
    return rc;
}

static int parse_all_one(struct match_parser *parser, const struct doc_path *path,
                         struct doc_value value, struct match_list *children)
{
    if (value.type == DOC_REGEX) {
        struct query_match *regex = NULL;
        int rc = query__match_regex(parser, path, value, &regex);
        if (rc == 0) {
            query__match_push(parser, children, regex);
        }
        return rc;
    }
    if (query_match_is_operators(value)) {
        return err_set(parser->err, LT_EBADVALUE, "no $ expressions in $all");
    }
    query__match_push(parser, children, query__match_node(parser, QUERY_MATCH_EQ, path, value));
    return 0;
}

static bool parse_is_elem_match(struct doc_value value)
{
    return value.type == DOC_OBJECT &&
           slice_is(doc_first(doc_value_get_doc(value)).name, "$elemMatch");
}

static int parse_all(struct match_parser *parser, const struct doc_path *path, struct doc_elem op,
                     struct match_list *list)
{
    if (op.value.type != DOC_ARRAY) {
        return err_set(parser->err, LT_EBADVALUE, "$all needs an array");
    }
    struct slice array = doc_value_get_doc(op.value);
    bool elem_match = parse_is_elem_match(doc_first(array).value);
    struct match_list children = {0};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        int rc = 0;
        if (elem_match != parse_is_elem_match(elem.value)) {
            return err_set(parser->err, LT_EBADVALUE,
                           elem_match ? "$all/$elemMatch has to be consistent"
                                      : "no $ expressions in $all");
        }
        rc = elem_match ? parse_elem_match(parser, path, doc_first(doc_value_get_doc(elem.value)),
                                           &children)
                        : parse_all_one(parser, path, elem.value, &children);
        if (rc < 0) {
            return rc;
        }
    }
    struct query_match *node = query__match_node(
        parser, children.count == 0 ? QUERY_MATCH_FALSE : QUERY_MATCH_ALL, path, op.value);
    query__match_adopt(node, &children);
    query__match_push(parser, list, node);
    return 0;
}

static int parse_negation(struct match_parser *parser, const struct doc_path *path,
                          struct doc_elem op, struct match_list *list)
{
    struct match_list children = {0};
    int rc = 0;
    if (op.value.type == DOC_REGEX) {
        struct query_match *regex = NULL;
        rc = query__match_regex(parser, path, op.value, &regex);
        query__match_push(parser, &children, regex);
    } else if (op.value.type != DOC_OBJECT) {
        return err_set(parser->err, LT_EBADVALUE, "$not needs a regex or a document");
    } else if (doc_is_empty(doc_value_get_doc(op.value))) {
        return err_set(parser->err, LT_EBADVALUE, "$not cannot be empty");
    } else {
        rc = query__match_operators(parser, path, doc_value_get_doc(op.value), &children);
    }
    if (rc < 0) {
        return rc;
    }
    struct query_match *node = query__match_node(parser, QUERY_MATCH_NOT, path, op.value);
    query__match_adopt(node, &children);
    query__match_push(parser, list, node);
    return 0;
}

static int parse_ignored(struct match_parser *parser, const struct doc_path *path,
                         struct doc_elem op, struct match_list *list)
{
    (void)parser;
    (void)path;
    (void)op;
    (void)list;
    return 0;
}

static const struct parse_op parse_ops[] = {
    {"$eq", parse_compare, QUERY_MATCH_EQ},
    {"$ne", parse_compare, QUERY_MATCH_EQ},
    {"$lt", parse_compare, QUERY_MATCH_LT},
    {"$lte", parse_compare, QUERY_MATCH_LTE},
    {"$gt", parse_compare, QUERY_MATCH_GT},
    {"$gte", parse_compare, QUERY_MATCH_GTE},
    {"$in", parse_in, QUERY_MATCH_IN},
    {"$nin", parse_in, QUERY_MATCH_IN},
    {"$exists", parse_exists, QUERY_MATCH_EXISTS},
    {"$type", parse_detail, QUERY_MATCH_TYPE},
    {"$size", parse_detail, QUERY_MATCH_SIZE},
    {"$mod", parse_detail, QUERY_MATCH_MOD},
    {"$bitsAllSet", parse_detail, QUERY_MATCH_BITS},
    {"$bitsAnySet", parse_detail, QUERY_MATCH_BITS},
    {"$bitsAllClear", parse_detail, QUERY_MATCH_BITS},
    {"$bitsAnyClear", parse_detail, QUERY_MATCH_BITS},
    {"$all", parse_all, QUERY_MATCH_ALL},
    {"$elemMatch", parse_elem_match, QUERY_MATCH_ELEM_OBJECT},
    {"$not", parse_negation, QUERY_MATCH_NOT},
    {"$comment", parse_ignored, QUERY_MATCH_TRUE},
    {"$regex", NULL, QUERY_MATCH_REGEX},
    {"$options", NULL, QUERY_MATCH_REGEX},
    {"$geoWithin", query__match_geo, QUERY_MATCH_GEO},
    {"$geoIntersects", query__match_geo, QUERY_MATCH_GEO},
    {"$near", query__match_near_late, QUERY_MATCH_NEAR},
    {"$nearSphere", query__match_near_late, QUERY_MATCH_NEAR},
    {"$geoNear", query__match_near_late, QUERY_MATCH_NEAR},
    {"$within", query__match_geo, QUERY_MATCH_GEO},
};

static const struct parse_op *parse_op_find(struct slice name)
{
    for (size_t i = 0; i < sizeof parse_ops / sizeof *parse_ops; i++) {
        if (slice_is(name, parse_ops[i].name)) {
            return &parse_ops[i];
        }
    }
    return NULL;
}

/* {$gt: 1, $lt: 5} on one path. */
int query__match_operators(struct match_parser *parser, const struct doc_path *path,
                           struct slice ops, struct match_list *list)
{
    if (++parser->depth > MATCH_PARSE_DEPTH_MAX) {
        return err_set(parser->err, LT_EBADVALUE, "exceeded maximum query tree depth");
    }
    if (query__match_is_near(ops)) {
        parser->depth--;
        return query__match_near(parser, path, ops, list);
    }
    bool regex_done = false;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, ops);
    while (doc_iter_next(&iter, &elem)) {
        const struct parse_op *op = parse_op_find(elem.name);
        int rc = 0;
        if (op == NULL) {
            return err_set(parser->err, LT_EBADVALUE, "unknown operator: %.*s",
                           SLICE_FMT(elem.name));
        }
        if (op->parse != NULL) {
            rc = op->parse(parser, path, elem, list);
        } else if (!regex_done) {
            struct doc_value value = doc_missing;
            struct query_match *node = NULL;
            regex_done = true;
            rc = parse_regex_value(parser, ops, &value);
            rc = rc < 0 ? rc : query__match_regex(parser, path, value, &node);
            query__match_push(parser, list, node);
        }
        if (rc < 0) {
            return rc;
        }
    }
    parser->depth--;
    return 0;
}
