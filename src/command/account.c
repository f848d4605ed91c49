/* command/account.c - a user's document, and what its roles come to. */
#include "command/account.h"

#include <pthread.h>
#include <xxhash.h>

#include "base/mem.h"
#include "command/server.h"
#include "doc/view.h"
#include "security/keys.h"
#include "security/restriction.h"

enum { ACCOUNT_SLOTS = 512 };

struct command_accounts {
    pthread_mutex_t lock;
    struct command_account *slots[ACCOUNT_SLOTS]; /* by the hash of the name; the newest stays */
};

struct command_accounts *command_accounts_new(void)
{
    struct command_accounts *accounts = mem_zero(1, sizeof *accounts);
    pthread_mutex_init(&accounts->lock, NULL);
    return accounts;
}

void command_accounts_free(struct command_accounts *accounts)
{
    if (accounts != NULL) {
        for (int i = 0; i < ACCOUNT_SLOTS; i++) {
            command_account_release(accounts->slots[i]);
        }
        pthread_mutex_destroy(&accounts->lock);
        mem_free(accounts);
    }
}

static struct command_account *account_hold(struct command_account *account)
{
    atomic_fetch_add_explicit(&account->references, 1, memory_order_relaxed);
    return account;
}

void command_account_release(struct command_account *account)
{
    if (account != NULL && atomic_fetch_sub(&account->references, 1) == 1) {
        arena_close(&account->arena);
        mem_free(account);
    }
}

static struct command_account **account_slot(struct command_accounts *accounts,
                                             const struct command_name *name)
{
    uint64_t hash = XXH3_64bits_withSeed(name->name.data, name->name.len,
                                         XXH3_64bits(name->db.data, name->db.len));
    return &accounts->slots[hash % ACCOUNT_SLOTS];
}

/* The one that another connection has, if no account has changed since; NULL: there is none. */
static struct command_account *account_known(struct command_server *server,
                                             const struct command_name *name)
{
    struct command_account *found = NULL;
    pthread_mutex_lock(&server->accounts->lock);
    struct command_account *account = *account_slot(server->accounts, name);
    if (account != NULL && account->clock >= atomic_load(&server->rights_clock) &&
        slice_equal(account->name.name, name->name) && slice_equal(account->name.db, name->db)) {
        found = account_hold(account);
    }
    pthread_mutex_unlock(&server->accounts->lock);
    return found;
}

static void account_share(struct command_server *server, struct command_account *account)
{
    pthread_mutex_lock(&server->accounts->lock);
    struct command_account **slot = account_slot(server->accounts, &account->name);
    struct command_account *old = *slot;
    *slot = account_hold(account);
    pthread_mutex_unlock(&server->accounts->lock);
    command_account_release(old);
}

bool command_user_id(struct slice doc, uint8_t ret_id[COMMAND_USER_ID])
{
    struct doc_value id = doc_get_str(doc, "userId");
    if (id.type != DOC_BINARY || doc_value_get_binary(id).len != COMMAND_USER_ID) {
        return false;
    }
    memcpy(ret_id, doc_value_get_binary(id).data, COMMAND_USER_ID);
    return true;
}

void command_user_uid(const struct command_name *name, uint8_t ret_uid[COMMAND_USER_UID])
{
    struct arena arena;
    arena_init(&arena);
    struct slice text =
        arena_format(&arena, "%.*s@%.*s", SLICE_FMT(name->name), SLICE_FMT(name->db));
    security_hash(SECURITY_SCRAM_SHA_256, text, ret_uid);
    arena_close(&arena);
}

/* authenticationRestrictions of a user's or role's document, if it has any. */
static void account_restrict(struct command_account *account, struct slice doc)
{
    struct doc_value array = doc_get_str(doc, "authenticationRestrictions");
    if (array.type == DOC_ARRAY && !doc_is_empty(doc_value_get_doc(array))) {
        account->restrictions[account->restrictions_count++] =
            arena_copy(&account->arena, doc_value_get_doc(array));
    }
}

/* Those of its roles, inherited ones too, hold beside its own. */
static int account_fill_restrictions(struct command_directory *directory, struct slice user,
                                     struct command_account *account)
{
    const struct command_names *roles = &account->roles;
    int code = 0;
    account->restrictions =
        arena_alloc(&account->arena, (roles->count + 1) * sizeof *account->restrictions);
    account_restrict(account, user);
    for (uint32_t i = 0; i < roles->count && code >= 0; i++) {
        struct slice doc;
        code = command_directory_get(directory, COMMAND_ROLES, &roles->all[i], &doc);
        if (code > 0) {
            account_restrict(account, doc);
        }
    }
    return code < 0 ? code : 0;
}

