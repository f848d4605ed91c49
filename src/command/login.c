/* command/login.c - saslStart, saslContinue, authenticate, logout, and logins in a hello.
 *
 *   saslStart --> challenge --> saslContinue --> [wait] --> proof --+--> account, done
 *                                                                   +--> (empty exchange) --> done
 *
 * What fails says the same whatever the reason. Before a proof is looked at it may have to wait:
 * the throttle says how long, the more the more has failed. */
#include "command/login.h"

#include "base/mem.h"
#include "base/rng.h"
#include "command/account.h"
#include "command/args.h"
#include "command/audit.h"
#include "command/handlers.h"
#include "command/server.h"
#include "doc/view.h"
#include "security/scram.h"

enum { LOGIN_NONCE_BYTES = 18, LOGIN_REFUSED_US = 2000000 };

struct command_login {
    struct arena arena;
    struct command_name user;
    struct security_scram *scram;
    struct command_account *account; /* proven; the client's when the conversation is done */
    const char *mechanism;
    int32_t conversation;
    bool skips_empty;
    bool waits;       /* when_us is set */
    bool refused;     /* the proof will not be looked at */
    uint64_t when_us; /* the proof is looked at */
};

void command_login_free(struct command_login *login)
{
    if (login != NULL) {
        security_scram_free(login->scram);
        command_account_release(login->account);
        arena_close(&login->arena);
        mem_free(login);
    }
}

static void login_end(struct command_op *op)
{
    command_login_free(op->client->login);
    op->client->login = NULL;
}

static int login_failed(struct command_op *op)
{
    return err_set(&op->err, LT_EAUTHENTICATIONFAILED, "Authentication failed.");
}

/* "db.user", as the throttle knows it. */
static struct security_attempt login_attempt(struct command_op *op, const struct command_name *user)
{
    return (struct security_attempt){command_join(&op->arena, user->db, user->name),
                                     op->client->peer};
}

/* ---- beginning ---- */

struct login_start {
    struct slice mechanism;
    struct doc_value payload;
    struct slice options;
    struct slice db;
};

static const struct command_arg login_start_args[] = {
    {"mechanism", COMMAND_ARG_STRING, offsetof(struct login_start, mechanism),
     COMMAND_ARG_REQUIRED},
    {"payload", COMMAND_ARG_VALUE, offsetof(struct login_start, payload), COMMAND_ARG_REQUIRED},
    {"options", COMMAND_ARG_DOC, offsetof(struct login_start, options), 0},
    {"db", COMMAND_ARG_STRING, offsetof(struct login_start, db), 0},
    {"autoAuthorize", COMMAND_ARG_IGNORE, 0, 0},
    {NULL},
};

/* Binary, or text in base 64. */
static int login_payload(struct command_op *op, struct doc_value value, struct slice *ret_payload)
{
    if (value.type == DOC_BINARY) {
        *ret_payload = doc_value_get_binary(value);
    } else if (value.type == DOC_STRING) {
        struct slice text = doc_value_get_string(value);
        uint8_t *bytes = arena_alloc(&op->arena, SECURITY_SALT_MAX * 3);
        int len =
            text.len == 0 ? 0 : security_base64_read(text, bytes, (size_t)SECURITY_SALT_MAX * 3);
        if (len < 0) {
            return err_set(&op->err, LT_EFAILEDTOPARSE, "the payload is no base 64");
        }
        *ret_payload = slice_of(bytes, (size_t)len);
    } else {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "BSON field '%s.payload' is the wrong type '%s', expected types "
                       "'[binData, string]'",
                       op->command->name, doc_type_name(value.type));
    }
    return 0;
}

