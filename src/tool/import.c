/* tool/import.c - `largetable import`: the command line, and the order of things.
 *
 * Connect first, then read: a server that is not there is told before the file is opened. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tool/import_private.h"
#include "tool/tool.h"

enum import_key {
    IMPORT_HOST = 0x100,
    IMPORT_PORT,
    IMPORT_URI,
    IMPORT_TYPE,
    IMPORT_FIELDS,
    IMPORT_HEADERLINE,
    IMPORT_IGNORE_BLANKS,
    IMPORT_DROP,
    IMPORT_KEY,
    IMPORT_STOP,
    IMPORT_BATCH,
    IMPORT_CONNECTIONS,
};

static const struct argp_option import_options[] = {
    {"db", 'd', "NAME", 0, "The database; test when neither this nor the URI names one", 1},
    {"collection", 'c', "NAME", 0, "The collection; the file's name when this is not given", 1},
    {"uri", IMPORT_URI, "URI", 0, "The server: mongodb://host:port/database", 1},
    {"host", IMPORT_HOST, "HOST", 0, "The server's host; default 127.0.0.1", 1},
    {"port", IMPORT_PORT, "NUMBER", 0, "The server's port; default 27017", 1},
    {"type", IMPORT_TYPE, "json|ndjson|csv|bson", 0, "The format; guessed when not given", 2},
    {"fields", IMPORT_FIELDS, "A,B,...", 0, "CSV: the columns' names; the file has no header", 2},
    {"headerline", IMPORT_HEADERLINE, NULL, 0, "CSV: the first line is the header; the default", 2},
    {"ignore-blanks", IMPORT_IGNORE_BLANKS, NULL, 0, "CSV: leave empty fields out", 2},
    {"drop", IMPORT_DROP, NULL, 0, "Drop the collection first", 3},
    {"key", IMPORT_KEY, "A,B,...", 0,
     "Replace the document that has the same values in these fields, or insert. Have an index on "
     "them when the collection is large",
     3},
    {"stop-on-error", IMPORT_STOP, NULL, 0, "Stop at the first record that fails", 3},
    {"batch", IMPORT_BATCH, "NUMBER", 0, "Documents a command; 1 to 100000, default 1000", 3},
    {"connections", IMPORT_CONNECTIONS, "NUMBER", 0,
     "Connections at a time; 1 to 64, default 4, and 1 with --key or --stop-on-error", 3},
    {0},
};

static const char import_doc[] =
    "Bring the documents of FILE (- is standard input) into a collection.\v"
    "JSON may be an array, values one after the other, or one a line, with Extended JSON's "
    "$date, $oid and so on. CSV follows RFC 4180; whole numbers, decimals, true and false become "
    "such, unless they stand in quotes; dotted column names make nested documents. BSON is what "
    "mongodump writes.\n\n"
    "Records that fail are told with their lines and the others imported. The exit status is 0 "
    "only if every record was imported.";

struct import_arguments {
    struct import_settings settings;
    const char *uri;
    const char *host;
    uint16_t port;
    const char *key;
    char name[256]; /* of the collection, by the file's */
    struct arena arena;
    struct err err;
};

/* ---- the command line ---- */

static error_t import_number(struct import_arguments *arguments, const char *flag, const char *text,
                             uint32_t high, uint32_t *ret_number)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < 1 || number > high) {
        err_set(&arguments->err, LT_EBADVALUE, "--%s must be a whole number from 1 to %u, not '%s'",
                flag, high, text);
        return EINVAL;
    }
    *ret_number = (uint32_t)number;
    return 0;
}

static error_t import_type(struct import_arguments *arguments, const char *text)
{
    static const struct {
        const char *name;
        enum tool_format format;
    } types[] = {{"json", TOOL_FORMAT_JSON},
                 {"ndjson", TOOL_FORMAT_NDJSON},
                 {"jsonl", TOOL_FORMAT_NDJSON},
                 {"csv", TOOL_FORMAT_CSV},
                 {"bson", TOOL_FORMAT_BSON}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, text) == 0) {
            arguments->settings.format = types[i].format;
            return 0;
        }
    }
    err_set(&arguments->err, LT_EBADVALUE,
            "--type must be one of json, ndjson, csv, bson, not '%s'", text);
    return EINVAL;
}

static error_t import_file(struct import_arguments *arguments, const char *text)
{
    if (arguments->settings.file != NULL) {
        err_set(&arguments->err, LT_EBADVALUE, "one file at a time: '%s' is one too many", text);
        return EINVAL;
    }
    arguments->settings.file = text;
    return 0;
}

/* Options that take a number. */
static error_t import_parse_number(int key, const char *text, struct import_arguments *arguments)
{
    uint32_t number = 0;
    error_t result = 0;
    if (key == IMPORT_PORT) {
        result = import_number(arguments, "port", text, UINT16_MAX, &number);
        arguments->port = (uint16_t)number;
    } else if (key == IMPORT_BATCH) {
        result = import_number(arguments, "batch", text, 100000, &arguments->settings.batch_docs);
    } else {
        result = import_number(arguments, "connections", text, IMPORT_CONNECTIONS_MAX,
                               &arguments->settings.connections);
    }
    return result;
}

