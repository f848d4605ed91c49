/* command/args.c - the table walk, names and document lists. */
#include "command/args.h"

#include <stdio.h>

#include "doc/view.h"

/* Fields that any command may carry; those that matter are read by command.c. */
static const char *const args_generic[] = {
    "$db",
    "lsid",
    "$clusterTime",
    "$readPreference",
    "comment",
    "maxTimeMS",
    "readConcern",
    "writeConcern",
    "txnNumber",
    "autocommit",
    "startTransaction",
    "apiVersion",
    "apiStrict",
    "apiDeprecationErrors",
    "$audit",
    "$client",
    "$configServerState",
    "$oplogQueryData",
    "$queryOptions",
    "$replData",
    "databaseVersion",
    "help",
    "shardVersion",
    "tracking_info",
    "coordinator",
    "maxTimeMSOpOnly",
    "usesDefaultMaxTimeMS",
    "expectPrefix",
    "requestGossipRoutingCache",
    "mayBypassWriteBlocking",
    "versionContext",
    "rawData",
    "serialization_context",
    "$traceCtx",
};

bool command_arg_is_generic(struct slice name)
{
    for (size_t i = 0; i < sizeof args_generic / sizeof args_generic[0]; i++) {
        if (slice_is(name, args_generic[i])) {
            return true;
        }
    }
    return false;
}

static const struct {
    const char *expected;
    bool several;
} args_expected[] = {
    [COMMAND_ARG_BOOL] = {"[bool, long, int, decimal, double]", true},
    [COMMAND_ARG_STRICT_BOOL] = {"bool", false},
    [COMMAND_ARG_INT] = {"[long, int, decimal, double]", true},
    [COMMAND_ARG_DOC] = {"object", false},
    [COMMAND_ARG_ARRAY] = {"array", false},
    [COMMAND_ARG_STRING] = {"string", false},
};

static int args_wrong_type(const struct command_args_spec *spec, const struct command_arg *arg,
                           struct doc_value value, struct err *err)
{
    bool several = args_expected[arg->kind].several;
    return err_set(err, LT_ETYPEMISMATCH,
                   "BSON field '%s.%s' is the wrong type '%s', expected type%s '%s'", spec->prefix,
                   arg->name, doc_type_name(value.type), several ? "s" : "",
                   args_expected[arg->kind].expected);
}

/* Store one value: false when the type is wrong. */
static bool args_store(const struct command_arg *arg, struct doc_value value, void *into)
{
    void *member = (uint8_t *)into + arg->offset;
    switch (arg->kind) {
    case COMMAND_ARG_BOOL:
        if (value.type != DOC_BOOL && !doc_value_is_number(value)) {
            return false;
        }
        *(bool *)member = doc_value_truth(value);
        return true;
    case COMMAND_ARG_STRICT_BOOL:
        if (value.type != DOC_BOOL) {
            return false;
        }
        *(bool *)member = doc_value_get_bool(value);
        return true;
    case COMMAND_ARG_INT:
        if (!doc_value_is_number(value)) {
            return false;
        }
        *(int64_t *)member = doc_value_to_i64_clamped(value);
        return true;
    case COMMAND_ARG_DOC:
    case COMMAND_ARG_ARRAY:
        if (value.type != (arg->kind == COMMAND_ARG_DOC ? DOC_OBJECT : DOC_ARRAY)) {
            return false;
        }
        *(struct slice *)member = doc_value_get_doc(value);
        return true;
    case COMMAND_ARG_STRING:
        if (value.type != DOC_STRING) {
            return false;
        }
        *(struct slice *)member = doc_value_get_string(value);
        return true;
    case COMMAND_ARG_VALUE:
        *(struct doc_value *)member = value;
        return true;
    default:
        return true;
    }
}

static const struct command_arg *args_find(const struct command_args_spec *spec, struct slice name)
{
    for (const struct command_arg *arg = spec->args; arg->name != NULL; arg++) {
        if (slice_is(name, arg->name)) {
            return arg;
        }
    }
    return NULL;
}