/* The user's keys for that mechanism: 1, 0 there are none, negative. */
static int login_keys(struct command_op *op, const struct command_name *user,
                      enum security_mechanism mechanism, struct security_keys *ret_keys)
{
    struct command_directory directory;
    struct slice doc;
    command_directory_open(op, &directory);
    int code = command_directory_get(&directory, COMMAND_USERS, user, &doc);
    command_directory_close(&directory);
    if (code <= 0) {
        return code;
    }
    struct doc_value all = doc_get_str(doc, "credentials");
    struct doc_value keys = doc_missing;
    if (all.type == DOC_OBJECT) {
        keys = doc_get_str(doc_value_get_doc(all), security_mechanism_name(mechanism));
    }
    if (keys.type != DOC_OBJECT) {
        return 0;
    }
    code = security_keys_parse(doc_value_get_doc(keys), mechanism, ret_keys, &op->err);
    return code < 0 ? code : 1;
}

/* What nobody outside knows and no restart changes: which uuid the users' collection has. Before
 * there is one, no user is known by any salt. */
static struct slice login_secret(struct command_op *op)
{
    struct store_catalog *catalog = command_server_catalog(op->server);
    const struct store_collection *users = store_catalog_find(catalog, SLICE("admin.system.users"));
    struct slice secret = slice_of(op->server->process_id, sizeof op->server->process_id);
    if (users != NULL) {
        secret = slice_of(users->uuid, sizeof users->uuid);
    }
    secret = arena_copy(&op->arena, secret);
    store_catalog_release(catalog);
    return secret;
}

static int login_challenge(struct command_op *op, struct command_login *login,
                           enum security_mechanism mechanism, struct buf *reply)
{
    struct security_keys keys;
    uint8_t random[LOGIN_NONCE_BYTES];
    struct buf nonce;
    const struct command_params *params = &op->server->parameters;
    int code = login_keys(op, &login->user, mechanism, &keys);
    if (code < 0) {
        return code;
    }
    rng_bytes(random, sizeof random);
    buf_init(&nonce, &op->arena);
    security_base64_write(&nonce, slice_of(random, sizeof random));
    struct security_challenge challenge = {
        .keys = code > 0 ? &keys : NULL,
        .iterations = (uint32_t)command_param(
            params, mechanism == SECURITY_SCRAM_SHA_1 ? COMMAND_PARAM_scramIterationCount
                                                      : COMMAND_PARAM_scramSHA256IterationCount),
        .secret = login_secret(op),
        .nonce = buf_slice(&nonce),
    };
    security_scram_challenge(login->scram, &challenge, reply);
    return 0;
}

static int login_begin(struct command_op *op, const struct login_start *start, struct slice db,
                       struct buf *reply)
{
    struct slice payload;
    struct slice user;
    int mechanism = security_mechanism_find(start->mechanism);
    login_end(op);
    if (mechanism < 0) {
        return err_set(&op->err, LT_EMECHANISMUNAVAILABLE,
                       "Received authentication for mechanism %.*s which is unknown or not "
                       "enabled",
                       SLICE_FMT(start->mechanism));
    }
    int code = login_payload(op, start->payload, &payload);
    if (code < 0) {
        return code;
    }
    struct command_login *login = mem_zero(1, sizeof *login);
    arena_init(&login->arena);
    op->client->login = login;
    login->conversation = 1;
    login->mechanism = security_mechanism_name((enum security_mechanism)mechanism);
    login->skips_empty =
        start->options.len > 0 && doc_value_truth(doc_get_str(start->options, "skipEmptyExchange"));
    code = security_scram_new((enum security_mechanism)mechanism, payload, &login->scram, &user,
                              &op->err);
    if (code == 0) {
        login->user =
            (struct command_name){arena_copy(&login->arena, user), arena_copy(&login->arena, db)};
        code = login_challenge(op, login, (enum security_mechanism)mechanism, reply);
    }
    if (code < 0) {
        login_end(op);
    }
    return code;
}

static void login_build(struct doc_builder *builder, const struct command_login *login, bool done,
                        struct slice payload)
{
    doc_build_i32(builder, "conversationId", login->conversation);
    doc_build_bool(builder, "done", done);
    doc_build_binary(builder, "payload", 0, payload);
}

