/* command/labels.c - which errors are worth another try, by the drivers' specifications. */
#include "command/labels.h"

#include "command/txn.h"
#include "doc/view.h"

enum { LABELS_MAX = 8 };

/* The server is not, or is no more, the one to ask. */
static const int labels_state[] = {
    LT_ESHUTDOWNINPROGRESS,      LT_EPRIMARYSTEPPEDDOWN,    LT_ELEGACYNOTPRIMARY,
    LT_ENOTWRITABLEPRIMARY,      LT_EINTERRUPTEDATSHUTDOWN, LT_EINTERRUPTEDDUETOREPLSTATECHANGE,
    LT_ENOTPRIMARYNOSECONDARYOK, LT_ENOTPRIMARYORSECONDARY,
};

/* The way there may be broken, or long. */
static const int labels_network[] = {
    LT_EHOSTUNREACHABLE,   LT_EHOSTNOTFOUND,    LT_ENETWORKTIMEOUT,
    LT_EEXCEEDEDTIMELIMIT, LT_ESOCKETEXCEPTION,
};

/* The transaction came to nothing, and may be tried again whole. */
static const int labels_transient[] = {
    LT_EWRITECONFLICT,
    LT_ENOSUCHTRANSACTION,
    LT_ESNAPSHOTUNAVAILABLE,
    LT_ELOCKTIMEOUT,
    LT_ETRANSACTIONEXCEEDEDLIFETIMELIMITSECONDS,
};

static bool labels_has(const int *codes, size_t count, int code)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i] == code) {
            return true;
        }
    }
    return false;
}

bool command_error_is_of_state(int code)
{
    return labels_has(labels_state, sizeof labels_state / sizeof labels_state[0], code);
}

static bool labels_is_retryable(int code)
{
    return (command_error_is_of_state(code) && code != LT_ELEGACYNOTPRIMARY) ||
           labels_has(labels_network, sizeof labels_network / sizeof labels_network[0], code);
}

static bool labels_ends_txn(const struct command_op *op)
{
    return op->command != NULL && (op->command->flags & COMMAND_TXN_END) != 0;
}

/* Would the server know this write again? The ends of transactions always are such writes. */
static bool labels_is_retryable_write(const struct command_op *op)
{
    uint8_t session[16];
    bool numbered =
        command_session_id(op->common.session, session) && op->common.txn_number.type == DOC_INT64;
    return numbered && (labels_ends_txn(op) || !command_is_in_txn(op));
}

/* Is nothing left of the transaction? Of its end nobody knows when the way there is broken. */
static bool labels_is_transient(const struct command_op *op, int code)
{
    return labels_has(labels_transient, sizeof labels_transient / sizeof labels_transient[0],
                      code) ||
           (labels_is_retryable(code) && !labels_ends_txn(op));
}

/* May the stream be opened again where it was, or is it over for good? */
static size_t labels_of_stream(int code, const char **labels)
{
    if (code == LT_ECHANGESTREAMHISTORYLOST || code == LT_ECHANGESTREAMFATALERROR ||
        code == LT_EINVALIDRESUMETOKEN) {
        *labels = "NonResumableChangeStreamError";
        return 1;
    }
    *labels = "ResumableChangeStreamError";
    return labels_is_retryable(code);
}

/* Those that a fail point has set. */
static void labels_build_given(struct command_op *op, struct slice labels)
{
    if (!doc_is_empty(labels)) {
        doc_build_array(&op->builder, "errorLabels", labels);
    }
}

void command_error_labels(struct command_op *op, int code)
{
    const char *labels[LABELS_MAX];
    size_t count = 0;
    struct doc_value given =
        op->fail.data == NULL ? doc_missing : doc_get_str(op->fail, "errorLabels");
    if (doc_value_exists(given)) {
        labels_build_given(op, doc_value_get_doc(given));
        return;
    }
    if (code == LT_EINGRESSREQUESTRATELIMITEXCEEDED) {
        labels[count++] = "SystemOverloadedError";
        labels[count++] = "RetryableError";
    }
    if (labels_is_retryable(code) && labels_is_retryable_write(op)) {
        labels[count++] = "RetryableWriteError";
        if (op->stage != COMMAND_RUNS) {
            labels[count++] = "NoWritesPerformed";
        }
    }
    if (command_is_in_txn(op) && labels_is_transient(op, code)) {
        labels[count++] = "TransientTransactionError";
    }
    if (op->follows_log) {
        count += labels_of_stream(code, &labels[count]);
    }
    if (count == 0) {
        return;
    }
    doc_build_open_array(&op->builder, SLICE("errorLabels"));
    for (size_t i = 0; i < count; i++) {
        doc_build_text(&op->builder, "", labels[i]);
    }
    doc_build_close(&op->builder);
}
