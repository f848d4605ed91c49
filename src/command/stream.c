/* command/stream.c - entries from the tail; from the journal where the tail does not reach back. */
#include "command/stream.h"

#include "base/mem.h"
#include "base/planted.h"

enum { STREAM_LOOKS_MAX = 1000, STREAM_FETCH_BYTES = 4 << 20, STREAM_TRIES = 5 };

struct command_stream *command_stream_new(struct command_server *server,
                                          enum command_stream_scope scope, struct slice ns)
{
    struct command_stream *stream = mem_zero(1, sizeof *stream);
    uint64_t index;
    stream->server = server;
    stream->scope = scope;
    stream->ns = slice_of(mem_copy(ns), ns.len);
    store_tail_follow(&server->tail);
    stream->place = command_place_after(store_tail_last(&server->tail, &index));
    return stream;
}

static void stream_drop_fetched(struct command_stream *stream)
{
    while (stream->fetched_at < stream->fetched_count) {
        store_tail_entry_release(stream->fetched[stream->fetched_at++]);
    }
    stream->fetched_at = 0;
    stream->fetched_count = 0;
}

void command_stream_free(struct command_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    stream_drop_fetched(stream);
    store_tail_entry_release(stream->entry);
    store_history_close(&stream->history);
    store_tail_unfollow(&stream->server->tail);
    mem_free((void *)(uintptr_t)stream->ns.data);
    mem_free(stream);
}

/* ---- scope ---- */

static bool stream_is_in_db(struct slice ns, struct slice db)
{
    return ns.len > db.len && ns.data[db.len] == '.' && slice_starts(ns, db);
}

static bool stream_is_internal(const struct command_stream *stream, struct slice ns)
{
    if (stream_is_in_db(ns, SLICE("admin")) || stream_is_in_db(ns, SLICE("config")) ||
        stream_is_in_db(ns, SLICE("local"))) {
        return true;
    }
    const uint8_t *dot = memchr(ns.data, '.', ns.len);
    struct slice name = dot == NULL ? SLICE("") : slice_from(ns, (size_t)(dot - ns.data) + 1);
    return !stream->shows_system && slice_starts(name, SLICE("system."));
}

/* A collection is told of what becomes of it under either name. */
static bool stream_renames_to(const struct command_stream *stream,
                              const struct command_event *event)
{
    return event->type == STORE_NOTE_RENAME && slice_equal(command_event_target(event), stream->ns);
}

static bool stream_wants(const struct command_stream *stream, const struct command_event *event)
{
    bool is_db = event->type == STORE_NOTE_DROP_DATABASE;
    switch (stream->scope) {
    case COMMAND_STREAM_COLLECTION:
        return slice_equal(event->ns, stream->ns) || stream_renames_to(stream, event);
    case COMMAND_STREAM_DATABASE:
        return is_db ? slice_equal(event->ns, stream->ns)
                     : stream_is_in_db(event->ns, stream->ns) &&
                           !stream_is_internal(stream, event->ns);
    default:
        return is_db || !stream_is_internal(stream, event->ns);
    }
}

/* ---- entries ---- */

static void stream_take(struct command_stream *stream, struct store_tail_entry *entry)
{
    stream->entry = entry;
    stream->from_oldest = false;
    stream->digest = command_digest_of(&stream->server->tail, entry);
    stream->marks = command_sieve_marks(&stream->sieve, &stream->server->tail, entry);
    stream->at = 0;
}

int command_stream_entry(struct command_stream *stream, struct err *err)
{
    struct store_tail_entry *entry;
    if (stream->fetch_code < 0) {
        return err_set(err, -stream->fetch_code,
                       "Resume of change stream was not possible, as the resume point may no "
                       "longer be in the oplog.");
    }
    if (stream->fetched_at < stream->fetched_count) {
        stream_take(stream, stream->fetched[stream->fetched_at++]);
        return 1;
    }
    if (stream->backward && stream->ended) {
        return 0;
    }
    if (stream->history.disk != NULL || stream->backward) {
        return -LT_EAGAIN;
    }
    bool is_done = stream->place.number == UINT32_MAX;
    uint64_t after =
        is_done || stream->place.clock == 0 ? stream->place.clock : stream->place.clock - 1;
    int code = store_tail_next(&stream->server->tail, after, &entry);
    if (code > 0) {
        stream_take(stream, entry);
    }
    return code;
}