int command_sasl_start(struct command_op *op)
{
    struct login_start start = {.payload = doc_missing};
    struct buf reply;
    int code = command_args(op, login_start_args, &start);
    buf_init(&reply, &op->arena);
    code = code < 0 ? code : login_begin(op, &start, op->db, &reply);
    if (code == 0) {
        login_build(&op->builder, op->client->login, false, buf_slice(&reply));
    }
    return code;
}

/* ---- the proof ---- */

struct login_continue {
    int64_t conversation;
    struct doc_value payload;
};

static const struct command_arg login_continue_args[] = {
    {"conversationId", COMMAND_ARG_INT, offsetof(struct login_continue, conversation),
     COMMAND_ARG_REQUIRED},
    {"payload", COMMAND_ARG_VALUE, offsetof(struct login_continue, payload), COMMAND_ARG_REQUIRED},
    {NULL},
};

/* -LT_EYIELD until the proof may be looked at; where too many wait it never is. */
static int login_wait(struct command_op *op, struct command_login *login)
{
    struct security_attempt attempt = login_attempt(op, &login->user);
    if (!login->waits) {
        login->waits = true;
        login->when_us = security_throttle_when(op->server->throttle, &attempt, op->mono_us);
        login->refused = login->when_us == UINT64_MAX;
        login->when_us = login->refused ? op->mono_us + LOGIN_REFUSED_US : login->when_us;
    }
    bool early = op->mono_us < login->when_us;
    op->wake_us = early ? login->when_us : 0;
    if (early) {
        return -LT_EYIELD;
    }
    return login->refused ? login_failed(op) : 0;
}

/* How it went: to the throttle, and to the log. */
static void login_note(struct command_op *op, const struct command_login *login, bool succeeded)
{
    command_audit_login(op, &login->user, login->mechanism,
                        succeeded ? 0 : LT_EAUTHENTICATIONFAILED);
    struct security_attempt attempt = login_attempt(op, &login->user);
    security_throttle_note(op->server->throttle, &attempt, succeeded, op->mono_us);
    log_write(op->server->log, succeeded ? LOG_DEBUG : LOG_INFO, "security",
              "%s: login as %.*s@%.*s %s", op->client->peer, SLICE_FMT(login->user.name),
              SLICE_FMT(login->user.db), succeeded ? "succeeded" : "failed");
}

/* The account that the proof is for, or why there is none. */
static int login_prove(struct command_op *op, struct command_login *login, struct slice payload,
                       struct buf *reply)
{
    int code = login_wait(op, login);
    if (code < 0) {
        return code;
    }
    code = security_scram_verify(login->scram, payload, reply, &op->err);
    if (code == 0) {
        code = command_account_load(op, &login->user, &login->account);
    }
    if (code == -LT_EAGAIN) {
        return code;
    }
    login_note(op, login, code == 0);
    return code < 0 ? login_failed(op) : 0;
}

/* A connection is one user's. */
static int login_check_client(struct command_op *op, const struct command_login *login)
{
    const struct command_account *account = op->client->account;
    if (account == NULL || (slice_equal(account->name.name, login->user.name) &&
                            slice_equal(account->name.db, login->user.db))) {
        return 0;
    }
    return err_set(&op->err, LT_EPROTOCOLERROR,
                   "Each client connection may only be authenticated once. Previously "
                   "authenticated as: %.*s@%.*s",
                   SLICE_FMT(account->name.name), SLICE_FMT(account->name.db));
}

/* The connection is the account's from now on. */
static void login_take(struct command_op *op, struct command_account *account)
{
    command_account_release(op->client->account);
    op->client->account = account;
    atomic_store(&op->client->known, account != NULL);
}

static void login_finish(struct command_op *op, struct command_login *login)
{
    login_take(op, login->account);
    login->account = NULL;
    login_end(op);
}

