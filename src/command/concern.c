/* command/concern.c - one table a document, then the rules that bind the fields. */
#include "command/concern.h"

#include <math.h>

#include "command/args.h"
#include "command/causal.h"
#include "command/handlers.h"
#include "command/txn.h"
#include "doc/view.h"

enum { CONCERN_MEMBERS_MAX = 50 };

/* ---- readConcern ---- */

struct concern_read {
    struct slice level;
    struct slice provenance;
    struct doc_value after;
    struct doc_value at;
};

static const struct command_arg concern_read_args[] = {
    {"level", COMMAND_ARG_STRING, offsetof(struct concern_read, level), 0},
    {"provenance", COMMAND_ARG_STRING, offsetof(struct concern_read, provenance), 0},
    {"afterClusterTime", COMMAND_ARG_VALUE, offsetof(struct concern_read, after), 0},
    {"atClusterTime", COMMAND_ARG_VALUE, offsetof(struct concern_read, at), 0},
    {"afterOpTime", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

static bool concern_is_one_of(struct slice text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_is(text, names[i])) {
            return true;
        }
    }
    return false;
}

static int concern_timestamp(struct command_op *op, const char *name, struct doc_value value)
{
    if (!doc_value_exists(value) || value.type == DOC_TIMESTAMP) {
        return 0;
    }
    return err_set(&op->err, LT_ETYPEMISMATCH,
                   "BSON field 'readConcern.%s' is the wrong type '%s', expected type 'timestamp'",
                   name, doc_type_name(value.type));
}

static int concern_provenance(struct command_op *op, struct slice provenance)
{
    static const char *const known[] = {"clientSupplied", "implicitDefault", "customDefault",
                                        "getLastErrorDefaults", "internalWriteDefault"};
    if (provenance.data == NULL ||
        concern_is_one_of(provenance, known, sizeof known / sizeof known[0])) {
        return 0;
    }
    return err_set(&op->err, LT_EBADVALUE,
                   "Enumeration value '%.*s' for field 'provenance' is not a valid value.",
                   SLICE_FMT(provenance));
}

/* Does the command's pipeline begin with a stage that shows this server's own state? */
static bool concern_shows_state(const struct command_op *op)
{
    static const char *const stages[] = {"$listLocalSessions", "$planCacheStats", "$currentOp"};
    struct doc_value pipeline = doc_get_str(op->body, "pipeline");
    if (op->command->run != command_aggregate || pipeline.type != DOC_ARRAY ||
        doc_is_empty(doc_value_get_doc(pipeline))) {
        return false;
    }
    struct doc_value first = doc_first(doc_value_get_doc(pipeline)).value;
    struct slice name = first.type == DOC_OBJECT && !doc_is_empty(doc_value_get_doc(first))
                            ? doc_first(doc_value_get_doc(first)).name
                            : (struct slice){0};
    return concern_is_one_of(name, stages, sizeof stages / sizeof stages[0]);
}

static int concern_level(struct command_op *op, const struct concern_read *read)
{
    static const char *const known[] = {"local", "majority", "available", "linearizable",
                                        "snapshot"};
    if (read->level.data == NULL) {
        return 0;
    }
    if (!concern_is_one_of(read->level, known, sizeof known / sizeof known[0])) {
        return err_set(
            &op->err, LT_EBADVALUE,
            "Enumeration value '%.*s' for field 'readConcern.level' is not a valid value.",
            SLICE_FMT(read->level));
    }
    bool reads = (op->command->flags & COMMAND_READ) != 0 && !concern_shows_state(op);
    if (!reads && !command_is_in_txn(op) && !slice_is(read->level, "local")) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Command %s does not support { readConcern: { level: \"%.*s\" } }",
                       op->command->name, SLICE_FMT(read->level));
    }
    bool writes = (op->command->flags & COMMAND_WRITE) != 0;
    if (reads && writes && slice_is(read->level, "linearizable")) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "$out and $merge cannot be used with a 'linearizable' read concern level");
    }
    return 0;
}

/* What must be applied before it runs. */
static int concern_after(struct command_op *op, const struct concern_read *read)
{
    static const char *const causal[] = {"local", "majority", "snapshot"};
    bool everything = read->level.data != NULL && slice_is(read->level, "linearizable");
    if (!doc_value_exists(read->after)) {
        return everything ? command_causal_after(op, 0, true) : 0;
    }
    if (read->level.data != NULL &&
        !concern_is_one_of(read->level, causal, sizeof causal / sizeof causal[0])) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "afterClusterTime field can be set only if level is equal to majority, "
                       "local, or snapshot");
    }
    if (doc_value_get_i64(read->after) == 0) {
        return err_set(&op->err, LT_EINVALIDOPTIONS, "afterClusterTime cannot be a null timestamp");
    }
    return command_causal_after(op, (uint64_t)doc_value_get_i64(read->after), false);
}

