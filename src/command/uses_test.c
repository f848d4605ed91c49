/* command/uses_test.c - counters of indexes. */
#include "command/uses.h"

#include "lib/test.h"

TEST(uses_are_counted_by_index)
{
    static struct command_uses uses;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t index = round; index < 500; index++) {
            command_uses_add(&uses, index);
        }
    }
    assert_int_equal(command_uses_of(&uses, 0), 1);
    assert_int_equal(command_uses_of(&uses, 1), 2);
    assert_int_equal(command_uses_of(&uses, 499), 3);
    assert_int_equal(command_uses_of(&uses, 500), 0);
}

TEST(uses_without_room_stay_at_nothing)
{
    static struct command_uses uses;
    for (uint32_t index = 0; index < 4 * COMMAND_USES_MAX; index++) {
        command_uses_add(&uses, index);
    }
    uint64_t counted = 0;
    for (uint32_t index = 0; index < 4 * COMMAND_USES_MAX; index++) {
        uint64_t count = command_uses_of(&uses, index);
        assert_true(count <= 1);
        counted += count;
    }
    assert_int_equal(counted, COMMAND_USES_MAX);
}
