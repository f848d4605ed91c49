/* command/stage_split.c - $changeStreamSplitLargeEvent: an event that no reply can hold, in
 * fragments of its top-level fields. Each has the event's token with the fragment's number in it.
 */
#include "command/stages.h"
#include "doc/validate.h"
#include "doc/view.h"

enum { SPLIT_ROOM = 1024 }; /* for _id and splitEvent */

struct split_state {
    struct buf copy;    /* of the event; heap */
    struct slice event; /* it; empty: none is being split */
    struct doc_iter iter;
    struct doc_elem next; /* the field that the next fragment begins with */
    uint32_t fragment;
    uint32_t of;
};

static int split_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    if (spec.type != DOC_OBJECT || !doc_is_empty(doc_value_get_doc(spec))) {
        return err_set(err, 7182800, "$changeStreamSplitLargeEvent spec should be an empty object");
    }
    query_stage_add(parse, parse->ops, NULL);
    return 0;
}

static size_t split_size(const struct doc_elem *elem)
{
    return 2 + elem->name.len + elem->value.len;
}

/* How many fragments the event makes. */
static uint32_t split_count(struct slice event)
{
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t count = 1;
    size_t size = SPLIT_ROOM;
    doc_iter_init(&iter, event);
    while (doc_iter_next(&iter, &elem)) {
        if (size > SPLIT_ROOM && size + split_size(&elem) > DOC_SIZE_MAX) {
            count++;
            size = SPLIT_ROOM;
        }
        size += split_size(&elem);
    }
    return count;
}

static void split_begin(struct query_stage_run *self, struct slice event)
{
    struct split_state *state = self->state;
    state->copy.len = 0;
    buf_append_slice(&state->copy, event);
    state->event = buf_slice(&state->copy);
    state->fragment = 0;
    state->of = split_count(event);
    doc_iter_init(&state->iter, state->event);
    doc_iter_next(&state->iter, &state->next); /* _id, which every fragment has */
    doc_iter_next(&state->iter, &state->next);
}

static void split_build_id(struct doc_builder *builder, const struct split_state *state)
{
    struct doc_value id = doc_get_str(state->event, "_id");
    doc_build_open(builder, SLICE("_id"));
    doc_build_fields(builder, doc_value_get_doc(id));
    doc_build_i32(builder, "fragmentNum", (int32_t)state->fragment - 1);
    doc_build_close(builder);
}

static struct slice split_fragment(struct query_stage_run *self)
{
    struct split_state *state = self->state;
    struct arena *arena = self->eval->arena;
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    size_t size = SPLIT_ROOM;
    bool more = true;
    state->fragment++;
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    split_build_id(builder, state);
    doc_build_open(builder, SLICE("splitEvent"));
    doc_build_i32(builder, "fragment", (int32_t)state->fragment);
    doc_build_i32(builder, "of", (int32_t)state->of);
    doc_build_close(builder);
    while (more && (size == SPLIT_ROOM || size + split_size(&state->next) <= DOC_SIZE_MAX)) {
        doc_build_value(builder, state->next.name, state->next.value);
        size += split_size(&state->next);
        more = doc_iter_next(&state->iter, &state->next);
    }
    if (!more) {
        state->event = (struct slice){0};
    }
    return doc_build_end(builder);
}

static int split_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct split_state *state = self->state;
    if (state->event.len == 0) {
        int code = query_stage_pull(self, ret_doc, err);
        if (code <= 0 || ret_doc->len <= DOC_SIZE_MAX) {
            return code;
        }
        split_begin(self, *ret_doc);
    }
    query_stage_fresh(self);
    *ret_doc = split_fragment(self);
    return 1;
}

static void split_close(struct query_stage_run *self)
{
    struct split_state *state = self->state;
    buf_close(&state->copy);
}

const struct query_stage_ops command_stage_split = {
    .name = "$changeStreamSplitLargeEvent",
    .flags = QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct split_state),
    .parse = split_parse,
    .next = split_next,
    .close = split_close,
};
