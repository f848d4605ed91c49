/* command/params.c - the parameters' table and the two commands on it. */
#include "command/params.h"

#include "command/args.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/version.h"
#include "doc/view.h"
#include "security/keys.h"

static const struct {
    const char *name;
    bool is_bool;
    int64_t value, low, high;
    bool settable;
} params_table[COMMAND_PARAMS_COUNT] = {
#define PARAM_BOOL(name, value, low, high, settable) {#name, true, value, low, high, settable},
#define PARAM_INT(name, value, low, high, settable) {#name, false, value, low, high, settable},
#include "command/params.def"
};

void command_params_init(struct command_params *params)
{
    for (int i = 0; i < COMMAND_PARAMS_COUNT; i++) {
        atomic_init(&params->values[i], params_table[i].value);
    }
}

static int params_find(struct slice name)
{
    for (int i = 0; i < COMMAND_PARAMS_COUNT; i++) {
        if (slice_is(name, params_table[i].name)) {
            return i;
        }
    }
    return -1;
}

static int params_check(int which, struct doc_value value, int64_t *ret_number, struct err *err)
{
    const char *name = params_table[which].name;
    if (value.type == DOC_BOOL) {
        *ret_number = doc_value_get_bool(value);
    } else if (!doc_value_is_number(value) || !doc_value_to_i64_exact(value, ret_number)) {
        return err_set(err, LT_EBADVALUE, "Invalid value for parameter %s: %s is no whole number",
                       name, doc_type_name(value.type));
    }
    if (*ret_number < params_table[which].low || *ret_number > params_table[which].high) {
        return err_set(err, LT_EBADVALUE,
                       "Invalid value for parameter %s: %lld is not between %lld and %lld", name,
                       (long long)*ret_number, (long long)params_table[which].low,
                       (long long)params_table[which].high);
    }
    return 0;
}

int command_params_set(struct command_params *params, struct slice name, struct doc_value value,
                       bool at_start, struct err *err)
{
    int64_t number;
    int which = params_find(name);
    if (which < 0) {
        return err_set(err, LT_EINVALIDOPTIONS,
                       "attempted to set unrecognized parameter [%.*s], use help:true to see "
                       "options ",
                       SLICE_FMT(name));
    }
    if (!at_start && !params_table[which].settable) {
        return err_set(err, LT_EILLEGALOPERATION, "not allowed to change [%.*s] at runtime",
                       SLICE_FMT(name));
    }
    int code = params_check(which, value, &number, err);
    if (code == 0) {
        atomic_store(&params->values[which], number);
    }
    return code;
}

void command_params_follow(struct command_server *server)
{
    const struct command_params *params = &server->parameters;
    enum log_level level = command_param(params, COMMAND_PARAM_logLevel) > 0 ? LOG_DEBUG : LOG_INFO;
    log_set_level(server->log, command_param(params, COMMAND_PARAM_quiet) ? LOG_WARNING : level);
}

static void params_build(struct doc_builder *builder, const char *name,
                         const struct command_params *params, int which)
{
    int64_t value = command_param(params, (enum command_param)which);
    if (params_table[which].is_bool) {
        doc_build_bool(builder, name, value != 0);
    } else {
        doc_build_i32(builder, name, (int32_t)value);
    }
}

static void params_build_feature_version(struct doc_builder *builder, const char *name)
{
    doc_build_open(builder, slice_str(name));
    doc_build_text(builder, "version", COMMAND_FEATURE_VERSION);
    doc_build_close(builder);
}

static void params_build_mechanisms(struct doc_builder *builder, const char *name)
{
    doc_build_open_array(builder, slice_str(name));
    doc_build_text(builder, "", security_mechanism_name(SECURITY_SCRAM_SHA_1));
    doc_build_text(builder, "", security_mechanism_name(SECURITY_SCRAM_SHA_256));
    doc_build_text(builder, "", "MONGODB-X509");
    doc_build_close(builder);
}

/* How accounts are stored: MongoDB's number for what users and roles have been since SCRAM. */
static void params_build_schema_version(struct doc_builder *builder, const char *name)
{
    doc_build_i32(builder, name, 5);
}

/* What the first field asks for: a value, or {showDetails, allParameters, setAt}; "*" is all. */
struct params_wanted {
    bool details;
    bool all;
    struct slice set_at;
};

static const struct command_arg params_wanted_table[] = {
    {"showDetails", COMMAND_ARG_BOOL, offsetof(struct params_wanted, details), 0},
    {"allParameters", COMMAND_ARG_BOOL, offsetof(struct params_wanted, all), 0},
    {"setAt", COMMAND_ARG_STRING, offsetof(struct params_wanted, set_at), 0},
    {NULL},
};

