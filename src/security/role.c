/* security/role.c - the built-in roles, walked row by row. */
#include "doc/view.h"
#include "security/privilege.h"

enum role_row_kind { ROLE_BEGIN, ROLE_OWN, ROLE_PLACE, ROLE_CLUSTER, ROLE_ALL, ROLE_INHERIT };

struct role_row {
    const char *role;
    enum role_row_kind kind;
    bool every; /* BEGIN: each database has it */
    const char *db;
    const char *collection;
    const char *words; /* actions; INHERIT: the other role */
};

static const struct role_row role_rows[] = {
#define ROLE(name, every) {#name, ROLE_BEGIN, every, "", "", ""},
#define GRANT(name, resource, db, collection, words)                                               \
    {#name, ROLE_##resource, false, db, collection, words},
#define INHERIT(name, other) {#name, ROLE_INHERIT, false, "", "", #other},
#include "security/roles.def"
};

enum { ROLE_ROWS = sizeof role_rows / sizeof role_rows[0] };

static bool role_belongs(const struct role_row *row, struct slice db)
{
    return row->kind == ROLE_BEGIN && (row->every || slice_is(db, "admin")) &&
           !slice_is(db, "$external");
}

bool security_role_is_builtin(struct slice name, struct slice db)
{
    for (size_t i = 0; i < ROLE_ROWS; i++) {
        if (role_belongs(&role_rows[i], db) && slice_is(name, role_rows[i].role)) {
            return true;
        }
    }
    return false;
}

const char *security_role_each(struct slice db, size_t index)
{
    for (size_t i = 0; i < ROLE_ROWS; i++) {
        if (role_belongs(&role_rows[i], db) && index-- == 0) {
            return role_rows[i].role;
        }
    }
    return NULL;
}

static void role_grant(const struct role_row *row, struct slice db,
                       struct security_privileges *privileges)
{
    static const enum security_resource_kind kinds[] = {[ROLE_OWN] = SECURITY_PLACE,
                                                        [ROLE_PLACE] = SECURITY_PLACE,
                                                        [ROLE_CLUSTER] = SECURITY_CLUSTER,
                                                        [ROLE_ALL] = SECURITY_ANY};
    struct security_resource resource = {kinds[row->kind],
                                         row->kind == ROLE_OWN ? db : slice_str(row->db),
                                         slice_str(row->collection)};
    struct security_actions actions = security_actions_of(row->words);
    security_privileges_add(privileges, &resource, &actions);
}

void security_role_privileges(struct slice name, struct slice db,
                              struct security_privileges *privileges)
{
    for (size_t i = 0; i < ROLE_ROWS; i++) {
        const struct role_row *row = &role_rows[i];
        if (!slice_is(name, row->role) || row->kind == ROLE_BEGIN) {
            continue;
        }
        if (row->kind == ROLE_INHERIT) {
            security_role_privileges(slice_str(row->words), db, privileges);
        } else {
            role_grant(row, db, privileges);
        }
    }
}
