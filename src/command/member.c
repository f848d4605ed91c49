/* command/member.c - stepping down, stopping, and who is let in meanwhile. */
#include "command/member.h"

#include "command/txn.h"
#include "doc/view.h"

static void member_changed(struct command_server *server)
{
    atomic_fetch_add(&server->topology_counter, 1);
    server->host_ops->topology_changed(server->host);
}

void command_member_step_down(struct command_server *server, uint64_t until_us)
{
    atomic_store(&server->secondary_until_us, until_us);
    unsigned before = atomic_fetch_or(&server->attention, COMMAND_ATTENDS_SECONDARY);
    if ((before & COMMAND_ATTENDS_SECONDARY) == 0) {
        atomic_fetch_add(&server->step_downs, 1);
        log_warning(server->log, "command", "stepped down: no writes are taken for a while");
        member_changed(server);
    }
}

void command_member_stop(struct command_server *server, uint64_t until_us)
{
    atomic_store(&server->stop_until_us, until_us);
    atomic_fetch_or(&server->attention, COMMAND_ATTENDS_STOP);
    member_changed(server);
}

void command_member_tick(struct command_server *server, uint64_t mono_us)
{
    if (!command_member_is_primary(server) && mono_us >= atomic_load(&server->secondary_until_us)) {
        server->host_ops->elect(server->host);
    }
}

void command_member_elected(struct command_server *server)
{
    unsigned before = atomic_fetch_and(&server->attention, ~(unsigned)COMMAND_ATTENDS_SECONDARY);
    if ((before & COMMAND_ATTENDS_SECONDARY) != 0) {
        log_info(server->log, "command", "primary again");
        member_changed(server);
    }
}

/* ---- who is let in ---- */

/* What only a primary does: writes, and all of a transaction. */
static bool member_writes(const struct command_op *op)
{
    return (op->command->flags & COMMAND_WRITE) != 0 || command_is_in_txn(op);
}

/* Does the client take what may be stale? */
static bool member_reads_stale(const struct command_op *op)
{
    struct doc_value preference = doc_get_str(op->body, "$readPreference");
    struct doc_value mode = doc_missing;
    if (preference.type == DOC_OBJECT) {
        mode = doc_get_str(doc_value_get_doc(preference), "mode");
    }
    return mode.type == DOC_STRING && !slice_is(doc_value_get_string(mode), "primary");
}

static bool member_reads_newest(const struct command_op *op)
{
    struct doc_value concern = op->common.read_concern;
    struct doc_value level = doc_missing;
    if (concern.type == DOC_OBJECT) {
        level = doc_get_str(doc_value_get_doc(concern), "level");
    }
    return level.type == DOC_STRING && slice_is(doc_value_get_string(level), "linearizable");
}

static int member_admits_at_secondary(struct command_op *op)
{
    unsigned flags = op->command->flags;
    if (member_writes(op)) {
        return err_set(&op->err, LT_ENOTWRITABLEPRIMARY, "not primary");
    }
    bool shows = (flags & (COMMAND_READ | COMMAND_SHOWS)) != 0 && (flags & COMMAND_GOES_ON) == 0;
    if (!shows) {
        return 0;
    }
    if (member_reads_newest(op)) {
        return err_set(&op->err, LT_ENOTWRITABLEPRIMARY,
                       "cannot satisfy linearizable read concern on non-primary node");
    }
    return member_reads_stale(op) ? 0
                                  : err_set(&op->err, LT_ENOTPRIMARYNOSECONDARYOK,
                                            "not primary and secondaryOk=false");
}

int command_member_admits(struct command_op *op)
{
    unsigned attention = atomic_load(&op->server->attention);
    if ((attention & COMMAND_ATTENDS_STOP) != 0 && (op->command->flags & COMMAND_HELLO) == 0) {
        op->close_after = true;
        return err_set(&op->err, LT_ESHUTDOWNINPROGRESS,
                       "The server is in quiesce mode and will shut down");
    }
    return (attention & COMMAND_ATTENDS_SECONDARY) != 0 ? member_admits_at_secondary(op) : 0;
}

int command_member_keeps(struct command_op *op)
{
    unsigned attention = atomic_load(&op->server->attention);
    if ((attention & COMMAND_ATTENDS_STOP) != 0 && (op->command->flags & COMMAND_HELLO) == 0) {
        op->close_after = true;
        return err_set(&op->err, LT_EINTERRUPTEDATSHUTDOWN, "interrupted at shutdown");
    }
    if ((attention & COMMAND_ATTENDS_SECONDARY) != 0 && member_writes(op)) {
        return err_set(&op->err, LT_EINTERRUPTEDDUETOREPLSTATECHANGE,
                       "operation was interrupted, because the server stepped down");
    }
    return 0;
}
