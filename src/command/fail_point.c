/* command/fail_point.c - the table of fail points, and configureFailPoint. */
#include "command/fail_point.h"

#include "base/mem.h"
#include "command/fail_point_private.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/write.h"
#include "doc/view.h"

enum fail_mode { FAIL_OFF, FAIL_ALWAYS, FAIL_TIMES, FAIL_SKIP, FAIL_SOMETIMES };

struct fail_point {
    enum fail_mode mode;
    int64_t left;       /* TIMES: hits to come; SKIP: to let pass */
    double probability; /* SOMETIMES */
    uint64_t entered;   /* hits so far */
    struct slice data;  /* owned */
};

struct command_fail_points {
    pthread_mutex_t lock;
    struct fail_point points[COMMAND_FAIL_POINTS_COUNT];
};

static const char *const fail_names[COMMAND_FAIL_POINTS_COUNT] = {
#define FAIL_POINT(name) #name,
#include "command/fail_points.def"
};

struct command_fail_points *command_fail_points_new(void)
{
    struct command_fail_points *points = mem_zero(1, sizeof *points);
    pthread_mutex_init(&points->lock, NULL);
    return points;
}

void command_fail_points_free(struct command_fail_points *points)
{
    for (int i = 0; points != NULL && i < COMMAND_FAIL_POINTS_COUNT; i++) {
        mem_free((void *)(uintptr_t)points->points[i].data.data);
    }
    if (points != NULL) {
        pthread_mutex_destroy(&points->lock);
        mem_free(points);
    }
}

/* Under the lock. */
static void fail_attend(struct command_server *server)
{
    bool any = false;
    for (int i = 0; i < COMMAND_FAIL_POINTS_COUNT; i++) {
        any |= server->fail_points->points[i].mode != FAIL_OFF;
    }
    if (any) {
        atomic_fetch_or(&server->attention, COMMAND_ATTENDS_FAIL_POINTS);
    } else {
        atomic_fetch_and(&server->attention, ~COMMAND_ATTENDS_FAIL_POINTS);
    }
}

/* ---- being hit ---- */

/* Count one that matches; under the lock. */
static bool fail_point_counts(struct command_server *server, struct fail_point *point)
{
    switch (point->mode) {
    case FAIL_OFF:
        return false;
    case FAIL_ALWAYS:
        return true;
    case FAIL_TIMES:
        if (--point->left == 0) {
            point->mode = FAIL_OFF;
        }
        return true;
    case FAIL_SKIP:
        if (point->left > 0) {
            point->left--;
            return false;
        }
        return true;
    case FAIL_SOMETIMES:
        return (double)(command_random(server) >> 11) * 0x1p-53 < point->probability;
    }
    return false;
}

bool command_fail_point_hits(struct command_op *op, enum command_fail_point which,
                             struct slice *ret_data)
{
    struct command_server *server = op->server;
    struct fail_point *point = &server->fail_points->points[which];
    if ((atomic_load(&server->attention) & COMMAND_ATTENDS_FAIL_POINTS) == 0) {
        return false;
    }
    pthread_mutex_lock(&server->fail_points->lock);
    bool hit = point->mode != FAIL_OFF && command__fail_matches(op, point->data) &&
               fail_point_counts(server, point);
    if (hit) {
        point->entered++;
        fail_attend(server);
    }
    if (hit && ret_data != NULL) {
        *ret_data = arena_copy(&op->arena, point->data);
    }
    pthread_mutex_unlock(&server->fail_points->lock);
    return hit;
}

/* ---- configureFailPoint ---- */

struct fail_args {
    struct doc_value mode;
    struct slice data;
};

static const struct command_arg fail_arg_table[] = {
    {"mode", COMMAND_ARG_VALUE, offsetof(struct fail_args, mode), COMMAND_ARG_REQUIRED},
    {"data", COMMAND_ARG_DOC, offsetof(struct fail_args, data), 0},
    {NULL},
};

static int fail_read_count(struct command_op *op, struct doc_elem elem, struct fail_point *point)
{
    point->mode = slice_is(elem.name, "times") ? FAIL_TIMES : FAIL_SKIP;
    if (!doc_value_is_number(elem.value)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "'%.*s' option to 'mode' must be a number, not %s", SLICE_FMT(elem.name),
                       doc_type_name(elem.value.type));
    }
    point->left = doc_value_to_i64_clamped(elem.value);
    if (point->left < 0) {
        return err_set(&op->err, LT_EBADVALUE, "'%.*s' option to 'mode' must not be negative",
                       SLICE_FMT(elem.name));
    }
    if (point->mode == FAIL_TIMES && point->left == 0) {
        point->mode = FAIL_OFF;
    }
    return 0;
}

