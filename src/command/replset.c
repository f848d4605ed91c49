/* command/replset.c - replSetGetStatus, replSetGetConfig, replSetStepDown and replSetFreeze: a set
 * of one member, as its tools see it. */
#include "command/args.h"
#include "command/handlers.h"
#include "command/member.h"
#include "doc/view.h"

enum {
    REPLSET_HEARTBEAT_MS = 2000,
    REPLSET_ELECTION_MS = 10000,
    REPLSET_CATCH_UP_S = 10,
    REPLSET_PRIMARY = 1,
    REPLSET_SECONDARY = 2,
};

/* ---- replSetGetStatus ---- */

static void replset_build_optime(struct command_op *op, const char *name)
{
    doc_build_open(&op->builder, slice_str(name));
    doc_build_timestamp(&op->builder, "ts", atomic_load(&op->server->applied_clock));
    doc_build_i64(&op->builder, "t", (int64_t)atomic_load(&op->server->term));
    doc_build_close(&op->builder);
}

static int64_t replset_applied_ms(struct command_op *op)
{
    return (int64_t)(atomic_load(&op->server->applied_clock) >> 32) * 1000;
}

/* What is applied is durable, and with one member the majority's. */
static void replset_build_optimes(struct command_op *op)
{
    static const char *const times[] = {"lastCommittedOpTime", "readConcernMajorityOpTime",
                                        "appliedOpTime", "durableOpTime", "writtenOpTime"};
    static const char *const dates[] = {"lastCommittedWallTime", "lastAppliedWallTime",
                                        "lastDurableWallTime", "lastWrittenWallTime"};
    doc_build_open(&op->builder, SLICE("optimes"));
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        replset_build_optime(op, times[i]);
    }
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        doc_build_date(&op->builder, dates[i], replset_applied_ms(op));
    }
    doc_build_close(&op->builder);
}

static void replset_build_member(struct command_op *op, bool primary)
{
    struct doc_builder *builder = &op->builder;
    struct command_server *server = op->server;
    doc_build_open(builder, SLICE(""));
    doc_build_i32(builder, "_id", 0);
    doc_build_text(builder, "name", server->address);
    doc_build_double(builder, "health", 1.0);
    doc_build_i32(builder, "state", primary ? REPLSET_PRIMARY : REPLSET_SECONDARY);
    doc_build_text(builder, "stateStr", primary ? "PRIMARY" : "SECONDARY");
    doc_build_i32(builder, "uptime", (int32_t)((op->mono_us - server->started_us) / 1000000));
    replset_build_optime(op, "optime");
    doc_build_date(builder, "optimeDate", replset_applied_ms(op));
    doc_build_date(builder, "lastAppliedWallTime", replset_applied_ms(op));
    doc_build_date(builder, "lastDurableWallTime", replset_applied_ms(op));
    doc_build_text(builder, "syncSourceHost", "");
    doc_build_i32(builder, "syncSourceId", -1);
    doc_build_text(builder, "infoMessage", "");
    if (primary) {
        doc_build_timestamp(builder, "electionTime",
                            (uint64_t)(server->started_ms / 1000) << 32 | 1);
        doc_build_date(builder, "electionDate", server->started_ms);
    }
    doc_build_i32(builder, "configVersion", 1);
    doc_build_i64(builder, "configTerm", (int64_t)atomic_load(&server->term));
    doc_build_bool(builder, "self", true);
    doc_build_text(builder, "lastHeartbeatMessage", "");
    doc_build_close(builder);
}

int command_replset_get_status(struct command_op *op)
{
    struct doc_builder *builder = &op->builder;
    bool primary = command_member_is_primary(op->server);
    static const char *const ones[] = {"majorityVoteCount", "writeMajorityCount",
                                       "votingMembersCount", "writableVotingMembersCount"};
    doc_build_text(builder, "set", op->server->set_name);
    doc_build_date(builder, "date", op->wall_ms);
    doc_build_i32(builder, "myState", primary ? REPLSET_PRIMARY : REPLSET_SECONDARY);
    doc_build_i64(builder, "term", (int64_t)atomic_load(&op->server->term));
    doc_build_text(builder, "syncSourceHost", "");
    doc_build_i32(builder, "syncSourceId", -1);
    doc_build_i64(builder, "heartbeatIntervalMillis", REPLSET_HEARTBEAT_MS);
    for (size_t i = 0; i < sizeof ones / sizeof ones[0]; i++) {
        doc_build_i32(builder, ones[i], 1);
    }
    replset_build_optimes(op);
    doc_build_open_array(builder, SLICE("members"));
    replset_build_member(op, primary);
    doc_build_close(builder);
    return 0;
}

/* ---- replSetGetConfig ---- */

static void replset_build_config_member(struct command_op *op)
{
    struct doc_builder *builder = &op->builder;
    doc_build_open_array(builder, SLICE("members"));
    doc_build_open(builder, SLICE(""));
    doc_build_i32(builder, "_id", 0);
    doc_build_text(builder, "host", op->server->address);
    doc_build_bool(builder, "arbiterOnly", false);
    doc_build_bool(builder, "buildIndexes", true);
    doc_build_bool(builder, "hidden", false);
    doc_build_double(builder, "priority", 1);
    doc_build_doc(builder, "tags", doc_value_get_doc(doc_empty_object));
    doc_build_i64(builder, "secondaryDelaySecs", 0);
    doc_build_i32(builder, "votes", 1);
    doc_build_close(builder);
    doc_build_close(builder);
}

