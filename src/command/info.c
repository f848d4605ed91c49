/* command/info.c - what this server is: buildInfo, hostInfo, whatsmyuri and their like. */
#include <sched.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "command/args.h"
#include "command/handlers.h"
#include "command/server.h"
#include "command/version.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "memory/nodes.h"

/* For commands that take no fields of their own. */
static const struct command_arg info_no_args[] = {{NULL}};

int command_build_info(struct command_op *op)
{
    int code = command_args(op, info_no_args, NULL);
    if (code < 0) {
        return code;
    }
    static const int32_t parts[4] = {COMMAND_MONGODB_MAJOR, COMMAND_MONGODB_MINOR,
                                     COMMAND_MONGODB_PATCH, 0};
    struct doc_builder *builder = &op->builder;
    doc_build_text(builder, "version", COMMAND_MONGODB_VERSION);
    doc_build_text(builder, "gitVersion", "largetable-" LT_VERSION);
    doc_build_open_array(builder, SLICE("modules"));
    doc_build_close(builder);
    doc_build_text(builder, "allocator", "jemalloc");
    doc_build_text(builder, "javascriptEngine", "none");
    doc_build_text(builder, "sysInfo", "deprecated");
    doc_build_open_array(builder, SLICE("versionArray"));
    for (int i = 0; i < 4; i++) {
        doc_build_i32(builder, "", parts[i]);
    }
    doc_build_close(builder);
    doc_build_i32(builder, "bits", 64);
    doc_build_bool(builder, "debug", false);
    doc_build_i32(builder, "maxBsonObjectSize", DOC_SIZE_MAX);
    doc_build_open_array(builder, SLICE("storageEngines"));
    doc_build_text(builder, "", "largetable");
    doc_build_close(builder);
    doc_build_open(builder, SLICE("largetable"));
    doc_build_text(builder, "version", LT_VERSION);
    doc_build_close(builder);
    return 0;
}

static int64_t info_pages(int name)
{
    long pages = sysconf(name);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Note a value, once. */
static void info_add(int *seen, int32_t *count, int32_t max, int value)
{
    for (int32_t i = 0; i < *count; i++) {
        if (seen[i] == value) {
            return;
        }
    }
    if (*count < max) {
        seen[(*count)++] = value;
    }
}

/* Cores and sockets, as /proc/cpuinfo tells them apart; some systems do not. */
static void info_processors(struct doc_builder *builder)
{
    enum { SEEN_MAX = 1024 };
    int cores[SEEN_MAX];
    int sockets[SEEN_MAX];
    int32_t cores_count = 0;
    int32_t sockets_count = 0;
    int socket = 0;
    int value;
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "physical id : %d", &value) == 1) {
            socket = value;
            info_add(sockets, &sockets_count, SEEN_MAX, socket);
        } else if (sscanf(line, "core id : %d", &value) == 1) {
            info_add(cores, &cores_count, SEEN_MAX, socket << 16 | value);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    cpu_set_t set;
    bool known = sched_getaffinity(0, sizeof set, &set) == 0;
    doc_build_i32(builder, "numCoresAvailableToProcess", known ? CPU_COUNT(&set) : -1);
    doc_build_i32(builder, "numPhysicalCores",
                  cores_count > 0 ? cores_count : (int32_t)sysconf(_SC_NPROCESSORS_CONF));
    doc_build_i32(builder, "numCpuSockets", sockets_count > 0 ? sockets_count : 1);
}

