/* cache/foresee_stream.c - misses that go up or down within a collection, and how far to read ahead
 * of them.
 *
 * A miss belongs to the stream of its collection that it is nearest to. If that one has run for a
 * while, the miss must go on in its direction, and not be much further away than the stream's
 * misses are from one another; if not, the miss may be of another reader, and so begins a stream of
 * its own and leaves the other where it was. How far keys are apart is told by the bytes from the
 * first on in which they differ: keys order like their bytes (doc/key.h). After some misses in
 * order the records that follow are fetched; when the reader is half-way through them, twice as
 * many. A reader that misses what was fetched ahead of it begins with few again. */
#include <math.h>
#include <string.h>

#include "cache/foresee_private.h"

enum {
    STREAM_RUN_LEAST = 2, /* misses in order after the first before something is fetched ahead */
    STREAM_WINDOW_MIN = 4,
    STREAM_WINDOW_MAX = 64,
    STREAM_REACH = 3, /* of a stream's last step, how far the next may be */
};

/* From a to b: positive when b is behind a. Bytes that they share do not count. */
static double stream_distance(const struct cache_foresee_key *a, struct slice b)
{
    size_t at = 0;
    double distance = 0;
    while (at < a->len && at < b.len && a->bytes[at] == b.data[at]) {
        at++;
    }
    for (size_t i = at; i < at + sizeof(uint64_t); i++) {
        int from = i < a->len ? a->bytes[i] : 0;
        int to = i < b.len ? b.data[i] : 0;
        distance += ldexp(to - from, -8 * (int)i);
    }
    return distance;
}

static void stream_set_key(struct cache_foresee_key *key, struct slice bytes)
{
    key->len = bytes.len > sizeof key->bytes ? 0 : (uint8_t)bytes.len;
    if (key->len > 0) {
        memcpy(key->bytes, bytes.data, key->len);
    }
}

static bool stream_is_weak(const struct cache_stream *stream)
{
    return stream->run < STREAM_RUN_LEAST;
}

/* In the stream's direction: positive when the key is behind `from`. */
static double stream_behind(const struct cache_stream *stream, const struct cache_foresee_key *from,
                            struct slice key)
{
    return (stream->backward ? -1 : 1) * stream_distance(from, key);
}

/* Is the key among those that were fetched ahead? */
static bool stream_is_lost(const struct cache_stream *stream, struct slice key)
{
    return stream->edge.len > 0 && stream_behind(stream, &stream->edge, key) <= 0;
}

/* How far the key is from the stream if it belongs to it; else negative. */
static double stream_fits(const struct cache_stream *stream, struct slice key)
{
    if (stream_is_weak(stream)) {
        return fabs(stream_distance(&stream->last, key));
    }
    double behind = stream_behind(stream, &stream->last, key);
    if (behind > 0 && stream_is_lost(stream, key)) {
        return behind;
    }
    double beyond = stream->edge.len == 0 ? behind : stream_behind(stream, &stream->edge, key);
    return beyond <= STREAM_REACH * stream->stride ? beyond : -1;
}

/* The stream that the key goes on with; NULL: none. *ret_free: where a new one can begin. */
static struct cache_stream *stream_find(struct cache_streams *streams,
                                        const struct cache_foreseen *seen,
                                        struct cache_stream **ret_free)
{
    struct cache_stream *best = NULL;
    struct cache_stream *oldest = NULL;
    struct cache_stream *own = NULL; /* the oldest of the collection */
    uint32_t count = 0;
    double nearest = INFINITY;
    for (uint32_t i = 0; i < CACHE_STREAMS; i++) {
        struct cache_stream *stream = &streams->all[i];
        uint32_t age = streams->events - stream->touched;
        oldest = oldest == NULL || age > streams->events - oldest->touched ? stream : oldest;
        if (stream->collection != seen->collection) {
            continue;
        }
        count++;
        own = own == NULL || age > streams->events - own->touched ? stream : own;
        double distance = stream_fits(stream, seen->key);
        if (distance > 0 && distance < nearest) {
            nearest = distance;
            best = stream;
        }
    }
    *ret_free = count < CACHE_STREAMS_PER_COLLECTION ? oldest : own;
    return best;
}

static bool stream_guess(struct cache_streams *streams, struct cache_stream *stream,
                         struct cache_foresee_key from, struct cache_guess *ret_guess)
{
    if (stream->waits || from.len == 0) {
        return false;
    }
    stream->waits = true;
    stream->mark = 0;
    *ret_guess = (struct cache_guess){
        .kind = CACHE_GUESS_SEQUENCE,
        .backward = stream->backward,
        .count = stream->window,
        .stream = (uint32_t)(stream - streams->all),
        .serial = ++stream->serial,
        .collection = stream->collection,
        .keys = {from},
    };
    return true;
}

/* The next miss of a stream that has run for a while. */
static void stream_step(struct cache_stream *stream, struct slice key)
{
    if (stream_is_lost(stream, key)) {
        stream->window = STREAM_WINDOW_MIN;
    } else if (stream->edge.len == 0) {
        stream->stride = stream_behind(stream, &stream->last, key);
    }
}

/* A new stream, which goes on with a weak one where that may be; NULL: with none. */
static void stream_begin(struct cache_stream *fresh, const struct cache_stream *weak,
                         const struct cache_foreseen *seen)
{
    struct cache_stream stream = {.collection = seen->collection,
                                  .serial = fresh->serial +
                                            1, /* guesses of the old one are not its own */
                                  .window = STREAM_WINDOW_MIN};
    if (weak != NULL) {
        double step = stream_distance(&weak->last, seen->key);
        bool same = weak->run == 0 ||
                    (weak->backward == (step < 0) && fabs(step) <= STREAM_REACH * weak->stride);
        stream.run = same ? weak->run + 1 : 1;
        stream.backward = step < 0;
        stream.stride = fabs(step);
    }
    *fresh = stream;
}

bool cache__streams_miss(struct cache_streams *streams, const struct cache_foreseen *seen,
                         struct cache_guess *ret_guess)
{
    struct cache_stream *fresh;
    struct cache_stream *stream = stream_find(streams, seen, &fresh);
    streams->events++;
    if (stream == NULL || stream_is_weak(stream)) {
        stream_begin(fresh, stream, seen);
        stream = fresh;
    } else {
        stream_step(stream, seen->key);
    }
    stream->touched = streams->events;
    stream_set_key(&stream->last, seen->key);
    return !stream_is_weak(stream) && stream_guess(streams, stream, stream->last, ret_guess);
}

bool cache__streams_used(struct cache_streams *streams, const struct cache_foreseen *seen,
                         struct cache_guess *ret_guess)
{
    for (uint32_t i = 0; i < CACHE_STREAMS; i++) {
        struct cache_stream *stream = &streams->all[i];
        if (stream->collection == seen->collection && stream->mark == seen->hash) {
            stream->touched = ++streams->events;
            stream_set_key(&stream->last, seen->key);
            stream->window =
                stream->window < STREAM_WINDOW_MAX / 2 ? stream->window * 2 : STREAM_WINDOW_MAX;
            return stream_guess(streams, stream, stream->edge, ret_guess);
        }
    }
    return false;
}

void cache__streams_done(struct cache_streams *streams, const struct cache_guess *guess,
                         const struct cache_guessed *guessed)
{
    struct cache_stream *stream = &streams->all[guess->stream];
    if (stream->serial != guess->serial) {
        return;
    }
    stream->waits = false;
    stream->mark = guessed->fetched == 0 ? 0 : guessed->mark_hash;
    stream_set_key(&stream->edge, guessed->edge);
}
