/* command/session_pattern.h - which sessions a command means that kills those of others.
 *
 * Invariant   a session is meant when all that its pattern says is true of it; an empty pattern
 *             means all. A role is had also when it is inherited.
 * Thread      the owner.
 * Memory      a pattern is in the op's arena.
 * Errors      14, 2 for malformed ones; 40415 for a field that no pattern has; -LT_EAGAIN
 * (op->fetch_key is set).
 */
#ifndef COMMAND_SESSION_PATTERN_H
#define COMMAND_SESSION_PATTERN_H

#include "command/session.h"

struct command_session_pattern {
    bool of_id;
    uint8_t id[16]; /* as its client knows it */
    bool of_uid;
    uint8_t uid[32]; /* as its lsid says */
    bool of_users;
    struct buf user_ids; /* one behind another */
};

/* {lsid: {id}, uid, users: [{user, db}], roles: [{role, db}]} */
int command_session_pattern_parse(struct command_op *op, struct slice spec,
                                  struct command_session_pattern *ret_pattern);
/* [{user, db}]; empty: all sessions. */
int command_session_pattern_users(struct command_op *op, struct slice users,
                                  struct command_session_pattern *ret_pattern);
/* The caller's own. */
void command_session_pattern_own(struct command_op *op,
                                 struct command_session_pattern *ret_pattern);

bool command_session_pattern_means(const struct command_session_pattern *pattern,
                                   const struct command_session *session);

#endif