static int fail_read_mode_doc(struct command_op *op, struct slice mode, struct fail_point *point)
{
    struct doc_elem elem = doc_first(mode);
    if (slice_is(elem.name, "times") || slice_is(elem.name, "skip")) {
        return fail_read_count(op, elem, point);
    }
    if (!slice_is(elem.name, "activationProbability")) {
        return err_set(&op->err, LT_EBADVALUE,
                       "'mode' must be one of 'off', 'alwaysOn', 'times', 'skip', and "
                       "'activationProbability'");
    }
    if (!doc_value_is_number(elem.value)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "'activationProbability' must be a number, not %s",
                       doc_type_name(elem.value.type));
    }
    point->mode = FAIL_SOMETIMES;
    point->probability = doc_value_to_double(elem.value);
    if (!(point->probability >= 0 && point->probability <= 1)) {
        return err_set(&op->err, LT_EBADVALUE,
                       "activationProbability must be between 0.0 and 1.0; found %g",
                       point->probability);
    }
    return 0;
}

static int fail_read_mode(struct command_op *op, struct doc_value mode, struct fail_point *point)
{
    if (mode.type == DOC_OBJECT && !doc_is_empty(doc_value_get_doc(mode))) {
        return fail_read_mode_doc(op, doc_value_get_doc(mode), point);
    }
    if (mode.type == DOC_STRING && slice_is(doc_value_get_string(mode), "off")) {
        point->mode = FAIL_OFF;
        return 0;
    }
    if (mode.type == DOC_STRING && slice_is(doc_value_get_string(mode), "alwaysOn")) {
        point->mode = FAIL_ALWAYS;
        return 0;
    }
    bool known_type = mode.type == DOC_STRING || mode.type == DOC_OBJECT;
    return err_set(&op->err, known_type ? LT_EBADVALUE : LT_ETYPEMISMATCH,
                   known_type ? "unknown mode" : "'mode' must be a string or JSON object");
}

/* Which one does the command name? */
static int fail_find(struct command_op *op, enum command_fail_point *ret_which)
{
    struct doc_value name = doc_first(op->body).value;
    if (name.type != DOC_STRING) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field 'configureFailPoint.configureFailPoint' is the wrong type "
                       "'%s', expected type 'string'",
                       doc_type_name(name.type));
    }
    for (int i = 0; i < COMMAND_FAIL_POINTS_COUNT; i++) {
        if (slice_is(doc_value_get_string(name), fail_names[i])) {
            *ret_which = (enum command_fail_point)i;
            return 0;
        }
    }
    return err_set(&op->err, LT_EFAILPOINTSETFAILED, "%.*s not found",
                   SLICE_FMT(doc_value_get_string(name)));
}

int command_configure_fail_point(struct command_op *op)
{
    struct fail_args args = {.data = doc_value_get_doc(doc_empty_object)};
    struct fail_point set = {0};
    enum command_fail_point which;
    int code = fail_find(op, &which);
    code = code < 0 ? code : command_args(op, fail_arg_table, &args);
    code = code < 0 ? code : fail_read_mode(op, args.mode, &set);
    code = code < 0 ? code : command__fail_check(op, args.data);
    if (code < 0) {
        return code;
    }
    bool names = doc_value_exists(doc_get_str(args.data, "failCommands"));
    if (which == COMMAND_FAIL_POINT_failCommand && set.mode != FAIL_OFF && !names) {
        return err_set(&op->err, 40414,
                       "BSON field 'data.failCommands' is missing but a required field");
    }
    struct command_fail_points *points = op->server->fail_points;
    set.data = slice_of(mem_copy(args.data), args.data.len);
    pthread_mutex_lock(&points->lock);
    struct slice old = points->points[which].data;
    set.entered = points->points[which].entered;
    points->points[which] = set;
    fail_attend(op->server);
    pthread_mutex_unlock(&points->lock);
    mem_free((void *)(uintptr_t)old.data);
    log_warning(op->server->log, "command", "fail point %s was set", fail_names[which]);
    doc_build_i64(&op->builder, "count", (int64_t)set.entered);
    return 0;
}
