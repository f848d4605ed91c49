/* doc/build_test.c - a document that is lent counts as one that was copied. */
#include "doc/build.h"

#include "doc/validate.h"
#include "lib/json_doc.h"

/* {before, outer: {list: [doc], after}, end}, behind bytes of somebody else's. */
static void build(struct doc_builder *builder, struct buf *buf, struct slice doc, bool lend)
{
    buf_append_slice(buf, SLICE("header"));
    doc_build_begin(builder, buf);
    doc_build_i32(builder, "before", 1);
    doc_build_open(builder, SLICE("outer"));
    doc_build_open_array(builder, SLICE("list"));
    if (lend) {
        doc_build_lend(builder, "", doc);
    } else {
        doc_build_doc(builder, "", doc);
    }
    doc_build_close(builder);
    doc_build_open(builder, SLICE("after"));
    doc_build_close(builder);
    doc_build_close(builder);
    doc_build_text(builder, "end", "x");
}

TEST(build_counts_what_is_lent_and_gathers_it)
{
    static const char *const docs[] = {"{}", "{'a': 1}",
                                       "{'a': {'b': [1, 2, 'long enough to grow']}}"};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
        struct doc_builder copying;
        struct doc_builder lending;
        struct buf copied;
        struct buf lent;
        struct slice doc = json_doc(&arena, docs[i]);
        buf_init(&copied, &arena);
        buf_init(&lent, &arena);
        build(&copying, &copied, doc, false);
        build(&lending, &lent, doc, true);
        assert_int_equal(doc_build_size(&lending), doc_build_size(&copying));
        struct slice whole = doc_build_end(&copying);
        doc_build_end(&lending);
        assert_int_equal(doc_validate(whole, DOC_DEPTH_WIRE, NULL), 0);
        assert_int_equal(lent.len + doc.len, copied.len);
        assert_memory_equal(lent.data, copied.data, lending.lent_at);
        assert_memory_equal(lent.data + lending.lent_at, copied.data + lending.lent_at + doc.len,
                            lent.len - lending.lent_at);
        doc_build_gather(&lending);
        assert_true(slice_equal(buf_slice(&lent), buf_slice(&copied)));
        doc_build_gather(&lending);
        assert_int_equal(lent.len, copied.len);
    }
    arena_close(&arena);
}
