/* tool/csv_test.c - fields, their types and their nesting. */
#include "tool/csv.h"

#include "lib/json_doc.h"

static void expect(const char *header, const char *line, bool skip_blank, const char *expected)
{
    struct tool_csv *csv;
    struct buf buf;
    struct arena arena;
    struct err err = {0};
    arena_init(&arena);
    buf_init(&buf, &arena);
    if (tool_csv_new(slice_str(header), &csv, &err) != 0 ||
        tool_csv_read(csv, slice_str(line), skip_blank, &buf, &err) != 0) {
        fail_msg("%s / %s: %s", header, line, err.text);
    }
    assert_string_equal(json_text(&arena, buf_slice(&buf)), expected);
    tool_csv_free(csv);
    arena_close(&arena);
}

static void refused(const char *header, const char *line, const char *words)
{
    struct tool_csv *csv = NULL;
    struct buf buf;
    struct err err = {0};
    buf_init(&buf, NULL);
    int code = tool_csv_new(slice_str(header), &csv, &err);
    code = code < 0 ? code : tool_csv_read(csv, slice_str(line), false, &buf, &err);
    assert_int_equal(code, -LT_EFAILEDTOPARSE);
    if (strstr(err.text, words) == NULL) {
        fail_msg("%s / %s: %s", header, line, err.text);
    }
    assert_int_equal(buf.len, 0);
    tool_csv_free(csv);
    buf_close(&buf);
}

TEST(csv_cuts_fields)
{
    expect("a,b,c", "x,,\"y,\"\"z\"\"\n\"", false, "{'a':'x','b':'','c':'y,\\'z\\'\\n'}");
    expect("a", "", false, "{'a':''}");
    expect("\"a b\",c", "x, y ", false, "{'a b':'x','c':' y '}");
    expect("a,b", "5\" pipe,x", false, "{'a':'5\\' pipe','b':'x'}");
}

TEST(csv_leaves_blank_fields_out_when_told)
{
    expect("a,b,c", ",\"\",x", true, "{'b':'','c':'x'}");
    expect("a.b,a.c", ",", true, "{}");
}

TEST(csv_types_only_what_has_one_reading)
{
    expect("a,b,c", "1,-20,0", false, "{'a':1,'b':-20,'c':0}");
    expect("a,b", "2147483648,9223372036854775807", false,
           "{'a':2147483648,'b':9223372036854775807}");
    expect("a,b,c", "1.5,-0.25,1e3", false, "{'a':1.5,'b':-0.25,'c':1000.0}");
    expect("a,b", "true,false", false, "{'a':true,'b':false}");
    expect("a,b,c", "007,+1,-0", false, "{'a':'007','b':'+1','c':'-0'}");
    expect("a,b,c", "1.,.5,1e", false, "{'a':'1.','b':'.5','c':'1e'}");
    expect("a,b", "9223372036854775808,0.123456789012345678", false,
           "{'a':'9223372036854775808','b':'0.123456789012345678'}");
    expect("a,b,c", "0x10,nan,1_000", false, "{'a':'0x10','b':'nan','c':'1_000'}");
    expect("a,b,c", "True,null,1e999", false, "{'a':'True','b':'null','c':'1e999'}");
    expect("a,b", "\"1\",\"true\"", false, "{'a':'1','b':'true'}");
    expect("a,b", " 1,1 ", false, "{'a':' 1','b':'1 '}");
}

TEST(csv_nests_dotted_names)
{
    expect("a.b,x,a.c", "1,2,3", false, "{'a':{'b':1,'c':3},'x':2}");
    expect("a.b.c,a.b.d,a.e,f", "1,2,3,4", false, "{'a':{'b':{'c':1,'d':2},'e':3},'f':4}");
    expect("a.b.c,d.b.c", "1,2", false, "{'a':{'b':{'c':1}},'d':{'b':{'c':2}}}");
    expect("a.b.c,a.e,a.b.d", "1,2,3", false, "{'a':{'b':{'c':1,'d':3},'e':2}}");
}

TEST(csv_refuses_bad_headers)
{
    refused("a,,b", "", "empty name");
    refused("a,.b", "", "empty name");
    refused("a,b..c", "", "empty name");
    refused("a,a", "", "one field");
    refused("a,a.b", "", "one field");
    refused("a.b,a", "", "one field");
    refused("\"a", "", "no end");
}

TEST(csv_refuses_bad_lines)
{
    refused("a,b", "1", "1 fields, the header has 2");
    refused("a,b", "1,2,3", "3 fields, the header has 2");
    refused("a,b", "\"x\"y,2", "closing quote");
    refused("a,b", "\"x,2", "no end");
    refused("a", "\xff", "UTF-8");
}
