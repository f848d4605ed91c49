/* command/names.c - lists of users and roles, and their arrays in commands and documents. */
#include "command/directory.h"
#include "doc/view.h"

void command_names_init(struct command_names *names, struct arena *arena)
{
    *names = (struct command_names){.arena = arena};
}

static uint32_t names_find(const struct command_names *names, const struct command_name *name)
{
    uint32_t i = 0;
    while (i < names->count && !(slice_equal(names->all[i].name, name->name) &&
                                 slice_equal(names->all[i].db, name->db))) {
        i++;
    }
    return i;
}

bool command_names_have(const struct command_names *names, const struct command_name *name)
{
    return names_find(names, name) < names->count;
}

void command_names_add(struct command_names *names, const struct command_name *name)
{
    if (command_names_have(names, name)) {
        return;
    }
    if (names->count == names->cap) {
        struct command_name *old = names->all;
        names->cap = names->cap == 0 ? 8 : names->cap * 2;
        names->all = arena_zero(names->arena, names->cap, sizeof *old);
        if (names->count > 0) {
            memcpy(names->all, old, names->count * sizeof *old);
        }
    }
    names->all[names->count++] = (struct command_name){arena_copy(names->arena, name->name),
                                                       arena_copy(names->arena, name->db)};
}

void command_names_remove(struct command_names *names, const struct command_name *name)
{
    uint32_t at = names_find(names, name);
    if (at < names->count) {
        size_t after = names->count - at - 1;
        memmove(&names->all[at], &names->all[at + 1], after * sizeof *names->all);
        names->count--;
    }
}

/* A name that could be mistaken for another, or for none. */
static int name_check(const struct command_names_spec *spec, const struct command_name *name,
                      struct err *err)
{
    if (name->name.len == 0 || name->db.len == 0) {
        return err_set(err, LT_EBADVALUE, "%s: the name of a %s and its database cannot be empty",
                       spec->field, spec->key);
    }
    if (memchr(name->name.data, '\0', name->name.len) != NULL ||
        memchr(name->db.data, '\0', name->db.len) != NULL) {
        return err_set(err, LT_EBADVALUE, "%s: the name of a %s cannot contain a null character",
                       spec->field, spec->key);
    }
    return 0;
}

int command_name_parse(const struct command_names_spec *spec, struct doc_value value,
                       struct command_name *ret_name, struct err *err)
{
    struct command_name name = {.db = spec->db};
    if (value.type == DOC_STRING) {
        name.name = doc_value_get_string(value);
    } else if (value.type == DOC_OBJECT) {
        struct doc_value text = doc_get_str(doc_value_get_doc(value), spec->key);
        struct doc_value db = doc_get_str(doc_value_get_doc(value), "db");
        if (text.type != DOC_STRING || db.type != DOC_STRING) {
            return err_set(err, LT_EBADVALUE, "%s: a %s is {%s: <string>, db: <string>}",
                           spec->field, spec->key, spec->key);
        }
        name = (struct command_name){doc_value_get_string(text), doc_value_get_string(db)};
    } else {
        return err_set(err, LT_EBADVALUE, "%s: a %s must be a string or a document, not %s",
                       spec->field, spec->key, doc_type_name(value.type));
    }
    int code = name_check(spec, &name, err);
    if (code == 0) {
        *ret_name = name;
    }
    return code;
}

int command_names_parse(struct command_names *names, const struct command_names_spec *spec,
                        struct slice array, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    doc_iter_init(&iter, array);
    while (doc_iter_next(&iter, &elem)) {
        struct command_name name;
        int code = command_name_parse(spec, elem.value, &name, err);
        if (code < 0) {
            return code;
        }
        command_names_add(names, &name);
    }
    return 0;
}

void command_names_build(const struct command_names *names, struct doc_builder *builder,
                         const char *field, const char *key)
{
    doc_build_open_array(builder, slice_str(field));
    for (uint32_t i = 0; i < names->count; i++) {
        doc_build_open(builder, SLICE(""));
        doc_build_string(builder, key, names->all[i].name);
        doc_build_string(builder, "db", names->all[i].db);
        doc_build_close(builder);
    }
    doc_build_close(builder);
}

void command_names_of(struct command_names *names, struct slice doc)
{
    struct command_names_spec spec = {"roles", "role", {0}};
    struct doc_value roles = doc_get_str(doc, "roles");
    if (roles.type == DOC_ARRAY) {
        (void)command_names_parse(names, &spec, doc_value_get_doc(roles), NULL);
    }
}
