/* node/serve_options.c - the command line by argp, the other sources, and what they mean to the
 * node.
 *
 * argp's table is made from base/options.def, so that the manual says of every option what the
 * file and the environment call it. */
#include <argp.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "node/serve_private.h"

enum { SERVE_KEY = 0x100 }; /* argp's keys of flags without a letter start here */

struct serve_parse {
    struct options *options;
    struct err *err;
};

static int serve_key(int id)
{
    char letter = option_row((enum option_id)id)->letter;
    return letter != 0 ? letter : SERVE_KEY + id;
}

static int serve_id(int key)
{
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        if (option_row((enum option_id)i)->flag != NULL && serve_key(i) == key) {
            return i;
        }
    }
    return -1;
}

/* -v is 1, -vvv is 3, --verbose=2 is 2. */
static const char *serve_verbosity(const char *text)
{
    static const char *const levels[] = {"1", "2", "3", "4", "5", "6"};
    size_t letters = text == NULL ? 0 : strspn(text, "v");
    bool counted = text == NULL || (letters > 0 && letters < 6 && text[letters] == '\0');
    return counted ? levels[letters] : text;
}

static error_t serve_parse_key(int key, char *text, struct argp_state *state)
{
    struct serve_parse *parse = state->input;
    int id = serve_id(key);
    char where[64];
    if (key == ARGP_KEY_ARG) {
        err_set(parse->err, LT_EBADVALUE, "'%s' is no option", text);
        return EINVAL;
    }
    if (id < 0) {
        return ARGP_ERR_UNKNOWN;
    }
    const struct option_row *row = option_row((enum option_id)id);
    const char *value = text;
    if (id == OPTION_SYSTEMLOG_VERBOSITY) {
        value = serve_verbosity(text);
    } else if (row->kind == OPTION_KIND_BOOL && text == NULL) {
        value = "true";
    }
    snprintf(where, sizeof where, "--%s", row->flag);
    int code = options_set(parse->options, (enum option_id)id, value,
                           (struct option_origin){OPTION_FROM_FLAG, where}, parse->err);
    return code < 0 ? EINVAL : 0;
}

/* ---- the manual ---- */

static const char *serve_help(const struct option_row *row, struct arena *arena)
{
    struct buf buf;
    buf_init(&buf, arena);
    buf_format(&buf, "%s (", row->help);
    if (row->name != NULL) {
        buf_format(&buf, "%s, ", row->name);
    }
    buf_format(&buf, "LARGETABLE_%s", row->id);
    if (row->kind == OPTION_KIND_INT) {
        buf_format(&buf, "; %lld to %lld, default %lld", (long long)row->low, (long long)row->high,
                   (long long)row->number);
    } else if (row->fallback != NULL) {
        buf_format(&buf, "; default %s", row->fallback);
    }
    buf_append(&buf, ")", 2);
    return (const char *)buf.data;
}

/* One row of argp's for each flag, with an empty one at the end. */
static struct argp_option *serve_argp_options(struct arena *arena)
{
    struct argp_option *rows = arena_zero(arena, OPTIONS_COUNT + 1, sizeof *rows);
    size_t count = 0;
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const struct option_row *row = option_row((enum option_id)i);
        if (row->flag == NULL) {
            continue;
        }
        bool optional = row->kind == OPTION_KIND_BOOL || i == OPTION_SYSTEMLOG_VERBOSITY;
        rows[count++] = (struct argp_option){
            .name = row->flag,
            .key = serve_key(i),
            .arg = row->kind == OPTION_KIND_BOOL ? "BOOL" : row->value,
            .flags = optional ? OPTION_ARG_OPTIONAL : 0,
            .doc = serve_help(row, arena),
            .group = i < OPTION_STORAGE_DBPATH ? 1 : 2,
        };
    }
    return rows;
}

/* Options that only the file and the environment have, for the end of the manual. */
static const char *serve_doc(struct arena *arena)
{
    struct buf buf;
    buf_init(&buf, arena);
    buf_format(&buf, "Run the database server.\v"
                     "Every option can be given in three places: as a flag, as an environment "
                     "variable, and in the configuration file (its dotted name, nested: net: port: "
                     "1). The first of them that has it counts.\n\n"
                     "Only in the file and the environment:");
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const struct option_row *row = option_row((enum option_id)i);
        bool one = row->kind == OPTION_KIND_ONE;
        if (row->flag == NULL && (one || row->kind == OPTION_KIND_TEXT)) {
            buf_format(&buf, "\n  %s: %s (%s)", row->name, row->help,
                       one ? row->choices : row->value);
        }
    }
    buf_format(&buf, "\n\nKnown from mongod and without effect:");
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const struct option_row *row = option_row((enum option_id)i);
        if (row->kind == OPTION_KIND_SKIP) {
            buf_format(&buf, "\n  %s: %s", row->name, row->help);
        }
    }
    buf_append_byte(&buf, '\0');
    return (const char *)buf.data;
}

/* ---- reading ---- */

