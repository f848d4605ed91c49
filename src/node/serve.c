/* node/serve.c - read the options, start the node, wait for a signal, stop.
 *
 *   options -> (fork) -> log -> node_open -> parameters -> node_start -> ready -> signals -> stop
 *
 * The first SIGTERM or SIGINT, or the shutdown command, stops in good order; during that another
 * SIGINT ends the process at once, which loses nothing: what was acknowledged is in the journal. */
#include "node/serve.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "command/audit.h"
#include "command/version.h"
#include "node/node_private.h"
#include "node/serve_private.h"

struct serve {
    struct options *options;
    struct arena arena;
    struct log *log;
    struct node_config config;
    struct security_master master; /* until the node is open */
    struct node *node;
    int ready; /* the waiting parent's pipe, or -1 */
    bool logs_to_file;
};

/* ---- setParameter ---- */

static struct doc_value serve_param_value(struct arena *arena, const char *text)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0') {
        return doc_value_i64(arena, number);
    }
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return doc_value_bool(text[0] == 't');
    }
    return doc_value_string(arena, slice_str(text));
}

/* Options that are parameters too, then those given as parameters. */
static int serve_params(struct serve *serve, struct command_params *params, struct err *err)
{
    struct doc_value quiet = doc_value_bool(options_bool(serve->options, OPTION_SYSTEMLOG_QUIET));
    struct doc_value verbosity =
        doc_value_i64(&serve->arena, options_int(serve->options, OPTION_SYSTEMLOG_VERBOSITY));
    int code = command_params_set(params, SLICE("quiet"), quiet, true, err);
    code = code < 0 ? code : command_params_set(params, SLICE("logLevel"), verbosity, true, err);
    for (size_t i = 0; i < options_list_count(serve->options) && code == 0; i++) {
        const char *name;
        const char *value;
        options_list_at(serve->options, i, &name, &value);
        code = command_params_set(params, slice_str(name), serve_param_value(&serve->arena, value),
                                  true, err);
    }
    return code < 0 ? err_prefix(err, "setParameter: ") : 0;
}

/* ---- the log ---- */

/* Put yesterday's log aside, unless it is to grow. */
static void serve_rename_log(const struct serve *serve, const char *path)
{
    if (options_bool(serve->options, OPTION_SYSTEMLOG_LOGAPPEND) || access(path, F_OK) != 0) {
        return;
    }
    char when[32];
    struct tm parts;
    struct buf aside;
    time_t now = time(NULL);
    gmtime_r(&now, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H-%M-%S", &parts);
    buf_init(&aside, NULL);
    buf_format(&aside, "%s.%s", path, when);
    buf_append_byte(&aside, '\0');
    rename(path, (const char *)aside.data);
    buf_close(&aside);
}

static int serve_open_log(struct serve *serve, struct err *err)
{
    const char *path = options_text(serve->options, OPTION_SYSTEMLOG_PATH);
    enum log_level level =
        options_int(serve->options, OPTION_SYSTEMLOG_VERBOSITY) > 0 ? LOG_DEBUG : LOG_INFO;
    level = options_bool(serve->options, OPTION_SYSTEMLOG_QUIET) ? LOG_WARNING : level;
    bool json = strcmp(options_text(serve->options, OPTION_SYSTEMLOG_FORMAT), "json") == 0;
    if (path != NULL) {
        serve_rename_log(serve, path);
    }
    serve->log = log_new(path, level, json);
    serve->logs_to_file = path != NULL;
    return serve->log != NULL
               ? 0
               : err_set(err, LT_EIO, "cannot open the log %s: %s", path, strerror(errno));
}

static void serve_warn(struct serve *serve)
{
    uint64_t files;
    uint32_t fit = node__serve_files(&files);
    if (serve->config.conns_max > fit) {
        log_warning(serve->log, "serve",
                    "net.maxIncomingConnections is lowered from %u to %u: the limit of open files "
                    "is %llu (ulimit -n, LimitNOFILE)",
                    serve->config.conns_max, fit, (unsigned long long)files);
        serve->config.conns_max = fit;
    }
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const struct option_row *row = option_row((enum option_id)i);
        if (row->kind == OPTION_KIND_SKIP &&
            options_source(serve->options, (enum option_id)i) != OPTION_FROM_DEFAULT) {
            log_warning(serve->log, "serve", "%s has no effect: %s", row->name, row->help);
        }
    }
}

/* ---- start ---- */

static void serve_on_shutdown(void *context)
{
    struct serve *serve = context;
    log_info(serve->log, "serve", "the shutdown command was given");
    kill(getpid(), SIGTERM);
}

static int serve_check(struct serve *serve, int argc, char **argv, struct err *err)
{
    struct command_params scratch;
    command_params_init(&scratch);
    int code = node__serve_read(serve->options, argc, argv, err);
    code = code < 0 ? code : node__serve_check(serve->options, err);
    return code < 0 ? code : serve_params(serve, &scratch, err);
}

static int serve_start(struct serve *serve, struct err *err)
{
    const char *pid_path = options_text(serve->options, OPTION_PROCESSMANAGEMENT_PIDFILEPATH);
    int code = serve_open_log(serve, err);
    if (code < 0) {
        return code;
    }
    log_info(serve->log, "serve", "largetable %s starts: process %d, data directory %s", LT_VERSION,
             (int)getpid(), serve->config.db_path);
    serve->config.log = serve->log;
    serve_warn(serve);
    node__serve_access_warn(&serve->config);
    serve->config.on_shutdown = serve_on_shutdown;
    serve->config.context = serve;
    code = node__serve_audit(serve->options, &serve->config, err);
    if (code == 0) {
        node__serve_sandbox(serve->options, &serve->config);
        code = node_open(&serve->config, &serve->node, err);
        security_master_wipe(&serve->master);
    }
    code = code < 0 ? code : serve_params(serve, &serve->node->server.parameters, err);
    if (code == 0) {
        command_params_follow(&serve->node->server);
    }
    code = code < 0 || pid_path == NULL ? code : node__serve_pid_write(pid_path, err);
    return code < 0 ? code : node_start(serve->node, err);
}