static void replset_build_settings(struct doc_builder *builder)
{
    doc_build_open(builder, SLICE("settings"));
    doc_build_bool(builder, "chainingAllowed", true);
    doc_build_i32(builder, "heartbeatIntervalMillis", REPLSET_HEARTBEAT_MS);
    doc_build_i32(builder, "heartbeatTimeoutSecs", 10);
    doc_build_i32(builder, "electionTimeoutMillis", REPLSET_ELECTION_MS);
    doc_build_i32(builder, "catchUpTimeoutMillis", -1);
    doc_build_i32(builder, "catchUpTakeoverDelayMillis", 30000);
    doc_build_doc(builder, "getLastErrorModes", doc_value_get_doc(doc_empty_object));
    doc_build_open(builder, SLICE("getLastErrorDefaults"));
    doc_build_i32(builder, "w", 1);
    doc_build_i32(builder, "wtimeout", 0);
    doc_build_close(builder);
    doc_build_close(builder);
}

int command_replset_get_config(struct command_op *op)
{
    struct doc_builder *builder = &op->builder;
    doc_build_open(builder, SLICE("config"));
    doc_build_text(builder, "_id", op->server->set_name);
    doc_build_i32(builder, "version", 1);
    doc_build_i64(builder, "term", (int64_t)atomic_load(&op->server->term));
    replset_build_config_member(op);
    doc_build_i64(builder, "protocolVersion", 1);
    doc_build_bool(builder, "writeConcernMajorityJournalDefault", true);
    replset_build_settings(builder);
    doc_build_close(builder);
    if (doc_value_truth(doc_get_str(op->body, "commitmentStatus"))) {
        doc_build_bool(builder, "commitmentStatus", true);
    }
    return 0;
}

/* ---- replSetStepDown and replSetFreeze ---- */

/* The command's first field: a number of seconds. */
static int replset_seconds(struct command_op *op, int64_t *ret_seconds)
{
    struct doc_value value = doc_first(op->body).value;
    if (!doc_value_is_number(value)) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s' is the wrong type '%s', expected types '[long, int, "
                       "decimal, double]'",
                       op->command->name, doc_type_name(value.type));
    }
    *ret_seconds = doc_value_to_i64_clamped(value);
    if (*ret_seconds < 0 || *ret_seconds > INT32_MAX) {
        return err_set(&op->err, LT_EBADVALUE, "%s: %lld seconds are out of range",
                       op->command->name, (long long)*ret_seconds);
    }
    return 0;
}

struct replset_args {
    bool force;
    int64_t catch_up_s;
};

static const struct command_arg replset_step_down_args[] = {
    {"force", COMMAND_ARG_BOOL, offsetof(struct replset_args, force), 0},
    {"secondaryCatchUpPeriodSecs", COMMAND_ARG_INT, offsetof(struct replset_args, catch_up_s), 0},
    {NULL},
};

static int replset_check_step_down(struct command_op *op, struct replset_args *args,
                                   int64_t seconds)
{
    if (seconds == 0) {
        return err_set(&op->err, LT_EBADVALUE, "stepdown period must be a positive integer");
    }
    if (!doc_value_exists(doc_get_str(op->body, "secondaryCatchUpPeriodSecs"))) {
        args->catch_up_s = args->force ? 0 : REPLSET_CATCH_UP_S;
    }
    if (args->catch_up_s < 0) {
        return err_set(&op->err, LT_EBADVALUE,
                       "secondaryCatchUpPeriodSecs period must be a positive or absent");
    }
    if (args->catch_up_s > seconds) {
        return err_set(&op->err, LT_EBADVALUE,
                       "stepdown period must be longer than secondaryCatchUpPeriodSecs");
    }
    if (!command_member_is_primary(op->server)) {
        return err_set(&op->err, LT_ENOTWRITABLEPRIMARY, "not primary so can't step down");
    }
    return 0;
}

/* Nobody would take over: only who insists gets it, and there is nobody to wait for. */
int command_replset_step_down(struct command_op *op)
{
    struct replset_args args = {0};
    int64_t seconds = 0;
    int code = command_args(op, replset_step_down_args, &args);
    code = code < 0 ? code : replset_seconds(op, &seconds);
    code = code < 0 ? code : replset_check_step_down(op, &args, seconds);
    if (code < 0) {
        return code;
    }
    if (!args.force) {
        return err_set(&op->err, LT_EEXCEEDEDTIMELIMIT,
                       "No electable secondaries caught up. Please use the replSetStepDown "
                       "command with the argument {force: true} to force node to step down.");
    }
    command_member_step_down(op->server, op->mono_us + (uint64_t)seconds * 1000000);
    return 0;
}

int command_replset_freeze(struct command_op *op)
{
    int64_t seconds = 0;
    int code = replset_seconds(op, &seconds);
    if (code < 0) {
        return code;
    }
    if (command_member_is_primary(op->server)) {
        return err_set(&op->err, LT_ENOTSECONDARY,
                       "cannot freeze node when primary or running for election. state: Primary");
    }
    uint64_t until = atomic_load(&op->server->secondary_until_us);
    uint64_t asked = op->mono_us + (uint64_t)seconds * 1000000;
    if (seconds == 0) {
        doc_build_text(&op->builder, "info", "unfreezing");
    } else if (seconds == 1) {
        doc_build_text(&op->builder, "warning", "you really want to freeze for only 1 second?");
    }
    command_member_step_down(op->server, seconds == 0 || asked > until ? asked : until);
    return 0;
}
