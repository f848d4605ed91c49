/* query/project.c - carrying out a projection.
 *
 * Two passes: the first keeps or drops fields (and cuts arrays), the second, only when something is
 * computed, replaces or appends computed fields in what the first left. Both enter arrays at every
 * depth. Expressions see the document as it was. */
#include "query/project.h"

#include "doc/build.h"
#include "doc/view.h"
#include "query/project_private.h"

struct project_run {
    const struct query_project *project;
    struct query_eval *eval;
    struct doc_builder *builder;
    int32_t array_index;
    struct err *err;
};

struct project_node *query__project_find(const struct project_node *node, struct slice name)
{
    for (uint32_t i = 0; i < node->count; i++) {
        if (slice_equal(node->children[i]->name, name)) {
            return node->children[i];
        }
    }
    return NULL;
}

/* ---- first pass ---- */

static int project_keep_object(const struct project_run *run, const struct project_node *node,
                               struct slice doc, bool top);

static int project_slice(const struct project_run *run, const struct project_node *node,
                         struct doc_elem field)
{
    int64_t count = (int64_t)doc_count(doc_value_get_doc(field.value));
    int64_t from = 0;
    int64_t limit = node->limit;
    if (node->has_skip) {
        from = node->skip < 0 ? count + node->skip : node->skip;
    } else if (limit < 0) {
        from = count + limit;
        limit = count;
    }
    from = from < 0 ? 0 : from;
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, field.value);
    doc_build_open_array(run->builder, field.name);
    for (int64_t i = 0; doc_iter_next(&iter, &elem); i++) {
        if (i >= from && i - from < limit) {
            doc_build_value(run->builder, SLICE(""), elem.value);
        }
    }
    doc_build_close(run->builder);
    return 0;
}

static int project_matched(const struct project_run *run, struct doc_elem field)
{
    if (run->array_index < 0) {
        return err_set(
            run->err, 51246,
            "Executor error during find command :: caused by :: positional operator '.$' "
            "couldn't find a matching element in the array");
    }
    struct doc_value value = doc_array_at(doc_value_get_doc(field.value), (size_t)run->array_index);
    if (!doc_value_exists(value)) {
        return err_set(
            run->err, 51247,
            "Executor error during find command :: caused by :: positional operator '.$' "
            "element mismatch");
    }
    doc_build_open_array(run->builder, field.name);
    doc_build_value(run->builder, SLICE(""), value);
    doc_build_close(run->builder);
    return 0;
}

/* A value with an inner node; a scalar is dropped by an inclusion, unless the second pass will make
 * an object of it. */
static int project_keep_value(const struct project_run *run, const struct project_node *node,
                              struct doc_elem field)
{
    int rc = 0;
    if (field.value.type == DOC_OBJECT) {
        doc_build_open(run->builder, field.name);
        rc = project_keep_object(run, node, doc_value_get_doc(field.value), false);
        doc_build_close(run->builder);
    } else if (field.value.type == DOC_ARRAY) {
        struct doc_iter iter;
        struct doc_elem elem;
        doc_iter_value(&iter, field.value);
        doc_build_open_array(run->builder, field.name);
        while (rc == 0 && doc_iter_next(&iter, &elem)) {
            rc = project_keep_value(run, node, elem);
        }
        doc_build_close(run->builder);
    } else if (run->project->excludes || node->computes) {
        doc_build_value(run->builder, field.name, field.value);
    }
    return rc;
}

static int project_keep_field(const struct project_run *run, const struct project_node *node,
                              struct doc_elem field)
{
    switch (node->kind) {
    case PROJECT_INNER:
        return project_keep_value(run, node, field);
    case PROJECT_SLICE:
        if (field.value.type == DOC_ARRAY) {
            return project_slice(run, node, field);
        }
        break;
    case PROJECT_POSITIONAL:
        if (field.value.type == DOC_ARRAY) {
            return project_matched(run, field);
        }
        break;
    case PROJECT_EXCLUDE:
        return 0;
    case PROJECT_EXPR:
    case PROJECT_ELEM:
    case PROJECT_META:
        if (!run->project->excludes) {
            return 0;
        }
        break;
    case PROJECT_INCLUDE:
        break;
    }
    doc_build_value(run->builder, field.name, field.value);
    return 0;
}

