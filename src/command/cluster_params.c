/* command/cluster_params.c - getClusterParameter and setClusterParameter.
 *
 * What was set is one document under a key of the system's, {name: {value, time}}, written through
 * the log like everything else. Each parameter is one number deep in a document of its own form. */
#include "command/cluster_params.h"

#include "command/args.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"
#include "store/keys.h"

struct cluster_row {
    const char *name;
    const char *outer; /* NULL: the field stands alone */
    const char *field;
    int64_t value; /* when nothing was set */
    int64_t least;
    bool has_off; /* "off" is 0 */
    bool is_bool;
    const char *fixed; /* why it cannot be set; NULL: it can */
};

static const struct cluster_row cluster_rows[COMMAND_CLUSTER_PARAMS] = {
    [COMMAND_CLUSTER_IMAGE_SECONDS] = {.name = "changeStreamOptions",
                                       .outer = "preAndPostImages",
                                       .field = "expireAfterSeconds",
                                       .least = 1,
                                       .has_off = true},
    [COMMAND_CLUSTER_STREAM_SECONDS] = {.name = "changeStreams",
                                        .field = "expireAfterSeconds",
                                        .value = 3600,
                                        .least = 1,
                                        .fixed = "how far back streams may begin is --oplogSize"},
    [COMMAND_CLUSTER_READ_MS] = {.name = "defaultMaxTimeMS", .field = "readOperations"},
    [COMMAND_CLUSTER_SUBSTRINGS] = {.name = "fleDisableSubstringPreviewParameterLimits",
                                    .field = "shouldDisableSubstringPreviewParameterLimits",
                                    .is_bool = true,
                                    .fixed = "Queryable Encryption is not supported"},
};

void command_cluster_params_init(struct command_cluster_params *params)
{
    for (int i = 0; i < COMMAND_CLUSTER_PARAMS; i++) {
        atomic_init(&params->values[i], cluster_rows[i].value);
    }
}

/* The stored document, in `arena`; an empty one when nothing was ever set. */
static int cluster_read(struct arena *arena, struct store_view *view, struct slice *ret_doc)
{
    struct store_pin pin;
    int code = store_view_get(view, store_key_cluster, &pin);
    *ret_doc = doc_value_get_doc(doc_empty_object);
    if (code == 0) {
        *ret_doc = arena_copy(arena, pin.value);
        store_pin_release(&pin);
    }
    return code == -LT_ENOSUCHKEY ? 0 : code;
}

static struct slice cluster_stored(struct slice all, const char *name)
{
    struct doc_value value = doc_get_str(all, name);
    return doc_value_get_doc(value.type == DOC_OBJECT ? value : doc_empty_object);
}

int command_cluster_params_load(struct command_cluster_params *params, struct store_view *view)
{
    struct arena arena;
    struct slice all;
    arena_init(&arena);
    int code = cluster_read(&arena, view, &all);
    for (int i = 0; code == 0 && i < COMMAND_CLUSTER_PARAMS; i++) {
        struct doc_value value = doc_get_str(cluster_stored(all, cluster_rows[i].name), "value");
        if (doc_value_exists(value)) {
            atomic_store(&params->values[i], doc_value_to_i64_clamped(value));
        }
    }
    arena_close(&arena);
    return code;
}

/* The row of that name: NoSuchKey. */
static int cluster_find(struct command_op *op, struct slice name,
                        const struct cluster_row **ret_row)
{
    for (int i = 0; i < COMMAND_CLUSTER_PARAMS; i++) {
        if (slice_is(name, cluster_rows[i].name)) {
            *ret_row = &cluster_rows[i];
            return 0;
        }
    }
    return err_set(&op->err, LT_ENOSUCHKEY, "Unknown Cluster Parameter: %.*s", SLICE_FMT(name));
}

/* ---- getClusterParameter ---- */

