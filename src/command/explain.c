/* command/explain.c - the explain command.
 *
 * The inner command is turned into the find or aggregate it amounts to, opened as that one would
 * be, and its plan told. With executionStats it is read to the end first, in slices. */
#include "command/explain.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "command/handlers.h"
#include "command/stages.h"
#include "command/version.h"
#include "command/view.h"
#include "command/write.h"
#include "doc/compare.h"
#include "doc/view.h"

/* Fields of the inner command and what find calls them. */
struct explain_field {
    const char *from;
    const char *to;
};

struct command_explain_kind {
    const char *name;
    const char *statements; /* the array whose first element has the fields; NULL: the command */
    const char *wrapper;
    bool one; /* at most one document */
    struct explain_field fields[8];
};

static const struct command_explain_kind explain_kinds[] = {
    {"find", NULL, NULL, false, {{NULL}}},
    {"aggregate", NULL, NULL, false, {{NULL}}},
    {"count",
     NULL,
     "COUNT",
     false,
     {{"query", "filter"},
      {"limit", "limit"},
      {"skip", "skip"},
      {"hint", "hint"},
      {"collation", "collation"}}},
    {"distinct",
     NULL,
     NULL,
     false,
     {{"query", "filter"}, {"hint", "hint"}, {"collation", "collation"}}},
    {"update",
     "updates",
     "UPDATE",
     false,
     {{"q", "filter"}, {"hint", "hint"}, {"sort", "sort"}, {"collation", "collation"}}},
    {"delete",
     "deletes",
     "DELETE",
     false,
     {{"q", "filter"}, {"hint", "hint"}, {"collation", "collation"}}},
    {"findAndModify",
     NULL,
     "UPDATE",
     true,
     {{"query", "filter"},
      {"sort", "sort"},
      {"hint", "hint"},
      {"collation", "collation"},
      {"let", "let"}}},
};

static const struct command_explain_kind *explain_kind(struct slice name)
{
    if (slice_is(name, "findandmodify")) { /* as older clients say it */
        name = SLICE("findAndModify");
    }
    for (size_t i = 0; i < sizeof explain_kinds / sizeof *explain_kinds; i++) {
        if (slice_is(name, explain_kinds[i].name)) {
            return &explain_kinds[i];
        }
    }
    return NULL;
}

static const struct command *explain_command(const char *name)
{
    const struct command *command;
    for (size_t i = 0; (command = command_each(i)) != NULL; i++) {
        if (strcmp(command->name, name) == 0) {
            break;
        }
    }
    assert(command != NULL);
    return command;
}

static void explain_release(struct command_op *op)
{
    struct command_explain *explain = op->state;
    if (explain->cursor != NULL) {
        command_cursor_free(explain->cursor);
        explain->cursor = NULL;
    }
}

static int explain_verbosity(struct command_op *op, struct doc_value value,
                             enum command_explain_verbosity *ret_verbosity)
{
    static const char *const names[] = {"queryPlanner", "executionStats", "allPlansExecution"};
    *ret_verbosity = EXPLAIN_ALL_PLANS;
    if (!doc_value_exists(value)) {
        return 0;
    }
    for (int i = 0; value.type == DOC_STRING && i < 3; i++) {
        if (slice_is(doc_value_get_string(value), names[i])) {
            *ret_verbosity = (enum command_explain_verbosity)i;
            return 0;
        }
    }
    return err_set(&op->err, LT_EFAILEDTOPARSE,
                   "verbosity string must be one of {'queryPlanner', 'executionStats', "
                   "'allPlansExecution'}");
}

/* ---- the find that a command amounts to ---- */

/* The first statement of an update or delete, else the command itself. */
static int explain_statement(struct command_op *op, const struct command_explain *explain,
                             struct slice *ret_statement)
{
    const char *name = explain->kind->statements;
    *ret_statement = explain->inner;
    if (name == NULL) {
        return 0;
    }
    struct doc_value list = doc_get_str(explain->inner, name);
    struct doc_value first =
        list.type == DOC_ARRAY ? doc_first(doc_value_get_doc(list)).value : doc_missing;
    if (first.type != DOC_OBJECT) {
        return err_set(&op->err, 40414, "BSON field '%s.%s' is missing but a required field",
                       explain->kind->name, name);
    }
    if (doc_count(doc_value_get_doc(list)) > 1) {
        return err_set(&op->err, LT_EINVALIDLENGTH, "explained write batches must be of size 1");
    }
    *ret_statement = doc_value_get_doc(first);
    return 0;
}

