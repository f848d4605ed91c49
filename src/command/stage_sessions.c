/* command/stage_sessions.c - $listLocalSessions, and $listSessions on config.system.sessions: one
 * document for each session that is known; without {allUsers: true} only the caller's. */
#include "command/session.h"
#include "command/stages.h"
#include "doc/view.h"

struct sessions_parsed {
    struct command_cursor *cursor;
    bool all;
};

struct sessions_state {
    struct command_session_info *infos;
    uint32_t count;
    uint32_t at;
    bool listed;
};

static int sessions_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    struct sessions_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    struct command_cursor *cursor = parse->options->owner;
    struct doc_iter iter;
    struct doc_elem elem;
    bool is_local = strcmp(parse->ops->name, "$listLocalSessions") == 0;
    if (spec.type != DOC_OBJECT) {
        return err_set(err, LT_ETYPEMISMATCH, "%s options must be specified in an object",
                       parse->ops->name);
    }
    if (!is_local && !slice_is(cursor->ns, "config.system.sessions")) {
        return err_set(err, LT_EINVALIDNAMESPACE,
                       "$listSessions may only be run against config.system.sessions");
    }
    doc_iter_value(&iter, spec);
    while (doc_iter_next(&iter, &elem)) {
        if (!slice_is(elem.name, "allUsers")) {
            int code = slice_is(elem.name, "users") ? LT_ENOTIMPLEMENTED : 40415;
            return err_set(err, code, "BSON field '%s.%.*s' is %s", parse->ops->name,
                           SLICE_FMT(elem.name),
                           code == 40415 ? "an unknown field." : "not supported yet");
        }
        parsed->all = doc_value_truth(elem.value);
    }
    parsed->cursor = cursor;
    query_stage_add(parse, parse->ops, parsed);
    return 0;
}

static struct slice sessions_build(struct arena *arena, const struct command_session_info *info)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_open(builder, SLICE("_id"));
    doc_build_binary(builder, "id", 4, slice_of(info->id, sizeof info->id));
    doc_build_close(builder);
    doc_build_date(builder, "lastUse", info->used_ms);
    return doc_build_end(builder);
}

static int sessions_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct sessions_state *state = self->state;
    const struct sessions_parsed *parsed = self->stage->parsed;
    struct command_cursor *cursor = parsed->cursor;
    (void)err;
    if (!state->listed) {
        state->listed = true;
        state->infos = command_sessions_list(cursor->server->sessions, &self->hold,
                                             parsed->all ? NULL : cursor->user_id, &state->count);
    }
    if (state->at == state->count) {
        return 0;
    }
    query_stage_fresh(self);
    *ret_doc = sessions_build(self->eval->arena, &state->infos[state->at++]);
    return 1;
}

const struct query_stage_ops command_stage_list_sessions = {
    .name = "$listSessions",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct sessions_state),
    .parse = sessions_parse,
    .next = sessions_next,
};

const struct query_stage_ops command_stage_list_local_sessions = {
    .name = "$listLocalSessions",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct sessions_state),
    .parse = sessions_parse,
    .next = sessions_next,
};
