/* command/retry.c - runs of results, and the parts in which they are stored. */
#include "command/retry.h"

#include <assert.h>

#include "base/planted.h"
#include "store/keys.h"

enum { RETRY_VERSION = 1, RETRY_HEADER = 18, RETRY_RUN = 14, RETRY_PART_BYTES = 4096 };

struct retry_run {
    int32_t first;
    uint32_t count;
    struct command_retry_result result;
    size_t size; /* in the buffer */
};

static struct retry_run retry_run_at(const struct buf *runs, size_t at)
{
    struct retry_run run;
    const uint8_t *data = runs->data + at;
    uint32_t extra_len;
    memcpy(&run.first, data, 4);
    memcpy(&run.count, data + 4, 4);
    memcpy(&extra_len, data + 10, 4);
    run.result =
        (struct command_retry_result){data[8], data[9], slice_of(data + RETRY_RUN, extra_len)};
    run.size = RETRY_RUN + extra_len;
    return run;
}

void command_retry_init(struct command_retry *retry)
{
    *retry = (struct command_retry){.txn_number = -1};
    buf_init(&retry->runs, NULL);
}

void command_retry_close(struct command_retry *retry)
{
    buf_close(&retry->runs);
}

/* ---- results ---- */

bool command_retry_find(const struct command_retry *retry, int32_t statement, size_t *at,
                        struct command_retry_result *ret_result)
{
    size_t start = *at < retry->runs.len ? *at : 0;
    size_t here = start;
    while (retry->runs.len > 0 && !PLANTED(repeated)) {
        struct retry_run run = retry_run_at(&retry->runs, here);
        if (statement >= run.first && (uint32_t)(statement - run.first) < run.count) {
            *at = here;
            *ret_result = run.result;
            return true;
        }
        here = here + run.size == retry->runs.len ? 0 : here + run.size;
        if (here == start) {
            return false;
        }
    }
    return false;
}

/* One more of the same kind, behind the newest? */
static bool retry_extend(struct command_retry *retry, int32_t statement,
                         const struct command_retry_result *result)
{
    if (retry->last_run == retry->runs.len) {
        return false;
    }
    struct retry_run run = retry_run_at(&retry->runs, retry->last_run);
    bool alike = run.result.n == result->n && run.result.n_modified == result->n_modified &&
                 run.result.extra.len == 0 && result->extra.len == 0;
    if (!alike || (int64_t)run.first + run.count != statement) {
        return false;
    }
    run.count++;
    memcpy(retry->runs.data + retry->last_run + 4, &run.count, 4);
    return true;
}

void command_retry_note(struct command_retry *retry, int32_t statement,
                        const struct command_retry_result *result)
{
    uint32_t count = 1;
    uint32_t extra_len = (uint32_t)result->extra.len;
    assert(result->n <= UINT8_MAX && result->n_modified <= UINT8_MAX);
    retry->changed = true;
    if (retry_extend(retry, statement, result)) {
        return;
    }
    retry->last_run = retry->runs.len;
    buf_append(&retry->runs, &statement, 4);
    buf_append(&retry->runs, &count, 4);
    buf_append_byte(&retry->runs, (uint8_t)result->n);
    buf_append_byte(&retry->runs, (uint8_t)result->n_modified);
    buf_append(&retry->runs, &extra_len, 4);
    buf_append_slice(&retry->runs, result->extra);
}

void command_retry_begin(struct command_retry *retry, int64_t txn_number,
                         enum command_retry_state state)
{
    assert(retry->loaded && txn_number > retry->txn_number);
    retry->stale = retry->stale > retry->part ? retry->stale : retry->part;
    retry->txn_number = txn_number;
    retry->state = state;
    retry->runs.len = 0;
    retry->last_run = 0;
    retry->part_start = 0;
    retry->part = 0;
}

/* ---- storing ---- */

static void retry_put_part(const struct command_retry *retry, struct store_writer *writer,
                           struct slice session, int64_t now_ms)
{
    struct buf key;
    struct buf value;
    buf_init(&key, NULL);
    buf_init(&value, NULL);
    store_key_session(&key, session, retry->part);
    buf_reserve(&value, RETRY_HEADER + retry->runs.len - retry->part_start);
    buf_append_byte(&value, RETRY_VERSION);
    buf_append_byte(&value, (uint8_t)retry->state);
    buf_append(&value, &retry->txn_number, sizeof retry->txn_number);
    buf_append(&value, &now_ms, sizeof now_ms);
    buf_append_slice(&value, slice_from(buf_slice(&retry->runs), retry->part_start));
    store_writer_put(writer, buf_slice(&key), buf_slice(&value));
    buf_close(&key);
    buf_close(&value);
}

