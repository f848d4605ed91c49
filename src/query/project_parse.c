/* query/project_parse.c - from a specification to a tree.
 *
 * A number or bool keeps or drops; the first such field but _id decides whether the projection is
 * an inclusion or an exclusion. A string or an operator computes, and makes it an inclusion too. A
 * plain object is a specification for what is below. $slice and $elemMatch alone decide nothing:
 * with nothing else, $elemMatch means inclusion and $slice exclusion. */
#include "doc/build.h"
#include "doc/view.h"
#include "query/expr_private.h"
#include "query/project_private.h"

enum { PROJECT_DEPTH_MAX = 200 };

enum project_sense { PROJECT_OPEN, PROJECT_KEEPS, PROJECT_DROPS };

struct project_parser {
    struct query_context *context;
    struct query_project *project;
    struct err *err;
    enum project_sense sense;
    bool elem;       /* an $elemMatch was seen */
    bool positional; /* a positional operator was seen */
    bool id_given;
    bool id_keeps;
    uint32_t depth;
};

static int parse_spec(struct project_parser *parser, struct slice prefix, struct slice spec);

/* ---- paths ---- */

static int parse_path(struct project_parser *parser, struct slice text, struct doc_path *ret_path)
{
    if (text.len == 0) {
        return err_set(parser->err, 40352, "FieldPath cannot be constructed with empty string");
    }
    if (text.data[text.len - 1] == '.') {
        return err_set(parser->err, 40353, "FieldPath must not end with a '.'.");
    }
    int rc = doc_path_parse(parser->context->arena, text, ret_path, parser->err);
    if (rc < 0) {
        return rc;
    }
    for (uint32_t i = 0; i < ret_path->count; i++) {
        struct slice name = ret_path->parts[i].name;
        if (name.len == 0) {
            return err_set(parser->err, 15998, "FieldPath field names may not be empty strings.");
        }
        if (name.data[0] == '$' && !slice_is(name, "$id") && !slice_is(name, "$ref") &&
            !slice_is(name, "$db")) {
            return err_set(
                parser->err, 16410,
                "FieldPath field names may not start with '$'. Consider using $getField or "
                "$setField.");
        }
    }
    return 0;
}

static int parse_collision(struct project_parser *parser, struct slice path, bool below)
{
    if (parser->project->mode == QUERY_PROJECT_ADD) {
        return err_set(
            parser->err, 40176,
            "specification contains two conflicting paths. Cannot specify both '%.*s' and "
            "another path that begins with it",
            SLICE_FMT(path));
    }
    return err_set(parser->err, below ? 31249 : 31250, "Path collision at %.*s", SLICE_FMT(path));
}

static struct project_node *parse_child(struct arena *arena, struct project_node *node,
                                        struct slice name)
{
    struct project_node *child = arena_zero(arena, 1, sizeof *child);
    child->name = name;
    if (node->count == node->cap) {
        node->cap = node->cap == 0 ? 4 : node->cap * 2;
        struct project_node **children = arena_alloc(arena, node->cap * sizeof *children);
        if (node->count > 0) {
            memcpy(children, node->children, node->count * sizeof *children);
        }
        node->children = children;
    }
    node->children[node->count++] = child;
    return child;
}

/* A new node at the path, of that kind. */
static int parse_place(struct project_parser *parser, struct slice text, enum project_kind kind,
                       struct project_node **ret_node)
{
    struct doc_path path;
    int rc = parse_path(parser, text, &path);
    if (rc < 0) {
        return rc;
    }
    bool computes = kind == PROJECT_EXPR || kind == PROJECT_ELEM || kind == PROJECT_META;
    struct project_node *node = parser->project->root;
    node->computes = node->computes || computes;
    for (uint32_t i = 0; i < path.count; i++) {
        struct project_node *child = query__project_find(node, path.parts[i].name);
        bool last = i + 1 == path.count;
        if (child != NULL && child->kind != PROJECT_INNER) {
            return parse_collision(parser, text, !last);
        }
        if (child != NULL && last) {
            return parse_collision(parser, text, false);
        }
        if (child == NULL) {
            child = parse_child(parser->context->arena, node, path.parts[i].name);
        }
        child->computes = child->computes || computes;
        node = child;
    }
    node->kind = kind;
    *ret_node = node;
    return 0;
}