static bool explain_wants_one(const struct command_explain *explain, struct slice statement)
{
    if (explain->kind->statements == NULL) {
        return explain->kind->one;
    }
    if (slice_is(slice_str(explain->kind->name), "update")) {
        return !doc_value_truth(doc_get_str(statement, "multi"));
    }
    return doc_value_truth(doc_get_str(statement, "limit"));
}

static int explain_as_find(struct command_op *op, struct command_explain *explain)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    struct slice statement;
    int code = explain_statement(op, explain, &statement);
    if (code < 0) {
        return code;
    }
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_value(builder, SLICE("find"), doc_first(explain->inner).value);
    for (const struct explain_field *field = explain->kind->fields; field->from != NULL; field++) {
        struct doc_value value = doc_get_str(statement, field->from);
        if (!doc_value_is_nullish(value)) {
            doc_build_value(builder, slice_str(field->to), value);
        }
    }
    if (explain_wants_one(explain, statement)) {
        doc_build_i32(builder, "limit", 1);
    }
    if (explain->kind->statements != NULL && doc_value_exists(doc_get_str(explain->inner, "let"))) {
        doc_build_value(builder, SLICE("let"), doc_get_str(explain->inner, "let"));
    }
    explain->body = doc_build_end(builder);
    explain->wrapper = explain->kind->wrapper;
    explain->upsert = doc_value_truth(doc_get_str(statement, "upsert"));
    if (explain->kind->one && doc_value_truth(doc_get_str(statement, "remove"))) {
        explain->wrapper = "DELETE";
    }
    return 0;
}

/* ---- opening ---- */

/* Can all stages be told as one plan, as find's are? */
static bool explain_is_pushed(struct slice stages, uint32_t from)
{
    static const char *const known[] = {"$match", "$sort", "$limit", "$skip", "$project"};
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, stages);
    for (uint32_t at = 0; doc_iter_next(&iter, &elem); at++) {
        struct slice name = doc_first(doc_value_get_doc(elem.value)).name;
        bool found = false;
        for (size_t i = at < from ? 0 : 1; i < sizeof known / sizeof *known; i++) {
            found |= slice_is(name, known[i]);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static int explain_open_cursor(struct command_op *op, struct command_explain *explain)
{
    int64_t batch_size;
    if (!slice_is(slice_str(explain->kind->name), "aggregate")) {
        return command_find_open(op, &explain->cursor, &batch_size);
    }
    int code = command_aggregate_open(op, &explain->cursor);
    if (code == 0) {
        const struct command_results_plan *plan = explain->cursor->plan;
        explain->stages = plan->stages;
        explain->pushed =
            explain->cursor->has_read && explain_is_pushed(explain->stages, plan->first_stage);
    }
    return code;
}

/* What reads a view is an aggregate. */
static int explain_on_view(struct command_op *op, struct command_explain *explain)
{
    struct slice ns;
    if (slice_is(slice_str(op->command->name), "aggregate")) {
        return 0;
    }
    int code = command_namespace(op, &ns);
    if (code < 0 || command_view_find(op->catalog, ns) == NULL) {
        return code;
    }
    code = command_find_on_view(op, &explain->body);
    explain->kind = explain_kind(SLICE("aggregate"));
    explain->wrapper = NULL;
    op->command = explain_command(explain->kind->name);
    command_set_body(op, explain->body);
    return code;
}

/* Open as if the inner command had come by itself. */
static int explain_open(struct command_op *op, struct command_explain *explain)
{
    const struct command *outer = op->command;
    struct slice outer_body = op->body;
    bool own = slice_is(slice_str(explain->kind->name), "find") ||
               slice_is(slice_str(explain->kind->name), "aggregate");
    explain->body = explain->inner;
    int code = own ? 0 : explain_as_find(op, explain);
    if (code < 0) {
        return code;
    }
    op->state = explain;
    op->release = explain_release;
    command_set_body(op, explain->body);
    op->command = explain_command(own ? explain->kind->name : "find");
    code = explain_on_view(op, explain);
    code = code < 0 ? code : explain_open_cursor(op, explain);
    command_set_body(op, outer_body);
    op->command = outer;
    return code;
}

/* ---- running ---- */

static int explain_pull(struct command_explain *explain, struct err *err)
{
    struct command_cursor *cursor = explain->cursor;
    struct slice doc;
    int code;
    do {
        code = explain->stages.len > 0 && !explain->pushed ? command_read_next(&cursor->read, &doc)
                                                           : cursor->next(cursor, &doc, err);
        if (code > 0) {
            explain->given++;
            cursor->returned++;
        }
    } while (code > 0);
    return code;
}

static int explain_run(struct command_op *op, struct command_explain *explain)
{
    struct command_cursor *cursor = explain->cursor;
    if (explain->verbosity == EXPLAIN_PLANNER || !cursor->has_read) {
        return 0;
    }
    int code = command_read_slice(&cursor->read, op->server, &op->err);
    code = code < 0 ? code : explain_pull(explain, &op->err);
    command_read_pause(&cursor->read);
    command_foreign_pause(cursor);
    explain->elapsed_us = op->mono_us - op->started_us;
    return code == -LT_EAGAIN ? command_read_wants(op, &cursor->read) : code;
}

/* ---- the reply ---- */

static void explain_build_server(struct command_op *op)
{
    struct doc_builder *builder = &op->builder;
    const char *address = op->server->address;
    const char *colon = address == NULL ? NULL : strrchr(address, ':');
    struct utsname names;
    uname(&names);
    doc_build_open(builder, SLICE("serverInfo"));
    doc_build_text(builder, "host", names.nodename);
    doc_build_i32(builder, "port", colon == NULL ? 0 : (int32_t)strtol(colon + 1, NULL, 10));
    doc_build_text(builder, "version", COMMAND_MONGODB_VERSION);
    doc_build_text(builder, "gitVersion", "largetable-" LT_VERSION);
    doc_build_close(builder);
    doc_build_open(builder, SLICE("serverParameters"));
    doc_build_i32(builder, "internalDocumentSourceGroupMaxMemoryBytes", 104857600);
    doc_build_i32(builder, "internalQueryMaxBlockingSortMemoryUsageBytes", 104857600);
    doc_build_text(builder, "internalQueryFrameworkControl", "forceClassicEngine");
    doc_build_close(builder);
}

/* Names the shape of a query: the same for the same command with the same fields. */
static void explain_build_hash(struct command_op *op, const struct command_explain *explain)
{
    struct buf text;
    buf_init(&text, &op->arena);
    for (uint64_t i = 0; i < 4; i++) {
        buf_format(&text, "%016llX",
                   (unsigned long long)doc_hash(doc_value_object(explain->body), i));
    }
    doc_build_string(&op->builder, "queryShapeHash", buf_slice(&text));
}

static void explain_build_command(struct command_op *op, const struct command_explain *explain)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_build_open(&op->builder, SLICE("command"));
    doc_iter_init(&iter, explain->inner);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "$db")) {
            doc_build_value(&op->builder, elem.name, elem.value);
        }
    }
    doc_build_string(&op->builder, "$db", op->db);
    doc_build_close(&op->builder);
}

