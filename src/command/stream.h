/* command/stream.h - following the log: the events of a collection, a database or all of them; or
 * its entries as they are.
 *
 * Invariant   a stream gives every event of its scope once, in the order of the log, from its place
 *             on. It holds one entry and its place, and nothing of the engine. One that goes
 *             backward gives the entries that there were when it began to read, the newest first.
 * Thread      the cursor's; store_tail is shared. command_stream_fetch: the work pool, while the
 *             cursor's op waits for it.
 * Memory      on the heap, the cursor's.
 * Errors      -LT_EAGAIN: command_stream_fetch must be called first; -LT_EYIELD: it has looked at
 *             many; 286 ChangeStreamHistoryLost.
 */
#ifndef COMMAND_STREAM_H
#define COMMAND_STREAM_H

#include "command/events.h"
#include "command/place.h"
#include "command/server.h"
#include "command/sieve.h"
#include "store/history.h"

enum command_stream_scope {
    COMMAND_STREAM_COLLECTION,
    COMMAND_STREAM_DATABASE,
    COMMAND_STREAM_ALL,
    COMMAND_STREAM_ENTRIES /* is asked for entries only */
};

enum { COMMAND_STREAM_FETCHED_MAX = 64 };

struct command_stream {
    struct command_server *server;
    enum command_stream_scope scope;
    struct slice ns;                     /* "db.name" or "db" */
    bool shows_system;                   /* collections whose name begins with "system." */
    bool backward;                       /* of entries: from the place down, */
    bool ended;                          /* and nothing is left */
    bool from_oldest;                    /* the place may be before what the journal has */
    struct command_place place;          /* everything before was looked at */
    struct command_place given;          /* of the document that was made last */
    struct store_tail_entry *entry;      /* that is being looked at, or NULL */
    const struct command_digest *digest; /* of it */
    const uint32_t *marks;               /* of its events, for the sieve, or NULL */
    uint32_t at;                         /* of its events: the next */
    struct command_sieve sieve;
    struct store_tail_entry *fetched[COMMAND_STREAM_FETCHED_MAX]; /* come next */
    uint32_t fetched_count;
    uint32_t fetched_at;
    struct store_history history; /* disk NULL: not needed */
    int fetch_code;
    uint32_t looks; /* since the last yield */
};

struct command_stream *command_stream_new(struct command_server *server,
                                          enum command_stream_scope scope, struct slice ns);
void command_stream_free(struct command_stream *stream);

/* The next event of the scope: 1; 0 there is none yet. It is valid until the next call. */
int command_stream_next(struct command_stream *stream, struct command_event *ret_event,
                        struct err *err);

/* The next entry: 1 it is stream->entry, its events stream->digest; 0 there is none yet. */
int command_stream_entry(struct command_stream *stream, struct err *err);
/* Have done with it. */
void command_stream_leave(struct command_stream *stream);

/* Was a document made for that place? The last one, or the end that followed it. */
static inline bool command_stream_gave(const struct command_stream *stream,
                                       const struct command_place *place)
{
    return place->clock == stream->given.clock && place->number == stream->given.number;
}

/* After -LT_EAGAIN: is it the journal that is to be read? */
static inline bool command_stream_must_fetch(const struct command_stream *stream)
{
    return stream->entry == NULL && stream->fetched_at == stream->fetched_count;
}

/* Read on in the journal's files. Blocks. */
void command_stream_fetch(struct command_stream *stream);

/* The hybrid time to wait for before there can be more. */
static inline uint64_t command_stream_awaits(const struct command_stream *stream)
{
    return stream->place.clock + 1;
}

#endif
