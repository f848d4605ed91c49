/* command/stage_current_op.c - $currentOp: one document for each op, and for what rests, if asked.
 */
#include "command/args.h"
#include "command/current_ops.h"
#include "command/stages.h"
#include "doc/view.h"

struct current_op_parsed {
    struct command_cursor *cursor;
    bool all_users;
    bool connections;
    bool cursors;
    bool sessions;
    bool truncates;
    bool local;
};

struct current_op_state {
    struct buf docs;
    size_t at;
    bool listed;
};

static int current_op_read(struct current_op_parsed *parsed, struct slice spec, struct err *err)
{
    const struct {
        const char *name;
        bool *value;
    } known[] = {
        {"allUsers", &parsed->all_users},    {"idleConnections", &parsed->connections},
        {"idleCursors", &parsed->cursors},   {"idleSessions", &parsed->sessions},
        {"truncateOps", &parsed->truncates}, {"localOps", &parsed->local},
        {"targetAllNodes", &parsed->local},
    };
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && !slice_is(elem.name, known[i].name)) {
            i++;
        }
        if (i == sizeof known / sizeof known[0]) {
            return err_set(err, LT_EFAILEDTOPARSE,
                           "Unrecognized option '%.*s' in $currentOp stage.", SLICE_FMT(elem.name));
        }
        if (elem.value.type != DOC_BOOL) {
            return err_set(
                err, LT_EFAILEDTOPARSE,
                "The '%s' parameter of the $currentOp stage must be a boolean value, but "
                "found: %s",
                known[i].name, doc_type_name(elem.value.type));
        }
        *known[i].value = doc_value_get_bool(elem.value);
    }
    return 0;
}

static int current_op_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct current_op_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_EFAILEDTOPARSE,
                       "$currentOp options must be specified in an object, but found: %s",
                       doc_type_name(spec.type));
    }
    parsed->cursor = parse->options->owner;
    parsed->sessions = true;
    if (!command_stage_of_database(parse) ||
        !slice_is(command_db_of(parsed->cursor->ns), "admin")) {
        return err_set(err, LT_EINVALIDNAMESPACE,
                       "$currentOp must be run against the 'admin' database with {aggregate: 1}");
    }
    int code = current_op_read(parsed, doc_value_get_doc(spec), err);
    if (code == 0) {
        query_stage_add(parse, parse->ops, parsed);
    }
    return code;
}

/* Everything at once: what comes later sees one moment, whatever the batches are. */
static void current_op_list(struct query_stage_run *self)
{
    struct current_op_state *state = self->state;
    const struct current_op_parsed *parsed = self->stage->parsed;
    const struct command_cursor *cursor = parsed->cursor;
    const struct command_current current = {
        .server = cursor->server,
        .wall_ms = cursor->context.now_ms,
        .mono_us = cursor->used_us,
        .user_id = parsed->all_users || !cursor->server->authorization ? NULL : cursor->user_id,
        .connections = parsed->connections,
        .cursors = parsed->cursors,
        .transactions = parsed->sessions,
    };
    buf_init(&state->docs, &self->hold);
    command_current_list(&current, &self->hold, &state->docs);
    state->listed = true;
}

static int current_op_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct current_op_state *state = self->state;
    (void)err;
    if (!state->listed) {
        current_op_list(self);
    }
    if (state->at == state->docs.len) {
        return 0;
    }
    query_stage_fresh(self);
    *ret_doc = slice_of(state->docs.data + state->at, doc_load_u32(state->docs.data + state->at));
    state->at += ret_doc->len;
    return 1;
}

const struct query_stage_ops command_stage_current_op = {
    .name = "$currentOp",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct current_op_state),
    .parse = current_op_parse,
    .next = current_op_next,
};
