/* node/serve_sandbox.c - the files that the process may still touch once it has begun (Landlock).
 *
 * Its data, its logs and its keys, and what the system says of itself; nothing can be run. Threads
 * inherit it, so it comes before them. A kernel without Landlock changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/serve_private.h"

enum { SANDBOX_ABI = 2 }; /* the first that lets files move from one directory to another */

#define SANDBOX_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define SANDBOX_WRITE                                                                              \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |                              \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |   \
     LANDLOCK_ACCESS_FS_REFER)
#define SANDBOX_REST                                                                               \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define SANDBOX_DIRECTORY                                                                          \
    (LANDLOCK_ACCESS_FS_READ_DIR | (SANDBOX_WRITE & ~(uint64_t)LANDLOCK_ACCESS_FS_WRITE_FILE))

/* Let `path`, and what is below it, be used so. What is not there needs no leave. */
static void sandbox_allow(int rules, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    struct stat status;
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0) {
        return;
    }
    if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode)) {
        rule.allowed_access &= ~SANDBOX_DIRECTORY;
    }
    (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

static void sandbox_allow_folder(int rules, const char *file, uint64_t access)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(file, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - file);
    snprintf(folder, sizeof folder, "%.*s", (int)len, file);
    sandbox_allow(rules, slash == NULL ? "." : len == 0 ? "/" : folder, access);
}

/* The directory of a file (NULL: none) that is opened again later, and that of what it links to. */
static void sandbox_allow_beside(int rules, const char *file, uint64_t access)
{
    char target[PATH_MAX];
    if (file == NULL) {
        return;
    }
    sandbox_allow_folder(rules, file, access);
    if (realpath(file, target) != NULL) {
        sandbox_allow_folder(rules, target, access);
    }
}

/* Its parts may be links to other disks. */
static void sandbox_allow_data(int rules, const char *db_path)
{
    static const char *const parts[] = {"", "/journal", "/store", "/cache"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s%s", db_path, parts[i]);
        sandbox_allow(rules, path, SANDBOX_READ | SANDBOX_WRITE);
    }
}

static void sandbox_allow_all(int rules, const struct options *options,
                              const struct node_config *config)
{
    static const char *const system[] = {"/proc", "/sys", "/etc", "/usr", "/lib", "/lib64", "/run"};
    static const enum option_id keys[] = {OPTION_NET_TLS_CERTIFICATEKEYFILE, OPTION_NET_TLS_CAFILE,
                                          OPTION_NET_TLS_CRLFILE};
    static const enum option_id written[] = {OPTION_SYSTEMLOG_PATH, OPTION_AUDITLOG_PATH,
                                             OPTION_PROCESSMANAGEMENT_PIDFILEPATH};
    sandbox_allow_data(rules, config->db_path);
    for (size_t i = 0; i < sizeof system / sizeof system[0]; i++) {
        sandbox_allow(rules, system[i], SANDBOX_READ);
    }
    sandbox_allow(rules, "/dev/null", SANDBOX_READ | SANDBOX_WRITE);
    sandbox_allow(rules, "/dev/urandom", SANDBOX_READ);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        sandbox_allow_beside(rules, options_text(options, keys[i]), SANDBOX_READ);
    }
    for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
        sandbox_allow_beside(rules, options_text(options, written[i]),
                             SANDBOX_READ | SANDBOX_WRITE);
    }
}

void node__serve_sandbox(const struct options *options, const struct node_config *config)
{
    struct landlock_ruleset_attr handled = {SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REST};
    if (strcmp(options_text(options, OPTION_SANDBOX), "off") == 0) {
        return;
    }
    (void)mkdir(config->db_path, 0700); /* what is not there cannot be let through */
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < SANDBOX_ABI) {
        log_debug(config->log, "serve", "no sandbox: this kernel has no Landlock, or an old one");
        return;
    }
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0) {
        log_warning(config->log, "serve", "no sandbox: %s", strerror(errno));
        return;
    }
    sandbox_allow_all(rules, options, config);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_landlock_restrict_self, rules, 0) != 0) {
        log_warning(config->log, "serve", "no sandbox: %s", strerror(errno));
    } else {
        log_debug(config->log, "serve", "only data, logs and keys can be touched from now on");
    }
    close(rules);
}