static error_t import_parse(int key, char *text, struct argp_state *state)
{
    struct import_arguments *arguments = state->input;
    struct import_settings *settings = &arguments->settings;
    switch (key) {
    case 'd':
        settings->db = text;
        return 0;
    case 'c':
        settings->collection = text;
        return 0;
    case IMPORT_URI:
        arguments->uri = text;
        return 0;
    case IMPORT_HOST:
        arguments->host = text;
        return 0;
    case IMPORT_TYPE:
        return import_type(arguments, text);
    case IMPORT_FIELDS:
        settings->fields = text;
        return 0;
    case IMPORT_HEADERLINE:
        return 0;
    case IMPORT_IGNORE_BLANKS:
        settings->ignore_blanks = true;
        return 0;
    case IMPORT_DROP:
        settings->drop = true;
        return 0;
    case IMPORT_KEY:
        arguments->key = text;
        return 0;
    case IMPORT_STOP:
        settings->stop_on_error = true;
        return 0;
    case IMPORT_PORT:
    case IMPORT_BATCH:
    case IMPORT_CONNECTIONS:
        return import_parse_number(key, text, arguments);
    case ARGP_KEY_ARG:
        return import_file(arguments, text);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- what the arguments mean together ---- */

static int import_keys(struct import_arguments *arguments)
{
    struct import_settings *settings = &arguments->settings;
    const char *at = arguments->key;
    while (at != NULL) {
        struct slice name = slice_of(at, strcspn(at, ","));
        if (settings->keys_count == IMPORT_KEYS_MAX) {
            return err_set(&arguments->err, LT_EBADVALUE, "--key: more than %d fields",
                           IMPORT_KEYS_MAX);
        }
        struct doc_path *path = &settings->keys[settings->keys_count++];
        int code = doc_path_parse(&arguments->arena, name, path, &arguments->err);
        if (code < 0) {
            return code;
        }
        if (doc_path_has_empty_part(path)) {
            return err_set(&arguments->err, LT_EBADVALUE, "--key: '%.*s' is no field name",
                           SLICE_FMT(name));
        }
        at = at[name.len] == '\0' ? NULL : at + name.len + 1;
    }
    return 0;
}

static int import_target(struct import_arguments *arguments)
{
    struct tool_target *target = &arguments->settings.target;
    const char *host = arguments->host == NULL ? "127.0.0.1" : arguments->host;
    if (arguments->uri != NULL && (arguments->host != NULL || arguments->port != 0)) {
        return err_set(&arguments->err, LT_EBADVALUE, "give either --uri or --host and --port");
    }
    if (arguments->uri != NULL) {
        return tool_target_parse(target, arguments->uri, &arguments->err);
    }
    if (arguments->port != 0) {
        return tool_target_set(target, host, arguments->port, &arguments->err);
    }
    struct slice uri = arena_format(&arguments->arena, "mongodb://%s", host);
    return tool_target_parse(target, (const char *)uri.data, &arguments->err);
}

/* "dir/cities.json" goes to cities. */
static int import_name(struct import_arguments *arguments)
{
    struct import_settings *settings = &arguments->settings;
    const char *slash = strrchr(settings->file, '/');
    const char *name = slash == NULL ? settings->file : slash + 1;
    size_t len = strcspn(name, ".");
    if (settings->collection != NULL) {
        return 0;
    }
    if (strcmp(name, "-") == 0 || len == 0 || len >= sizeof arguments->name) {
        return err_set(&arguments->err, LT_EBADVALUE, "which collection? Give --collection");
    }
    memcpy(arguments->name, name, len);
    settings->collection = arguments->name;
    return 0;
}

static int import_arrange(struct import_arguments *arguments)
{
    struct import_settings *settings = &arguments->settings;
    if (settings->file == NULL) {
        return err_set(&arguments->err, LT_EBADVALUE, "which file? - is standard input");
    }
    int code = import_target(arguments);
    code = code < 0 ? code : import_name(arguments);
    code = code < 0 ? code : import_keys(arguments);
    if (settings->db == NULL) {
        settings->db = settings->target.db[0] != '\0' ? settings->target.db : "test";
    }
    settings->batch_docs = settings->batch_docs == 0 ? 1000 : settings->batch_docs;
    if (settings->connections == 0) {
        /* In one line, so that later records win and nothing behind a mistake is imported. */
        bool in_line = settings->keys_count > 0 || settings->stop_on_error;
        settings->connections = in_line ? 1 : 4;
    }
    return code;
}

/* ---- the import ---- */

static int import_run(const struct import_settings *settings, struct err *err)
{
    struct import_report report;
    struct import_senders senders;
    struct err problem = {0};
    tool__report_open(&report, settings->file);
    int code = tool__senders_open(&senders, settings, &report, err);
    bool connected = code == 0;
    if (connected) {
        code = tool__import_read(settings, &senders, &report, err);
    }
    int sent = tool__senders_close(&senders, &problem);
    if (sent < 0) { /* says more than that it was stopped */
        *err = problem;
        code = sent;
    }
    bool failed = report.failed > 0;
    if (connected) {
        tool__report_close(&report);
    }
    if (code < 0) {
        fprintf(stderr, "largetable import: %s\n", err->text);
    }
    return code < 0 || failed ? 1 : 0;
}

int tool_import(int argc, char **argv)
{
    static const struct argp argp = {
        .options = import_options, .parser = import_parse, .args_doc = "FILE", .doc = import_doc};
    struct import_arguments arguments = {0};
    arena_init(&arguments.arena);
    signal(SIGPIPE, SIG_IGN);
    int status = 2;
    error_t result = argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (result == 0 && import_arrange(&arguments) == 0) {
        status = import_run(&arguments.settings, &arguments.err);
    } else {
        fprintf(stderr, "%s: %s\nTry 'largetable help import'.\n", argv[0],
                arguments.err.code == 0 ? strerror(result) : arguments.err.text);
    }
    arena_close(&arguments.arena);
    return status;
}