static int parse_sense(struct project_parser *parser, struct slice path, bool keeps)
{
    if (parser->sense == PROJECT_DROPS && keeps) {
        return err_set(parser->err, 31253,
                       "Cannot do inclusion on field %.*s in exclusion projection",
                       SLICE_FMT(path));
    }
    if (parser->sense == PROJECT_KEEPS && !keeps) {
        return err_set(parser->err, 31254,
                       "Cannot do exclusion on field %.*s in inclusion projection",
                       SLICE_FMT(path));
    }
    parser->sense = keeps ? PROJECT_KEEPS : PROJECT_DROPS;
    return 0;
}

/* ---- values ---- */

static int parse_expr(struct project_parser *parser, struct slice path, struct doc_value value)
{
    struct project_node *node = NULL;
    struct query_expr *expr = NULL;
    if (parser->sense == PROJECT_DROPS) {
        return err_set(parser->err, 31252,
                       "Cannot use expression other than $meta in exclusion projection");
    }
    parser->sense = PROJECT_KEEPS;
    int rc = parse_place(parser, path, PROJECT_EXPR, &node);
    if (rc == 0) {
        rc = query_expr_parse(parser->context, value, &expr, parser->err);
    }
    if (rc == -LT_EINVALIDPIPELINEOPERATOR && parser->project->mode != QUERY_PROJECT_ADD &&
        value.type == DOC_OBJECT) {
        struct slice name = doc_first(doc_value_get_doc(value)).name;
        if (parser->err == NULL ||
            memmem(parser->err->text, strlen(parser->err->text), name.data, name.len) != NULL) {
            return err_set(parser->err, 31325, "Unknown expression %.*s", SLICE_FMT(name));
        }
    }
    if (rc == 0) {
        node->expr = expr;
    }
    return rc;
}

static bool parse_number(struct doc_value value)
{
    return value.type == DOC_INT32 || value.type == DOC_INT64 || value.type == DOC_DOUBLE ||
           value.type == DOC_DECIMAL;
}

/* {$slice: n} or {$slice: [skip, n]} with n > 0; everything else is the expression. */
static int parse_slice(struct project_parser *parser, struct slice path, struct doc_value value)
{
    struct doc_value spec = doc_first(doc_value_get_doc(value)).value;
    struct project_node *node = NULL;
    struct doc_value skip = doc_missing;
    struct doc_value limit = spec;
    if (spec.type == DOC_ARRAY && doc_count(doc_value_get_doc(spec)) == 2) {
        skip = doc_array_at(doc_value_get_doc(spec), 0);
        limit = doc_array_at(doc_value_get_doc(spec), 1);
    }
    bool pair = parse_number(skip);
    if (!parse_number(limit) || (doc_value_exists(skip) && !pair) ||
        (pair && doc_value_to_i64_clamped(limit) <= 0) ||
        (pair && limit.type == DOC_DOUBLE && doc_value_to_double(limit) < 1)) {
        return parse_expr(parser, path, value);
    }
    int rc = parse_place(parser, path, PROJECT_SLICE, &node);
    if (rc < 0) {
        return rc;
    }
    node->has_skip = pair;
    node->limit = doc_value_to_i64_clamped(limit);
    node->skip = pair ? doc_value_to_i64_clamped(skip) : 0;
    if (node->limit < INT32_MIN) {
        node->limit = INT32_MIN;
    }
    if (node->skip < INT32_MIN) {
        node->skip = INT32_MIN;
    }
    return 0;
}

static bool parse_has_schema(const struct query_match *match)
{
    bool has = match->kind == QUERY_MATCH_SCHEMA;
    for (uint32_t i = 0; i < match->children_count && !has; i++) {
        has = parse_has_schema(match->children[i]);
    }
    return has;
}

static int parse_elem(struct project_parser *parser, struct slice path, struct doc_value value)
{
    struct doc_elem op = doc_first(doc_value_get_doc(value));
    struct project_node *node = NULL;
    if (op.value.type != DOC_OBJECT) {
        return err_set(parser->err, 31274,
                       "elemMatch: Invalid argument, object required, but got %s",
                       doc_type_name(op.value.type));
    }
    if (parser->positional) {
        return err_set(parser->err, 31255, "Cannot specify positional operator and $elemMatch.");
    }
    struct doc_path parsed;
    int rc = parse_path(parser, path, &parsed);
    if (rc < 0) {
        return rc;
    }
    if (parsed.count > 1) {
        return err_set(parser->err, 31275, "Cannot use $elemMatch projection on a nested field");
    }
    parser->elem = true;
    rc = parse_place(parser, path, PROJECT_ELEM, &node);
    if (rc < 0) {
        return rc;
    }
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, parser->context->arena);
    doc_build_begin(&builder, &buf);
    doc_build_value(&builder, SLICE(""), value);
    rc = query_match_parse(parser->context, doc_build_end(&builder), &node->match, parser->err);
    if (rc == 0 && parse_has_schema(node->match)) {
        return err_set(parser->err, LT_EQUERYFEATURENOTALLOWED,
                       "$jsonSchema is not allowed in this context");
    }
    return rc;
}

