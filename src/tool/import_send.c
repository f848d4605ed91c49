/* tool/import_send.c - threads that take batches from a queue and send each as one command.
 *
 * The server answers for each document that it refused; these are reported by their lines. What
 * fails as a whole (a lost connection, a refused command) stops the import: going on could hide
 * which documents arrived. */
#include <stdio.h>

#include "base/mem.h"
#include "doc/build.h"
#include "doc/view.h"
#include "tool/import_private.h"
#include "wire/compose.h"

struct import_batch *tool__batch_new(const struct import_settings *settings)
{
    struct import_batch *batch = mem_zero(1, sizeof *batch);
    buf_init(&batch->docs, NULL);
    batch->lines = mem_zero(settings->batch_docs, sizeof *batch->lines);
    return batch;
}

void tool__batch_free(struct import_batch *batch)
{
    if (batch != NULL) {
        buf_close(&batch->docs);
        mem_free(batch->lines);
        mem_free(batch);
    }
}

/* ---- one batch ---- */

static int sender_command(struct import_sender *sender, const struct import_batch *batch,
                          struct slice *ret_reply, struct err *err)
{
    const struct import_settings *settings = sender->senders->settings;
    struct doc_builder builder;
    bool inserts = settings->keys_count == 0;
    struct buf *out = tool_client_begin(&sender->client);
    doc_build_begin(&builder, out);
    doc_build_text(&builder, inserts ? "insert" : "update", settings->collection);
    doc_build_bool(&builder, "ordered", settings->stop_on_error);
    doc_build_text(&builder, "$db", settings->db);
    doc_build_end(&builder);
    size_t start = wire_compose_sequence(out, inserts ? SLICE("documents") : SLICE("updates"));
    buf_append_slice(out, buf_slice(&batch->docs));
    wire_compose_sequence_end(out, start);
    int code = tool_client_send(&sender->client, 0, err);
    return code < 0 ? code : tool_client_receive(&sender->client, ret_reply, err);
}

static void sender_complain(struct import_report *report, const struct import_batch *batch,
                            int64_t index, struct slice error)
{
    char words[ERR_TEXT_MAX];
    struct doc_value text = doc_get_str(error, "errmsg");
    struct slice message = text.type == DOC_STRING ? doc_value_get_string(text) : SLICE("refused");
    snprintf(words, sizeof words, "%.*s", SLICE_FMT(message));
    tool__report_failed(report, batch->lines[index], words);
}

/* Count what was refused; *ret_tried is how many documents the server looked at. */
static int sender_read_errors(struct import_report *report, const struct import_batch *batch,
                              struct slice reply, bool ordered, struct err *err)
{
    struct doc_value errors = doc_get_str(reply, "writeErrors");
    struct doc_value concern = doc_get_str(reply, "writeConcernError");
    struct doc_iter iter;
    struct doc_elem elem;
    uint64_t tried = batch->count;
    uint64_t failed = 0;
    if (concern.type == DOC_OBJECT) {
        return err_set(err, LT_EUNKNOWNERROR, "the server could not make the writes durable");
    }
    doc_iter_value(&iter, errors.type == DOC_ARRAY ? errors : doc_empty_array);
    while (doc_iter_next(&iter, &elem)) {
        struct slice error = elem.value.type == DOC_OBJECT ? doc_value_get_doc(elem.value)
                                                           : doc_value_get_doc(doc_empty_object);
        struct doc_value number = doc_get_str(error, "index");
        int64_t index = doc_value_is_number(number) ? doc_value_to_i64_clamped(number) : -1;
        if (index < 0 || index >= batch->count) {
            return err_set(err, LT_EPROTOCOLERROR, "a write error without a place");
        }
        sender_complain(report, batch, index, error);
        failed++;
        tried = ordered ? (uint64_t)index + 1 : tried;
    }
    tool__report_done(report, tried - failed);
    return failed > 0 && ordered ? err_set(err, LT_EINTERRUPTED, "stopped at the first error") : 0;
}

static int sender_send(struct import_sender *sender, const struct import_batch *batch,
                       struct err *err)
{
    const struct import_senders *senders = sender->senders;
    struct slice reply;
    int code = sender_command(sender, batch, &reply, err);
    return code < 0 ? code
                    : sender_read_errors(senders->report, batch, reply,
                                         senders->settings->stop_on_error, err);
}

/* ---- the queue ---- */

