/* command/index_spec.h - checking what createIndexes is asked for.
 *
 * Invariant   a spec that passed has v, key, name and only options that are honoured.
 * Thread      pure.
 * Memory      the op's arena.
 * Errors      67 CannotCreateIndex, 197 unknown option, 85 and 86 conflicts, 14 and 40414 as usual.
 */
#ifndef COMMAND_INDEX_SPEC_H
#define COMMAND_INDEX_SPEC_H

#include "command/command.h"
#include "doc/build.h"

/* The most seconds until a document expires. */
enum { COMMAND_EXPIRE_MAX = INT32_MAX };

struct command_index {
    struct slice name;
    struct slice key;
    struct slice spec; /* as it will be stored and listed */
};

/* Parse every element of `list`, for a collection that may not be there yet: NULL. Its collation is
 * that of indexes that say none. */
int command_index_parse_all(struct command_op *op, const struct store_collection *collection,
                            struct slice list, struct command_index **ret_specs,
                            uint32_t *ret_count);

/* Take out the specs that are there already; 85 or 86 when one is there otherwise, 67 when there
 * would be too many. */
int command_index_drop_existing(struct command_op *op, const struct store_collection *collection,
                                struct command_index *specs, uint32_t *count);

/* May an index have fields of such kinds beside one another? 67, 16800, 16801, 31303. */
int command_index_check_kinds(struct command_op *op, struct slice key);

/* Is some field hashed? */
bool command_index_is_hashed(struct slice key);

/* Is some field a wildcard? */
bool command_index_is_wildcard(struct slice key);

/* Is some field a text? */
bool command_index_is_text(struct slice key);

/* What a text index has besides; `key` is the key as it is kept, of any index. */
struct command_index_text {
    struct slice key;
    struct slice weights; /* empty: it is no text index */
    struct slice language;
    struct slice language_override;
    int32_t version;
};
int command_index_parse_text(struct command_op *op, struct slice spec,
                             struct command_index_text *ret_text);
void command_index_build_text(struct doc_builder *builder, const struct command_index_text *text);

/* Options that some kinds of indexes do not have. */
struct command_index_options {
    bool unique;
    bool sparse;
    bool expires;
    struct doc_value version; /* missing: not given */
};

/* May the index be a wildcard index, or if it is none, have no projection? 67, 2, 9, 31249, 31254,
 * 51271, 7246201, 7246209. */
int command_index_check_wildcard(struct command_op *op, struct slice spec,
                                 const struct command_index_options *options);

/* May an index have that filter? Empty: it has none. */
int command_index_check_partial(struct command_op *op, struct slice filter);

#endif