int node__serve_read(struct options *options, int argc, char **argv, struct err *err)
{
    struct serve_parse parse = {options, err};
    struct arena arena;
    arena_init(&arena);
    struct argp argp = {
        .options = serve_argp_options(&arena),
        .parser = serve_parse_key,
        .doc = serve_doc(&arena),
    };
    int code = options_check_flags(argc, argv, err);
    if (code == 0) {
        error_t result = argp_parse(&argp, argc, argv, 0, NULL, &parse);
        code = result == 0 ? 0 : -LT_EBADVALUE;
    }
    arena_close(&arena);
    code = code < 0 ? code : options_read_environment(options, environ, err);
    const char *file = options_text(options, OPTION_CONFIG);
    if (code == 0 && file != NULL) {
        code = options_read_file(options, file, err);
    }
    return code;
}

int node__serve_check(const struct options *options, struct err *err)
{
    bool has_path = options_text(options, OPTION_SYSTEMLOG_PATH) != NULL;
    if (options_bool(options, OPTION_PROCESSMANAGEMENT_FORK) && !has_path) {
        return err_set(err, LT_EBADVALUE,
                       "--fork needs --logpath: a process in the background has "
                       "no terminal to log to");
    }
    if (options_text(options, OPTION_SYSTEMLOG_DESTINATION) != NULL && !has_path) {
        return err_set(err, LT_EBADVALUE, "systemLog.destination: file needs systemLog.path");
    }
    return 0;
}

/* ---- what they mean ---- */

/* Spaces away, "localhost" and "*" as the addresses they mean. */
static const char *serve_addresses(const struct options *options, struct arena *arena)
{
    struct buf buf;
    buf_init(&buf, arena);
    const char *at = options_text(options, OPTION_NET_BINDIP);
    if (options_bool(options, OPTION_NET_BINDIPALL)) {
        at = "0.0.0.0";
    }
    while (*at != '\0') {
        at += strspn(at, " ,");
        struct slice part = slice_of(at, strcspn(at, " ,"));
        at += part.len;
        if (part.len == 0) {
            continue;
        }
        if (buf.len > 0) {
            buf_append_byte(&buf, ',');
        }
        part = slice_is(part, "localhost") ? SLICE("127.0.0.1") : part;
        part = slice_is(part, "*") ? SLICE("0.0.0.0") : part;
        buf_append_slice(&buf, part);
    }
    buf_append_byte(&buf, '\0');
    return (const char *)buf.data;
}

void node__serve_config(const struct options *options, struct arena *arena,
                        struct node_config *config)
{
    *config = (struct node_config){
        .db_path = options_text(options, OPTION_STORAGE_DBPATH),
        .bind_ip = serve_addresses(options, arena),
        .port = (uint16_t)options_int(options, OPTION_NET_PORT),
        .conns_max = (uint32_t)options_int(options, OPTION_NET_MAXINCOMINGCONNECTIONS),
        .set_name = options_text(options, OPTION_REPLICATION_REPLSETNAME),
        .advertise = options_text(options, OPTION_ADVERTISE),
        .workers = (uint32_t)options_int(options, OPTION_WORKERS),
        .cache_policy = options_text(options, OPTION_CACHEPOLICY),
        .cache_compressor = options_text(options, OPTION_CACHE_COMPRESSION),
        .cache_moves_shares = strcmp(options_text(options, OPTION_CACHE_SHARES), "auto") == 0,
        .cache_write_bytes_second = (uint64_t)options_int(options, OPTION_CACHE_WRITEMBPERSECOND)
                                    << 20,
        .cache_ahead = strcmp(options_text(options, OPTION_CACHE_PREFETCH), "on") == 0,
        .huge_pages = strcmp(options_text(options, OPTION_HUGEPAGES), "on") == 0,
        .numa = options_text(options, OPTION_MEMORY_NUMA),
        .fetches_max = (uint32_t)options_int(options, OPTION_ADMISSION_FETCHES),
        .scans_max = (uint32_t)options_int(options, OPTION_ADMISSION_SCANS),
        .writes_max = (uint32_t)options_int(options, OPTION_ADMISSION_WRITES),
        .admin_max = (uint32_t)options_int(options, OPTION_ADMISSION_ADMIN),
        .tidy_percent = (uint32_t)options_int(options, OPTION_MEMORY_TIDYPERCENT),
        .write_buffer_bytes = (uint64_t)options_int(options, OPTION_WRITEBUFFERMB) << 20,
        .oplog_bytes = (uint64_t)options_int(options, OPTION_REPLICATION_OPLOGSIZEMB) << 20,
        .journal_segment_bytes = (uint64_t)options_int(options, OPTION_JOURNALSEGMENTMB) << 20,
        .disk_reserve_bytes = (uint64_t)options_int(options, OPTION_DISKRESERVEMB) << 20,
        .compressor = options_text(options, OPTION_COMPRESSION),
        .parsed = node__serve_parsed(options, arena),
    };
}
