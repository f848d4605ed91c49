/* command/stage_change_stream.c - $changeStream: events of the log as documents.
 *
 * What happens to the thing that is watched ends the stream: behind a drop, a rename or the drop of
 * the database comes one more event, `invalidate`, and then nothing. */
#include "command/args.h"
#include "command/stages.h"
#include "command/stream.h"
#include "doc/view.h"
#include "store/record.h"

enum change_full { CHANGE_DEFAULT, CHANGE_LOOKUP, CHANGE_AVAILABLE, CHANGE_REQUIRED };

struct change_parsed {
    struct command_cursor *cursor;
    enum change_full full;
    enum change_full before; /* DEFAULT: off */
    bool expanded;
};

struct change_state {
    struct command_event event;
    bool has_event;
    bool invalidates; /* the stream ends after the event that was given last */
    bool ended;
};

/* ---- the specification ---- */

struct change_args {
    struct slice full;
    struct slice before;
    struct doc_value resume_after;
    struct doc_value start_after;
    struct doc_value start_at;
    bool all;
    bool expanded;
    bool system;
};

static const struct command_arg change_arg_table[] = {
    {"fullDocument", COMMAND_ARG_STRING, offsetof(struct change_args, full), 0},
    {"fullDocumentBeforeChange", COMMAND_ARG_STRING, offsetof(struct change_args, before), 0},
    {"resumeAfter", COMMAND_ARG_VALUE, offsetof(struct change_args, resume_after), 0},
    {"startAfter", COMMAND_ARG_VALUE, offsetof(struct change_args, start_after), 0},
    {"startAtOperationTime", COMMAND_ARG_VALUE, offsetof(struct change_args, start_at), 0},
    {"allChangesForCluster", COMMAND_ARG_BOOL, offsetof(struct change_args, all), 0},
    {"showExpandedEvents", COMMAND_ARG_BOOL, offsetof(struct change_args, expanded), 0},
    {"showSystemEvents", COMMAND_ARG_BOOL, offsetof(struct change_args, system), 0},
    {"showRawUpdateDescription", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* `names` in the order of enum change_full; NULL: that one is not allowed. */
static int change_mode(const char *field, struct slice text, const char *const names[4],
                       enum change_full *ret_mode, struct err *err)
{
    for (int i = 0; i < 4; i++) {
        if (text.data == NULL || (names[i] != NULL && slice_is(text, names[i]))) {
            *ret_mode = (enum change_full)i;
            return 0;
        }
    }
    return err_set(err, LT_EBADVALUE,
                   "Enumeration value '%.*s' for field '$changeStream.%s' is not a valid value.",
                   SLICE_FMT(text), field);
}

static int change_modes(const struct change_args *args, struct change_parsed *parsed,
                        struct err *err)
{
    static const char *const full[4] = {"default", "updateLookup", "whenAvailable", "required"};
    static const char *const before[4] = {"off", NULL, "whenAvailable", "required"};
    int code = change_mode("fullDocument", args->full, full, &parsed->full, err);
    return code < 0 ? code
                    : change_mode("fullDocumentBeforeChange", args->before, before, &parsed->before,
                                  err);
}

/* What is watched, by the namespace of the aggregate: "db.name" or "db.$cmd.aggregate". */
static int change_scope(struct slice ns, const struct change_args *args,
                        enum command_stream_scope *ret_scope, struct slice *ret_ns, struct err *err)
{
    const uint8_t *dot = memchr(ns.data, '.', ns.len);
    struct slice db = slice_of(ns.data, (size_t)(dot - ns.data));
    struct slice name = slice_from(ns, db.len + 1);
    bool is_db = slice_is(name, "$cmd.aggregate");
    bool is_internal = slice_is(db, "admin") || slice_is(db, "config") || slice_is(db, "local");
    if (args->all && (!is_db || !slice_is(db, "admin"))) {
        return err_set(err, LT_EINVALIDOPTIONS,
                       "A $changeStream with 'allChangesForCluster:true' may only be opened on the "
                       "'admin' database, and with no collection name; found %.*s",
                       SLICE_FMT(ns));
    }
    if (is_internal && !args->all) {
        return err_set(err, LT_EINVALIDNAMESPACE,
                       "$changeStream may not be opened on the internal %.*s database",
                       SLICE_FMT(db));
    }
    if (!args->system && slice_starts(name, SLICE("system."))) {
        return err_set(err, LT_EINVALIDNAMESPACE,
                       "$changeStream may not be opened on the internal %.*s collection",
                       SLICE_FMT(ns));
    }
    *ret_scope = args->all ? COMMAND_STREAM_ALL
                 : is_db   ? COMMAND_STREAM_DATABASE
                           : COMMAND_STREAM_COLLECTION;
    *ret_ns = is_db ? db : ns;
    return 0;
}

static int change_token(struct doc_value token, bool may_be_over, struct command_place *ret_place,
                        struct err *err)
{
    if (token.type != DOC_OBJECT) {
        return err_set(err, LT_ETYPEMISMATCH, "a resume token must be an object, found %s",
                       doc_type_name(token.type));
    }
    int code = command_place_read(doc_value_get_doc(token), ret_place, err);
    if (code == 0 && ret_place->kind == COMMAND_PLACE_INVALIDATE && !may_be_over) {
        return err_set(err, LT_EINVALIDRESUMETOKEN,
                       "Attempting to resume a change stream using 'resumeAfter' is not allowed "
                       "from an invalidate notification.");
    }
    return code;
}

/* Where it begins, when it is not now. */
static int change_start(const struct change_args *args, struct command_place *place,
                        struct err *err)
{
    bool resumes = doc_value_exists(args->resume_after);
    bool starts = doc_value_exists(args->start_after);
    bool at = doc_value_exists(args->start_at);
    if (resumes + starts + at > 1) {
        return err_set(err, 40674,
                       "Only one type of resume option is allowed, but multiple were found.");
    }
    if (resumes || starts) {
        return change_token(resumes ? args->resume_after : args->start_after, starts, place, err);
    }
    if (at && args->start_at.type != DOC_TIMESTAMP) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field '$changeStream.startAtOperationTime' is the wrong type '%s', "
                       "expected type 'timestamp'",
                       doc_type_name(args->start_at.type));
    }
    if (at) {
        uint64_t clock = (uint64_t)doc_value_get_i64(args->start_at);
        *place = command_place_after(clock == 0 ? 0 : clock - 1);
    }
    return 0;
}