static int args_field(const struct command_args_spec *spec, const struct doc_elem *elem, void *into,
                      struct err *err)
{
    const struct command_arg *arg = args_find(spec, elem->name);
    if (arg == NULL) {
        if (spec->generic && command_arg_is_generic(elem->name)) {
            return 0;
        }
        return err_set(err, 40415, "BSON field '%s.%.*s' is an unknown field.", spec->prefix,
                       SLICE_FMT(elem->name));
    }
    bool absent = elem->value.type == DOC_NULL || elem->value.type == DOC_UNDEFINED;
    if (absent && arg->kind != COMMAND_ARG_VALUE) {
        return 0;
    }
    if (!args_store(arg, elem->value, into)) {
        return args_wrong_type(spec, arg, elem->value, err);
    }
    if ((arg->flags & COMMAND_ARG_NOT_NEGATIVE) != 0) {
        int64_t number = *(int64_t *)(void *)((uint8_t *)into + arg->offset);
        if (number < 0) {
            return err_set(err, LT_EBADVALUE,
                           "BSON field '%s' value must be >= 0, actual value '%lld'", arg->name,
                           (long long)number);
        }
    }
    return 0;
}

int command_args_read(const struct command_args_spec *spec, struct slice doc, void *into,
                      struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, doc);
    if (spec->skip_first) {
        doc_iter_next(&iter, &elem);
    }
    while (doc_iter_next(&iter, &elem)) {
        int code = args_field(spec, &elem, into, err);
        if (code < 0) {
            return code;
        }
    }
    for (const struct command_arg *arg = spec->args; arg->name != NULL; arg++) {
        struct doc_value value = doc_missing;
        if ((arg->flags & COMMAND_ARG_REQUIRED) != 0) {
            value = doc_get_str(doc, arg->name);
            if (doc_value_is_nullish(value)) {
                return err_set(err, 40414, "BSON field '%s.%s' is missing but a required field",
                               spec->prefix, arg->name);
            }
        }
    }
    return 0;
}

int command_args(struct command_op *op, const struct command_arg *args, void *into)
{
    struct command_args_spec spec = {op->command->name, args, true, true};
    return command_args_read(&spec, op->body, into, &op->err);
}

/* ---- names ---- */

int command_check_db(struct slice db, struct err *err)
{
    static const bool refused[256] = {
        ['\0'] = true, ['/'] = true, ['\\'] = true, ['.'] = true,
        [' '] = true,  ['"'] = true, ['$'] = true,
    };
    if (db.len == 0 || db.len > 63) {
        return err_set(err, LT_EINVALIDNAMESPACE, "Invalid database name: '%.*s'", SLICE_FMT(db));
    }
    if (slice_is(db, "$external")) {
        return 0;
    }
    for (size_t i = 0; i < db.len; i++) {
        if (refused[db.data[i]]) {
            return err_set(err, LT_EINVALIDNAMESPACE, "Invalid database name: '%.*s'",
                           SLICE_FMT(db));
        }
    }
    return 0;
}

int command_check_collection(struct slice db, struct slice name, struct err *err)
{
    if (name.len == 0 || name.data[0] == '.' || memchr(name.data, '\0', name.len) != NULL) {
        return err_set(err, LT_EINVALIDNAMESPACE, "Invalid namespace specified '%.*s.%.*s'",
                       SLICE_FMT(db), SLICE_FMT(name));
    }
    if (db.len + 1 + name.len > 255) {
        return err_set(err, LT_EINVALIDNAMESPACE,
                       "Fully qualified namespace is too long. Namespace: %.*s.%.*s Max: 255",
                       SLICE_FMT(db), SLICE_FMT(name));
    }
    return 0;
}

