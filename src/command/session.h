/* command/session.h - logical sessions: known, kept alive, ended.
 *
 * Invariant   a session is known from its first use until it is ended or has been idle for as long
 *             as localLogicalSessionTimeoutMinutes says.
 * Thread      any; one lock.
 * Memory      the table owns its sessions; it holds at most COMMAND_SESSIONS_MAX.
 * Errors      261 TooManyLogicalSessions at the limit.
 */
#ifndef COMMAND_SESSION_H
#define COMMAND_SESSION_H

#include "base/err.h"
#include "doc/value.h"

enum { COMMAND_SESSIONS_MAX = 1000000 };

struct command_sessions;
struct command_server;

struct command_sessions *command_sessions_new(void);
void command_sessions_free(struct command_sessions *sessions);

/* Note that the session is in use now; it is made when it is not known. */
int command_sessions_use(struct command_sessions *sessions, const uint8_t id[16], int64_t now_ms,
                         struct err *err);
void command_sessions_end(struct command_sessions *sessions, const uint8_t id[16]);
void command_sessions_end_all(struct command_sessions *sessions);
/* End those that have been idle for too long, by the parameter. */
void command_sessions_sweep(struct command_server *server, int64_t now_ms);
int32_t command_session_minutes(const struct command_server *server);
uint32_t command_sessions_count(struct command_sessions *sessions);

/* The id inside {id: UUID}: false when it is none. */
bool command_session_id(struct doc_value lsid, uint8_t ret_id[16]);

#endif
