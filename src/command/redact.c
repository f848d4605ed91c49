/* command/redact.c - fields left out of messages, currentOp and the audit log. */
#include "command/redact.h"

#include "doc/build.h"
#include "doc/view.h"

enum { REDACT_VALUE_MAX = 512, REDACT_FIELDS_MAX = 64 };

static bool redact_is_secret(struct slice name)
{
    static const char *const secrets[] = {"pwd", "payload", "speculativeAuthenticate", "nonce"};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (slice_is(name, secrets[i])) {
            return true;
        }
    }
    return false;
}

struct slice command_redact(struct arena *arena, struct slice body)
{
    struct doc_builder *builder = arena_alloc(arena, sizeof *builder);
    struct buf *buf = arena_alloc(arena, sizeof *buf);
    struct doc_iter iter;
    struct doc_elem elem;
    buf_init(buf, arena);
    doc_build_begin(builder, buf);
    doc_iter_init(&iter, body);
    for (int i = 0; i < REDACT_FIELDS_MAX && doc_iter_next(&iter, &elem); i++) {
        struct doc_value value = elem.value;
        if (redact_is_secret(elem.name)) {
            value = doc_value_string(arena, SLICE("xxx"));
        } else if (value.len > REDACT_VALUE_MAX) {
            value = doc_value_string(arena, SLICE("..."));
        }
        doc_build_value(builder, elem.name, value);
    }
    return doc_build_end(builder);
}