struct slice command_db_of(struct slice ns)
{
    const uint8_t *dot = ns.len == 0 ? NULL : memchr(ns.data, '.', ns.len);
    return slice_of(ns.data, dot == NULL ? ns.len : (size_t)(dot - ns.data));
}

struct slice command_name_of(struct slice ns)
{
    size_t db = command_db_of(ns).len;
    return db < ns.len ? slice_from(ns, db + 1) : (struct slice){0};
}

struct slice command_join(struct arena *arena, struct slice db, struct slice name)
{
    uint8_t *ns = arena_alloc(arena, db.len + 1 + name.len);
    memcpy(ns, db.data, db.len);
    ns[db.len] = '.';
    memcpy(ns + db.len + 1, name.data, name.len);
    return slice_of(ns, db.len + 1 + name.len);
}

int command_namespace(struct command_op *op, struct slice *ret_ns)
{
    struct doc_value value = doc_first(op->body).value;
    if (value.type != DOC_STRING && value.type != DOC_SYMBOL) {
        return err_set(&op->err, LT_EINVALIDNAMESPACE, "collection name has invalid type %s",
                       doc_type_name(value.type));
    }
    struct slice name = doc_value_get_string(value);
    int code = command_check_collection(op->db, name, &op->err);
    if (code < 0) {
        return code;
    }
    *ret_ns = command_join(&op->arena, op->db, name);
    return 0;
}

/* ---- document lists ---- */

static int args_docs_array(struct command_op *op, const char *name, struct doc_value value,
                           struct command_docs *ret_docs)
{
    struct doc_iter iter;
    struct doc_elem elem;
    if (value.type != DOC_ARRAY) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.%s' is the wrong type '%s', expected type 'array'",
                       op->command->name, name, doc_type_name(value.type));
    }
    doc_iter_value(&iter, value);
    ret_docs->next = iter.next;
    ret_docs->end = iter.end;
    while (doc_iter_next(&iter, &elem)) {
        if (elem.value.type != DOC_OBJECT) {
            return err_set(&op->err, LT_ETYPEMISMATCH,
                           "BSON field '%s.%s.%.*s' is the wrong type '%s', expected type 'object'",
                           op->command->name, name, SLICE_FMT(elem.name),
                           doc_type_name(elem.value.type));
        }
        ret_docs->count++;
    }
    return 0;
}

int command_docs_open(struct command_op *op, const char *name, struct command_docs *ret_docs)
{
    *ret_docs = (struct command_docs){0};
    const struct wire_sequence *sequence = wire_message_sequence(&op->message, slice_str(name));
    if (sequence != NULL) {
        ret_docs->is_sequence = true;
        ret_docs->rest = sequence->docs;
        ret_docs->count = sequence->count;
        return 0;
    }
    struct doc_value value = doc_get_str(op->body, name);
    if (doc_value_is_nullish(value)) {
        return err_set(&op->err, 40414, "BSON field '%s.%s' is missing but a required field",
                       op->command->name, name);
    }
    return args_docs_array(op, name, value, ret_docs);
}

bool command_docs_next(struct command_docs *docs, struct slice *ret_doc)
{
    if (docs->is_sequence) {
        return wire_sequence_next(&docs->rest, ret_doc);
    }
    struct doc_iter iter = {docs->next, docs->end};
    struct doc_elem elem;
    if (!doc_iter_next(&iter, &elem)) {
        return false;
    }
    docs->next = iter.next;
    *ret_doc = doc_value_get_doc(elem.value);
    return true;
}

void command_build_ns(struct doc_builder *builder, const char *name, struct slice ns)
{
    const uint8_t *dot = memchr(ns.data, '.', ns.len);
    size_t db_len = dot == NULL ? ns.len : (size_t)(dot - ns.data);
    doc_build_open(builder, slice_str(name));
    doc_build_string(builder, "db", slice_of(ns.data, db_len));
    if (dot != NULL) {
        doc_build_string(builder, "coll", slice_from(ns, db_len + 1));
    }
    doc_build_close(builder);
}