static void cluster_build_value(struct doc_builder *builder, const struct cluster_row *row,
                                int64_t value)
{
    if (row->is_bool) {
        doc_build_bool(builder, row->field, value != 0);
    } else if (row->has_off && value == 0) {
        doc_build_text(builder, row->field, "off");
    } else {
        doc_build_i64(builder, row->field, value);
    }
}

/* {_id: name, <its form>, clusterParameterTime} */
static void cluster_build(struct command_op *op, const struct cluster_row *row, struct slice all)
{
    struct doc_builder *builder = &op->builder;
    struct doc_value time = doc_get_str(cluster_stored(all, row->name), "time");
    int64_t value = command_cluster_param(&op->server->cluster_params,
                                          (enum command_cluster_param)(row - cluster_rows));
    doc_build_open(builder, SLICE(""));
    doc_build_text(builder, "_id", row->name);
    if (row->outer != NULL) {
        doc_build_open(builder, slice_str(row->outer));
    }
    cluster_build_value(builder, row, value);
    if (row->outer != NULL) {
        doc_build_close(builder);
    }
    if (doc_value_exists(time)) {
        doc_build_value(builder, SLICE("clusterParameterTime"), time);
    }
    doc_build_close(builder);
}

static int cluster_build_named(struct command_op *op, struct doc_value name, struct slice all)
{
    const struct cluster_row *row;
    if (name.type != DOC_STRING) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "getClusterParameter: a name is of type %s, not a string",
                       doc_type_name(name.type));
    }
    int code = cluster_find(op, doc_value_get_string(name), &row);
    if (code == 0) {
        cluster_build(op, row, all);
    }
    return code;
}

static int cluster_build_list(struct command_op *op, struct doc_value names, struct slice all)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (doc_is_empty(doc_value_get_doc(names))) {
        return err_set(&op->err, LT_EBADVALUE, "Must supply at least one cluster parameter name");
    }
    doc_iter_value(&iter, names);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = cluster_build_named(op, elem.value, all);
    }
    return code;
}

static void cluster_build_all(struct command_op *op, struct slice all)
{
    for (int i = 0; i < COMMAND_CLUSTER_PARAMS; i++) {
        cluster_build(op, &cluster_rows[i], all);
    }
}

int command_get_cluster_parameter(struct command_op *op)
{
    static const struct command_arg none[] = {{NULL}};
    struct doc_value names = doc_first(op->body).value;
    struct store_view view;
    struct slice all;
    int code = command_args(op, none, NULL);
    if (code < 0) {
        return code;
    }
    store_view_init(&view, op->server->kv, NULL);
    view.wait = op->wait;
    code = cluster_read(&op->arena, &view, &all);
    code = code == -LT_EAGAIN ? command_wants(op, &view, false) : code;
    store_view_close(&view);
    if (code < 0) {
        return code;
    }
    doc_build_open_array(&op->builder, SLICE("clusterParameters"));
    if (names.type == DOC_STRING && slice_is(doc_value_get_string(names), "*")) {
        cluster_build_all(op, all);
    } else {
        code = names.type == DOC_ARRAY ? cluster_build_list(op, names, all)
                                       : cluster_build_named(op, names, all);
    }
    doc_build_close(&op->builder);
    return code;
}

/* ---- setClusterParameter ---- */

/* The one field of `value`, which must be a document with no other. */
static int cluster_only(struct command_op *op, const struct cluster_row *row,
                        struct doc_value value, const char *name, struct doc_value *ret_value)
{
    if (value.type != DOC_OBJECT) {
        return err_set(&op->err, LT_EBADVALUE,
                       "Cluster parameter %s: a document is expected, not %s", row->name,
                       doc_type_name(value.type));
    }
    struct slice doc = doc_value_get_doc(value);
    struct doc_elem first = doc_first(doc);
    if (first.name.len > 0 && first.name.data[0] == '$') {
        return err_set(&op->err, LT_EDOLLARPREFIXEDFIELDNAME,
                       "Cluster parameter %s: the dollar ($) prefixed field '%.*s' is not valid",
                       row->name, SLICE_FMT(first.name));
    }
    if (doc_count(doc) != 1 || !slice_is(first.name, name)) {
        return err_set(&op->err, LT_EBADVALUE,
                       "Cluster parameter %s: just the field '%s' is expected", row->name, name);
    }
    *ret_value = first.value;
    return 0;
}

