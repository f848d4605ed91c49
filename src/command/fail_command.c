/* command/fail_command.c - what the data of a fail point says, and failing so.
 *
 *   {failCommands: [name], appName, namespace,           who is hit
 *    blockConnection, blockTimeMS,                       held up first
 *    closeConnection | errorCode | writeConcernError,    then
 *    errorLabels}                                        in place of those it would have */
#include <strings.h>

#include "command/fail_point.h"
#include "command/fail_point_private.h"
#include "command/handlers.h"
#include "doc/view.h"

static const struct {
    const char *name;
    enum doc_type type; /* of a number: DOC_INT32 stands for all */
} fail_fields[] = {
    {"failCommands", DOC_ARRAY},       {"appName", DOC_STRING},
    {"namespace", DOC_STRING},         {"blockConnection", DOC_BOOL},
    {"blockTimeMS", DOC_INT32},        {"closeConnection", DOC_BOOL},
    {"errorCode", DOC_INT32},          {"errorLabels", DOC_ARRAY},
    {"writeConcernError", DOC_OBJECT}, {"failInternalCommands", DOC_BOOL},
};

/* ---- checking it ---- */

static int fail_check_field(struct command_op *op, struct doc_elem elem)
{
    for (size_t i = 0; i < sizeof fail_fields / sizeof fail_fields[0]; i++) {
        bool number = fail_fields[i].type == DOC_INT32;
        if (!slice_is(elem.name, fail_fields[i].name) || elem.value.type == fail_fields[i].type ||
            (number && doc_value_is_number(elem.value))) {
            continue;
        }
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'data.%s' is the wrong type '%s', expected type '%s'",
                       fail_fields[i].name, doc_type_name(elem.value.type),
                       number ? "number" : doc_type_name(fail_fields[i].type));
    }
    return 0;
}

static int fail_check_strings(struct command_op *op, const char *name, struct doc_value list)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (!doc_value_exists(list)) {
        return 0;
    }
    doc_iter_value(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_STRING) {
            return err_set(&op->err, LT_ETYPEMISMATCH, "data.%s must be an array of strings", name);
        }
    }
    return 0;
}

/* Those of our own mean something else than an error. */
static int fail_check_code(struct command_op *op, struct doc_value code)
{
    int64_t number = doc_value_exists(code) ? doc_value_to_i64_clamped(code) : 1;
    if (number > 0 && number <= INT32_MAX && (number < LT_EAGAIN || number > LT_ELOCKED)) {
        return 0;
    }
    return err_set(&op->err, LT_EBADVALUE, "%lld cannot be an errorCode", (long long)number);
}

int command__fail_check(struct command_op *op, struct slice data)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_init(&iter, data);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = fail_check_field(op, elem);
    }
    code =
        code < 0 ? code : fail_check_strings(op, "failCommands", doc_get_str(data, "failCommands"));
    code =
        code < 0 ? code : fail_check_strings(op, "errorLabels", doc_get_str(data, "errorLabels"));
    struct doc_value time = doc_get_str(data, "blockTimeMS");
    bool blocks = doc_value_truth(doc_get_str(data, "blockConnection"));
    if (code == 0 && blocks && !doc_value_exists(time)) {
        code = err_set(&op->err, LT_EINVALIDOPTIONS,
                       "must specify 'blockTimeMS' when 'blockConnection' is true");
    }
    if (code == 0 && doc_value_exists(time) &&
        (doc_value_to_i64_clamped(time) < 0 || doc_value_to_i64_clamped(time) > INT32_MAX)) {
        code = err_set(&op->err, LT_EBADVALUE, "'blockTimeMS' must be non-negative");
    }
    return code < 0 ? code : fail_check_code(op, doc_get_str(data, "errorCode"));
}

/* ---- who is hit ---- */

/* Spelled as it may be: commands have names that older clients write otherwise. */
static bool fail_names_command(struct slice data, const char *name)
{
    struct doc_value list = doc_get_str(data, "failCommands");
    struct doc_iter iter;
    struct doc_elem elem;
    if (!doc_value_exists(list)) {
        return true;
    }
    doc_iter_value(&iter, list);
    while (doc_iter_next(&iter, &elem)) {
        struct slice given = doc_value_get_string(elem.value);
        if (given.len == strlen(name) &&
            strncasecmp((const char *)given.data, name, given.len) == 0) {
            return true;
        }
    }
    return false;
}

static bool fail_names_namespace(const struct command_op *op, struct slice data)
{
    struct doc_value given = doc_get_str(data, "namespace");
    struct doc_value name = doc_first(op->body).value;
    if (!doc_value_exists(given)) {
        return true;
    }
    if (name.type != DOC_STRING) {
        name = doc_get_str(op->body, "collection"); /* a getMore's */
    }
    struct slice ns = doc_value_get_string(given);
    return name.type == DOC_STRING && slice_starts(ns, op->db) && ns.len > op->db.len &&
           ns.data[op->db.len] == '.' &&
           slice_equal(slice_from(ns, op->db.len + 1), doc_value_get_string(name));
}

bool command__fail_matches(const struct command_op *op, struct slice data)
{
    struct doc_value app = doc_get_str(data, "appName");
    bool mine = !doc_value_exists(app) || slice_is(doc_value_get_string(app), op->client->app_name);
    return mine && op->command->run != command_configure_fail_point &&
           fail_names_command(data, op->command->name) && fail_names_namespace(op, data);
}

/* ---- failing ---- */

static int fail_now(struct command_op *op)
{
    struct doc_value code = doc_get_str(op->fail, "errorCode");
    if (doc_value_truth(doc_get_str(op->fail, "closeConnection"))) {
        op->hang_up = true;
        op->close_after = true;
        return err_set(&op->err, LT_ESOCKETEXCEPTION, "the connection is closed by a fail point");
    }
    if (doc_value_exists(code)) {
        return err_set(&op->err, (int)doc_value_to_i64_clamped(code),
                       "Failing command via 'failCommand' failpoint");
    }
    return 0;
}

int command_fail_before(struct command_op *op)
{
    if (op->fail.data == NULL) {
        if (!command_fail_point_hits(op, COMMAND_FAIL_POINT_failCommand, &op->fail)) {
            return 0;
        }
        bool blocks = doc_value_truth(doc_get_str(op->fail, "blockConnection"));
        if (blocks) {
            int64_t ms = doc_value_to_i64_clamped(doc_get_str(op->fail, "blockTimeMS"));
            op->wake_us = op->mono_us + (uint64_t)ms * 1000;
        }
    }
    if (op->wake_us > op->mono_us) {
        return -LT_EYIELD;
    }
    op->wake_us = 0;
    return fail_now(op);
}

int command_fail_getmore(struct command_op *op)
{
    return command_fail_point_hits(op, COMMAND_FAIL_POINT_failGetMoreAfterCursorCheckout, &op->fail)
               ? fail_now(op)
               : 0;
}

int command_fail_concern(struct command_op *op)
{
    struct doc_value error = doc_get_str(op->fail, "writeConcernError");
    if (!doc_value_exists(error)) {
        return 0;
    }
    doc_build_value(&op->builder, SLICE("writeConcernError"), error);
    struct doc_value code = doc_get_str(doc_value_get_doc(error), "code");
    return doc_value_is_number(code) ? (int)doc_value_to_i64_clamped(code) : LT_EUNKNOWNERROR;
}
