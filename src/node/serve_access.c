/* node/serve_access.c - who may reach the server, and whether they must log in.
 *
 * Without access control everybody who reaches the port may do everything: then the server listens
 * on loopback only, unless it is told in so many words that this is meant. With it, with TLS or
 * with encryption the process holds secrets, which neither a core dump nor a debugger of the same
 * user shall show.
 */
#include <string.h>
#include <sys/prctl.h>

#include "command/audit.h"
#include "node/serve_private.h"

static bool access_is_local(const char *addresses)
{
    for (const char *at = addresses; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        size_t len = strcspn(at, ",");
        bool local = strncmp(at, "127.", 4) == 0 || (len == 3 && strncmp(at, "::1", 3) == 0);
        if (!local) {
            return false;
        }
    }
    return true;
}

int node__serve_access(const struct options *options, struct node_config *config, struct err *err)
{
    const char *said = options_text(options, OPTION_SECURITY_AUTHORIZATION);
    config->authorization = options_bool(options, OPTION_AUTH) || strcmp(said, "enabled") == 0;
    if (!config->authorization && !access_is_local(config->bind_ip) &&
        !options_bool(options, OPTION_INSECURE)) {
        return err_set(
            err, LT_EBADVALUE,
            "everybody who reaches %s could read and change everything: switch access "
            "control on (--auth), listen on 127.0.0.1, or say --insecure if this is meant",
            config->bind_ip);
    }
    if (config->authorization || options_bool(options, OPTION_SECURITY_ENABLEENCRYPTION) ||
        strcmp(options_text(options, OPTION_NET_TLS_MODE), "disabled") != 0) {
        prctl(PR_SET_DUMPABLE, 0);
    }
    const char *destination = options_text(options, OPTION_AUDITLOG_DESTINATION);
    bool to_file = destination != NULL && strcmp(destination, "file") == 0;
    if (to_file != (options_text(options, OPTION_AUDITLOG_PATH) != NULL)) {
        return err_set(err, LT_EBADVALUE,
                       "auditLog.destination: file and auditLog.path belong together");
    }
    return 0;
}

void node__serve_access_end(void)
{
    prctl(PR_SET_DUMPABLE, 1);
}

int node__serve_audit(const struct options *options, struct node_config *config, struct err *err)
{
    struct command_audit_options audit = {
        .path = options_text(options, OPTION_AUDITLOG_PATH),
        .filter = options_text(options, OPTION_AUDITLOG_FILTER),
        .log = config->log,
    };
    return options_text(options, OPTION_AUDITLOG_DESTINATION) == NULL
               ? 0
               : command_audit_new(&audit, &config->audit, err);
}

void node__serve_access_warn(const struct node_config *config)
{
    if (config->authorization) {
        return;
    }
    log_warning(config->log, "serve",
                "Access control is not enabled for the database. Read and write access to data "
                "and configuration is unrestricted");
    if (!access_is_local(config->bind_ip)) {
        log_warning(config->log, "serve",
                    "listening on %s without access control: everybody who reaches this address "
                    "can read and change everything",
                    config->bind_ip);
    }
}