static int cluster_parse(struct command_op *op, const struct cluster_row *row,
                         struct doc_value value, int64_t *ret_number)
{
    int code = row->outer == NULL ? 0 : cluster_only(op, row, value, row->outer, &value);
    code = code < 0 ? code : cluster_only(op, row, value, row->field, &value);
    if (code < 0) {
        return code;
    }
    *ret_number = row->is_bool && value.type == DOC_BOOL && doc_value_get_bool(value);
    if (row->is_bool && value.type == DOC_BOOL) {
        return 0;
    }
    if (row->has_off && value.type == DOC_STRING && slice_is(doc_value_get_string(value), "off")) {
        return 0;
    }
    bool whole =
        !row->is_bool && doc_value_is_number(value) && doc_value_to_i64_exact(value, ret_number);
    return whole && *ret_number >= row->least && *ret_number <= INT32_MAX
               ? 0
               : err_set(&op->err, LT_EBADVALUE, "Cluster parameter %s: '%s' must be %s%s",
                         row->name, row->field,
                         row->is_bool     ? "true or false"
                         : row->least > 0 ? "a positive whole number"
                                          : "a whole number of at least 0",
                         row->has_off ? ", or \"off\"" : "");
}

static struct slice cluster_merge(struct command_op *op, const struct cluster_row *row,
                                  int64_t value, struct slice all)
{
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    doc_build_without(builder, all, row->name);
    doc_build_open(builder, slice_str(row->name));
    doc_build_i64(builder, "value", value);
    doc_build_timestamp(builder, "time", op->writer->clock);
    doc_build_close(builder);
    return doc_build_end(builder);
}

static int cluster_read_given(struct command_op *op, const struct cluster_row **ret_row,
                              int64_t *ret_number)
{
    static const struct command_arg table[] = {
        {"setClusterParameter", COMMAND_ARG_DOC, 0, COMMAND_ARG_REQUIRED}, {NULL}};
    static const struct command_args_spec spec = {"setClusterParameter", table, true, false};
    struct slice given;
    int code = command_args_read(&spec, op->body, &given, &op->err);
    if (code == 0 && doc_value_exists(op->common.write_concern)) {
        return err_set(
            &op->err, LT_EINVALIDOPTIONS,
            "setClusterParameter does not take a writeConcern: it waits for the majority");
    }
    if (code == 0 && doc_count(given) > 1) {
        return err_set(&op->err, LT_EINVALIDOPTIONS,
                       "setClusterParameter sets one parameter at a time");
    }
    struct doc_elem first = code < 0 ? (struct doc_elem){0} : doc_first(given);
    code = code < 0 ? code : cluster_find(op, first.name, ret_row);
    code = code < 0 ? code : cluster_parse(op, *ret_row, first.value, ret_number);
    return code < 0 || (*ret_row)->fixed == NULL
               ? code
               : err_set(&op->err, LT_ENOTIMPLEMENTED, "Cluster parameter %s cannot be set: %s",
                         (*ret_row)->name, (*ret_row)->fixed);
}

int command_set_cluster_parameter(struct command_op *op)
{
    const struct cluster_row *row;
    struct slice all;
    int64_t number;
    int code = cluster_read_given(op, &row, &number);
    code = code < 0 ? code : cluster_read(&op->arena, &op->writer->view, &all);
    if (code < 0) {
        return code == -LT_EAGAIN ? command_wants(op, &op->writer->view, false) : code;
    }
    store_writer_put(op->writer, store_key_cluster, cluster_merge(op, row, number, all));
    atomic_store(&op->server->cluster_params.values[row - cluster_rows], number);
    return 0;
}