void command_stream_leave(struct command_stream *stream)
{
    if (stream->entry->clock >= stream->place.clock) {
        stream->place = command_place_after(stream->entry->clock);
    }
    store_tail_entry_release(stream->entry);
    stream->entry = NULL;
}

/* ---- events ---- */

/* The next one of the entry that may be wanted: 1; 0 the end of the entry. */
static int stream_next_event(struct command_stream *stream, struct command_event *ret_event)
{
    const struct command_digest *digest = stream->digest;
    stream->at = command_sieve_next(&stream->sieve, stream->marks, digest, stream->at);
    if (stream->at == digest->count) {
        return digest->code;
    }
    *ret_event = digest->events[stream->at++];
    return 1;
}

static bool stream_is_past(const struct command_stream *stream, const struct command_event *event)
{
    bool is_told = event->number <= stream->place.number || PLANTED(untold);
    return event->clock < stream->place.clock || (event->clock == stream->place.clock && is_told);
}

int command_stream_next(struct command_stream *stream, struct command_event *ret_event,
                        struct err *err)
{
    while (stream->looks++ < STREAM_LOOKS_MAX) {
        int code = stream->entry != NULL ? 1 : command_stream_entry(stream, err);
        if (code <= 0) {
            return code;
        }
        code = stream_next_event(stream, ret_event);
        if (code < 0) {
            return err_set(err, LT_ECHANGESTREAMFATALERROR, "a log entry cannot be read");
        }
        if (code == 0) {
            command_stream_leave(stream);
        } else if (!stream_is_past(stream, ret_event)) {
            stream->place =
                (struct command_place){ret_event->clock, ret_event->number, COMMAND_PLACE_EVENT};
            if (stream_wants(stream, ret_event)) {
                return 1;
            }
        }
    }
    stream->looks = 0;
    return -LT_EYIELD;
}

/* ---- history ---- */

static int stream_open_history(struct command_stream *stream)
{
    struct command_server *server = stream->server;
    struct store_history *history = &stream->history;
    struct store_disk *disk;
    uint64_t last;
    uint64_t clock = stream->place.clock;
    store_tail_last(&server->tail, &last);
    int code = server->host_ops->open_journal(server->host, &disk);
    if (code < 0 || stream->backward) {
        return code < 0 ? code : store_history_open_back(history, disk, clock, last);
    }
    if (stream->place.number != UINT32_MAX && clock > 0) {
        clock--;
    }
    code = store_history_open(history, disk, clock, last);
    if (code == -LT_ECHANGESTREAMHISTORYLOST && stream->from_oldest) {
        code = server->host_ops->open_journal(server->host, &disk);
        code = code < 0 ? code : store_history_open_oldest(history, disk, last);
    }
    return code;
}

static int stream_read_history(struct command_stream *stream, struct store_tail_entry **ret_entry)
{
    return stream->backward ? store_history_previous(&stream->history, ret_entry)
                            : store_history_next(&stream->history, ret_entry);
}

/* More entries, from where the last ones ended: 1; 0 there are no more in the files. Those before
 * one that is lost are given first. */
static int stream_fill(struct command_stream *stream)
{
    struct store_tail_entry *entry;
    uint64_t bytes = 0;
    int code = stream->history.disk != NULL ? 1 : stream_open_history(stream);
    stream_drop_fetched(stream);
    while (code >= 0 && stream->fetched_count < COMMAND_STREAM_FETCHED_MAX &&
           bytes < STREAM_FETCH_BYTES && (code = stream_read_history(stream, &entry)) > 0) {
        stream->fetched[stream->fetched_count++] = entry;
        bytes += entry->len;
    }
    if (code < 0 && stream->fetched_count > 0 && !stream->backward) {
        store_history_close(&stream->history);
        return 1;
    }
    return code;
}

/* Who has not begun yet, and begins with the oldest entry, does not mind when that is dropped. */
void command_stream_fetch(struct command_stream *stream)
{
    int code = stream_fill(stream);
    for (int i = 0; i < STREAM_TRIES && stream->from_oldest; i++) {
        if (code == -LT_ECHANGESTREAMHISTORYLOST) {
            store_history_close(&stream->history);
            code = stream_fill(stream);
        }
    }
    if (code <= 0) {
        store_history_close(&stream->history); /* the tail goes on from here */
        stream->ended = stream->backward;
    }
    stream->fetch_code = code < 0 ? code : 0;
}