static int account_fill(struct command_directory *directory, struct command_account *account)
{
    struct slice doc;
    int code = command_directory_get(directory, COMMAND_USERS, &account->name, &doc);
    if (code <= 0) {
        return code < 0 ? code
                        : err_set(&directory->op->err, LT_EUSERNOTFOUND, "User %.*s@%.*s not found",
                                  SLICE_FMT(account->name.name), SLICE_FMT(account->name.db));
    }
    command_user_id(doc, account->id);
    command_names_of(&account->roles, doc);
    code = command_directory_expand(directory, &account->roles, &account->privileges);
    return code < 0 ? code : account_fill_restrictions(directory, doc, account);
}

static struct command_account *account_new(const struct command_name *name, uint64_t clock)
{
    struct command_account *account = mem_zero(1, sizeof *account);
    atomic_init(&account->references, 1);
    arena_init(&account->arena);
    account->name = (struct command_name){arena_copy(&account->arena, name->name),
                                          arena_copy(&account->arena, name->db)};
    account->clock = clock;
    command_user_uid(name, account->uid);
    command_names_init(&account->roles, &account->arena);
    security_privileges_init(&account->privileges, &account->arena);
    return account;
}

static int account_resolve(struct command_op *op, const struct command_name *name,
                           struct command_account **ret_account)
{
    struct command_account *account = account_new(name, atomic_load(&op->server->applied_clock));
    struct command_directory directory;
    struct store_writer *writer = op->writer;
    op->writer = NULL; /* what is only logged may not count yet */
    command_directory_open(op, &directory);
    int code = account_fill(&directory, account);
    command_directory_close(&directory);
    op->writer = writer;
    if (code < 0) {
        command_account_release(account);
        return code;
    }
    account_share(op->server, account);
    *ret_account = account;
    return 0;
}

static bool account_admits(const struct command_account *account,
                           const struct command_client *client)
{
    bool admits = true;
    for (uint32_t i = 0; i < account->restrictions_count && admits; i++) {
        admits = security_restrictions_admit(account->restrictions[i], client->peer, client->local);
    }
    return admits;
}

int command_account_load(struct command_op *op, const struct command_name *name,
                         struct command_account **ret_account)
{
    struct command_account *account = account_known(op->server, name);
    int code = account == NULL ? account_resolve(op, name, &account) : 0;
    if (code < 0) {
        return code;
    }
    if (!account_admits(account, op->client)) {
        command_account_release(account);
        return err_set(&op->err, LT_EUSERNOTFOUND,
                       "User %.*s@%.*s may not log in from this address, or to it",
                       SLICE_FMT(name->name), SLICE_FMT(name->db));
    }
    *ret_account = account;
    return 0;
}

int command_account_refresh(struct command_op *op)
{
    struct command_client *client = op->client;
    struct command_account *newer = NULL;
    struct command_account *account = client->account;
    if (account == NULL || account->clock >= atomic_load(&op->server->rights_clock)) {
        return 0;
    }
    int code = command_account_load(op, &account->name, &newer);
    bool gone = code == -LT_EUSERNOTFOUND ||
                (code == 0 && memcmp(newer->id, account->id, COMMAND_USER_ID) != 0);
    if (code < 0 && !gone) {
        return code;
    }
    if (gone) {
        command_account_release(newer);
        newer = NULL;
    }
    command_account_release(account);
    client->account = newer;
    op->err.code = 0;
    return 0;
}

void command_account_build(const struct command_account *account, struct doc_builder *builder,
                           const char *user_field, const char *roles_field)
{
    struct command_names no_roles = {0};
    doc_build_open_array(builder, slice_str(user_field));
    if (account != NULL) {
        doc_build_open(builder, SLICE(""));
        doc_build_string(builder, "user", account->name.name);
        doc_build_string(builder, "db", account->name.db);
        doc_build_close(builder);
    }
    doc_build_close(builder);
    command_names_build(account == NULL ? &no_roles : &account->roles, builder, roles_field,
                        "role");
}