static int login_go_on(struct command_op *op, const struct login_continue *args)
{
    struct command_login *login = op->client->login;
    struct slice payload;
    struct buf reply;
    buf_init(&reply, &op->arena);
    if (login == NULL || args->conversation != login->conversation) {
        return err_set(&op->err, LT_EPROTOCOLERROR, "No SASL session state found");
    }
    bool empty_exchange = login->account != NULL;
    int code = login_payload(op, args->payload, &payload);
    if (code == 0 && empty_exchange && payload.len > 0) {
        code = login_failed(op);
    }
    if (code == 0 && !empty_exchange) {
        code = login_prove(op, login, payload, &reply);
    }
    code = code < 0 ? code : login_check_client(op, login);
    if (code < 0) {
        return code;
    }
    bool done = empty_exchange || login->skips_empty;
    login_build(&op->builder, login, done, buf_slice(&reply));
    if (done) {
        login_finish(op, login);
    }
    return 0;
}

int command_sasl_continue(struct command_op *op)
{
    struct login_continue args = {.payload = doc_missing};
    int code = command_args(op, login_continue_args, &args);
    code = code < 0 ? code : login_go_on(op, &args);
    if (code < 0 && code != -LT_EAGAIN && code != -LT_EYIELD) {
        login_end(op);
    }
    return code;
}

int command_logout(struct command_op *op)
{
    command_audit_logout(op);
    login_end(op);
    login_take(op, NULL);
    return 0;
}

/* ---- certificates ---- */

static const char login_x509[] = "MONGODB-X509";

/* The certificate was checked when the connection was made; its subject is the user. */
static int login_by_certificate(struct command_op *op, struct slice body)
{
    struct doc_value user = doc_get_str(body, "user");
    struct command_login login = {.user.db = SLICE("$external"), .mechanism = login_x509};
    if (op->client->certificate == NULL) {
        return err_set(&op->err, LT_EAUTHENTICATIONFAILED,
                       "There is no x.509 client certificate matching the user.");
    }
    login.user.name = slice_str(op->client->certificate);
    bool other =
        user.type == DOC_STRING && !slice_equal(doc_value_get_string(user), login.user.name);
    int code = other ? -LT_EAUTHENTICATIONFAILED : login_check_client(op, &login);
    code = code < 0 ? code : command_account_load(op, &login.user, &login.account);
    if (code == -LT_EAGAIN) {
        return code;
    }
    login_note(op, &login, code == 0);
    if (code < 0) {
        return login_failed(op);
    }
    login_end(op);
    login_take(op, login.account);
    return 0;
}

static void login_build_certificate(struct command_op *op, struct doc_builder *builder)
{
    doc_build_text(builder, "dbname", "$external");
    doc_build_text(builder, "user", op->client->certificate);
}

int command_authenticate(struct command_op *op)
{
    struct doc_value mechanism = doc_get_str(op->body, "mechanism");
    struct slice name =
        mechanism.type == DOC_STRING ? doc_value_get_string(mechanism) : SLICE("MONGODB-CR");
    if (!slice_is(name, login_x509)) {
        return err_set(&op->err, LT_EMECHANISMUNAVAILABLE,
                       "Received authentication for mechanism %.*s which is unknown or not enabled",
                       SLICE_FMT(name));
    }
    int code = slice_is(op->db, "$external")
                   ? login_by_certificate(op, op->body)
                   : err_set(&op->err, LT_EPROTOCOLERROR,
                             "X.509 authentication must always use the $external database.");
    if (code == 0) {
        login_build_certificate(op, &op->builder);
    }
    return code;
}

/* ---- in a hello ---- */