static void serve_banner(const struct serve *serve)
{
    bool asked = options_bool(serve->options, OPTION_BANNER);
    char buffer[PATH_MAX];
    const char *path = realpath(serve->config.db_path, buffer);
    if (asked || (isatty(STDOUT_FILENO) && serve->ready < 0)) {
        printf("Largetable %s, speaks MongoDB %s\n"
               "  connect  mongodb://%s/?replicaSet=%s\n"
               "  data     %s\n"
               "  stop     Ctrl-C\n",
               LT_VERSION, COMMAND_FEATURE_VERSION, node_address(serve->node),
               serve->config.set_name, path == NULL ? serve->config.db_path : path);
        fflush(stdout);
    }
}

static void serve_is_ready(struct serve *serve)
{
    log_info(serve->log, "serve", "listening on %s port %u, known to clients as %s",
             serve->config.bind_ip, node_port(serve->node), node_address(serve->node));
    serve_banner(serve);
    node__serve_notify("READY=1");
    if (serve->ready >= 0) {
        node__serve_tell(serve->ready, NULL);
        serve->ready = -1;
        node__serve_detach();
    }
}

/* ---- signals and the end ---- */

static void serve_block_signals(sigset_t *set)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(set, numbers[i]);
    }
    pthread_sigmask(SIG_BLOCK, set, NULL);
}

static void serve_rotate(struct serve *serve)
{
    struct err err;
    if (!serve->config.has_tls) {
        return;
    }
    if (node_rotate_certificates(serve->node, &err) == 0) {
        log_info(serve->log, "serve", "the certificates were read again");
    } else {
        log_warning(serve->log, "serve", "the certificates stay as they were: %s", err.text);
    }
}

static void serve_wait(struct serve *serve, const sigset_t *set)
{
    int number;
    while (true) {
        if (sigwait(set, &number) != 0) {
            continue;
        }
        if (number == SIGTERM || number == SIGINT) {
            break;
        }
        if (number == SIGHUP) {
            serve_rotate(serve);
        }
        if (log_reopen(serve->log) == 0 && command_audit_reopen(serve->config.audit) == 0) {
            log_info(serve->log, "serve", "the log was opened again (%s)", strsignal(number));
        } else {
            log_warning(serve->log, "serve", "cannot open the log again: %s", strerror(errno));
        }
    }
    log_info(serve->log, "serve", "stopping (%s)", strsignal(number));
}

/* From now on Ctrl-C ends the process at once. */
static void serve_unblock_interrupt(void)
{
    sigset_t set;
    signal(SIGINT, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int serve_run(struct serve *serve, struct err *err)
{
    sigset_t set;
    const char *pid_path = options_text(serve->options, OPTION_PROCESSMANAGEMENT_PIDFILEPATH);
    serve_block_signals(&set);
    int code = serve_start(serve, err);
    if (code == 0) {
        serve_is_ready(serve);
        serve_wait(serve, &set);
        node__serve_notify("STOPPING=1");
        serve_unblock_interrupt();
        node_stop(serve->node);
    } else if (serve->logs_to_file) {
        log_error(serve->log, "serve", "%s", err->text);
    }
    node_close(serve->node);
    command_audit_free(serve->config.audit);
    node__serve_access_end();
    if (pid_path != NULL) {
        node__serve_pid_remove(pid_path);
    }
    if (code == 0) {
        log_info(serve->log, "serve", "stopped");
    }
    return code;
}

static int serve_main(struct serve *serve, int argc, char **argv, struct err *err)
{
    int code = serve_check(serve, argc, argv, err);
    if (code == 0) {
        node__serve_config(serve->options, &serve->arena, &serve->config);
        code = node__serve_access(serve->options, &serve->config, err);
        code = code < 0 ? code : node__serve_tls(serve->options, &serve->config, err);
        code = code < 0
                   ? code
                   : node__serve_encryption(serve->options, &serve->master, &serve->config, err);
        code = code < 0 ? code : node__serve_memory(serve->options, &serve->config, err);
    }
    if (code < 0) {
        fprintf(stderr, "largetable: %s\nTry 'largetable help serve'.\n", err->text);
        return 2;
    }
    serve->config.argv = node__serve_argv(argc, argv, &serve->arena);
    if (options_bool(serve->options, OPTION_PROCESSMANAGEMENT_FORK)) {
        code = node__serve_fork(&serve->ready, err);
    }
    code = code < 0 ? code : serve_run(serve, err);
    if (code < 0 && serve->ready >= 0) {
        node__serve_tell(serve->ready, err->text);
    } else if (code < 0) {
        fprintf(stderr, "largetable: %s\n", err->text);
    }
    return code < 0 ? 1 : 0;
}

int node_serve(int argc, char **argv)
{
    struct err err = {0};
    struct serve serve = {.options = options_new(), .ready = -1};
    arena_init(&serve.arena);
    int status = serve_main(&serve, argc, argv, &err);
    log_free(serve.log);
    arena_close(&serve.arena);
    options_free(serve.options);
    return status;
}
