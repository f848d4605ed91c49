/* query/match.c - walking a parsed filter over a document.
 *
 * A leaf asks its path for values and takes the first that suits; at the end of a path an array
 * offers its elements and itself. Negations never touch the array position that `$` will mean. */
#include "query/match.h"

#include "doc/build.h"
#include "doc/view.h"
#include "query/expr.h"
#include "query/match_private.h"
#include "query/schema.h"

struct match_run {
    struct query_eval *eval;
    struct slice doc;
    struct err *err;
    int32_t *array_index; /* NULL: nobody asks, or we are under a negation */
};

struct match_search {
    const struct query_match *node;
    const struct match_run *run;
    int result;
};

static int match_node(const struct query_match *node, const struct match_run *run);
static int match_element(const struct query_match *node, const struct match_run *run,
                         struct doc_value value, int32_t *ret_index);

static bool match_expands(enum query_match_kind kind)
{
    return kind != QUERY_MATCH_EXISTS && kind != QUERY_MATCH_SIZE &&
           kind != QUERY_MATCH_ELEM_OBJECT && kind != QUERY_MATCH_ELEM_VALUE;
}

/* $elemMatch on the array `value`. */
static int match_elements(const struct query_match *node, const struct match_run *run,
                          struct doc_value value, int32_t *ret_index)
{
    if (value.type != DOC_ARRAY) {
        return 0;
    }
    struct match_run inner = *run;
    inner.array_index = NULL;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, value);
    for (int32_t i = 0; doc_iter_next(&iter, &elem); i++) {
        int rc = 1;
        if (node->kind == QUERY_MATCH_ELEM_OBJECT) {
            if (elem.value.type != DOC_OBJECT && elem.value.type != DOC_ARRAY) {
                continue;
            }
            inner.doc = doc_value_get_doc(elem.value);
        }
        for (uint32_t j = 0; j < node->children_count && rc == 1; j++) {
            rc = node->kind == QUERY_MATCH_ELEM_OBJECT
                     ? match_node(node->children[j], &inner)
                     : match_element(node->children[j], &inner, elem.value, NULL);
        }
        if (rc != 0) {
            if (ret_index != NULL) {
                *ret_index = i;
            }
            return rc;
        }
    }
    return 0;
}

/* Any node on one bare value, arrays not expanded. */
static int match_element(const struct query_match *node, const struct match_run *run,
                         struct doc_value value, int32_t *ret_index)
{
    int rc = 1;
    switch (node->kind) {
    case QUERY_MATCH_ELEM_OBJECT:
    case QUERY_MATCH_ELEM_VALUE:
        return match_elements(node, run, value, ret_index);
    case QUERY_MATCH_AND:
    case QUERY_MATCH_ALL:
    case QUERY_MATCH_NOT:
        for (uint32_t i = 0; i < node->children_count && rc == 1; i++) {
            rc = match_element(node->children[i], run, value, NULL);
        }
        return rc < 0 ? rc : (rc == 1) == (node->kind != QUERY_MATCH_NOT);
    default:
        return query__match_leaf(node, value, run->err);
    }
}

static bool match_found(struct match_search *search, int rc, int32_t index)
{
    search->result = rc;
    if (rc == 1 && index >= 0 && search->run->array_index != NULL) {
        *search->run->array_index = index;
    }
    return rc != 0;
}

/* One value that the path reaches. */
static bool match_hit(void *context, const struct doc_path_hit *hit)
{
    struct match_search *search = context;
    const struct query_match *node = search->node;
    int32_t index = -1;
    if (hit->value.type == DOC_ARRAY && !hit->at_index && match_expands(node->kind)) {
        struct doc_iter iter;
        struct doc_elem elem;
        doc_iter_value(&iter, hit->value);
        for (int32_t i = 0; doc_iter_next(&iter, &elem); i++) {
            int rc = query__match_leaf(node, elem.value, search->run->err);
            if (match_found(search, rc, hit->array_index >= 0 ? hit->array_index : i)) {
                return true;
            }
        }
    }
    int rc = match_element(node, search->run, hit->value, &index);
    return match_found(search, rc, hit->array_index >= 0 ? hit->array_index : index);
}

static int match_path(const struct query_match *node, const struct match_run *run)
{
    struct match_search search = {.node = node, .run = run};
    doc_path_visit(&node->path, run->doc, match_hit, &search);
    return search.result;
}

static int match_expr(const struct query_match *node, const struct match_run *run)
{
    struct doc_value value;
    int rc = query_expr_eval(node->detail, run->eval, &value, run->err);
    return rc < 0 ? rc : doc_value_truth(value);
}

/* 1 as soon as a child says `wanted`, else 0. */
static int match_some(const struct query_match *node, const struct match_run *run, int wanted)
{
    for (uint32_t i = 0; i < node->children_count; i++) {
        int rc = match_node(node->children[i], run);
        if (rc < 0) {
            return rc;
        }
        if (rc == wanted) {
            return 1;
        }
    }
    return 0;
}

static int match_text(const struct query_match *node, const struct match_run *run)
{
    const struct query_text *text = node->detail;
    double score;
    return text->query == NULL
               ? err_set(run->err, LT_EINDEXNOTFOUND, "text index required for $text query")
               : text_query_match(text->query, run->eval->arena, run->doc, &score, run->err);
}

static int match_node(const struct query_match *node, const struct match_run *run)
{
    struct match_run silent = *run;
    silent.array_index = NULL;
    int rc = 0;
    switch (node->kind) {
    case QUERY_MATCH_AND:
    case QUERY_MATCH_ALL:
        rc = match_some(node, run, 0);
        return rc < 0 ? rc : !rc;
    case QUERY_MATCH_OR:
        return match_some(node, run, 1);
    case QUERY_MATCH_NOR:
        rc = match_some(node, &silent, 1);
        return rc < 0 ? rc : !rc;
    case QUERY_MATCH_NOT:
        return match_some(node, &silent, 0);
    case QUERY_MATCH_EXPR:
        return match_expr(node, run);
    case QUERY_MATCH_SCHEMA:
        return query_schema_match(node->detail, doc_value_object(run->doc), run->err);
    case QUERY_MATCH_TEXT:
        return match_text(node, run);
    case QUERY_MATCH_NEAR:
    case QUERY_MATCH_TRUE:
        return 1;
    case QUERY_MATCH_FALSE:
        return 0;
    default:
        return match_path(node, run);
    }
}

int query_match_doc(const struct query_match *match, struct query_eval *eval, struct slice doc,
                    int32_t *ret_array_index, struct err *err)
{
    int32_t index = -1;
    eval->root = doc_value_object(doc);
    struct match_run run = {eval, doc, err, ret_array_index != NULL ? &index : NULL};
    int rc = match_node(match, &run);
    if (rc == 1 && ret_array_index != NULL) {
        *ret_array_index = index;
    }
    return rc;
}

int query_match_value(const struct query_match *match, struct query_eval *eval, struct slice name,
                      struct doc_value value, struct err *err)
{
    struct buf buf;
    struct doc_builder builder;
    buf_init(&buf, eval->arena);
    doc_build_begin(&builder, &buf);
    doc_build_value(&builder, name, value);
    struct match_run run = {eval, doc_build_end(&builder), err, NULL};
    return match_node(match, &run);
}

const struct query_regex *query_match_regex(const struct query_match *match)
{
    assert(match->kind == QUERY_MATCH_REGEX);
    return match->detail;
}
