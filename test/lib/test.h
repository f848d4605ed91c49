/* test/lib/test.h - one TEST() per sentence, one binary a room.
 *
 * Invariant   a TEST registers itself before main; test.c runs them all under cmocka.
 * Thread      one.
 * Memory      a test frees what it took; LeakSanitizer checks.
 * Errors      cmocka's assert_* macros.
 */
#ifndef TEST_LIB_TEST_H
#define TEST_LIB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Remember one test; TEST() calls it. */
void test_add(const char *name, void (*run)(void));

#define TEST(name)                                                                                 \
    static void test_##name(void);                                                                 \
    __attribute__((constructor)) static void test_add_##name(void)                                 \
    {                                                                                              \
        test_add(#name, test_##name);                                                              \
    }                                                                                              \
    static void test_##name(void)

#endif
