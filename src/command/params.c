/* command/params.c - the parameters' table and the two commands on it. */
#include "command/params.h"

#include "command/args.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/version.h"
#include "doc/view.h"

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

static void params_build(struct doc_builder *builder, const struct command_params *params,
                         int which)
{
    const char *name = params_table[which].name;
    int64_t value = command_param(params, (enum command_param)which);
    if (params_table[which].is_bool) {
        doc_build_bool(builder, name, value != 0);
    } else {
        doc_build_i32(builder, name, (int32_t)value);
    }
}

static void params_build_feature_version(struct doc_builder *builder)
{
    doc_build_open(builder, SLICE("featureCompatibilityVersion"));
    doc_build_text(builder, "version", COMMAND_FEATURE_VERSION);
    doc_build_close(builder);
}

int command_get_parameter(struct command_op *op)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, op->body);
    doc_iter_next(&iter, &elem);
    bool all = elem.value.type == DOC_STRING && slice_is(doc_value_get_string(elem.value), "*");
    uint32_t found = 0;
    for (int i = 0; i < COMMAND_PARAMS_COUNT && all; i++) {
        params_build(&op->builder, &op->server->parameters, i);
    }
    if (all) {
        params_build_feature_version(&op->builder);
        return 0;
    }
    while (doc_iter_next(&iter, &elem)) {
        int which = params_find(elem.name);
        if (command_arg_is_generic(elem.name)) {
            continue;
        }
        if (slice_is(elem.name, "featureCompatibilityVersion")) {
            params_build_feature_version(&op->builder);
            found++;
        } else if (which >= 0) {
            params_build(&op->builder, &op->server->parameters, which);
            found++;
        }
    }
    return found > 0 ? 0 : err_set(&op->err, LT_EINVALIDOPTIONS, "no option found to get");
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
