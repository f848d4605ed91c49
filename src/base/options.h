/* base/options.h - the options of the server: one table, four sources.
 *
 * Invariant   a value is within its row's bounds; a flag beats the environment, the environment
 *             beats the file, the file beats the default, in whatever order they are read.
 * Thread      one: options are read before the first thread starts.
 * Memory      `options` owns all texts; what the getters return lives as long as it.
 * Errors      -LT_EBADVALUE; the text names where it was given, the option, the value, the bound
 *             or, for an unknown name, the nearest that is known.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/err.h"

struct options;

enum option_id {
#define OPTION_INT(id, ...) OPTION_##id,
#define OPTION_BOOL(id, ...) OPTION_##id,
#define OPTION_TEXT(id, ...) OPTION_##id,
#define OPTION_ONE(id, ...) OPTION_##id,
#define OPTION_LIST(id, ...) OPTION_##id,
#define OPTION_SKIP(id, ...) OPTION_##id,
#include "base/options.def"
    OPTIONS_COUNT,
};

enum option_kind {
    OPTION_KIND_INT,
    OPTION_KIND_BOOL,
    OPTION_KIND_TEXT,
    OPTION_KIND_ONE,
    OPTION_KIND_LIST,
    OPTION_KIND_SKIP,
};

enum option_source {
    OPTION_FROM_DEFAULT,
    OPTION_FROM_FILE,
    OPTION_FROM_ENVIRONMENT,
    OPTION_FROM_FLAG,
};

struct option_row {
    enum option_kind kind;
    const char *id;   /* NET_PORT; the environment variable is LARGETABLE_NET_PORT */
    const char *name; /* net.port, in the file; NULL: not there */
    const char *flag; /* port, on the command line; NULL: not there */
    char letter;      /* of the short flag, or 0 */
    const char *fallback;
    int64_t number, low, high; /* OPTION_KIND_INT */
    const char *choices;       /* OPTION_KIND_ONE: "a|b" */
    const char *value;         /* how help calls it */
    const char *help;
};

/* Row of an option; `id` counts from 0 to OPTIONS_COUNT. */
const struct option_row *option_row(enum option_id id);

struct options *options_new(void);
void options_free(struct options *options);

/* ---- reading ---- */

/* Where a value comes from: how strong it is, and how the error's text calls the place ("--port",
 * "conf.yaml:3"). */
struct option_origin {
    enum option_source source;
    const char *where;
};

/* Give one option a value, checked. A value from a stronger source stays, but a weaker one is
 * checked all the same. For a list, `text` is NAME=VALUE. */
int options_set(struct options *options, enum option_id id, const char *text,
                struct option_origin origin, struct err *err);

/* A YAML file in mongod.conf's shape. */
int options_read_file(struct options *options, const char *path, struct err *err);
/* The same from memory; `name` is for errors. */
int options_read_yaml(struct options *options, struct slice text, const char *name,
                      struct err *err);

/* Every variable LARGETABLE_... of a NULL-terminated array like environ. What Kubernetes sets for
 * a service called largetable (..._SERVICE_HOST, ..._PORT_...) is passed over. */
int options_read_environment(struct options *options, char **variables, struct err *err);

/* Refuse an unknown "--flag" among the arguments, naming the nearest; argp could only say that it
 * is unknown. Also --flag=value forms. */
int options_check_flags(int argc, char **argv, struct err *err);

/* The option with that name in a file, or -1. */
int option_find(struct slice name);

/* ---- asking ---- */
int64_t options_int(const struct options *options, enum option_id id);
bool options_bool(const struct options *options, enum option_id id);
/* NULL when there is none. */
const char *options_text(const struct options *options, enum option_id id);
enum option_source options_source(const struct options *options, enum option_id id);

/* The pairs of a list in the order given, the weakest source first: the last of a name counts. */
size_t options_list_count(const struct options *options);
void options_list_at(const struct options *options, size_t index, const char **ret_name,
                     const char **ret_value);

#endif
