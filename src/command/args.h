/* command/args.h - reading a command's fields by a table.
 *
 * Invariant   every field of the body is in the table, is one that all commands take, or is refused
 *             (40415); types are checked (14); required fields are there (40414). A null counts as
 *             absent.
 * Thread      pure.
 * Memory      values borrow the body.
 * Errors      MongoDB's codes and words.
 */
#ifndef COMMAND_ARGS_H
#define COMMAND_ARGS_H

#include "command/command.h"

enum command_arg_kind {
    COMMAND_ARG_BOOL,        /* bool; numbers count by truth */
    COMMAND_ARG_STRICT_BOOL, /* bool only */
    COMMAND_ARG_INT,         /* int64_t from any number, truncated */
    COMMAND_ARG_DOC,         /* struct slice */
    COMMAND_ARG_ARRAY,       /* struct slice */
    COMMAND_ARG_STRING,      /* struct slice */
    COMMAND_ARG_VALUE,       /* struct doc_value of any type */
    COMMAND_ARG_IGNORE,      /* accepted, without effect */
};

enum { COMMAND_ARG_REQUIRED = 1, COMMAND_ARG_NOT_NEGATIVE = 2 };

struct command_arg {
    const char *name;
    enum command_arg_kind kind;
    size_t offset; /* of its member in the caller's struct */
    unsigned flags;
};

/* Read `doc` into `into`. `prefix` names the document in messages ("find", "update.updates");
 * with `generic` the fields that every command takes are allowed. */
struct command_args_spec {
    const char *prefix;
    const struct command_arg *args; /* ends with a NULL name */
    bool generic;
    bool skip_first; /* the first field is the command itself */
};
int command_args_read(const struct command_args_spec *spec, struct slice doc, void *into,
                      struct err *err);

/* The common case: op->body by `args`, prefix from the command. */
int command_args(struct command_op *op, const struct command_arg *args, void *into);

/* Is it a field that any command may carry? */
bool command_arg_is_generic(struct slice name);

/* The database of "db.name". */
struct slice command_db_of(struct slice ns);
/* And the collection; empty where there is none. */
struct slice command_name_of(struct slice ns);
/* "db.name" */
struct slice command_join(struct arena *arena, struct slice db, struct slice name);

/* The collection that the command's first field names: "db.coll" in the op's arena. 73 when it is
 * no valid name, 14-like when it is no string. */
int command_namespace(struct command_op *op, struct slice *ret_ns);

/* Is it a valid name? 73 InvalidNamespace with the reason. */
int command_check_db(struct slice db, struct err *err);
int command_check_collection(struct slice db, struct slice name, struct err *err);

/* Documents given as an array field of the body or as a sequence of that name. */
struct command_docs {
    struct slice rest; /* sequence: bytes not yet read; array: iterator below */
    bool is_sequence;
    const uint8_t *next;
    const uint8_t *end;
    uint32_t count; /* in all */
};
/* 40414 when it is neither; 14 when it is no array of documents. */
int command_docs_open(struct command_op *op, const char *name, struct command_docs *ret_docs);
bool command_docs_next(struct command_docs *docs, struct slice *ret_doc);

/* {<name>: {db, coll}} of "db.coll". */
void command_build_ns(struct doc_builder *builder, const char *name, struct slice ns);

#endif
