/* command/rights_accounts.c - what commands on users and roles need.
 *
 * Who gives a role or a privilege must be allowed to give them where they hold. */
#include "command/rights_private.h"
#include "doc/view.h"

static struct doc_value rights_field(const struct rights_ask *ask, const char *name)
{
    return doc_get_str(ask->body, name);
}

/* The action on the database of each role of the array. What cannot be read needs nothing: it is
 * refused. */
static int rights_each_role(const struct rights_ask *ask, struct doc_value roles,
                            enum security_action what)
{
    struct command_names_spec spec = {"roles", "role", ask->db};
    struct command_names names;
    int code = 0;
    command_names_init(&names, &ask->op->arena);
    if (roles.type == DOC_ARRAY) {
        code = command_names_parse(&names, &spec, doc_value_get_doc(roles), NULL);
    }
    if (code < 0) {
        return rights__may_db(ask, ask->db, what);
    }
    for (uint32_t i = 0; i < names.count && code == 0; i++) {
        code = rights__may_db(ask, names.all[i].db, what);
    }
    return code;
}

/* The same for the places of privileges: what is not a database's is admin's to give. */
static int rights_each_privilege(const struct rights_ask *ask, struct doc_value array,
                                 enum security_action what)
{
    struct security_privileges privileges;
    int code = 0;
    security_privileges_init(&privileges, &ask->op->arena);
    if (array.type == DOC_ARRAY) {
        code = security_privileges_parse(&privileges, doc_value_get_doc(array), NULL);
    }
    if (code < 0) {
        return rights__may_db(ask, ask->db, what);
    }
    for (uint32_t i = 0; i < privileges.count && code == 0; i++) {
        const struct security_resource *resource = &privileges.all[i].resource;
        bool inside = resource->kind == SECURITY_PLACE && resource->db.len > 0;
        code = rights__may_db(ask, inside ? resource->db : SLICE("admin"), what);
    }
    return code;
}

/* The action on every database. */
static int rights_everywhere(const struct rights_ask *ask, enum security_action what)
{
    struct security_resource every = security_place((struct slice){0}, (struct slice){0});
    return rights__may(ask, &every, what);
}

static int rights_restrict(const struct rights_ask *ask)
{
    return doc_value_exists(rights_field(ask, "authenticationRestrictions"))
               ? rights__may_db(ask, ask->db, SECURITY_setAuthenticationRestriction)
               : 0;
}

int rights_create_user(const struct rights_ask *ask, enum security_action what)
{
    int code = rights__may_db(ask, ask->db, what);
    code = code < 0 ? code : rights_restrict(ask);
    return code < 0 ? code : rights_each_role(ask, rights_field(ask, "roles"), SECURITY_grantRole);
}

/* One's own password and data need less. */
static int rights_change(const struct rights_ask *ask, enum security_action what,
                         enum security_action own)
{
    struct command_name name = {rights__collection(ask), ask->db};
    int code = rights__may_db(ask, ask->db, what);
    return code < 0 && rights__is_own(ask, &name) ? rights__may_db(ask, ask->db, own) : code;
}

int rights_update_user(const struct rights_ask *ask, enum security_action what)
{
    int code = 0;
    if (doc_value_exists(rights_field(ask, "pwd")) ||
        doc_value_exists(rights_field(ask, "mechanisms"))) {
        code = rights_change(ask, SECURITY_changePassword, SECURITY_changeOwnPassword);
    }
    if (code == 0 && doc_value_exists(rights_field(ask, "customData"))) {
        code = rights_change(ask, SECURITY_changeCustomData, SECURITY_changeOwnCustomData);
    }
    if (code == 0 && doc_value_exists(rights_field(ask, "roles"))) {
        code =
            rights_everywhere(ask, SECURITY_revokeRole); /* those that go may be of any database */
        code = code < 0 ? code : rights_each_role(ask, rights_field(ask, "roles"), what);
    }
    return code < 0 ? code : rights_restrict(ask);
}

int rights_roles(const struct rights_ask *ask, enum security_action what)
{
    return rights_each_role(ask, rights_field(ask, "roles"), what);
}

int rights_privileges(const struct rights_ask *ask, enum security_action what)
{
    return rights_each_privilege(ask, rights_field(ask, "privileges"), what);
}

int rights_create_role(const struct rights_ask *ask, enum security_action what)
{
    int code = rights__may_db(ask, ask->db, what);
    code = code < 0 ? code : rights_restrict(ask);
    code = code < 0 ? code : rights_each_role(ask, rights_field(ask, "roles"), SECURITY_grantRole);
    return code < 0
               ? code
               : rights_each_privilege(ask, rights_field(ask, "privileges"), SECURITY_grantRole);
}

int rights_update_role(const struct rights_ask *ask, enum security_action what)
{
    int code = rights_everywhere(ask, SECURITY_revokeRole);
    code = code < 0 ? code : rights_restrict(ask);
    code = code < 0 ? code : rights_each_role(ask, rights_field(ask, "roles"), what);
    return code < 0 ? code : rights_each_privilege(ask, rights_field(ask, "privileges"), what);
}

/* Whatever is given may be written, and what is there may go; it is read, too. */
int rights_merge_accounts(const struct rights_ask *ask, enum security_action what)
{
    static const enum security_action others[] = {SECURITY_createRole, SECURITY_grantRole,
                                                  SECURITY_revokeRole, SECURITY_dropUser,
                                                  SECURITY_dropRole};
    int code = rights_everywhere(ask, what);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && code == 0; i++) {
        code = rights_everywhere(ask, others[i]);
    }
    return code;
}

/* ---- reading ---- */

/* The names in the first field; `count` 0: all of the database, or of every one. */
static int rights_named(const struct rights_ask *ask, const char *key, struct command_names *names)
{
    struct doc_value first = doc_first(ask->body).value;
    struct command_names_spec spec = {ask->command->name, key, ask->db};
    struct command_name name;
    command_names_init(names, &ask->op->arena);
    if (first.type == DOC_ARRAY) {
        return command_names_parse(names, &spec, doc_value_get_doc(first), NULL);
    }
    if (command_name_parse(&spec, first, &name, NULL) == 0) {
        command_names_add(names, &name);
    }
    return 0;
}

static bool rights_are_everywhere(const struct rights_ask *ask)
{
    struct doc_value first = doc_first(ask->body).value;
    return first.type == DOC_OBJECT &&
           doc_value_exists(doc_get_str(doc_value_get_doc(first), "forAllDBs"));
}

static int rights_all(const struct rights_ask *ask, enum security_action what)
{
    return rights_are_everywhere(ask) ? rights_everywhere(ask, what)
                                      : rights__may_db(ask, ask->db, what);
}

int rights_users_info(const struct rights_ask *ask, enum security_action what)
{
    struct command_names names;
    int code = rights_named(ask, "user", &names);
    if (code < 0 || names.count == 0) {
        return rights_all(ask, what);
    }
    for (uint32_t i = 0; i < names.count && code == 0; i++) {
        bool own = rights__is_own(ask, &names.all[i]);
        code = own ? 0 : rights__may_db(ask, names.all[i].db, what);
    }
    return code;
}

int rights_roles_info(const struct rights_ask *ask, enum security_action what)
{
    struct command_names names;
    int code = rights_named(ask, "role", &names);
    if (code < 0 || names.count == 0) {
        return rights_all(ask, what);
    }
    for (uint32_t i = 0; i < names.count && code == 0; i++) {
        bool own = command_names_have(&ask->op->client->account->roles, &names.all[i]);
        code = own ? 0 : rights__may_db(ask, names.all[i].db, what);
    }
    return code;
}
