/* query/update.c - one document through a parsed update.
 *
 * Whatever the form, the result keeps the document's _id, as its first field, and is no larger than
 * a document may be. An upsert starts from the equalities of the filter, hung into a tree of their
 * own: two that meet on one path cannot both be inferred. */
#include "query/update.h"

#include "doc/compare.h"
#include "doc/delta.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "query/pipeline_update.h"
#include "query/update_private.h"

/* The document with `id` (when there is one) in front of its other fields. */
static struct slice update_with_id(struct arena *arena, struct slice doc, struct doc_value id)
{
    struct buf buf;
    struct doc_builder builder;
    struct doc_iter iter;
    struct doc_elem field;
    buf_init(&buf, arena);
    buf_reserve(&buf, doc.len + 32);
    doc_build_begin(&builder, &buf);
    if (doc_value_exists(id)) {
        doc_build_value(&builder, SLICE("_id"), id);
    }
    doc_iter_init(&iter, doc);
    while (doc_iter_next(&iter, &field)) {
        if (!slice_is(field.name, "_id")) {
            doc_build_value(&builder, field.name, field.value);
        }
    }
    return doc_build_end(&builder);
}

static int update_run(const struct query_update *update, struct update_run *run, struct slice doc,
                      struct slice *ret_doc)
{
    if (update->pipeline != NULL) {
        run->modified = true;
        return query_pipeline_update_apply(update->pipeline, run->eval, doc, ret_doc, run->err);
    }
    if (update->replacement.data != NULL) {
        run->modified = true;
        *ret_doc = update->replacement;
        return 0;
    }
    if (update->delta.data != NULL) {
        run->modified = true;
        return doc_delta_apply(run->eval->arena, doc, update->delta, ret_doc)
                   ? 0
                   : err_set(run->err, LT_EFAILEDTOPARSE, "'diff' is not a delta of version 2");
    }
    return query__update_tree_apply(update->root, run, doc, ret_doc);
}

static int update_check_depth(const struct query_update *update, struct slice doc, struct err *err)
{
    if (!update->deepens || doc_depth(doc) <= DOC_DEPTH_STORED) {
        return 0;
    }
    return err_set(err, LT_EOVERFLOW, "Document exceeds maximum nested object depth: %d",
                   DOC_DEPTH_STORED);
}

/* What was `old_id` must still be; a replacement may leave it out. */
static int update_check_id(const struct query_update *update, struct doc_value old_id,
                           struct slice *doc, struct update_run *run)
{
    struct doc_value id = doc_get_str(*doc, "_id");
    if (!doc_value_exists(old_id)) {
        return 0;
    }
    if (!doc_value_exists(id) && update->root == NULL) {
        *doc = update_with_id(run->eval->arena, *doc, old_id);
        return 0;
    }
    if (doc_value_exists(id) && doc_compare(id, old_id) == 0) {
        if (!slice_is(doc_first(*doc).name, "_id")) {
            *doc = update_with_id(run->eval->arena, *doc, id);
        }
        return 0;
    }
    if (update->root == NULL) {
        return err_set(
            run->err, LT_EIMMUTABLEFIELD,
            "After applying the update, the (immutable) field '_id' was found to have been "
            "altered");
    }
    return err_set(run->err, LT_EIMMUTABLEFIELD,
                   "Performing an update on the path '_id' would modify the immutable field '_id'");
}

int query_update_apply(const struct query_update *update, struct query_eval *eval,
                       struct query_update_io *io, struct err *err)
{
    struct update_run run = {
        .eval = eval, .doc = io->doc, .array_index = io->array_index, .err = err};
    struct slice doc = {0};
    int rc = update_run(update, &run, io->doc, &doc);
    if (rc == 0) {
        rc = update_check_id(update, doc_get_str(io->doc, "_id"), &doc, &run);
    }
    if (rc == 0) {
        rc = update_check_depth(update, doc, err);
    }
    if (rc < 0) {
        return rc;
    }
    if (doc.len > DOC_SIZE_MAX) {
        return err_set(err, 17419, "Resulting document after update is larger than %d",
                       DOC_SIZE_MAX);
    }
    io->modified = run.modified && !slice_equal(doc, io->doc);
    io->new_doc = io->modified ? doc : io->doc;
    return 0;
}

