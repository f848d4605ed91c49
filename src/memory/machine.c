/* memory/machine.c - /proc/self/cgroup says which group we are in; the groups' files say the rest.
 *
 * In a container the path in /proc/self/cgroup may be the host's, which is not there: the walk up
 * from it ends at the mounted root, whose files are the container's own. */
#include "memory/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MACHINE_PATH = 512 };

static const char machine_v2[] = "/sys/fs/cgroup";
static const char machine_v1[] = "/sys/fs/cgroup/memory";

/* The first line of a file that begins with `start`: what follows it. */
static bool machine_line(const char *path, const char *start, char ret_rest[MACHINE_PATH])
{
    FILE *file = fopen(path, "re");
    char line[MACHINE_PATH];
    bool found = false;
    if (file == NULL) {
        return false;
    }
    while (!found && fgets(line, sizeof line, file) != NULL) {
        found = strncmp(line, start, strlen(start)) == 0;
    }
    fclose(file);
    if (found) {
        line[strcspn(line, "\n")] = '\0';
        memmove(ret_rest, line + strlen(start), strlen(line) - strlen(start) + 1);
    }
    return found;
}

/* "4:memory:/a/b" or "2:cpu,memory:/a/b" (version 1), "0::/a/b" (version 2). */
static bool machine_group(const char *root, bool v2, char ret_path[MACHINE_PATH])
{
    char path[MACHINE_PATH];
    char line[MACHINE_PATH];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *names = strchr(line, ':');
        char *group = names == NULL ? NULL : strchr(names + 1, ':');
        if (group == NULL) {
            continue;
        }
        *group = ',';
        *names = ',';
        found = v2 ? group == names + 1
                   : strstr(names, ",memory,") != NULL && strstr(names, ",memory,") < group;
        snprintf(ret_path, MACHINE_PATH, "%s", group + 1);
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static void machine_take(const char *path, uint64_t bytes, struct memory_machine *machine)
{
    if (bytes > 0 && (machine->bytes == 0 || bytes < machine->bytes)) {
        machine->bytes = bytes;
        snprintf(machine->where, sizeof machine->where, "%s", path);
    }
}

/* The limits from the group at `group` up to the root. "max" is no number, and version 1 says
 * 2^63 for none, which is never the smallest. */
static void machine_walk(const char *root, bool v2, struct memory_machine *machine)
{
    const char *mount = v2 ? machine_v2 : machine_v1;
    const char *name = v2 ? "memory.max" : "memory.limit_in_bytes";
    char group[MACHINE_PATH];
    char rest[MACHINE_PATH];
    if (!machine_group(root, v2, group)) {
        return;
    }
    for (;;) {
        char path[3 * MACHINE_PATH];
        snprintf(path, sizeof path, "%s%s%s/%s", root, mount, group, name);
        if (machine_line(path, "", rest)) {
            machine_take(path, strtoull(rest, NULL, 10), machine);
        }
        char *slash = strrchr(group, '/');
        if (slash == NULL) {
            return;
        }
        *slash = '\0';
    }
}

void memory_machine_read(const char *root, struct memory_machine *ret_machine)
{
    char path[MACHINE_PATH];
    char rest[MACHINE_PATH];
    *ret_machine = (struct memory_machine){0};
    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (machine_line(path, "MemTotal:", rest)) {
        machine_take(path, strtoull(rest, NULL, 10) << 10, ret_machine);
    }
    machine_walk(root, true, ret_machine);
    machine_walk(root, false, ret_machine);
}

bool memory_machine_pressure(const char *root, double *ret_percent)
{
    char path[3 * MACHINE_PATH];
    char group[MACHINE_PATH];
    char rest[MACHINE_PATH];
    bool found = false;
    if (machine_group(root, true, group)) {
        snprintf(path, sizeof path, "%s%s%s/memory.pressure", root, machine_v2, group);
        found = machine_line(path, "some avg10=", rest);
    }
    if (!found) {
        snprintf(path, sizeof path, "%s/proc/pressure/memory", root);
        found = machine_line(path, "some avg10=", rest);
    }
    if (found) {
        *ret_percent = strtod(rest, NULL);
    }
    return found;
}
