/* base/options_flags.c - flags that do not exist, and the environment. */
#include <stdio.h>

#include "base/options_private.h"

/* ---- the command line ---- */

/* An exact name, or the one name it abbreviates, as getopt_long takes it. */
static int flag_find(struct slice name, int *ret_matches)
{
    int found = -1;
    *ret_matches = 0;
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        const char *flag = option_row((enum option_id)i)->flag;
        if (flag != NULL && slice_is(name, flag)) {
            *ret_matches = 1;
            return i;
        }
        if (flag != NULL && slice_starts(slice_str(flag), name)) {
            found = i;
            ++*ret_matches;
        }
    }
    return found;
}

static bool flag_is_argp(struct slice name)
{
    return slice_is(name, "help") || slice_is(name, "usage");
}

static bool flag_takes_next(int id)
{
    return option_row((enum option_id)id)->kind != OPTION_KIND_BOOL &&
           id != OPTION_SYSTEMLOG_VERBOSITY;
}

/* Does "-x" take the next argument? */
static bool flag_letter_takes_next(const char *argument)
{
    for (int i = 0; i < OPTIONS_COUNT && argument[1] != '\0' && argument[2] == '\0'; i++) {
        if (option_row((enum option_id)i)->letter == argument[1]) {
            return flag_takes_next(i);
        }
    }
    return false;
}

int options_check_flags(int argc, char **argv, struct err *err)
{
    for (int i = 1; i < argc; i++) {
        struct slice name = slice_str(argv[i]);
        if (name.len > 1 && argv[i][0] == '-' && argv[i][1] != '-') {
            i += flag_letter_takes_next(argv[i]);
            continue;
        }
        if (!slice_starts(name, SLICE("--"))) {
            continue;
        }
        if (name.len == 2) {
            return 0;
        }
        int matches;
        name = slice_of(argv[i] + 2, strcspn(argv[i] + 2, "="));
        bool has_value = argv[i][2 + name.len] == '=';
        int id = flag_find(name, &matches);
        if (matches == 0 && !flag_is_argp(name)) {
            const char *nearest = option__nearest(name, OPTION__FACE_FLAG);
            return err_set(err, LT_EBADVALUE, "there is no option --%.*s; the nearest is --%s",
                           SLICE_FMT(name), nearest == NULL ? "help" : nearest);
        }
        i += matches == 1 && !has_value && flag_takes_next(id);
    }
    return 0;
}

/* ---- the environment ---- */

static const char environment_prefix[] = "LARGETABLE_";

/* Not meant for a server: where the project's tests find their data, and links of Kubernetes and
 * Docker to a service that is called largetable. */
static bool environment_is_foreign(const char *name, const char *value)
{
    return strcmp(name, "LARGETABLE_CONFORMANCE") == 0 || strcmp(name, "LARGETABLE_DATA") == 0 ||
           strstr(name, "SERVICE_HOST") != NULL || strstr(name, "SERVICE_PORT") != NULL ||
           strstr(name, "PORT_") != NULL || strncmp(value, "tcp://", 6) == 0;
}

static int environment_find(struct slice name)
{
    for (int i = 0; i < OPTIONS_COUNT; i++) {
        if (slice_is(name, option_row((enum option_id)i)->id)) {
            return i;
        }
    }
    return -1;
}

int options_read_environment(struct options *options, char **variables, struct err *err)
{
    for (; *variables != NULL; variables++) {
        const char *variable = *variables;
        size_t prefix = sizeof environment_prefix - 1;
        if (strncmp(variable, environment_prefix, prefix) != 0) {
            continue;
        }
        struct slice name = slice_of(variable + prefix, strcspn(variable + prefix, "="));
        const char *value = variable + prefix + name.len;
        value += *value == '=';
        char where[160];
        snprintf(where, sizeof where, "%s%.*s", environment_prefix, SLICE_FMT(name));
        int id = environment_find(name);
        if (id < 0 && environment_is_foreign(where, value)) {
            continue;
        }
        if (id < 0) {
            const char *nearest = option__nearest(name, OPTION__FACE_ENVIRONMENT);
            return err_set(err, LT_EBADVALUE, "%s: there is no such option; the nearest is %s%s",
                           where, environment_prefix, nearest == NULL ? "CONFIG" : nearest);
        }
        int code = options_set(options, (enum option_id)id, value,
                               (struct option_origin){OPTION_FROM_ENVIRONMENT, where}, err);
        if (code < 0) {
            return code;
        }
    }
    return 0;
}