/* A read of one moment: of which one? */
static int concern_snapshot(struct command_op *op, const struct concern_read *read)
{
    if ((op->command->flags & COMMAND_TXN) == 0) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Command %s does not support { readConcern: { level: \"snapshot\" } }",
                       op->command->name);
    }
    op->wants_snapshot = op->command->run != command_getmore;
    if (!doc_value_exists(read->at)) {
        return 0;
    }
    if (doc_value_exists(read->after)) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "Specifying a timestamp for readConcern snapshot in a causally consistent "
                       "session is not allowed.");
    }
    op->at_clock = (uint64_t)doc_value_get_i64(read->at);
    if (op->at_clock == 0) {
        return err_set(&op->err, LT_EINVALIDOPTIONS, "atClusterTime cannot be a null timestamp");
    }
    return command_causal_after(op, op->at_clock, false);
}

static int concern_check_read(struct command_op *op, struct slice doc)
{
    static const struct command_args_spec spec = {"readConcern", concern_read_args, false, false};
    struct concern_read read = {0};
    int code = command_args_read(&spec, doc, &read, &op->err);
    code = code < 0 ? code : concern_timestamp(op, "afterClusterTime", read.after);
    code = code < 0 ? code : concern_timestamp(op, "atClusterTime", read.at);
    code = code < 0 ? code : concern_level(op, &read);
    code = code < 0 ? code : concern_provenance(op, read.provenance);
    if (code < 0) {
        return code;
    }
    bool snapshot = read.level.data != NULL && slice_is(read.level, "snapshot");
    if (doc_value_exists(read.at) && !snapshot) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "readConcern.atClusterTime is only valid with level: snapshot");
    }
    if (snapshot && !command_is_in_txn(op)) {
        code = concern_snapshot(op, &read);
    } else if (doc_value_exists(read.at)) {
        code = err_set(&op->err, LT_EINVALIDOPTIONS,
                       "readConcern.atClusterTime is not supported in a transaction");
    }
    return code < 0 ? code : concern_after(op, &read);
}

/* ---- writeConcern ---- */

struct concern_write {
    struct doc_value w;
    struct doc_value journal;
    struct doc_value timeout;
    struct slice provenance;
};

static const struct command_arg concern_write_args[] = {
    {"w", COMMAND_ARG_VALUE, offsetof(struct concern_write, w), 0},
    {"j", COMMAND_ARG_VALUE, offsetof(struct concern_write, journal), 0},
    {"wtimeout", COMMAND_ARG_VALUE, offsetof(struct concern_write, timeout), 0},
    {"provenance", COMMAND_ARG_STRING, offsetof(struct concern_write, provenance), 0},
    {"fsync", COMMAND_ARG_IGNORE, 0, 0},
    {"getLastError", COMMAND_ARG_IGNORE, 0, 0},
    {"wElectionId", COMMAND_ARG_IGNORE, 0, 0},
    {"wOpTime", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* {w: {tag: count}} */
static int concern_tags(struct command_op *op, struct slice tags,
                        struct command_write_concern *concern)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (doc_is_empty(tags)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE, "tagged write concern requires tags");
    }
    doc_iter_init(&iter, tags);
    while (doc_iter_next(&iter, &elem)) {
        if (!doc_value_is_number(elem.value)) {
            return err_set(&op->err, LT_EFAILEDTOPARSE,
                           "tags in writeConcern must be numeric, found '%s'",
                           doc_type_name(elem.value.type));
        }
    }
    concern->unmet = LT_EUNSATISFIABLEWRITECONCERN;
    return 0;
}

static int concern_members(struct command_op *op, struct doc_value w,
                           struct command_write_concern *concern)
{
    double members = trunc(doc_value_to_double(w));
    if (!(members >= 0 && members <= CONCERN_MEMBERS_MAX)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE,
                       "w has to be a non-negative number and not greater than %d; found: %g",
                       CONCERN_MEMBERS_MAX, members);
    }
    if (members > 1) {
        concern->unmet = LT_EUNSATISFIABLEWRITECONCERN;
    }
    return 0;
}

static int concern_w(struct command_op *op, struct doc_value w,
                     struct command_write_concern *concern)
{
    switch (w.type) {
    case DOC_MISSING:
    case DOC_NULL:
        return 0;
    case DOC_STRING:
        if (!slice_is(doc_value_get_string(w), "majority")) {
            *concern = (struct command_write_concern){LT_EUNKNOWNREPLWRITECONCERN,
                                                      doc_value_get_string(w)};
        }
        return 0;
    case DOC_OBJECT:
        return concern_tags(op, doc_value_get_doc(w), concern);
    default:
        return doc_value_is_number(w)
                   ? concern_members(op, w, concern)
                   : err_set(&op->err, LT_EFAILEDTOPARSE,
                             "w has to be a number, string, or object; found: %s",
                             doc_type_name(w.type));
    }
}