/* What a stage has said of its documents, behind it; false where there is no such stage. */
static bool parse_score(struct project_parser *parser, struct slice path, struct doc_value what,
                        int *ret_rc)
{
    struct query_context *context = parser->context;
    struct slice name = what.type == DOC_STRING ? doc_value_get_string(what) : (struct slice){0};
    bool details = slice_is(name, "scoreDetails");
    if ((!details && !slice_is(name, "score")) ||
        query__scope_find(context, SLICE(QUERY__META_SCORE)) < 0) {
        return false;
    }
    if (details && query__scope_find(context, SLICE(QUERY__META_SCORE_DETAILS)) < 0) {
        *ret_rc = err_set(parser->err, 40218,
                          "query requires scoreDetails metadata, but it is not available");
        return true;
    }
    struct slice text =
        slice_str(details ? "$$" QUERY__META_SCORE_DETAILS : "$$" QUERY__META_SCORE);
    *ret_rc = parse_expr(parser, path, doc_value_string(context->arena, text));
    return true;
}

/* Where documents come by their distance that is known, behind a ranking their score: what can be
 * without yields nothing, the rest must be there. */
static int parse_meta(struct project_parser *parser, struct slice path, struct doc_value value)
{
    static const char *const known[] = {
        "randVal",           "indexKey",     "searchScore",  "searchHighlights",
        "recordId",          "sortKey",      "geoNearPoint", "searchRootDocumentId",
        "vectorSearchScore", "scoreDetails", "score",        "searchSequenceToken",
        "searchScoreDetails"};
    struct doc_value what = doc_first(doc_value_get_doc(value)).value;
    struct project_node *node = NULL;
    if (what.type != DOC_STRING) {
        return err_set(parser->err, 17307, "$meta must be called with a string argument");
    }
    struct slice name = doc_value_get_string(what);
    int rc;
    if (parse_score(parser, path, what, &rc)) {
        return rc;
    }
    bool nearest = slice_is(name, "geoNearPoint");
    if (parser->context->near != NULL && (nearest || slice_is(name, "geoNearDistance"))) {
        int code = parse_place(parser, path, PROJECT_META, &node);
        if (code == 0) {
            node->near = parser->context->near;
            node->nearest = nearest;
        }
        return code;
    }
    if (parser->context->text != NULL && slice_is(name, "textScore")) {
        int code = parse_place(parser, path, PROJECT_META, &node);
        if (code == 0) {
            node->text = parser->context->text;
        }
        return code;
    }
    if (slice_is(name, "textScore") || slice_is(name, "geoNearDistance")) {
        return err_set(parser->err, 40218, "query requires %.*s metadata, but it is not available",
                       SLICE_FMT(name));
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (slice_is(name, known[i])) {
            return parse_place(parser, path, PROJECT_META, &node);
        }
    }
    return err_set(parser->err, 17308, "Unsupported argument to $meta: %.*s", SLICE_FMT(name));
}

static int parse_positional(struct project_parser *parser, struct slice path,
                            struct doc_value value)
{
    struct project_node *node = NULL;
    struct slice array = slice_of(path.data, path.len - 2);
    if (value.type == DOC_OBJECT) {
        return err_set(parser->err, 31271,
                       "positional projection cannot be used with an expression or sub object");
    }
    if (!parse_number(value) && value.type != DOC_BOOL) {
        return err_set(parser->err, 31308, "positional projection cannot be used with a literal");
    }
    if (!doc_value_truth(value)) {
        return err_set(parser->err, 31395, "positional projection cannot be used with exclusion");
    }
    if (parser->positional) {
        return err_set(parser->err, 31276,
                       "Cannot specify more than one positional projection per query.");
    }
    if (parser->elem) {
        return err_set(parser->err, 31256, "Cannot specify positional operator and $elemMatch.");
    }
    parser->positional = true;
    parser->project->positional = true;
    int rc = parse_sense(parser, path, true);
    return rc < 0 ? rc : parse_place(parser, array, PROJECT_POSITIONAL, &node);
}

