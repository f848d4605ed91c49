/* command/place.h - a place in the log, and the resume token that says it.
 *
 * Invariant   places are ordered as the log is; their tokens, compared as strings, are too.
 * Thread      pure.
 * Memory      values.
 * Errors      260 InvalidResumeToken.
 */
#ifndef COMMAND_PLACE_H
#define COMMAND_PLACE_H

#include "base/err.h"
#include "doc/build.h"

enum command_place_kind {
    COMMAND_PLACE_EVENT,      /* after the event with that number */
    COMMAND_PLACE_INVALIDATE, /* after that event and the end of the stream that it was */
    COMMAND_PLACE_MARK,       /* after all of the entry: a high-water mark */
};

struct command_place {
    uint64_t clock; /* of the entry */
    uint32_t number;
    enum command_place_kind kind;
};

/* After everything that was logged at `clock` and before. */
static inline struct command_place command_place_after(uint64_t clock)
{
    return (struct command_place){clock, UINT32_MAX, COMMAND_PLACE_MARK};
}

/* {<name>: {_data: "..."}} */
void command_place_build(struct doc_builder *builder, const char *name,
                         const struct command_place *place);

/* From {_data: "..."}. */
int command_place_read(struct slice token, struct command_place *ret_place, struct err *err);

#endif
