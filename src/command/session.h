/* command/session.h - logical sessions: known, kept alive, ended; whose turn it is in one.
 *
 * Invariant   a session is known from its first use until it is ended or has been idle for as long
 *             as localLogicalSessionTimeoutMinutes says; of its ops with a transaction number one
 *             is at work at a time.
 * Thread      any, under one lock; what is marked so is the owner's.
 * Memory      the table owns its sessions; it holds at most COMMAND_SESSIONS_MAX. Only the owner
 *             frees one.
 * Errors      261 TooManyLogicalSessions at the limit.
 */
#ifndef COMMAND_SESSION_H
#define COMMAND_SESSION_H

#include "command/owner.h"
#include "command/retry.h"

enum { COMMAND_SESSIONS_MAX = 1000000 };

struct command_session {
    struct command_session *next; /* in its slot */
    uint8_t id[16];               /* the client's, and whose it is: command_session_key_of */
    uint8_t user_id[16];          /* of who used it; zeroes: nobody's */
    uint8_t uid[32];              /* likewise, as its lsid says; zeroes: not known */
    int64_t used_ms;              /* last, by the wall clock: to be shown */
    uint64_t used_us;             /* by the monotonic one, which does not jump: to be old */
    atomic_bool ended;            /* to be forgotten */
    atomic_bool at_work;          /* there is a holder */
    _Atomic uint64_t txn_us;      /* when its transaction was begun; 0: none is open */
    _Atomic int64_t txn_number;   /* of that one */
    /* ---- the owner's ---- */
    struct command_op *holder; /* whose turn it is */
    uint32_t waiting;          /* ops that want it */
    struct command_retry retry;
    struct command_txn *txn; /* open; NULL: none */
};

struct command_sessions *command_sessions_new(void);
/* No transaction is open. */
void command_sessions_free(struct command_sessions *sessions);

/* The sessions that have records, as a view shows: as if they were in use now. */
int command_sessions_load(struct command_sessions *sessions, struct store_view *view,
                          uint64_t now_us);

/* Note that the session is in use now; it is made when it is not known. The session is for the
 * owner. */
int command_sessions_use(struct command_op *op, const uint8_t key[16],
                         struct command_session **ret_session);

/* At the owner: it is this op's turn, or -LT_EWAIT. */
int command_session_hold(struct command_op *op);
void command_session_release(struct command_op *op);

/* Forget those that have ended or been idle for too long; their records go with the open entry. The
 * owner. */
void command_sessions_sweep(struct command_owner *owner, uint64_t now_us);
int32_t command_session_minutes(const struct command_server *server);
uint32_t command_sessions_count(struct command_sessions *sessions);

/* Sessions are their user's: the key that one is known by here, made of its id and its user. */
void command_session_key_of(const struct command_op *op, const uint8_t id[16], uint8_t ret_key[16]);

/* The session of that key, or NULL; and all of them. For the owner. */
struct command_session *command_sessions_find(struct command_sessions *sessions,
                                              const uint8_t key[16]);
struct command_session **command_sessions_all(struct command_sessions *sessions,
                                              struct arena *arena, uint32_t *ret_count);

/* What is shown of them. */
struct command_session_info {
    uint8_t key[16];
    uint8_t id[16]; /* that its client knows */
    uint8_t uid[32];
    int64_t used_ms;
    uint64_t txn_us; /* as in the session */
    int64_t txn_number;
    bool at_work;
};
/* Whose are wanted; nothing of it set: everybody's. */
struct command_session_whose {
    const uint8_t *user_id; /* of 16 bytes, or NULL */
    struct slice uids;      /* of 32 bytes each; data NULL: any */
};
/* Any thread. */
struct command_session_info *command_sessions_list(struct command_sessions *sessions,
                                                   struct arena *arena,
                                                   const struct command_session_whose *whose,
                                                   uint32_t *ret_count);
/* The fields of its lsid: id and, when it is known, uid. */
void command_session_build_id(struct doc_builder *builder, const struct command_session_info *info);
/* {_id: {id: UUID, uid: Binary}, lastUse: Date} */
struct slice command_session_build(struct arena *arena, const struct command_session_info *info);

/* Abort its transaction, end its ops and its cursors. The owner. */
void command_session_kill(struct command_owner *owner, struct command_session *session);

/* The id that its client knows. */
static inline void command_session_shown(const struct command_session *session, uint8_t ret_id[16])
{
    for (size_t i = 0; i < sizeof session->id; i++) {
        ret_id[i] = session->id[i] ^ session->user_id[i];
    }
}

/* The id inside {id: UUID}: false when it is none. */
bool command_session_id(struct doc_value lsid, uint8_t ret_id[16]);

static inline struct slice command_session_key(const struct command_session *session)
{
    return slice_of(session->id, sizeof session->id);
}

#endif
