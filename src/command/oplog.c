/* command/oplog.c - entries of the log, part after part.
 *
 * A bound on `ts` is looked for in the filter before the first entry: a forward reader begins with
 * the segment of the journal that has the bound's second, since all times of an entry lie in one; a
 * backward one with the segment that has the upper bound. Both end at the other bound. */
#include "command/oplog.h"

#include "base/mem.h"
#include "command/stream.h"

enum { OPLOG_PART_BYTES = 12 << 20 };

struct command_oplog {
    struct command_stream *stream;
    uint64_t from;    /* no `ts` before is wanted, */
    uint64_t to;      /* nor one behind */
    struct buf parts; /* of the entry in hand: struct command_oplog_part */
    uint32_t count;
    uint32_t at;
};

/* ---- bounds ---- */

static void oplog_bound(struct command_oplog *oplog, const struct query_match *match)
{
    uint64_t time = (uint64_t)doc_value_get_i64(match->operand);
    bool is_low = match->kind == QUERY_MATCH_EQ || match->kind == QUERY_MATCH_GT ||
                  match->kind == QUERY_MATCH_GTE;
    bool is_high = match->kind == QUERY_MATCH_EQ || match->kind == QUERY_MATCH_LT ||
                   match->kind == QUERY_MATCH_LTE;
    if (is_low && time > oplog->from) {
        oplog->from = time;
    }
    if (is_high && time < oplog->to) {
        oplog->to = time;
    }
}

/* What every document must satisfy: the top, and what $and joins to it. */
static void oplog_bounds(struct command_oplog *oplog, const struct query_match *match)
{
    if (match->kind == QUERY_MATCH_AND) {
        for (uint32_t i = 0; i < match->children_count; i++) {
            oplog_bounds(oplog, match->children[i]);
        }
    } else if (match->kind >= QUERY_MATCH_EQ && match->kind <= QUERY_MATCH_GTE &&
               match->operand.type == DOC_TIMESTAMP && slice_is(match->path.text, "ts")) {
        oplog_bound(oplog, match);
    }
}

struct command_oplog *command_oplog_new(struct command_server *server,
                                        const struct query_match *match, bool backward)
{
    struct command_oplog *oplog = mem_zero(1, sizeof *oplog);
    struct command_stream *stream =
        command_stream_new(server, COMMAND_STREAM_ENTRIES, SLICE("local.oplog.rs"));
    oplog->stream = stream;
    oplog->to = UINT64_MAX;
    oplog_bounds(oplog, match);
    uint64_t second = oplog->from & ~(uint64_t)UINT32_MAX;
    stream->backward = backward;
    stream->from_oldest = true;
    stream->place = command_place_after(backward ? oplog->to : second == 0 ? 0 : second - 1);
    buf_init(&oplog->parts, NULL);
    return oplog;
}

void command_oplog_free(struct command_oplog *oplog)
{
    if (oplog != NULL) {
        command_stream_free(oplog->stream);
        buf_close(&oplog->parts);
        mem_free(oplog);
    }
}

/* ---- the parts of an entry ---- */

static bool oplog_is_local(const struct command_event *event)
{
    return slice_starts(event->ns, SLICE("local.")) || slice_is(event->ns, "local");
}

static size_t oplog_size(const struct command_event *event)
{
    enum { EVENT_ROOM = 128 };
    return EVENT_ROOM + event->doc.len + event->details.len + event->ns.len;
}

/* How many events from `first` on are one document. */
static uint32_t oplog_measure(const struct command_digest *digest, uint32_t first)
{
    const struct command_event *events = digest->events;
    uint32_t count = 1;
    size_t bytes = oplog_size(&events[first]);
    while (events[first].txn.len > 0 && first + count < digest->count &&
           events[first + count].txn.data == events[first].txn.data) {
        bytes += oplog_size(&events[first + count]);
        if (bytes > OPLOG_PART_BYTES) {
            break;
        }
        count++;
    }
    return count;
}