/* Which mechanisms the user has keys for. One who is not there has all of them, as most have. */
static int login_mechanisms(struct command_op *op, struct slice text, struct doc_builder *builder)
{
    const uint8_t *dot = text.len == 0 ? NULL : memchr(text.data, '.', text.len);
    if (dot == NULL) {
        return err_set(&op->err, LT_EBADVALUE, "saslSupportedMechs must be <db>.<user>");
    }
    size_t len = (size_t)(dot - text.data);
    struct command_name user = {slice_from(text, len + 1), slice_of(text.data, len)};
    bool has[SECURITY_MECHANISMS];
    bool any = false;
    for (int i = 0; i < SECURITY_MECHANISMS; i++) {
        struct security_keys keys;
        int code = login_keys(op, &user, (enum security_mechanism)i, &keys);
        if (code < 0) {
            return code;
        }
        has[i] = code > 0;
        any |= has[i];
    }
    doc_build_open_array(builder, SLICE("saslSupportedMechs"));
    for (int i = 0; i < SECURITY_MECHANISMS; i++) {
        if (has[i] || !any) {
            doc_build_text(builder, "", security_mechanism_name((enum security_mechanism)i));
        }
    }
    doc_build_close(builder);
    return 0;
}

static int login_speculative_scram(struct command_op *op, struct slice doc,
                                   struct doc_builder *builder)
{
    struct login_start start = {.payload = doc_missing};
    struct command_args_spec spec = {"speculativeAuthenticate", login_start_args, false, true};
    struct buf reply;
    buf_init(&reply, &op->arena);
    int code = command_args_read(&spec, doc, &start, &op->err);
    code = code < 0 ? code : command_check_db(start.db, &op->err);
    code = code < 0 ? code : login_begin(op, &start, start.db, &reply);
    if (code == 0) {
        doc_build_open(builder, SLICE("speculativeAuthenticate"));
        login_build(builder, op->client->login, false, buf_slice(&reply));
        doc_build_close(builder);
    }
    return code;
}

static int login_speculative_certificate(struct command_op *op, struct slice doc,
                                         struct doc_builder *builder)
{
    struct doc_value mechanism = doc_get_str(doc, "mechanism");
    if (mechanism.type != DOC_STRING || !slice_is(doc_value_get_string(mechanism), login_x509)) {
        return 0;
    }
    int code = login_by_certificate(op, doc);
    if (code == 0) {
        doc_build_open(builder, SLICE("speculativeAuthenticate"));
        login_build_certificate(op, builder);
        doc_build_close(builder);
    }
    return code;
}

static int login_speculative(struct command_op *op, struct slice doc, struct doc_builder *builder)
{
    struct slice name = doc_first(doc).name;
    int code = slice_is(name, "saslStart")      ? login_speculative_scram(op, doc, builder)
               : slice_is(name, "authenticate") ? login_speculative_certificate(op, doc, builder)
                                                : 0;
    op->err.code = 0; /* it only was a try */
    return code == -LT_EAGAIN ? code : 0;
}

int command_login_hello(struct command_op *op, struct slice *ret_fields)
{
    struct doc_value mechanisms = doc_get_str(op->body, "saslSupportedMechs");
    struct doc_value speculative = doc_get_str(op->body, "speculativeAuthenticate");
    int code = 0;
    if (mechanisms.type != DOC_STRING && speculative.type != DOC_OBJECT) {
        return 0;
    }
    struct doc_builder *builder = arena_alloc(&op->arena, sizeof *builder);
    struct buf *buf = arena_alloc(&op->arena, sizeof *buf);
    buf_init(buf, &op->arena);
    doc_build_begin(builder, buf);
    if (mechanisms.type == DOC_STRING) {
        code = login_mechanisms(op, doc_value_get_string(mechanisms), builder);
    }
    if (code == 0 && speculative.type == DOC_OBJECT) {
        code = login_speculative(op, doc_value_get_doc(speculative), builder);
    }
    struct slice fields = doc_build_end(builder);
    if (code == 0) {
        *ret_fields = fields;
    }
    return code;
}