static int project_keep_object(const struct project_run *run, const struct project_node *node,
                               struct slice doc, bool top)
{
    struct doc_iter iter;
    struct doc_elem field;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &field)) {
        const struct project_node *child = query__project_find(node, field.name);
        int rc = 0;
        if (child != NULL) {
            rc = project_keep_field(run, child, field);
        } else if (top && slice_is(field.name, "_id") ? run->project->keeps_id
                                                      : run->project->excludes) {
            doc_build_value(run->builder, field.name, field.value);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- second pass ---- */

static int project_compute_object(const struct project_run *run, const struct project_node *node,
                                  struct slice doc);

static int project_elem(const struct project_run *run, const struct project_node *node,
                        struct doc_value *ret_value)
{
    struct doc_value array = doc_get(doc_value_get_doc(run->eval->root), node->name);
    *ret_value = doc_missing;
    if (array.type != DOC_ARRAY) {
        return 0;
    }
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_value(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        struct buf buf;
        struct doc_builder builder;
        buf_init(&buf, run->eval->arena);
        doc_build_begin_array(&builder, &buf);
        doc_build_value(&builder, SLICE(""), elem.value);
        struct doc_value one = doc_value_array(doc_build_end(&builder));
        int rc = query_match_value(node->match, run->eval, SLICE(""), one, run->err);
        if (rc == 1) {
            *ret_value = one;
        }
        if (rc != 0) {
            return rc < 0 ? rc : 0;
        }
    }
    return 0;
}

static struct doc_value project_meta(const struct project_run *run, const struct project_node *node)
{
    struct query_near_hit hit;
    double score;
    if (node->text != NULL) {
        bool known = query_text_score(node->text, run->eval->arena,
                                      doc_value_get_doc(run->eval->root), &score);
        return known ? doc_value_double(run->eval->arena, score) : doc_missing;
    }
    if (node->near == NULL ||
        !query_near_doc(node->near, doc_value_get_doc(run->eval->root), &hit)) {
        return doc_missing;
    }
    return node->nearest ? hit.value : doc_value_double(run->eval->arena, hit.distance);
}

static int project_compute_value(const struct project_run *run, const struct project_node *node,
                                 struct doc_elem field)
{
    int rc = 0;
    if (field.value.type == DOC_ARRAY) {
        struct doc_iter iter;
        struct doc_elem elem;
        doc_iter_value(&iter, field.value);
        doc_build_open_array(run->builder, field.name);
        while (rc == 0 && doc_iter_next(&iter, &elem)) {
            rc = project_compute_value(run, node, elem);
        }
        doc_build_close(run->builder);
        return rc;
    }
    struct doc_value object = field.value.type == DOC_OBJECT ? field.value : doc_empty_object;
    doc_build_open(run->builder, field.name);
    rc = project_compute_object(run, node, doc_value_get_doc(object));
    doc_build_close(run->builder);
    return rc;
}

static int project_compute_field(const struct project_run *run, const struct project_node *node,
                                 struct doc_elem field)
{
    if (node->kind == PROJECT_INNER) {
        return project_compute_value(run, node, field);
    }
    struct doc_value value = doc_missing;
    int rc = 0;
    if (node->kind == PROJECT_META) {
        value = project_meta(run, node);
    } else {
        rc = node->kind == PROJECT_ELEM ? project_elem(run, node, &value)
                                        : query_expr_eval(node->expr, run->eval, &value, run->err);
    }
    if (rc == 0 && doc_value_exists(value)) {
        doc_build_value(run->builder, field.name, value);
    }
    return rc;
}

static int project_compute_object(const struct project_run *run, const struct project_node *node,
                                  struct slice doc)
{
    struct doc_iter iter;
    struct doc_elem field;
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &field)) {
        const struct project_node *child = query__project_find(node, field.name);
        if (child == NULL || !child->computes) {
            doc_build_value(run->builder, field.name, field.value);
            continue;
        }
        int rc = project_compute_field(run, child, field);
        if (rc < 0) {
            return rc;
        }
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct project_node *child = node->children[i];
        if (!child->computes || doc_value_exists(doc_get(doc, child->name))) {
            continue;
        }
        int rc = project_compute_field(run, child, (struct doc_elem){child->name, doc_missing});
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int query_project_doc(const struct query_project *project, struct query_eval *eval,
                      struct query_project_io *io, struct err *err)
{
    struct slice doc = io->doc;
    struct buf buf;
    struct doc_builder builder;
    struct project_run run = {project, eval, &builder, io->array_index, err};
    int rc = 0;
    eval->root = doc_value_object(io->doc);
    if (project->mode != QUERY_PROJECT_ADD) {
        buf_init(&buf, eval->arena);
        doc_build_begin(&builder, &buf);
        rc = project_keep_object(&run, project->root, doc, true);
        doc = doc_build_end(&builder);
    }
    if (rc == 0 && project->root->computes) {
        buf_init(&buf, eval->arena);
        doc_build_begin(&builder, &buf);
        rc = project_compute_object(&run, project->root, doc);
        doc = doc_build_end(&builder);
    }
    if (rc == 0) {
        io->new_doc = doc;
    }
    return rc;
}

bool query_project_is_positional(const struct query_project *project)
{
    return project->positional;
}
