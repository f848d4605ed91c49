/* command/find_modify.c - findAndModify: change one document, show it before or after. */
#include "command/collation.h"
#include "command/handlers.h"
#include "command/retry.h"
#include "command/series_write.h"
#include "command/server.h"
#include "command/target.h"
#include "command/validator.h"
#include "doc/view.h"
#include "query/project.h"
#include "query/update.h"

struct find_modify_state {
    struct slice ns;
    struct slice filter;
    struct slice sort;
    struct slice fields;
    struct slice let;
    struct slice collation;
    struct doc_value update;
    struct doc_value array_filters;
    struct doc_value hint;
    bool remove;
    bool give_new;
    bool upsert;
    bool bypass;
    /* ---- work ---- */
    bool running;
    struct command_target target;
    struct query_update *parsed;
    struct query_project *project;
    struct command_series_deleting *series; /* of a time series; NULL: it is none */
};

static const struct command_arg find_modify_args[] = {
    {"query", COMMAND_ARG_DOC, offsetof(struct find_modify_state, filter), 0},
    {"sort", COMMAND_ARG_DOC, offsetof(struct find_modify_state, sort), 0},
    {"fields", COMMAND_ARG_DOC, offsetof(struct find_modify_state, fields), 0},
    {"let", COMMAND_ARG_DOC, offsetof(struct find_modify_state, let), 0},
    {"collation", COMMAND_ARG_DOC, offsetof(struct find_modify_state, collation), 0},
    {"update", COMMAND_ARG_VALUE, offsetof(struct find_modify_state, update), 0},
    {"arrayFilters", COMMAND_ARG_VALUE, offsetof(struct find_modify_state, array_filters), 0},
    {"hint", COMMAND_ARG_VALUE, offsetof(struct find_modify_state, hint), 0},
    {"remove", COMMAND_ARG_BOOL, offsetof(struct find_modify_state, remove), 0},
    {"new", COMMAND_ARG_BOOL, offsetof(struct find_modify_state, give_new), 0},
    {"upsert", COMMAND_ARG_BOOL, offsetof(struct find_modify_state, upsert), 0},
    {"bypassDocumentValidation", COMMAND_ARG_BOOL, offsetof(struct find_modify_state, bypass), 0},
    {"stmtId", COMMAND_ARG_IGNORE, 0, 0},
    {"sampleId", COMMAND_ARG_IGNORE, 0, 0},
    {"runtimeConstants", COMMAND_ARG_IGNORE, 0, 0},
    {"encryptionInformation", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static void find_modify_release(struct command_op *op)
{
    struct find_modify_state *state = op->state;
    if (state->running) {
        command_series_delete_end(state->series);
        command_target_close(&state->target);
        state->running = false;
    }
}

static int find_modify_check(struct command_op *op, const struct find_modify_state *state)
{
    const char *wrong = NULL;
    bool has_update = !doc_value_is_nullish(state->update);
    bool has_filters = !doc_value_is_nullish(state->array_filters);
    if (state->remove && has_update) {
        wrong = "Cannot specify both an update and remove=true";
    } else if (state->remove && state->upsert) {
        wrong = "Cannot specify both upsert=true and remove=true";
    } else if (state->remove && state->give_new) {
        wrong = "Cannot specify both new=true and remove=true; 'remove' always returns the "
                "deleted document";
    } else if (state->remove && has_filters) {
        wrong = "Cannot specify arrayFilters and remove=true";
    } else if (!state->remove && !has_update) {
        wrong = "Either an update or remove=true must be specified";
    } else if (has_filters && state->update.type == DOC_ARRAY) {
        wrong = "Cannot specify arrayFilters and a pipeline update";
    }
    return wrong == NULL ? 0 : err_set(&op->err, LT_EFAILEDTOPARSE, "%s", wrong);
}

static int find_modify_parse(struct command_op *op, struct find_modify_state *state)
{
    struct query_context *context = &state->target.context;
    struct query_update_spec update = {
        .update = state->update,
        .array_filters = state->array_filters,
        .upsert = state->upsert,
    };
    int code = command_let(op, context, state->let);
    if (code == 0 && !state->remove) {
        code = query_update_parse(context, &update, &state->parsed, &op->err);
    }
    if (code == 0 && state->fields.len > 0 && !doc_is_empty(state->fields)) {
        code = query_project_parse(context, state->fields, QUERY_PROJECT_FIND, &state->project,
                                   &op->err);
    }
    return code;
}

/* Of a time series one measurement can be removed, whichever comes first. */
static int find_modify_check_series(struct command_op *op, const struct find_modify_state *state)
{
    op->err.code = 0;
    return state->remove && (state->sort.len == 0 || doc_is_empty(state->sort))
               ? 0
               : err_set(&op->err, LT_EINVALIDOPTIONS,
                         "Cannot perform findAndModify on a time-series collection but to remove a "
                         "measurement, without a sort");
}

static int find_modify_begin(struct command_op *op, struct find_modify_state **ret_state)
{
    struct find_modify_state *state = arena_zero(&op->arena, 1, sizeof *state);
    struct store_collection *collection = NULL;
    struct command_series series;
    state->filter = doc_value_get_doc(doc_empty_object);
    int code = command_args(op, find_modify_args, state);
    code = code < 0 ? code : command_namespace(op, &state->ns);
    code = code < 0 ? code : find_modify_check(op, state);
    code = code < 0 ? code : command_write_collection(op, state->ns, false, &collection);
    bool is_series = code == -LT_ECOMMANDNOTSUPPORTEDONVIEW &&
                     command_series_find(&op->arena, op->writer->catalog, state->ns, &series);
    code = is_series ? find_modify_check_series(op, state) : code;
    if (code < 0) {
        return code;
    }
    *ret_state = op->state = state;
    op->release = find_modify_release;
    state->running = true;
    command_target_init(op, &state->target, (struct slice){0});
    struct command_target_spec target = {.collection = collection,
                                         .filter = state->filter,
                                         .sort = state->sort,
                                         .hint = state->hint,
                                         .bypass = state->bypass};
    code = command_collation(op, state->collation, is_series ? series.buckets : collection,
                             &state->target.context);
    code = code < 0 ? code : find_modify_parse(op, state);
    if (code == 0 && is_series) {
        return command_series_delete_begin(op, &series, &target, &state->target, &state->series);
    }
    code = code < 0 ? code : command_target_open(op, &state->target, &target);
    if (code == 0) {
        command_target_begin(&state->target);
    }
    return code;
}

/* ---- the reply ---- */

static int find_modify_value(struct command_op *op, struct find_modify_state *state,
                             struct slice doc)
{
    struct query_project_io io = {
        .doc = doc, .array_index = state->target.read.array_index, .new_doc = doc};
    if (state->project != NULL) {
        state->target.read.eval.root = doc_value_object(doc);
        int code = query_project_doc(state->project, &state->target.read.eval, &io, &op->err);
        if (code < 0) {
            return code;
        }
    }
    doc_build_doc(&op->builder, "value", io.new_doc);
    return 0;
}

static void find_modify_last_error(struct command_op *op, const struct find_modify_state *state,
                                   int32_t n, struct doc_value upserted)
{
    doc_build_open(&op->builder, SLICE("lastErrorObject"));
    doc_build_i32(&op->builder, "n", n);
    if (!state->remove) {
        doc_build_bool(&op->builder, "updatedExisting", n == 1 && !doc_value_exists(upserted));
    }
    if (doc_value_exists(upserted)) {
        doc_build_value(&op->builder, SLICE("upserted"), upserted);
    }
    doc_build_close(&op->builder);
}

/* A unique index refused: say where it came from, as MongoDB does. */
static int find_modify_failed(struct command_op *op, int code)
{
    if (code == -LT_EDUPLICATEKEY) {
        err_prefix(&op->err, "Plan executor error during findAndModify :: caused by :: ");
    }
    return code;
}

/* ---- the change ---- */

static int find_modify_document(struct command_op *op, struct find_modify_state *state,
                                struct slice doc)
{
    struct store_collection *collection;
    struct query_update_io io = {
        .doc = doc, .array_index = state->target.read.array_index, .new_doc = doc};
    int code = command_target_collection(op, &state->target, &collection);
    if (code == 0 && !state->remove) {
        code = query_update_apply(state->parsed, &state->target.read.eval, &io, &op->err);
    }
    if (code < 0) {
        return code;
    }
    if (io.modified && !state->bypass) {
        code = command_validate(op, collection, doc, io.new_doc);
        if (code < 0) {
            return code;
        }
    }
    struct store_write write = {op->writer, collection, &state->target.arena, &op->err,
                                !state->remove && query_update_is_replacement(state->parsed)};
    if (state->remove) {
        code = store_delete(&write, doc);
    } else if (io.modified) {
        code = store_update(&write, doc, io.new_doc);
    }
    if (command_is_paused(code)) {
        return command_target_again(op, &state->target, doc, code);
    }
    if (code < 0) {
        return find_modify_failed(op, code);
    }
    find_modify_last_error(op, state, 1, doc_missing);
    return find_modify_value(op, state, state->give_new ? io.new_doc : doc);
}

static int find_modify_upsert(struct command_op *op, struct find_modify_state *state)
{
    struct slice doc;
    const struct command_upsert upsert = {.update = state->parsed, .ns = state->ns};
    int code = command_target_upsert(op, &state->target, &upsert, &doc);
    if (code < 0) {
        return find_modify_failed(op, code);
    }
    find_modify_last_error(op, state, 1, doc_get_str(doc, "_id"));
    if (state->give_new) {
        return find_modify_value(op, state, doc);
    }
    doc_build_null(&op->builder, "value");
    return 0;
}

static int find_modify_run_series(struct command_op *op, struct find_modify_state *state)
{
    int64_t n = 0;
    int code = command_series_delete(op, state->series, &state->target, true, &n);
    if (code < 0) {
        return code;
    }
    find_modify_last_error(op, state, (int32_t)n, doc_missing);
    if (n > 0) {
        return find_modify_value(op, state, state->series->deleted);
    }
    doc_build_null(&op->builder, "value");
    return 0;
}

static int find_modify_run(struct command_op *op, struct find_modify_state *state)
{
    if (state->series != NULL) {
        return find_modify_run_series(op, state);
    }
    struct slice doc;
    command_target_slice(op, &state->target);
    int code = command_target_next(op, &state->target, &doc);
    if (code > 0) {
        return find_modify_document(op, state, doc);
    }
    if (code < 0) {
        return code;
    }
    if (state->upsert) {
        return find_modify_upsert(op, state);
    }
    find_modify_last_error(op, state, 0, doc_missing);
    doc_build_null(&op->builder, "value");
    return 0;
}

/* ---- one that comes again ---- */

/* Was it done before? Then the reply is what it was. */
static bool find_modify_is_known(struct command_op *op)
{
    struct command_retry_result known;
    int32_t id = command_first_statement(op);
    if (op->retry == NULL || !command_retry_find(op->retry, id, &op->retry_at, &known)) {
        return false;
    }
    doc_build_fields(&op->builder, known.extra);
    doc_build_i32(&op->builder, "retriedStmtId", id);
    return true;
}

/* It is done: the fields of the reply so far are what a retry must get. */
static void find_modify_note(struct command_op *op)
{
    struct buf extra;
    buf_init(&extra, &op->arena);
    size_t begin = op->reply_start + sizeof(uint32_t);
    uint32_t len = (uint32_t)(op->reply.len - begin + sizeof len + 1);
    buf_append(&extra, &len, sizeof len);
    buf_append(&extra, op->reply.data + begin, op->reply.len - begin);
    buf_append_byte(&extra, 0);
    struct command_retry_result result = {.n = 1, .extra = buf_slice(&extra)};
    command_retry_note(op->retry, command_first_statement(op), &result);
}

int command_find_and_modify(struct command_op *op)
{
    struct find_modify_state *state = op->state;
    size_t effects = op->writer->effects.len;
    if (state == NULL && find_modify_is_known(op)) {
        return 0;
    }
    int code = state == NULL ? find_modify_begin(op, &state) : 0;
    code = code < 0 ? code : find_modify_run(op, state);
    if (command_is_paused(code)) {
        command_target_pause(&state->target);
    }
    if (code == 0 && op->retry != NULL && op->writer->effects.len > effects) {
        find_modify_note(op);
    }
    return code;
}
