/* test/fuzz/command_fuzz.c - any BSON document as a command, on a node with a little data.
 *
 * Input: BSON documents, one after another, each sent as a command in turn. Checks, besides not
 * crashing: every reply is valid BSON with a number `ok`, and after a failed command the node still
 * answers a ping. */
#include <assert.h>

#include "doc/build.h"
#include "doc/validate.h"
#include "doc/view.h"
#include "lib/mini_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_COMMANDS_MAX = 8 };

static void fuzz_check(struct slice reply)
{
    struct err err;
    assert(doc_validate(reply, DOC_DEPTH_WIRE, &err) == 0);
    assert(doc_get_str(reply, "ok").type == DOC_DOUBLE);
}

/* The command with a database when it has none, so that it is not refused for that alone. */
static struct slice fuzz_with_db(struct slice command, struct buf *buf)
{
    struct doc_builder builder;
    buf->len = 0;
    doc_build_begin(&builder, buf);
    doc_build_fields(&builder, command);
    if (!doc_value_exists(doc_get_str(command, "$db"))) {
        doc_build_text(&builder, "$db", "f");
    }
    return doc_build_end(&builder);
}

static void fuzz_ping(struct mini_node *node)
{
    uint8_t bytes[64];
    struct buf buf = {.data = bytes, .cap = sizeof bytes};
    struct doc_builder builder;
    doc_build_begin(&builder, &buf);
    doc_build_i32(&builder, "ping", 1);
    doc_build_text(&builder, "$db", "f");
    struct slice reply = mini_node_run(node, doc_build_end(&builder));
    assert(doc_value_get_double(doc_get_str(reply, "ok")) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mini_node *node = mini_node_new();
    struct slice rest = slice_of(data, size);
    struct buf buf;
    size_t len;
    buf_init(&buf, NULL);
    for (int i = 0; i < FUZZ_COMMANDS_MAX && rest.len > 0; i++) {
        if (doc_validate_prefix(rest, DOC_DEPTH_STORED, &len, NULL) < 0) {
            break;
        }
        fuzz_check(mini_node_run(node, fuzz_with_db(slice_of(rest.data, len), &buf)));
        rest = slice_from(rest, len);
    }
    fuzz_ping(node);
    buf_close(&buf);
    mini_node_free(node);
    return 0;
}