static int change_parse(struct query_stage_parse *parse, struct doc_value spec, struct err *err)
{
    static const struct command_args_spec known = {"$changeStream", change_arg_table, false, false};
    struct change_parsed *parsed = arena_zero(parse->context->arena, 1, sizeof *parsed);
    struct command_cursor *cursor = parse->options->owner;
    struct change_args args = {0};
    enum command_stream_scope scope;
    struct slice ns;
    if (spec.type != DOC_OBJECT) {
        return err_set(err, 50808, "$changeStream stage expects a document as argument");
    }
    int code = command_args_read(&known, doc_value_get_doc(spec), &args, err);
    code = code < 0 ? code : change_modes(&args, parsed, err);
    code = code < 0 ? code : change_scope(cursor->ns, &args, &scope, &ns, err);
    if (code == 0 && cursor->txn != NULL) {
        code = err_set(err, LT_EOPERATIONNOTSUPPORTEDINTRANSACTION,
                       "$changeStream is not allowed in a multi-document transaction");
    }
    if (code < 0) {
        return code;
    }
    parsed->cursor = cursor;
    parsed->expanded = args.expanded;
    cursor->stream = command_stream_new(cursor->server, scope, ns);
    cursor->stream->shows_system = args.system;
    cursor->stream->sieve.is_open = parsed->before == CHANGE_REQUIRED;
    cursor->stream->sieve.with_updates = parsed->full != CHANGE_DEFAULT;
    code = change_start(&args, &cursor->stream->place, err);
    if (code == 0) {
        query_stage_add(parse, parse->ops, parsed);
    }
    return code;
}

/* ---- events ---- */

static const char *const change_names[STORE_NOTE_TYPES] = {
    [STORE_NOTE_INSERT] = "insert",
    [STORE_NOTE_UPDATE] = "update",
    [STORE_NOTE_REPLACE] = "replace",
    [STORE_NOTE_DELETE] = "delete",
    [STORE_NOTE_CREATE] = "create",
    [STORE_NOTE_DROP] = "drop",
    [STORE_NOTE_RENAME] = "rename",
    [STORE_NOTE_DROP_DATABASE] = "dropDatabase",
    [STORE_NOTE_CREATE_INDEXES] = "createIndexes",
    [STORE_NOTE_DROP_INDEXES] = "dropIndexes",
    [STORE_NOTE_MODIFY] = "modify",
};

static bool change_is_expanded(enum store_note_type type)
{
    return type == STORE_NOTE_CREATE || type == STORE_NOTE_CREATE_INDEXES ||
           type == STORE_NOTE_DROP_INDEXES || type == STORE_NOTE_MODIFY;
}