int command_check_write_concern(struct command_op *op, struct slice doc,
                                struct command_write_concern *ret_concern)
{
    static const struct command_args_spec spec = {"writeConcern", concern_write_args, false, false};
    struct concern_write write = {0};
    int code = command_args_read(&spec, doc, &write, &op->err);
    code = code < 0 ? code : concern_w(op, write.w, ret_concern);
    if (code < 0) {
        return code;
    }
    if (doc_value_is_number(write.w) && doc_value_to_double(write.w) == 0 &&
        doc_value_truth(write.journal)) {
        return err_set(&op->err, LT_EFAILEDTOPARSE, "cannot use 'j' option with w:0");
    }
    if (!doc_value_is_nullish(write.journal) && write.journal.type != DOC_BOOL &&
        !doc_value_is_number(write.journal)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'writeConcern.j' is the wrong type '%s', expected types '[bool, "
                       "long, int, decimal, double]'",
                       doc_type_name(write.journal.type));
    }
    if (doc_value_is_number(write.timeout) && doc_value_to_i64_clamped(write.timeout) > INT32_MAX) {
        return err_set(&op->err, LT_EFAILEDTOPARSE, "wtimeout must be a 32-bit integer");
    }
    return concern_provenance(op, write.provenance);
}

static int concern_check_write(struct command_op *op, struct slice doc)
{
    int code = command_check_write_concern(op, doc, &op->concern);
    bool takes_it = (op->command->flags & (COMMAND_WRITE | COMMAND_TAKES_WRITE_CONCERN)) != 0;
    if (code == 0 && !takes_it) {
        code = err_set(&op->err, LT_EINVALIDOPTIONS, "Command %s does not support writeConcern",
                       op->command->name);
    }
    return code;
}

/* ---- both ---- */

static int concern_each(struct command_op *op, const char *name, struct doc_value value,
                        int (*check)(struct command_op *op, struct slice doc))
{
    if (doc_value_is_nullish(value)) {
        return 0;
    }
    if (value.type != DOC_OBJECT) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.%s' is the wrong type '%s', expected type 'object'",
                       op->command->name, name, doc_type_name(value.type));
    }
    return check(op, doc_value_get_doc(value));
}

int command_check_concerns(struct command_op *op)
{
    if ((op->command->flags & COMMAND_HELLO) != 0) {
        return 0;
    }
    const struct command_common *common = &op->common;
    int code = concern_each(op, "readConcern", common->read_concern, concern_check_read);
    return code < 0 ? code
                    : concern_each(op, "writeConcern", common->write_concern, concern_check_write);
}

struct slice command_concern_text(struct command_op *op,
                                  const struct command_write_concern *concern)
{
    if (concern->unmet == LT_EUNSATISFIABLEWRITECONCERN) {
        return SLICE("Not enough data-bearing nodes");
    }
    return arena_format(&op->arena,
                        "No write concern mode named '%.*s' found in replica set configuration",
                        SLICE_FMT(concern->mode));
}

void command_build_write_concern(struct doc_builder *builder, struct slice doc)
{
    struct doc_value w = doc_get_str(doc, "w");
    struct doc_value journal = doc_get_str(doc, "j");
    struct doc_value timeout = doc_get_str(doc, "wtimeout");
    int64_t wait_ms = doc_value_is_number(timeout) ? doc_value_to_i64_clamped(timeout) : 0;
    if (doc_value_is_nullish(w)) {
        doc_build_i32(builder, "w", 1);
    } else {
        doc_build_value(builder, SLICE("w"), w);
    }
    if (!doc_value_is_nullish(journal)) {
        doc_build_bool(builder, "j", doc_value_truth(journal));
    }
    doc_build_i32(builder, "wtimeout", wait_ms < 0 ? 0 : (int32_t)wait_ms);
}

void command_build_concern_error(struct command_op *op)
{
    char scratch[32];
    struct doc_builder *builder = &op->builder;
    doc_build_open(builder, SLICE("writeConcernError"));
    doc_build_i32(builder, "code", op->concern.unmet);
    doc_build_text(builder, "codeName", err_code_name(op->concern.unmet, scratch));
    doc_build_string(builder, "errmsg", command_concern_text(op, &op->concern));
    doc_build_open(builder, SLICE("errInfo"));
    doc_build_open(builder, SLICE("writeConcern"));
    command_build_write_concern(builder, doc_value_get_doc(op->common.write_concern));
    doc_build_text(builder, "provenance", "clientSupplied");
    doc_build_close(builder);
    doc_build_close(builder);
    doc_build_close(builder);
}
