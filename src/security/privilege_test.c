/* security/privilege_test.c - which place a privilege covers, and what the roles' words say. */
#include "security/privilege.h"

#include "lib/json_doc.h"
#include "lib/test.h"

static bool may(const struct security_privileges *set, const char *db, const char *collection,
                enum security_action action)
{
    struct security_resource where = security_place(slice_str(db), slice_str(collection));
    return security_may(set, &where, action);
}

static struct security_privileges of_role(struct arena *arena, const char *role, const char *db)
{
    struct security_privileges set;
    security_privileges_init(&set, arena);
    security_role_privileges(slice_str(role), slice_str(db), &set);
    return set;
}

TEST(every_word_of_the_built_in_roles_is_an_action)
{
    struct arena arena;
    const char *name;
    size_t count = 0;
    arena_init(&arena);
    for (; (name = security_role_each(SLICE("admin"), count)) != NULL; count++) {
        struct security_privileges set = of_role(&arena, name, "admin");
        assert_true(set.count > 0);
        assert_true(security_role_is_builtin(slice_str(name), SLICE("admin")));
    }
    assert_int_equal(count, 19);
    assert_true(security_role_is_builtin(SLICE("read"), SLICE("x")));
    assert_false(security_role_is_builtin(SLICE("root"), SLICE("x")));
    assert_false(security_role_is_builtin(SLICE("read"), SLICE("$external")));
    arena_close(&arena);
}

TEST(a_role_of_a_database_ends_there)
{
    struct arena arena;
    arena_init(&arena);
    struct security_privileges set = of_role(&arena, "read", "shop");
    assert_true(may(&set, "shop", "c", SECURITY_find));
    assert_false(may(&set, "shop", "c", SECURITY_insert));
    assert_false(may(&set, "shop2", "c", SECURITY_find));
    assert_false(may(&set, "Shop", "c", SECURITY_find));
    assert_false(may(&set, "admin", "c", SECURITY_find));
    assert_false(may(&set, "shop", "system.users", SECURITY_find));
    assert_true(may(&set, "shop", "system.js", SECURITY_find));
    assert_true(may(&set, "shop", "", SECURITY_dbStats));
    arena_close(&arena);
}

TEST(any_database_is_neither_local_nor_config)
{
    struct arena arena;
    arena_init(&arena);
    struct security_privileges set = of_role(&arena, "readWriteAnyDatabase", "admin");
    assert_true(may(&set, "x", "c", SECURITY_insert));
    assert_true(may(&set, "admin", "c", SECURITY_insert));
    assert_false(may(&set, "admin", "system.users", SECURITY_insert));
    assert_false(may(&set, "local", "c", SECURITY_find));
    assert_false(may(&set, "config", "c", SECURITY_find));
    assert_false(may(&set, "local", "", SECURITY_dbStats));
    arena_close(&arena);
}

TEST(nobody_but_the_system_reads_credentials_by_chance)
{
    static const char *const may_read[] = {"userAdminAnyDatabase", "backup", "restore", "root",
                                           "__system"};
    struct arena arena;
    const char *name;
    arena_init(&arena);
    for (size_t i = 0; (name = security_role_each(SLICE("admin"), i)) != NULL; i++) {
        struct security_privileges set = of_role(&arena, name, "admin");
        bool expected = false;
        for (size_t k = 0; k < sizeof may_read / sizeof may_read[0]; k++) {
            expected |= strcmp(name, may_read[k]) == 0;
        }
        assert_int_equal(may(&set, "admin", "system.users", SECURITY_find), expected);
    }
    arena_close(&arena);
}