int command_host_info(struct command_op *op)
{
    struct doc_builder *builder = &op->builder;
    struct utsname names;
    struct memory_nodes nodes;
    int code = command_args(op, info_no_args, NULL);
    if (code < 0) {
        return code;
    }
    uname(&names);
    memory_nodes_system.read(&nodes);
    doc_build_open(builder, SLICE("system"));
    doc_build_date(builder, "currentTime", op->wall_ms);
    doc_build_text(builder, "hostname", names.nodename);
    doc_build_i32(builder, "cpuAddrSize", 64);
    doc_build_i64(builder, "memSizeMB", info_pages(_SC_PHYS_PAGES) >> 20);
    doc_build_i64(builder, "memLimitMB", info_pages(_SC_PHYS_PAGES) >> 20);
    doc_build_i32(builder, "numCores", (int32_t)sysconf(_SC_NPROCESSORS_ONLN));
    doc_build_text(builder, "cpuArch", names.machine);
    info_processors(builder);
    doc_build_i32(builder, "numNumaNodes", (int32_t)nodes.count);
    doc_build_bool(builder, "numaEnabled", nodes.count > 1);
    doc_build_close(builder);
    doc_build_open(builder, SLICE("os"));
    doc_build_text(builder, "type", names.sysname);
    doc_build_text(builder, "name", names.sysname);
    doc_build_text(builder, "version", names.release);
    doc_build_close(builder);
    doc_build_open(builder, SLICE("extra"));
    doc_build_text(builder, "versionString", names.version);
    doc_build_i64(builder, "pageSize", sysconf(_SC_PAGESIZE));
    doc_build_close(builder);
    return 0;
}

int command_whatsmyuri(struct command_op *op)
{
    doc_build_text(&op->builder, "you", op->client->peer);
    return 0;
}

int command_get_cmd_line_opts(struct command_op *op)
{
    int code = command_args(op, info_no_args, NULL);
    if (code < 0) {
        return code;
    }
    doc_build_array(&op->builder, "argv", op->server->argv);
    doc_build_doc(&op->builder, "parsed", op->server->parsed);
    return 0;
}

int command_list_commands(struct command_op *op)
{
    struct doc_builder *builder = &op->builder;
    const struct command *command;
    doc_build_open(builder, SLICE("commands"));
    for (size_t i = 0; (command = command_each(i)) != NULL; i++) {
        if (command_is_hidden(op->server, command)) {
            continue;
        }
        doc_build_open(builder, slice_str(command->name));
        doc_build_text(builder, "help", command->help);
        doc_build_bool(builder, "requiresAuth", (command->flags & COMMAND_NO_AUTH) == 0);
        doc_build_bool(builder, "secondaryOk", (command->flags & COMMAND_WRITE) == 0);
        doc_build_bool(builder, "adminOnly", (command->flags & COMMAND_ADMIN) != 0);
        doc_build_open_array(builder, SLICE("apiVersions"));
        if ((command->flags & COMMAND_API_V1) != 0) {
            doc_build_text(builder, "", "1");
        }
        doc_build_close(builder);
        doc_build_open_array(builder, SLICE("deprecatedApiVersions"));
        doc_build_close(builder);
        doc_build_close(builder);
    }
    doc_build_close(builder);
    return 0;
}

/* ---- getLog ---- */

static void info_log_line(void *context, const char *line)
{
    struct command_op *op = context;
    if (doc_build_size(&op->builder) < DOC_SIZE_MAX / 2) {
        doc_build_text(&op->builder, "", line);
    }
}

int command_get_log(struct command_op *op)
{
    struct doc_value which = doc_first(op->body).value;
    int code = command_args(op, info_no_args, NULL);
    if (code < 0) {
        return code;
    }
    if (which.type != DOC_STRING) {
        return err_set(&op->err, LT_ETYPEMISMATCH,
                       "Argument to getLog must be of type String; found %s",
                       doc_type_name(which.type));
    }
    struct slice name = doc_value_get_string(which);
    if (slice_is(name, "*")) {
        doc_build_open_array(&op->builder, SLICE("names"));
        doc_build_text(&op->builder, "", "global");
        doc_build_text(&op->builder, "", "startupWarnings");
        doc_build_close(&op->builder);
        return 0;
    }
    bool warnings = slice_is(name, "startupWarnings");
    if (!warnings && !slice_is(name, "global")) {
        return err_set(&op->err, LT_EOPERATIONFAILED, "No log named '%.*s'", SLICE_FMT(name));
    }
    doc_build_open_array(&op->builder, SLICE("log"));
    uint64_t written = log_each(op->server->log, warnings, info_log_line, op);
    doc_build_close(&op->builder);
    doc_build_i32(&op->builder, "totalLinesWritten", (int32_t)written);
    return 0;
}