static void retry_delete_parts(struct store_writer *writer, struct slice session, uint32_t from,
                               uint32_t to)
{
    struct buf key;
    buf_init(&key, NULL);
    for (uint32_t part = from; part <= to; part++) {
        key.len = 0;
        store_key_session(&key, session, part);
        store_writer_delete(writer, buf_slice(&key));
    }
    buf_close(&key);
}

void command_retry_flush(struct command_retry *retry, struct store_writer *writer,
                         struct slice session, int64_t now_ms)
{
    if (!retry->changed || PLANTED(unrecorded)) {
        return;
    }
    retry_put_part(retry, writer, session, now_ms);
    retry_delete_parts(writer, session, retry->part + 1, retry->stale);
    retry->stale = 0;
    retry->stored = true;
    retry->changed = false;
    if (retry->runs.len - retry->part_start >= RETRY_PART_BYTES) {
        retry->part++;
        retry->part_start = retry->runs.len;
        retry->last_run = retry->runs.len;
    }
}

void command_retry_forget(struct command_retry *retry, struct store_writer *writer,
                          struct slice session)
{
    uint32_t last = retry->stale > retry->part ? retry->stale : retry->part;
    if (retry->stored) {
        retry_delete_parts(writer, session, 0, last);
    }
    retry->stored = false;
}

/* ---- loading ---- */

int command_retry_read(struct slice record, struct command_retry_head *ret_head)
{
    if (record.len < RETRY_HEADER || record.data[0] != RETRY_VERSION) {
        return -LT_ECORRUPT;
    }
    ret_head->state = record.data[1];
    memcpy(&ret_head->txn_number, record.data + 2, sizeof ret_head->txn_number);
    memcpy(&ret_head->used_ms, record.data + 10, sizeof ret_head->used_ms);
    return 0;
}

static bool retry_runs_are_sound(struct slice runs)
{
    while (runs.len >= RETRY_RUN) {
        uint32_t extra_len;
        memcpy(&extra_len, runs.data + 10, 4);
        if (extra_len > runs.len - RETRY_RUN) {
            return false;
        }
        runs = slice_from(runs, RETRY_RUN + extra_len);
    }
    return runs.len == 0;
}

/* Take in one part: 1 it belongs to the number, 0 it is an older one's, negative. */
static int retry_take_part(struct command_retry *retry, struct slice record)
{
    struct command_retry_head head;
    int code = command_retry_read(record, &head);
    if (code < 0 || !retry_runs_are_sound(slice_from(record, RETRY_HEADER))) {
        return -LT_ECORRUPT;
    }
    if (retry->stored && head.txn_number != retry->txn_number) {
        return 0;
    }
    retry->stored = true;
    retry->txn_number = head.txn_number;
    retry->state = head.state;
    retry->part_start = retry->runs.len;
    buf_append_slice(&retry->runs, slice_from(record, RETRY_HEADER));
    return 1;
}

int command_retry_load(struct command_retry *retry, struct store_view *view, struct slice session)
{
    struct command_retry loaded;
    struct buf key;
    int code = retry->loaded ? 0 : 1;
    command_retry_init(&loaded);
    buf_init(&key, NULL);
    for (uint32_t part = 0; code > 0; part++) {
        struct store_pin pin;
        key.len = 0;
        store_key_session(&key, session, part);
        code = store_view_get(view, buf_slice(&key), &pin);
        if (code == 0) {
            code = retry_take_part(&loaded, pin.value);
            store_pin_release(&pin);
            loaded.part = code > 0 ? part : loaded.part;
        }
    }
    buf_close(&key);
    if (retry->loaded || (code < 0 && code != -LT_ENOSUCHKEY)) {
        command_retry_close(&loaded);
        return retry->loaded ? 0 : code;
    }
    *retry = loaded;
    retry->loaded = true;
    retry->last_run = retry->runs.len;
    return 0;
}
