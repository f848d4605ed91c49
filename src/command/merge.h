/* command/merge.h - what $merge was told, and the sink that does it.
 *
 * Invariant   the fields of `on` are those of a unique index of the target, when it was parsed.
 * Thread      as sink.h.
 * Memory      the cursor's arena.
 * Errors      as sink.h.
 */
#ifndef COMMAND_MERGE_H
#define COMMAND_MERGE_H

#include "command/sink.h"

enum command_merge_matched {
    COMMAND_MERGE_MERGE,
    COMMAND_MERGE_REPLACE,
    COMMAND_MERGE_KEEP,
    COMMAND_MERGE_FAIL,
    COMMAND_MERGE_PIPELINE,
};

enum command_merge_unmatched {
    COMMAND_MERGE_INSERT,
    COMMAND_MERGE_DISCARD,
    COMMAND_MERGE_MISSING_FAILS,
};

/* A variable of the pipeline, made of the source's document. */
struct command_merge_variable {
    struct slice name;
    struct query_expr *value;
};

struct command_merge {
    struct command_sink_spec sink;
    struct doc_path *on;
    uint32_t on_count;
    bool on_id;      /* _id is among them */
    bool takes_null; /* of fields of `on`: their index has nulls */
    enum command_merge_matched matched;
    enum command_merge_unmatched unmatched;
    struct doc_value pipeline;
    struct command_merge_variable *variables; /* without `new` */
    uint32_t variables_count;
};

extern const struct command_sink_ops command_merge_sink;

#endif