static int params_read_wanted(struct command_op *op, struct params_wanted *wanted)
{
    static const struct command_args_spec spec = {"getParameter", params_wanted_table, false,
                                                  false};
    struct doc_value first = doc_first(op->body).value;
    *wanted = (struct params_wanted){0};
    if (first.type != DOC_OBJECT) {
        wanted->all = first.type == DOC_STRING && slice_is(doc_value_get_string(first), "*");
        return 0;
    }
    int code = command_args_read(&spec, doc_value_get_doc(first), wanted, &op->err);
    bool known = wanted->set_at.data == NULL || slice_is(wanted->set_at, "startup") ||
                 slice_is(wanted->set_at, "runtime");
    return code < 0 || known
               ? code
               : err_set(&op->err, LT_EBADVALUE,
                         "getParameter.setAt is \"startup\" or \"runtime\", not \"%.*s\"",
                         SLICE_FMT(wanted->set_at));
}

static void params_build_details(struct doc_builder *builder, bool at_runtime, bool at_startup)
{
    doc_build_bool(builder, "settableAtRuntime", at_runtime);
    doc_build_bool(builder, "settableAtStartup", at_startup);
    doc_build_close(builder);
}

static void params_show(struct command_op *op, const struct params_wanted *wanted, int which)
{
    const struct command_params *params = &op->server->parameters;
    if (wanted->details) {
        doc_build_open(&op->builder, slice_str(params_table[which].name));
        params_build(&op->builder, "value", params, which);
        params_build_details(&op->builder, params_table[which].settable, true);
    } else if (!slice_is(wanted->set_at, "runtime") || params_table[which].settable) {
        params_build(&op->builder, params_table[which].name, params, which);
    }
}

/* Those that nobody sets. */
static const struct {
    const char *name;
    void (*build)(struct doc_builder *builder, const char *name);
} params_fixed[] = {
    {"featureCompatibilityVersion", params_build_feature_version},
    {"authenticationMechanisms", params_build_mechanisms},
    {"authSchemaVersion", params_build_schema_version},
};

enum { PARAMS_FIXED = sizeof params_fixed / sizeof params_fixed[0] };

static void params_show_fixed(struct command_op *op, const struct params_wanted *wanted, int which)
{
    if (wanted->details) {
        doc_build_open(&op->builder, slice_str(params_fixed[which].name));
        params_fixed[which].build(&op->builder, "value");
        params_build_details(&op->builder, false, false);
    } else if (wanted->set_at.len == 0) {
        params_fixed[which].build(&op->builder, params_fixed[which].name);
    }
}

/* One that is asked for by its name: how many there are. */
static uint32_t params_show_named(struct command_op *op, const struct params_wanted *wanted,
                                  struct slice name)
{
    int which = params_find(name);
    if (which >= 0) {
        params_show(op, wanted, which);
        return 1;
    }
    for (int i = 0; i < PARAMS_FIXED; i++) {
        if (slice_is(name, params_fixed[i].name)) {
            params_show_fixed(op, wanted, i);
            return 1;
        }
    }
    return 0;
}

int command_get_parameter(struct command_op *op)
{
    struct doc_iter iter;
    struct doc_elem elem;
    struct params_wanted wanted;
    uint32_t found = 0;
    int code = params_read_wanted(op, &wanted);
    if (code < 0) {
        return code;
    }
    for (int i = 0; i < COMMAND_PARAMS_COUNT && wanted.all; i++) {
        params_show(op, &wanted, i);
    }
    for (int i = 0; i < PARAMS_FIXED && wanted.all; i++) {
        params_show_fixed(op, &wanted, i);
    }
    doc_iter_init(&iter, op->body);
    doc_iter_next(&iter, &elem);
    while (!wanted.all && doc_iter_next(&iter, &elem)) {
        found += command_arg_is_generic(elem.name) ? 0 : params_show_named(op, &wanted, elem.name);
    }
    return wanted.all || found > 0
               ? 0
               : err_set(&op->err, LT_EINVALIDOPTIONS, "no option found to get");
}

int command_set_parameter(struct command_op *op)
{
    struct doc_iter iter;
    struct doc_elem elem;
    uint32_t found = 0;
    doc_iter_init(&iter, op->body);
    doc_iter_next(&iter, &elem);
    while (doc_iter_next(&iter, &elem)) {
        if (command_arg_is_generic(elem.name)) {
            continue;
        }
        int which = params_find(elem.name);
        int64_t was = which < 0 ? 0 : command_param(&op->server->parameters, which);
        int code =
            command_params_set(&op->server->parameters, elem.name, elem.value, false, &op->err);
        if (code < 0) {
            return code;
        }
        command_params_follow(op->server);
        log_info(op->server->log, "command", "parameter %.*s was %lld and is %lld",
                 SLICE_FMT(elem.name), (long long)was,
                 (long long)command_param(&op->server->parameters, which));
        if (found++ == 0) {
            doc_build_i64(&op->builder, "was", was);
        }
    }
    return found > 0 ? 0
                     : err_set(&op->err, LT_EINVALIDOPTIONS,
                               "no option found to set, use help:true to see options ");
}
