/* base/mem_test.c - arrays that grow and shrink. */
#include "base/mem.h"

#include <string.h>

#include "lib/random_doc.h"
#include "lib/test.h"

enum { ARRAY_BYTES = 3 << 20 };

/* Sizes from nothing to far beyond what the allocator has. */
static size_t array_size(struct random_doc *random)
{
    uint32_t most = 1u << random_doc_below(random, 22);
    return random_doc_below(random, most < ARRAY_BYTES ? most : ARRAY_BYTES);
}

TEST(a_resized_array_keeps_what_is_left_and_what_is_new_is_zero)
{
    static uint8_t expected[ARRAY_BYTES];
    struct random_doc random = {3};
    uint8_t *array = NULL;
    size_t size = 0;
    for (int i = 1; i < 400; i++) {
        size_t next = array_size(&random);
        array = mem_resize(array, size, next);
        if (next < size) {
            memset(expected + next, 0, size - next);
        }
        size = next;
        assert_memory_equal(array, expected, size);
        for (int writes = 0; writes < 1000 && size > 0; writes++) {
            uint32_t at = random_doc_below(&random, (uint32_t)size);
            array[at] = expected[at] = (uint8_t)i;
        }
    }
    assert_null(mem_resize(array, size, 0));
}

TEST(a_large_array_copies_nothing_to_grow_within_its_addresses)
{
    enum { SIZE = 300 << 10 };
    size_t before = mem_arrays();
    uint8_t *array = mem_resize(NULL, 0, SIZE);
    uint8_t *grown = mem_resize(array, SIZE, SIZE + SIZE / 2);
    assert_ptr_equal(grown, array);
    assert_int_equal(mem_arrays(), before + SIZE + SIZE / 2);
    mem_resize(grown, SIZE + SIZE / 2, 0);
    assert_int_equal(mem_arrays(), before);
}
