/* tool/target.c - connection strings, as far as the tools need them.
 *
 * mongodb://host[:port][,host[:port]...][/database][?options]: the hosts and the database are
 * read; options that change how to connect (tls, credentials) are refused, the others are about
 * pools and retries, which the tools have not. */
#include <stdio.h>
#include <stdlib.h>

#include "tool/client.h"

static int target_port(struct slice text, uint16_t *ret_port, struct err *err)
{
    uint32_t port = 0;
    for (size_t i = 0; i < text.len && port <= UINT16_MAX; i++) {
        uint8_t digit = text.data[i];
        port = digit < '0' || digit > '9' ? UINT32_MAX : port * 10 + (digit - '0');
    }
    if (port == 0 || port > UINT16_MAX) {
        return err_set(err, LT_EBADVALUE, "'%.*s' is no port: give a number between 1 and 65535",
                       SLICE_FMT(text));
    }
    *ret_port = (uint16_t)port;
    return 0;
}

static struct slice target_cut(struct slice *rest, char at)
{
    const uint8_t *found = rest->len == 0 ? NULL : memchr(rest->data, at, rest->len);
    struct slice part = *rest;
    if (found == NULL) {
        *rest = slice_from(*rest, rest->len);
    } else {
        part.len = (size_t)(found - rest->data);
        *rest = slice_from(*rest, part.len + 1);
    }
    return part;
}

/* "host", "host:port" or "[v6]:port". */
static int target_add(struct tool_target *target, struct slice seed, struct err *err)
{
    struct slice host = seed;
    struct slice port = {0};
    uint16_t number = TOOL_PORT;
    if (seed.len > 0 && seed.data[0] == '[') {
        struct slice rest = slice_from(seed, 1);
        host = target_cut(&rest, ']');
        port = rest.len > 0 && rest.data[0] == ':' ? slice_from(rest, 1) : rest;
    } else {
        port = seed;
        host = target_cut(&port, ':');
    }
    if (host.len == 0 || host.len >= sizeof target->seeds[0].host) {
        return err_set(err, LT_EBADVALUE, "'%.*s' names no host", SLICE_FMT(seed));
    }
    if (target->seeds_count == TOOL_SEEDS_MAX) {
        return err_set(err, LT_EBADVALUE, "more than %d hosts", TOOL_SEEDS_MAX);
    }
    int code = port.len == 0 ? 0 : target_port(port, &number, err);
    if (code == 0) {
        char *to = target->seeds[target->seeds_count].host;
        memcpy(to, host.data, host.len);
        to[host.len] = '\0';
        target->seeds[target->seeds_count++].port = number;
    }
    return code;
}

static int target_options(struct slice options, struct err *err)
{
    static const char *const refused[] = {"tls=true", "ssl=true", "authMechanism=", "authSource="};
    while (options.len > 0) {
        struct slice option = target_cut(&options, '&');
        for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
            if (slice_starts(option, slice_str(refused[i]))) {
                return err_set(err, LT_EBADVALUE,
                               "the connection string's option '%.*s' is not "
                               "supported yet",
                               SLICE_FMT(option));
            }
        }
    }
    return 0;
}

int tool_target_parse(struct tool_target *target, const char *uri, struct err *err)
{
    struct slice rest = slice_str(uri);
    if (!slice_starts(rest, SLICE("mongodb://"))) {
        return err_set(err, LT_EBADVALUE,
                       "'%s' is no connection string: it must start with "
                       "mongodb://",
                       uri);
    }
    *target = (struct tool_target){0};
    rest = slice_from(rest, strlen("mongodb://"));
    struct slice options = rest;
    rest = target_cut(&options, '?');
    struct slice db = rest;
    struct slice seeds = target_cut(&db, '/');
    if (memchr(seeds.data, '@', seeds.len) != NULL) {
        return err_set(err, LT_EBADVALUE,
                       "credentials in the connection string are not supported "
                       "yet");
    }
    if (db.len >= sizeof target->db) {
        return err_set(err, LT_EBADVALUE, "'%.*s' is no database name: at most 63 bytes",
                       SLICE_FMT(db));
    }
    memcpy(target->db, db.data, db.len);
    int code = target_options(options, err);
    while (code == 0 && seeds.len > 0) {
        code = target_add(target, target_cut(&seeds, ','), err);
    }
    if (code == 0 && target->seeds_count == 0) {
        code = err_set(err, LT_EBADVALUE, "'%s' names no host", uri);
    }
    return code;
}

int tool_target_set(struct tool_target *target, const char *host, uint16_t port, struct err *err)
{
    *target = (struct tool_target){.seeds_count = 1};
    if (strlen(host) == 0 || strlen(host) >= sizeof target->seeds[0].host) {
        return err_set(err, LT_EBADVALUE, "'%s' names no host", host);
    }
    memcpy(target->seeds[0].host, host, strlen(host) + 1);
    target->seeds[0].port = port;
    return 0;
}
