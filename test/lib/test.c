/* test/lib/test.c - main of every room's test binary; `binary PATTERN` runs the matching tests. */
#include "lib/test.h"

#include <assert.h>
#include <stdio.h>

enum { TESTS_MAX = 2000 };

static struct CMUnitTest test_list[TESTS_MAX];
static void (*test_runs[TESTS_MAX])(void);
static size_t test_count;

static void test_run(void **state)
{
    (*(void (**)(void)) * state)();
}

void test_add(const char *name, void (*run)(void))
{
    assert(test_count < TESTS_MAX);
    test_runs[test_count] = run;
    test_list[test_count] = (struct CMUnitTest){
        .name = name, .test_func = test_run, .initial_state = &test_runs[test_count]};
    test_count++;
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return _cmocka_run_group_tests(argv[0], test_list, test_count, NULL, NULL);
}
