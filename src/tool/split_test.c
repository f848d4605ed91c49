/* tool/split_test.c - records found in any window, whole or byte by byte. */
#include "tool/split.h"

#include "base/buf.h"
#include "lib/test.h"

/* All records of `text`, each followed by '|', then "." or "!why", the window growing by `step`. */
static void split_all(struct slice text, enum tool_format format, size_t step, struct buf *out)
{
    struct tool_splitter splitter = {.format = format};
    size_t at = 0;
    size_t seen = step < text.len ? step : text.len;
    while (true) {
        struct tool_piece piece;
        struct slice window = slice_of(text.data + at, seen - at);
        enum tool_split result = tool_split_next(&splitter, window, seen == text.len, &piece);
        if (result == TOOL_SPLIT_MORE) {
            assert_true(seen < text.len);
            at += piece.used;
            seen = seen + step < text.len ? seen + step : text.len;
            continue;
        }
        if (result != TOOL_SPLIT_RECORD) {
            buf_format(out, "%s%s", result == TOOL_SPLIT_END ? "." : "!",
                       result == TOOL_SPLIT_END ? "" : splitter.lost);
            return;
        }
        assert_true(piece.from <= piece.to && piece.to <= piece.used && piece.used > 0);
        buf_format(out, "%.*s|", (int)(piece.to - piece.from), window.data + piece.from);
        at += piece.used;
    }
}

static void expect(enum tool_format format, const char *text, const char *expected)
{
    for (size_t step = 1; step <= strlen(text) + 1; step++) {
        struct buf out;
        buf_init(&out, NULL);
        split_all(slice_str(text), format, step, &out);
        buf_append_byte(&out, '\0');
        if (strcmp((const char *)out.data, expected) != 0) {
            fail_msg("%s by %zu: %s", text, step, out.data);
        }
        buf_close(&out);
    }
}

TEST(split_lines_and_pass_over_blank_ones)
{
    expect(TOOL_FORMAT_NDJSON, "{a}\n\n  \r\n{b}\r\nc\n", "{a}|{b}|c|.");
    expect(TOOL_FORMAT_NDJSON, "{a}", "{a}|.");
    expect(TOOL_FORMAT_NDJSON, "", ".");
    expect(TOOL_FORMAT_NDJSON, "\n", ".");
}

TEST(split_values_of_an_array)
{
    expect(TOOL_FORMAT_JSON, "[]", ".");
    expect(TOOL_FORMAT_JSON, " [ {\"a\":[1,{}]} ,\n{\"b\":\"}\\\"]\"} ] \n",
           "{\"a\":[1,{}]}|{\"b\":\"}\\\"]\"}|.");
    expect(TOOL_FORMAT_JSON, "[1,\"x,y\",null , [2],{}]", "1|\"x,y\"|null|[2]|{}|.");
}

TEST(split_values_that_follow_each_other)
{
    expect(TOOL_FORMAT_JSON, "{\n\"a\":1\n}\n{\"b\":2}{}", "{\n\"a\":1\n}|{\"b\":2}|{}|.");
    expect(TOOL_FORMAT_JSON, "", ".");
}

TEST(split_json_tells_when_it_is_lost)
{
    expect(TOOL_FORMAT_JSON, "[{}", "{}|!the array has no end");
    expect(TOOL_FORMAT_JSON, "[{},", "{}|!the array has no end");
    expect(TOOL_FORMAT_JSON, "[{} {}]", "{}|!expected a comma or the end of the array");
    expect(TOOL_FORMAT_JSON, "[{},]", "{}|!expected a value");
    expect(TOOL_FORMAT_JSON, "[{}] x", "{}|!something follows the array");
    expect(TOOL_FORMAT_JSON, "[{},{\"a\":", "{}|!the last value has no end");
    expect(TOOL_FORMAT_JSON, "{\"a\":\"x}", "!the last value has no end");
    expect(TOOL_FORMAT_JSON, "}", "!expected a value");
}

TEST(split_csv_keeps_line_ends_in_quotes)
{
    expect(TOOL_FORMAT_CSV, "a,b\r\n\"x\ny\",\"q\"\"\n\"\n1,2", "a,b|\"x\ny\",\"q\"\"\n\"|1,2|.");
    expect(TOOL_FORMAT_CSV, "a,5\" pipe\nb,c\n", "a,5\" pipe|b,c|.");
    expect(TOOL_FORMAT_CSV, "a,\"b\n", "!a quoted field has no end");
    expect(TOOL_FORMAT_CSV, "\n\na\n", "a|.");
}

TEST(split_bson_by_length)
{
    static const char two[] = "\5\0\0\0\0\5\0\0\0\0";
    for (size_t cut = 0; cut <= 10; cut++) {
        struct buf out;
        buf_init(&out, NULL);
        split_all(slice_of(two, cut), TOOL_FORMAT_BSON, 3, &out);
        assert_int_equal(out.data[out.len - 1], cut % 5 == 0 ? '.' : 'f');
        assert_true(cut < 5 || out.data[0] == 5);
        buf_close(&out);
    }
    expect(TOOL_FORMAT_BSON, "abcdef", "!the next document's length is impossible");
}

TEST(split_guesses_the_format)
{
    static const struct {
        struct slice text;
        enum tool_format format;
    } cases[] = {
        {{0}, TOOL_FORMAT_UNKNOWN},
        {{(const uint8_t *)" \n", 2}, TOOL_FORMAT_UNKNOWN},
        {{(const uint8_t *)"\5\0\0\0\0", 5}, TOOL_FORMAT_BSON},
        {{(const uint8_t *)"{\0\0\0\x10", 5}, TOOL_FORMAT_BSON},
        {{(const uint8_t *)"{\"a\":1}\n{", 9}, TOOL_FORMAT_NDJSON},
        {{(const uint8_t *)"{\"a\":1}", 7}, TOOL_FORMAT_NDJSON},
        {{(const uint8_t *)"{\n\"a\":1}", 8}, TOOL_FORMAT_JSON},
        {{(const uint8_t *)" [{}]", 5}, TOOL_FORMAT_JSON},
        {{(const uint8_t *)"a,b\n1,2\n", 8}, TOOL_FORMAT_CSV},
        {{(const uint8_t *)"\x1f\x8b\x08\x08zz", 6}, TOOL_FORMAT_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(tool_split_guess(cases[i].text, true), cases[i].format);
    }
}
