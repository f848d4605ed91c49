/* memory/machine_test.c - limits are found in a file system made for each test. */
#include "memory/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/test.h"

enum { PATH = 1024 };

static void root_make(char root[PATH])
{
    snprintf(root, PATH, "/tmp/largetable-machine-XXXXXX");
    assert_non_null(mkdtemp(root));
}

static void root_remove(const char *root)
{
    char command[2 * PATH];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    assert_int_equal(system(command), 0);
}

/* A file under the root, with the directories it needs. */
static void put(const char *root, const char *name, const char *text)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s%s", root, name);
    for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect(const char *root, uint64_t bytes, const char *where)
{
    struct memory_machine machine;
    memory_machine_read(root, &machine);
    assert_int_equal(machine.bytes, bytes);
    assert_true(strncmp(machine.where, root, strlen(root)) == 0);
    assert_string_equal(machine.where + strlen(root), where);
}

static const char meminfo[] = "MemTotal:       16384 kB\nMemFree:        8 kB\n";

TEST(machine_without_groups_has_all_its_memory)
{
    char root[PATH];
    root_make(root);
    put(root, "/proc/meminfo", meminfo);
    expect(root, 16 << 20, "/proc/meminfo");
    put(root, "/proc/self/cgroup", "0::/\n");
    expect(root, 16 << 20, "/proc/meminfo");
    root_remove(root);
}

TEST(machine_takes_the_smallest_limit_on_the_way_up)
{
    char root[PATH];
    root_make(root);
    put(root, "/proc/meminfo", meminfo);
    put(root, "/proc/self/cgroup", "0::/a.slice/b/c\n");
    put(root, "/sys/fs/cgroup/a.slice/b/c/memory.max", "max\n");
    put(root, "/sys/fs/cgroup/a.slice/b/memory.max", "8388608\n");
    put(root, "/sys/fs/cgroup/a.slice/memory.max", "4194304\n");
    expect(root, 4 << 20, "/sys/fs/cgroup/a.slice/memory.max");
    put(root, "/sys/fs/cgroup/a.slice/b/c/memory.max", "1048576\n");
    expect(root, 1 << 20, "/sys/fs/cgroup/a.slice/b/c/memory.max");
    root_remove(root);
}

TEST(machine_reads_version_1_beside_version_2)
{
    char root[PATH];
    root_make(root);
    put(root, "/proc/meminfo", meminfo);
    put(root, "/proc/self/cgroup", "9:name=systemd:/x\n4:cpu,memory:/p/memory\n3:cpuset:/\n0::/\n");
    put(root, "/sys/fs/cgroup/memory/p/memory/memory.limit_in_bytes", "9223372036854771712\n");
    expect(root, 16 << 20, "/proc/meminfo");
    put(root, "/sys/fs/cgroup/memory/p/memory.limit_in_bytes", "2097152\n");
    expect(root, 2 << 20, "/sys/fs/cgroup/memory/p/memory.limit_in_bytes");
    root_remove(root);
}

TEST(machine_in_a_container_finds_the_mounted_root)
{
    char root[PATH];
    root_make(root);
    put(root, "/proc/meminfo", meminfo);
    put(root, "/proc/self/cgroup", "4:memory:/docker/0123\n");
    put(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "3145728\n");
    expect(root, 3 << 20, "/sys/fs/cgroup/memory/memory.limit_in_bytes");
    put(root, "/proc/self/cgroup", "0::/../../host/path\n");
    put(root, "/sys/fs/cgroup/memory.max", "2097152\n");
    expect(root, 2 << 20, "/sys/fs/cgroup/memory.max");
    root_remove(root);
}

TEST(machine_that_tells_nothing_has_no_limit)
{
    char root[PATH];
    struct memory_machine machine;
    double percent;
    root_make(root);
    memory_machine_read(root, &machine);
    assert_int_equal(machine.bytes, 0);
    assert_false(memory_machine_pressure(root, &percent));
    root_remove(root);
}

TEST(machine_pressure_is_the_groups_before_the_machines)
{
    char root[PATH];
    double percent = 0;
    root_make(root);
    put(root, "/proc/pressure/memory",
        "some avg10=1.25 avg60=0.00 avg300=0.00 total=0\nfull avg10=9.00 avg60=0.00\n");
    assert_true(memory_machine_pressure(root, &percent));
    assert_true(percent == 1.25);
    put(root, "/proc/self/cgroup", "0::/a\n");
    put(root, "/sys/fs/cgroup/a/memory.pressure", "some avg10=50.00 avg60=0.00 total=1\n");
    assert_true(memory_machine_pressure(root, &percent));
    assert_true(percent == 50);
    root_remove(root);
}