static bool change_has_document(enum store_note_type type)
{
    return type == STORE_NOTE_INSERT || type == STORE_NOTE_UPDATE || type == STORE_NOTE_REPLACE;
}

static void change_build_head(struct doc_builder *builder, const struct change_parsed *parsed,
                              const struct command_event *event, const char *type)
{
    command_place_build(builder, "_id", &parsed->cursor->stream->given);
    doc_build_text(builder, "operationType", type);
    doc_build_timestamp(builder, "clusterTime", event->clock);
    doc_build_date(builder, "wallTime", event->wall_ms);
    if (event->txn.len > 0) {
        doc_build_fields(builder, event->txn);
    }
    if (parsed->expanded && event->uuid.len > 0) {
        doc_build_binary(builder, "collectionUUID", 4, event->uuid);
    }
}

/* Is the document before the change still kept? */
static bool change_has_image(const struct change_parsed *parsed, const struct command_event *event)
{
    struct command_server *server = parsed->cursor->server;
    int64_t seconds = command_cluster_param(&server->cluster_params, COMMAND_CLUSTER_IMAGE_SECONDS);
    int64_t age =
        (int64_t)(atomic_load(&server->applied_clock) >> 32) - (int64_t)(event->clock >> 32);
    return event->before.len > 0 && (seconds == 0 || age <= seconds);
}

/* An image that is not there: null, or an error where it was required. */
static int change_no_image(struct doc_builder *builder, const char *name, enum change_full mode,
                           struct err *err)
{
    if (mode == CHANGE_REQUIRED) {
        return err_set(err, LT_ENOMATCHINGDOCUMENT,
                       "Change stream was configured to require %s for all update, delete and "
                       "replace events, but it was not found for an event: is "
                       "changeStreamPreAndPostImages enabled on the collection?",
                       name);
    }
    doc_build_null(builder, name);
    return 0;
}

/* The document as it is now. */
static int change_lookup(const struct change_parsed *parsed, const struct command_event *event,
                         struct arena *arena, struct doc_builder *builder)
{
    struct command_cursor *cursor = parsed->cursor;
    struct store_catalog *catalog = command_cursor_catalog(cursor);
    struct store_collection *collection = store_catalog_find_uuid(catalog, event->uuid.data);
    struct store_pin pin = {0};
    struct slice doc;
    int code = -LT_ENOSUCHKEY;
    if (collection != NULL) {
        struct doc_value id = doc_get_str(event->doc, "_id");
        code = store_view_get(&cursor->view, store_record_key(arena, collection, id), &pin);
        code = code < 0 ? code : store_record_doc(pin.value, &doc);
    }
    store_catalog_release(catalog);
    if (code == 0) {
        doc_build_doc(builder, "fullDocument", doc);
    } else if (code == -LT_ENOSUCHKEY) {
        doc_build_null(builder, "fullDocument");
    }
    store_pin_release(&pin);
    return code == -LT_ENOSUCHKEY ? 0 : code;
}

static int change_build_full(const struct change_parsed *parsed, const struct command_event *event,
                             struct arena *arena, struct doc_builder *builder, struct err *err)
{
    if (event->type == STORE_NOTE_INSERT || event->type == STORE_NOTE_REPLACE) {
        doc_build_doc(builder, "fullDocument", event->doc);
        return 0;
    }
    if (event->type != STORE_NOTE_UPDATE || parsed->full == CHANGE_DEFAULT) {
        return 0;
    }
    if (parsed->full == CHANGE_LOOKUP) {
        return change_lookup(parsed, event, arena, builder);
    }
    if (!change_has_image(parsed, event)) {
        return change_no_image(builder, "fullDocument", parsed->full, err);
    }
    doc_build_doc(builder, "fullDocument", event->doc);
    return 0;
}

static int change_build_before(const struct change_parsed *parsed,
                               const struct command_event *event, struct doc_builder *builder,
                               struct err *err)
{
    bool may_have = event->type == STORE_NOTE_UPDATE || event->type == STORE_NOTE_REPLACE ||
                    event->type == STORE_NOTE_DELETE;
    if (parsed->before == CHANGE_DEFAULT || !may_have) {
        return 0;
    }
    if (!change_has_image(parsed, event)) {
        return change_no_image(builder, "fullDocumentBeforeChange", parsed->before, err);
    }
    doc_build_doc(builder, "fullDocumentBeforeChange", event->before);
    return 0;
}

