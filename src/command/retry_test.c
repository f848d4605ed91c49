/* command/retry_test.c - results: noted, found, stored in parts, loaded again. */
#include "command/retry.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/store_kit.h"

static const struct store_filter_ops retry_no_filters;
static const struct slice retry_session = {(const uint8_t *)"0123456789abcdef", 16};

static void retry_note(struct command_retry *retry, int32_t statement, int32_t modified,
                       const char *extra)
{
    struct command_retry_result result = {1, modified, slice_str(extra)};
    command_retry_note(retry, statement, &result);
}

static void retry_begin(struct command_retry *retry, int64_t number)
{
    retry->loaded = true;
    command_retry_begin(retry, number, COMMAND_RETRY_STATEMENTS);
}

TEST(retry_knows_what_was_noted_and_nothing_else)
{
    struct command_retry retry;
    struct command_retry_result result;
    size_t at = 0;
    command_retry_init(&retry);
    retry_begin(&retry, 1);
    assert_false(command_retry_find(&retry, 0, &at, &result));
    for (int32_t i = 0; i < 100; i++) {
        retry_note(&retry, i, 0, "");
    }
    retry_note(&retry, 200, 1, "abc");
    retry_note(&retry, 201, 1, "");
    assert_int_equal(retry.runs.len, 3 * 14 + 3);
    for (int round = 0; round < 2; round++) {
        assert_true(command_retry_find(&retry, 99, &at, &result));
        assert_int_equal(result.n_modified, 0);
        assert_true(command_retry_find(&retry, 200, &at, &result));
        assert_true(slice_is(result.extra, "abc"));
        assert_true(command_retry_find(&retry, 201, &at, &result));
        assert_int_equal(result.n_modified, 1);
        assert_false(command_retry_find(&retry, 100, &at, &result));
        assert_false(command_retry_find(&retry, -1, &at, &result));
    }
    command_retry_close(&retry);
}

/* What the store has of the session, loaded anew. */
static void retry_load(struct store_kit *kit, struct command_retry *loaded)
{
    command_retry_init(loaded);
    assert_int_equal(command_retry_load(loaded, &kit->writer.view, retry_session), 0);
}

TEST(retry_is_stored_in_parts_that_are_written_once)
{
    struct store_kit kit;
    struct command_retry retry;
    struct command_retry loaded;
    struct command_retry_result result;
    char extra[101];
    size_t at = 0;
    store_kit_open(&kit, &retry_no_filters, NULL, 0);
    retry_load(&kit, &retry);
    assert_int_equal(retry.txn_number, -1);
    command_retry_begin(&retry, 5, COMMAND_RETRY_STATEMENTS);
    size_t before = kit.writer.effects.len;
    for (int32_t i = 0; i < 1000; i++) {
        snprintf(extra, sizeof extra, "%0100d", i);
        retry_note(&retry, i, 0, extra);
        if (i % 10 == 9) {
            command_retry_flush(&retry, &kit.writer, retry_session, 77);
        }
    }
    assert_true(retry.part > 20);
    assert_true(kit.writer.effects.len - before < 8 * retry.runs.len);
    retry_load(&kit, &loaded);
    assert_int_equal(loaded.txn_number, 5);
    assert_int_equal(loaded.state, COMMAND_RETRY_STATEMENTS);
    assert_true(slice_equal(buf_slice(&loaded.runs), buf_slice(&retry.runs)));
    assert_true(command_retry_find(&loaded, 777, &at, &result));
    assert_int_equal(atoi((const char *)result.extra.data), 777);
    command_retry_close(&loaded);
    command_retry_begin(&retry, 6, COMMAND_RETRY_STATEMENTS);
    retry_note(&retry, 0, 1, "");
    command_retry_flush(&retry, &kit.writer, retry_session, 78);
    retry_load(&kit, &loaded);
    assert_int_equal(loaded.txn_number, 6);
    assert_int_equal(loaded.part, 0);
    assert_int_equal(loaded.runs.len, 14);
    command_retry_forget(&loaded, &kit.writer, retry_session);
    command_retry_close(&loaded);
    retry_load(&kit, &loaded);
    assert_false(loaded.stored);
    command_retry_close(&loaded);
    command_retry_close(&retry);
    store_kit_close(&kit);
}
