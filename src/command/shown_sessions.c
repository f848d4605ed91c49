/* command/shown_sessions.c - config.system.sessions, what the process knows; config.transactions,
 * what is recorded of sessions that wrote. */
#include "base/mem.h"
#include "command/server.h"
#include "command/session.h"
#include "command/shown.h"
#include "store/keys.h"

enum { SHOWN_LOOKS_MAX = 128 };

/* The sessions there were when the reader was opened; both collections begin with them. */
struct shown_sessions {
    struct arena arena;
    struct command_session_info *infos;
    uint32_t count;
    uint32_t at;
    bool backward;
    uint64_t term;
};

static void *shown_sessions_open(const struct command_shown *shown, const struct command_read *read)
{
    struct shown_sessions *reader = mem_zero(1, sizeof *reader);
    arena_init(&reader->arena);
    reader->backward = read->plan.branches[0].backward;
    reader->term = atomic_load(&shown->server->term);
    struct command_session_whose everybody = {0};
    reader->infos =
        command_sessions_list(shown->server->sessions, &reader->arena, &everybody, &reader->count);
    return reader;
}

static void shown_sessions_close(void *context)
{
    struct shown_sessions *reader = context;
    arena_close(&reader->arena);
    mem_free(reader);
}

static const struct command_session_info *shown_session(const struct shown_sessions *reader)
{
    return &reader->infos[reader->backward ? reader->count - 1 - reader->at : reader->at];
}

static int shown_sessions_next(void *context, struct command_read *read, struct slice *ret_doc)
{
    struct shown_sessions *reader = context;
    if (reader->at == reader->count) {
        return 0;
    }
    *ret_doc = command_session_build(&read->scratch, shown_session(reader));
    reader->at++;
    return 1;
}

const struct command_shown_ops command_shown_sessions = {
    .db = "config",
    .name = "system.sessions",
    .open = shown_sessions_open,
    .next = shown_sessions_next,
    .close = shown_sessions_close,
};

/* ---- config.transactions ---- */

static struct slice shown_transaction(const struct shown_sessions *reader, struct arena *arena,
                                      const struct command_session_info *info,
                                      const struct command_retry_head *head)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_build_open(builder, SLICE("_id"));
    command_session_build_id(builder, info);
    doc_build_close(builder);
    doc_build_i64(builder, "txnNum", head->txn_number);
    doc_build_open(builder, SLICE("lastWriteOpTime"));
    doc_build_timestamp(builder, "ts", (uint64_t)(head->used_ms / 1000) << 32);
    doc_build_i64(builder, "t", (int64_t)reader->term);
    doc_build_close(builder);
    doc_build_date(builder, "lastWriteDate", head->used_ms);
    if (head->state == COMMAND_RETRY_COMMITTED) {
        doc_build_text(builder, "state", "committed");
    }
    return doc_build_end(builder);
}

/* The session's record, if it has written: 1; 0 it has none. */
static int shown_transactions_look(const struct shown_sessions *reader, struct command_read *read,
                                   struct slice *ret_doc)
{
    const struct command_session_info *info = shown_session(reader);
    struct command_retry_head head;
    struct store_pin pin;
    struct buf key;
    buf_init(&key, &read->scratch);
    store_key_session(&key, slice_of(info->key, sizeof info->key), 0);
    int code = store_view_get(read->view, buf_slice(&key), &pin);
    if (code < 0) {
        return code == -LT_ENOSUCHKEY ? 0 : code;
    }
    code = command_retry_read(pin.value, &head);
    store_pin_release(&pin);
    if (code < 0) {
        return code;
    }
    *ret_doc = shown_transaction(reader, &read->scratch, info, &head);
    return 1;
}

static int shown_transactions_next(void *context, struct command_read *read, struct slice *ret_doc)
{
    struct shown_sessions *reader = context;
    int code = 0;
    for (int looks = 0; code == 0 && reader->at < reader->count; looks++) {
        if (looks == SHOWN_LOOKS_MAX) {
            return -LT_EYIELD;
        }
        code = shown_transactions_look(reader, read, ret_doc);
        reader->at += code >= 0;
    }
    return code;
}

const struct command_shown_ops command_shown_transactions = {
    .db = "config",
    .name = "transactions",
    .open = shown_sessions_open,
    .next = shown_transactions_next,
    .close = shown_sessions_close,
};