static void change_build_what(const struct change_parsed *parsed, const struct command_event *event,
                              struct doc_builder *builder)
{
    if (event->type == STORE_NOTE_UPDATE && parsed->expanded) {
        doc_build_doc(builder, "updateDescription", event->details);
    } else if (event->type == STORE_NOTE_UPDATE) {
        doc_build_open(builder, SLICE("updateDescription"));
        doc_build_without(builder, event->details, "disambiguatedPaths");
        doc_build_close(builder);
    } else if (event->type == STORE_NOTE_RENAME) {
        command_build_ns(builder, "to", command_event_target(event));
        if (parsed->expanded) {
            doc_build_open(builder, SLICE("operationDescription"));
            command_build_ns(builder, "to", command_event_target(event));
            doc_build_without(builder, event->details, "to");
            doc_build_close(builder);
        }
    } else if (change_is_expanded(event->type)) {
        doc_build_doc(builder, "operationDescription", event->details);
    }
}

static int change_build(const struct change_parsed *parsed, const struct command_event *event,
                        struct arena *arena, struct slice *ret_doc, struct err *err)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    buf_reserve(buf, 512 + event->doc.len + event->before.len + event->details.len);
    doc_build_begin(builder, buf);
    change_build_head(builder, parsed, event, change_names[event->type]);
    int code = change_build_full(parsed, event, arena, builder, err);
    if (code < 0) {
        return code;
    }
    command_build_ns(builder, "ns", event->ns);
    if (change_has_document(event->type)) {
        doc_build_open(builder, SLICE("documentKey"));
        doc_build_value(builder, SLICE("_id"), doc_get_str(event->doc, "_id"));
        doc_build_close(builder);
    } else if (event->type == STORE_NOTE_DELETE) {
        doc_build_doc(builder, "documentKey", event->details);
    }
    change_build_what(parsed, event, builder);
    code = change_build_before(parsed, event, builder, err);
    *ret_doc = doc_build_end(builder);
    return code;
}

static void change_build_invalidate(const struct change_parsed *parsed,
                                    const struct command_event *event, struct arena *arena,
                                    struct slice *ret_doc)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    struct command_event end = {.clock = event->clock, .wall_ms = event->wall_ms};
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    parsed->cursor->stream->given.kind = COMMAND_PLACE_INVALIDATE;
    change_build_head(builder, parsed, &end, "invalidate");
    *ret_doc = doc_build_end(builder);
}

static bool change_invalidates(const struct command_stream *stream,
                               const struct command_event *event)
{
    bool is_drop_db = event->type == STORE_NOTE_DROP_DATABASE;
    if (stream->scope == COMMAND_STREAM_COLLECTION) {
        return event->type == STORE_NOTE_DROP || event->type == STORE_NOTE_RENAME || is_drop_db;
    }
    return stream->scope == COMMAND_STREAM_DATABASE && is_drop_db;
}

/* The next event that is to be told: 1, or as command_stream_next. */
static int change_event(const struct change_parsed *parsed, struct change_state *state,
                        struct err *err)
{
    struct command_stream *stream = parsed->cursor->stream;
    int code = state->has_event ? 1 : command_stream_next(stream, &state->event, err);
    while (code > 0 && !parsed->expanded && change_is_expanded(state->event.type)) {
        code = command_stream_next(stream, &state->event, err);
    }
    state->has_event = code > 0;
    return code == 0 ? -LT_EWAIT : code;
}

static int change_next(struct query_stage_run *self, struct slice *ret_doc, struct err *err)
{
    struct change_state *state = self->state;
    const struct change_parsed *parsed = self->stage->parsed;
    struct command_stream *stream = parsed->cursor->stream;
    query_stage_fresh(self);
    if (state->ended) {
        return 0;
    }
    if (state->invalidates) {
        state->ended = true;
        change_build_invalidate(parsed, &state->event, self->eval->arena, ret_doc);
        return 1;
    }
    int code = change_event(parsed, state, err);
    if (code < 0) {
        return code;
    }
    stream->given =
        (struct command_place){state->event.clock, state->event.number, COMMAND_PLACE_EVENT};
    code = change_build(parsed, &state->event, self->eval->arena, ret_doc, err);
    if (code < 0) {
        return code;
    }
    state->has_event = false;
    state->invalidates = change_invalidates(stream, &state->event);
    return 1;
}

const struct query_stage_ops command_stage_change_stream = {
    .name = "$changeStream",
    .flags = QUERY_STAGE_FIRST | QUERY_STAGE_NO_FACET,
    .state_size = sizeof(struct change_state),
    .parse = change_parse,
    .next = change_next,
};