static struct import_batch *senders_take(struct import_senders *senders)
{
    pthread_mutex_lock(&senders->lock);
    while (senders->first == NULL && !senders->closing && !senders->stopped) {
        pthread_cond_wait(&senders->changed, &senders->lock);
    }
    struct import_batch *batch = senders->stopped ? NULL : senders->first;
    if (batch != NULL) {
        senders->first = batch->next;
        senders->waiting--;
        pthread_cond_broadcast(&senders->changed);
    }
    pthread_mutex_unlock(&senders->lock);
    return batch;
}

static void senders_stop(struct import_senders *senders, const struct err *err)
{
    pthread_mutex_lock(&senders->lock);
    if (!senders->stopped) {
        senders->stopped = true;
        senders->problem = *err;
    }
    pthread_cond_broadcast(&senders->changed);
    pthread_mutex_unlock(&senders->lock);
}

static void *sender_run(void *context)
{
    struct import_sender *sender = context;
    struct import_batch *batch;
    while ((batch = senders_take(sender->senders)) != NULL) {
        struct err err = {0};
        if (sender_send(sender, batch, &err) < 0) {
            senders_stop(sender->senders, &err);
        }
        tool__batch_free(batch);
    }
    return NULL;
}

bool tool__senders_give(struct import_senders *senders, struct import_batch *batch)
{
    pthread_mutex_lock(&senders->lock);
    while (senders->waiting >= 2 * senders->count && !senders->stopped) {
        pthread_cond_wait(&senders->changed, &senders->lock);
    }
    bool taken = !senders->stopped;
    if (taken) {
        batch->next = NULL;
        if (senders->first == NULL) {
            senders->first = batch;
        } else {
            senders->last->next = batch;
        }
        senders->last = batch;
        senders->waiting++;
        pthread_cond_broadcast(&senders->changed);
    }
    pthread_mutex_unlock(&senders->lock);
    if (!taken) {
        tool__batch_free(batch);
    }
    return taken;
}

/* ---- open and close ---- */

static int senders_drop(struct import_senders *senders, struct err *err)
{
    struct doc_builder builder;
    struct slice reply;
    struct tool_client *client = &senders->members[0].client;
    doc_build_begin(&builder, tool_client_begin(client));
    doc_build_text(&builder, "drop", senders->settings->collection);
    doc_build_text(&builder, "$db", senders->settings->db);
    doc_build_end(&builder);
    int code = tool_client_send(client, 0, err);
    code = code < 0 ? code : tool_client_receive(client, &reply, err);
    return code == -LT_ENAMESPACENOTFOUND ? 0 : code;
}

static int senders_start(struct import_senders *senders, struct err *err)
{
    for (uint32_t i = 0; i < senders->settings->connections; i++) {
        struct import_sender *sender = &senders->members[i];
        int code = pthread_create(&sender->thread, NULL, sender_run, sender);
        if (code != 0) {
            return err_set(err, LT_EINTERNALERROR, "cannot start a thread: %s", strerror(code));
        }
        senders->count++;
    }
    return 0;
}

int tool__senders_open(struct import_senders *senders, const struct import_settings *settings,
                       struct import_report *report, struct err *err)
{
    int code = 0;
    *senders = (struct import_senders){.settings = settings, .report = report};
    pthread_mutex_init(&senders->lock, NULL);
    pthread_cond_init(&senders->changed, NULL);
    for (uint32_t i = 0; i < settings->connections; i++) {
        senders->members[i].senders = senders;
        tool_client_init(&senders->members[i].client);
    }
    for (uint32_t i = 0; i < settings->connections && code == 0; i++) {
        code = tool_client_connect(&senders->members[i].client, &settings->target,
                                   "largetable import", err);
    }
    if (code == 0 && settings->drop) {
        code = senders_drop(senders, err);
    }
    return code < 0 ? code : senders_start(senders, err);
}

int tool__senders_close(struct import_senders *senders, struct err *err)
{
    pthread_mutex_lock(&senders->lock);
    senders->closing = true;
    pthread_cond_broadcast(&senders->changed);
    pthread_mutex_unlock(&senders->lock);
    for (uint32_t i = 0; i < senders->count; i++) {
        pthread_join(senders->members[i].thread, NULL);
    }
    for (uint32_t i = 0; i < senders->settings->connections; i++) {
        tool_client_close(&senders->members[i].client);
    }
    while (senders->first != NULL) {
        struct import_batch *batch = senders->first;
        senders->first = batch->next;
        tool__batch_free(batch);
    }
    pthread_cond_destroy(&senders->changed);
    pthread_mutex_destroy(&senders->lock);
    if (!senders->stopped) {
        return 0;
    }
    *err = senders->problem;
    return -err->code;
}