static int parse_object(struct project_parser *parser, struct slice path, struct doc_value value)
{
    struct slice spec = doc_value_get_doc(value);
    struct doc_elem first = doc_first(spec);
    bool find = parser->project->mode == QUERY_PROJECT_FIND;
    bool add = parser->project->mode == QUERY_PROJECT_ADD;
    if (doc_is_empty(spec)) {
        return add ? parse_expr(parser, path, value)
                   : err_set(parser->err, 51270,
                             "An empty sub-projection is not a valid value. Found empty object at "
                             "path %.*s",
                             SLICE_FMT(path));
    }
    bool computed = first.name.len > 0 && first.name.data[0] == '$';
    if (computed && (doc_count(spec) == 1 || add)) {
        if (find && slice_is(first.name, "$slice")) {
            return parse_slice(parser, path, value);
        }
        if (find && slice_is(first.name, "$elemMatch")) {
            return parse_elem(parser, path, value);
        }
        int rc;
        if (slice_is(first.name, "$meta") &&
            (!add || parse_score(parser, path, first.value, &rc))) {
            return add ? rc : parse_meta(parser, path, value);
        }
        if (doc_count(spec) > 1) {
            return err_set(
                parser->err, 40181,
                "an expression specification must contain exactly one field, the name of "
                "the expression. Found %zu fields in '%.*s'",
                doc_count(spec), SLICE_FMT(path));
        }
        return parse_expr(parser, path, value);
    }
    return parse_spec(parser, arena_format(parser->context->arena, "%.*s.", SLICE_FMT(path)), spec);
}

static int parse_flag(struct project_parser *parser, struct slice path, struct doc_value value)
{
    struct project_node *node = NULL;
    bool keeps = doc_value_truth(value);
    if (slice_is(path, "_id")) {
        parser->id_given = true;
        parser->id_keeps = keeps;
    } else {
        int rc = parse_sense(parser, path, keeps);
        if (rc < 0) {
            return rc;
        }
    }
    return parse_place(parser, path, keeps ? PROJECT_INCLUDE : PROJECT_EXCLUDE, &node);
}

static bool parse_is_positional(const struct project_parser *parser, struct slice path)
{
    return parser->project->mode == QUERY_PROJECT_FIND && path.len > 2 &&
           memcmp(path.data + path.len - 2, ".$", 2) == 0;
}

static int parse_field(struct project_parser *parser, struct slice path, struct doc_value value)
{
    if (parse_is_positional(parser, path)) {
        return parse_positional(parser, path, value);
    }
    if (value.type == DOC_OBJECT) {
        return parse_object(parser, path, value);
    }
    if (parser->project->mode != QUERY_PROJECT_ADD &&
        (parse_number(value) || value.type == DOC_BOOL)) {
        return parse_flag(parser, path, value);
    }
    return parse_expr(parser, path, value);
}

static int parse_spec(struct project_parser *parser, struct slice prefix, struct slice spec)
{
    if (++parser->depth > PROJECT_DEPTH_MAX) {
        return err_set(parser->err, LT_EOVERFLOW, "projection is nested too deeply");
    }
    struct doc_iter iter;
    struct doc_elem field;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &field)) {
        struct slice path = field.name;
        if (prefix.len > 0) {
            bool dotted = memchr(path.data, '.', path.len) != NULL;
            if (dotted && parser->project->mode == QUERY_PROJECT_ADD) {
                return err_set(parser->err, 40183,
                               "FieldPath field names may not contain '.' in '%.*s'",
                               SLICE_FMT(path));
            }
            path = arena_format(parser->context->arena, "%.*s%.*s", SLICE_FMT(prefix),
                                SLICE_FMT(path));
        }
        int rc = parse_field(parser, path, field.value);
        if (rc < 0) {
            return rc;
        }
    }
    parser->depth--;
    return 0;
}

int query_project_parse(struct query_context *context, struct slice spec,
                        enum query_project_mode mode, struct query_project **ret_project,
                        struct err *err)
{
    struct query_project *project = arena_zero(context->arena, 1, sizeof *project);
    struct project_parser parser = {.context = context, .project = project, .err = err};
    project->mode = mode;
    project->root = arena_zero(context->arena, 1, sizeof *project->root);
    if (doc_is_empty(spec) && mode == QUERY_PROJECT_STAGE) {
        return err_set(err, 51272, "projection specification must have at least one field");
    }
    int rc = parse_spec(&parser, SLICE(""), spec);
    if (rc < 0) {
        return rc;
    }
    if (parser.sense == PROJECT_OPEN) {
        bool keeps = parser.elem || (parser.id_given && parser.id_keeps);
        parser.sense = keeps ? PROJECT_KEEPS : PROJECT_DROPS;
    }
    project->excludes = parser.sense == PROJECT_DROPS;
    project->keeps_id = true;
    *ret_project = project;
    return 0;
}
