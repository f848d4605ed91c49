/* base/options_private.h - the inside of options, for its own files.
 *
 * Invariant   pairs are ordered by source, the weakest first.
 * Thread      one.
 * Memory      texts live in the arena.
 * Errors      none.
 */
#ifndef BASE_OPTIONS_PRIVATE_H
#define BASE_OPTIONS_PRIVATE_H

#include "base/arena.h"
#include "base/options.h"

enum { OPTION__NAME_MAX = 128 };

struct options_value {
    enum option_source source;
    int64_t number;
    const char *text;
};

struct options_pair {
    const char *name;
    const char *value;
    enum option_source source;
};

struct options {
    struct arena arena;
    struct options_value values[OPTIONS_COUNT];
    struct options_pair *pairs;
    size_t pairs_count;
};

/* The three names an option has. */
enum option__face { OPTION__FACE_FILE, OPTION__FACE_FLAG, OPTION__FACE_ENVIRONMENT };

/* NULL when it has none there. */
const char *option__name(enum option_id id, enum option__face face);
/* The known name that needs the fewest edits; NULL when the name is too long to be one. */
const char *option__nearest(struct slice name, enum option__face face);

#endif