TEST(the_cluster_is_no_place)
{
    struct arena arena;
    struct security_resource cluster = security_cluster();
    arena_init(&arena);
    struct security_privileges owner = of_role(&arena, "dbOwner", "admin");
    struct security_privileges manager = of_role(&arena, "hostManager", "admin");
    struct security_privileges system = of_role(&arena, "__system", "admin");
    assert_false(security_may(&owner, &cluster, SECURITY_shutdown));
    assert_true(security_may(&manager, &cluster, SECURITY_shutdown));
    assert_false(may(&manager, "admin", "c", SECURITY_shutdown));
    assert_true(security_may(&system, &cluster, SECURITY_internal));
    assert_true(may(&system, "local", "system.replset", SECURITY_find));
    arena_close(&arena);
}

TEST(privileges_merge_and_are_taken_away)
{
    struct arena arena;
    struct security_privileges set;
    arena_init(&arena);
    security_privileges_init(&set, &arena);
    struct security_resource place = security_place(SLICE("a"), SLICE("b"));
    struct security_actions read = security_actions_of("find listIndexes");
    struct security_actions write = security_actions_of("insert find");
    security_privileges_add(&set, &place, &read);
    security_privileges_add(&set, &place, &write);
    assert_int_equal(set.count, 1);
    security_privileges_remove(&set, &place, &read);
    assert_true(may(&set, "a", "b", SECURITY_insert));
    assert_false(may(&set, "a", "b", SECURITY_find));
    security_privileges_remove(&set, &place, &write);
    assert_int_equal(set.count, 0);
    arena_close(&arena);
}

TEST(what_is_in_a_database_shows_it)
{
    struct arena arena;
    struct security_privileges set;
    arena_init(&arena);
    security_privileges_init(&set, &arena);
    struct security_resource place = security_place(SLICE("a"), SLICE("b"));
    struct security_actions read = security_actions_of("find");
    security_privileges_add(&set, &place, &read);
    assert_true(security_may_see_db(&set, SLICE("a")));
    assert_false(security_may_see_db(&set, SLICE("b")));
    assert_true(security_may_see_collection(&set, SLICE("a"), SLICE("b")));
    assert_false(security_may_see_collection(&set, SLICE("a"), SLICE("c")));
    assert_false(may(&set, "a", "", SECURITY_find));
    arena_close(&arena);
}

TEST(documents_that_are_no_privileges_are_refused)
{
    static const char *const bad[] = {
        "{}",
        "{'resource': {}, 'actions': ['find']}",
        "{'resource': {'db': 'a'}, 'actions': ['find']}",
        "{'resource': {'db': 'a', 'collection': 1}, 'actions': ['find']}",
        "{'resource': {'cluster': false}, 'actions': ['find']}",
        "{'resource': {'cluster': true, 'db': 'a', 'collection': ''}, 'actions': ['find']}",
        "{'resource': {'cluster': true}, 'actions': []}",
        "{'resource': {'cluster': true}, 'actions': ['fly']}",
        "{'resource': {'cluster': true}, 'actions': [1]}",
        "{'resource': {'cluster': true}, 'actions': 'find'}",
    };
    struct arena arena;
    struct security_privilege privilege;
    struct err err;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(security_privilege_parse(json_doc(&arena, bad[i]), &privilege, &err) < 0);
    }
    arena_close(&arena);
}

TEST(privileges_come_back_from_their_documents)
{
    static const char text[] =
        "{'p': [{'resource': {'db': 'a', 'collection': ''}, 'actions': ['find', 'insert']}, "
        "{'resource': {'cluster': true}, 'actions': ['shutdown']}, "
        "{'resource': {'anyResource': true}, 'actions': ['anyAction']}]}";
    struct arena arena;
    struct buf buf;
    struct doc_builder builder;
    struct security_privileges set;
    struct err err;
    arena_init(&arena);
    buf_init(&buf, &arena);
    security_privileges_init(&set, &arena);
    struct slice doc = json_doc(&arena, text);
    struct slice array = slice_of(doc.data + 7, doc.len - 8); /* of its one field "p" */
    assert_int_equal(security_privileges_parse(&set, array, &err), 0);
    doc_build_begin(&builder, &buf);
    security_privileges_build(&set, &builder, "p");
    assert_true(slice_equal(doc_build_end(&builder), doc));
    arena_close(&arena);
}