/* ---- upsert ---- */

struct update_seed {
    struct query_eval *eval;
    struct update_node *root;
    bool id_only; /* a replacement takes nothing but the _id */
    struct err *err;
};

static int update_seed_add(struct update_seed *seed, const struct query_match *leaf)
{
    if (seed->id_only && !slice_is(leaf->path.text, "_id")) {
        if (slice_is(leaf->path.parts[0].name, "_id")) {
            return err_set(
                seed->err, LT_ENOTEXACTVALUEFIELD,
                "field at '_id' must be exactly specified, field at sub-path '%.*s' found",
                SLICE_FMT(leaf->path.text));
        }
        return 0;
    }
    struct update_op *op = arena_zero(seed->eval->arena, 1, sizeof *op);
    op->kind = query__update_kind(SLICE("$set"));
    op->path = leaf->path;
    op->operand = leaf->operand;
    int rc = query__update_tree_add(seed->eval->arena, seed->root, op, NULL, NULL);
    if (rc == -LT_ECONFLICTINGUPDATEOPERATORS) {
        return err_set(seed->err, LT_ENOTSINGLEVALUEFIELD,
                       "cannot infer query fields to set, path '%.*s' is matched twice",
                       SLICE_FMT(leaf->path.text));
    }
    return rc < 0 ? err_set(seed->err, -rc, "cannot infer query fields to set from path '%.*s'",
                            SLICE_FMT(leaf->path.text))
                  : 0;
}

static int update_seed_walk(struct update_seed *seed, const struct query_match *node)
{
    bool one = node->children_count == 1;
    if (node->kind == QUERY_MATCH_EQ) {
        return update_seed_add(seed, node);
    }
    if (node->kind == QUERY_MATCH_AND || node->kind == QUERY_MATCH_ALL ||
        (node->kind == QUERY_MATCH_OR && one)) {
        for (uint32_t i = 0; i < node->children_count; i++) {
            int rc = update_seed_walk(seed, node->children[i]);
            if (rc < 0) {
                return rc;
            }
        }
    }
    return 0;
}

static struct doc_value update_new_id(struct query_eval *eval)
{
    uint8_t bytes[12];
    uint32_t seconds = (uint32_t)(eval->context->now_ms / 1000);
    uint64_t random = query_random(eval->context);
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(seconds >> (24 - 8 * i));
    }
    memcpy(bytes + 4, &random, sizeof random);
    return doc_value_oid(eval->arena, bytes);
}

int query_update_upsert(const struct query_update *update, struct query_eval *eval,
                        const struct query_match *match, struct query_update_io *io,
                        struct err *err)
{
    struct update_seed seed = {.eval = eval, .err = err};
    seed.root = arena_zero(eval->arena, 1, sizeof *seed.root);
    seed.id_only = update->replacement.data != NULL;
    struct slice empty = doc_value_get_doc(doc_empty_object);
    struct update_run run = {.eval = eval, .doc = empty, .array_index = -1, .err = err};
    run.insert = true;
    struct slice start = {0};
    struct slice doc = {0};
    int rc = update_seed_walk(&seed, match);
    if (rc == 0) {
        rc = query__update_tree_apply(seed.root, &run, empty, &start);
    }
    if (rc == 0) {
        run.doc = start;
        rc = update_run(update, &run, start, &doc);
    }
    if (rc == 0) {
        rc = update_check_id(update, doc_get_str(start, "_id"), &doc, &run);
    }
    if (rc == 0) {
        rc = update_check_depth(update, doc, err);
    }
    if (rc < 0) {
        return rc;
    }
    struct doc_value id = doc_get_str(doc, "_id");
    if (!doc_value_exists(id)) {
        doc = update_with_id(eval->arena, doc, update_new_id(eval));
    } else if (!slice_is(doc_first(doc).name, "_id")) {
        doc = update_with_id(eval->arena, doc, id);
    }
    if (doc.len > DOC_SIZE_MAX) {
        return err_set(err, 17420, "Document to upsert is larger than %d", DOC_SIZE_MAX);
    }
    io->new_doc = doc;
    io->modified = true;
    return 0;
}