static int explain_step(struct command_op *op)
{
    struct command_explain *explain = op->state;
    int code = explain_run(op, explain);
    if (code < 0) {
        return code;
    }
    command_explain_build(op, explain);
    explain_build_hash(op, explain);
    explain_build_command(op, explain);
    explain_build_server(op);
    return 0;
}

int command_explain_aggregate(struct command_op *op)
{
    struct command_explain *explain = arena_zero(&op->arena, 1, sizeof *explain);
    explain->kind = explain_kind(SLICE("aggregate"));
    explain->inner = op->body;
    int code = explain_open(op, explain);
    op->command = explain_command("explain"); /* who steps from here on */
    return code < 0 ? code : explain_step(op);
}

static int explain_begin(struct command_op *op)
{
    static const struct command_arg args[] = {{"verbosity", COMMAND_ARG_VALUE, 0, 0}, {NULL}};
    struct command_explain *explain = arena_zero(&op->arena, 1, sizeof *explain);
    struct doc_value verbosity = doc_missing;
    struct doc_value inner = doc_first(op->body).value;
    int code = command_args(op, args, &verbosity);
    if (code < 0) {
        return code;
    }
    if (inner.type != DOC_OBJECT) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'explain.explain' is the wrong type '%s', expected type "
                       "'object'",
                       doc_type_name(inner.type));
    }
    code = explain_verbosity(op, verbosity, &explain->verbosity);
    if (code < 0) {
        return code;
    }
    explain->inner = doc_value_get_doc(inner);
    explain->kind = explain_kind(doc_first(explain->inner).name);
    if (explain->kind == NULL) {
        return err_set(&op->err, LT_ECOMMANDNOTFOUND, "Explain failed due to unknown command: %.*s",
                       SLICE_FMT(doc_first(explain->inner).name));
    }
    return explain_open(op, explain);
}

int command_explain(struct command_op *op)
{
    int code = op->state == NULL ? explain_begin(op) : 0;
    return code < 0 ? code : explain_step(op);
}