static void oplog_add(struct command_oplog *oplog, const struct command_oplog_part *part)
{
    buf_append(&oplog->parts, part, sizeof *part);
    oplog->count++;
}

/* Is the part that begins with this event a transaction's, begun before? */
static bool oplog_goes_on(const struct command_digest *digest, uint32_t at)
{
    const struct command_event *events = digest->events;
    return at > 0 && at < digest->count && events[at].txn.len > 0 &&
           events[at].txn.data == events[at - 1].txn.data;
}

static void oplog_divide(struct command_oplog *oplog, const struct command_digest *digest)
{
    struct command_oplog_part part = {0};
    oplog->parts.len = 0;
    oplog->count = 0;
    if (digest->count == 0) {
        oplog_add(oplog, &part);
    }
    for (uint32_t at = 0; at < digest->count; at += part.count) {
        part.first = at;
        part.count = oplog_measure(digest, at);
        part.went_on = oplog_goes_on(digest, at);
        part.goes_on = oplog_goes_on(digest, at + part.count);
        part.of_all = part.went_on ? part.of_all + part.count : part.count;
        if (!oplog_is_local(&digest->events[at])) {
            oplog_add(oplog, &part);
        }
    }
    oplog->at = 0;
}

/* ---- reading ---- */

/* The next part of the entry in hand; NULL: all were given. */
static const struct command_oplog_part *oplog_part(struct command_oplog *oplog)
{
    const struct command_oplog_part *parts =
        (const struct command_oplog_part *)(const void *)oplog->parts.data;
    if (oplog->at == oplog->count) {
        return NULL;
    }
    uint32_t at = oplog->at++;
    return &parts[oplog->stream->backward ? oplog->count - 1 - at : at];
}

/* The entry that has the next document: 1, 0 there is none yet. */
static int oplog_entry(struct command_oplog *oplog, struct err *err)
{
    struct command_stream *stream = oplog->stream;
    if (stream->entry != NULL) {
        return 1;
    }
    int code = command_stream_entry(stream, err);
    if (code == -LT_ECHANGESTREAMHISTORYLOST) {
        return err_set(err, LT_ECAPPEDPOSITIONLOST,
                       "CollectionScan died due to position in capped collection being deleted. "
                       "The log after Timestamp(%u, %u) is not kept any more",
                       (unsigned)(stream->place.clock >> 32), (unsigned)stream->place.clock);
    }
    if (code > 0 && stream->digest->code < 0) {
        return err_set(err, -stream->digest->code, "a log entry cannot be read");
    }
    if (code > 0) {
        oplog_divide(oplog, stream->digest);
    }
    return code;
}

/* Are all documents from this one on outside of what is wanted? */
static bool oplog_is_over(const struct command_oplog *oplog, uint64_t time)
{
    return oplog->stream->backward ? time < oplog->from : time > oplog->to;
}

int command_oplog_next(struct command_oplog *oplog, struct arena *arena, struct slice *ret_doc,
                       struct err *err)
{
    struct command_stream *stream = oplog->stream;
    int code;
    while ((code = oplog_entry(oplog, err)) > 0) {
        struct command_oplog_entry entry = {stream->entry->clock, stream->entry->term};
        const struct command_oplog_part *part = oplog_part(oplog);
        if (part == NULL) {
            command_stream_leave(stream);
        } else if (oplog_is_over(oplog, command_oplog_part_time(&entry, part))) {
            oplog->at--;
            return 0;
        } else {
            *ret_doc = command_oplog_build(arena, &entry, stream->digest->events, part);
            return 1;
        }
    }
    return code;
}

void command_oplog_fetch(struct command_oplog *oplog)
{
    command_stream_fetch(oplog->stream);
}

/* Who holds an entry is over: nothing that comes is wanted. */
uint64_t command_oplog_awaits(const struct command_oplog *oplog)
{
    return oplog->stream->entry != NULL ? UINT64_MAX : command_stream_awaits(oplog->stream);
}
