/* memory/pages_test.c - pages are whole, apart, and go back. */
#include "memory/pages.h"

#include <string.h>

#include "lib/random_doc.h"
#include "lib/test.h"

enum { TEST_PAGES = 200 };

TEST(pages_are_aligned_and_nobody_else_writes_to_them)
{
    struct memory_pages *pages = memory_pages_new(true);
    struct random_doc random = {3};
    uint8_t *taken[TEST_PAGES] = {NULL};
    uint32_t count = 0;
    for (int i = 0; i < 5000; i++) {
        uint32_t slot = random_doc_below(&random, TEST_PAGES);
        if (taken[slot] == NULL) {
            taken[slot] = memory_page_take_of(pages, 0);
            assert_int_equal((uintptr_t)taken[slot] % MEMORY_PAGE, 0);
            taken[slot][0] = taken[slot][MEMORY_PAGE - 1] = (uint8_t)slot;
            count++;
        } else {
            assert_int_equal(taken[slot][0], (uint8_t)slot);
            assert_int_equal(taken[slot][MEMORY_PAGE - 1], (uint8_t)slot);
            memory_page_give(pages, taken[slot]);
            taken[slot] = NULL;
            count--;
        }
        assert_int_equal(memory_pages_stats(pages).pages, count);
    }
    for (int slot = 0; slot < TEST_PAGES; slot++) {
        if (taken[slot] != NULL) {
            memory_page_give(pages, taken[slot]);
        }
    }
    assert_int_equal(memory_pages_stats(pages).pages, 0);
    memory_pages_free(pages);
}

TEST(empty_regions_go_back_but_for_one)
{
    struct memory_pages *pages = memory_pages_new(false);
    void *taken[TEST_PAGES];
    for (int i = 0; i < TEST_PAGES; i++) {
        taken[i] = memory_page_take_of(pages, 0);
    }
    assert_int_equal(memory_pages_stats(pages).regions, 7);
    for (int i = 0; i < TEST_PAGES; i++) {
        memory_page_give(pages, taken[i]);
    }
    assert_int_equal(memory_pages_stats(pages).regions, 1);
    memory_pages_free(pages);
}

TEST(dried_pages_hold_no_memory_and_are_taken_last)
{
    enum { PAGES = 32 };
    struct memory_pages *pages = memory_pages_new(true);
    uint8_t *taken[PAGES];
    for (int i = 0; i < PAGES; i++) {
        taken[i] = memory_page_take_of(pages, 0);
        memset(taken[i], 'x', MEMORY_PAGE);
    }
    assert_false(memory_page_dry(pages));
    for (int i = 0; i < PAGES; i += 2) {
        memory_page_give(pages, taken[i]);
    }
    assert_int_equal(memory_pages_stats(pages).wet, PAGES / 2);
    for (int i = 0; i < PAGES / 4; i++) {
        assert_true(memory_page_dry(pages));
    }
    assert_int_equal(memory_pages_stats(pages).wet, PAGES / 4);
    assert_int_equal(memory_pages_stats(pages).pages, PAGES / 2);
    for (int i = 0; i < PAGES; i += 2) {
        taken[i] = memory_page_take_of(pages, 0);
        assert_int_equal(taken[i][0], i < PAGES / 2 ? 'x' : 0);
    }
    assert_int_equal(memory_pages_stats(pages).wet, 0);
    for (int i = 1; i < PAGES; i += 2) {
        assert_int_equal(taken[i][MEMORY_PAGE - 1], 'x');
    }
    for (int i = 0; i < PAGES; i++) {
        memory_page_give(pages, taken[i]);
    }
    memory_pages_free(pages);
}

TEST(an_empty_region_that_stays_can_be_dried)
{
    struct memory_pages *pages = memory_pages_new(true);
    uint8_t *page = memory_page_take_of(pages, 0);
    page[0] = 'x';
    memory_page_give(pages, page);
    assert_int_equal(memory_pages_stats(pages).regions, 1);
    for (uint64_t wet = memory_pages_stats(pages).wet; wet > 0; wet--) {
        assert_true(memory_page_dry(pages));
    }
    assert_false(memory_page_dry(pages));
    assert_int_equal(memory_pages_stats(pages).regions, 1);
    assert_ptr_equal(memory_page_take_of(pages, 0), page);
    assert_int_equal(page[0], 0);
    memory_page_give(pages, page);
    memory_pages_free(pages);
}
