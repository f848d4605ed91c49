/* doc/path.h - dotted paths and what they reach through arrays.
 *
 * Invariant   a parsed path has at least one part; "a.0" may mean element 0 or a field named "0".
 * Thread      pure.
 * Memory      a path's parts borrow the text it was parsed from; the part array is in the arena.
 * Errors      -LT_E... as said.
 * Source      MONGODB.md 5.2.
 */
#ifndef DOC_PATH_H
#define DOC_PATH_H

#include "base/err.h"
#include "doc/value.h"

enum { DOC_PATH_PARTS_MAX = 200 };

struct doc_path_part {
    struct slice name;
    int32_t
        index; /* its value when it is a canonical decimal number ("0", "12"; not "00"), or -1 */
};

struct doc_path {
    struct slice text;
    uint32_t count;
    struct doc_path_part *parts;
};

/* Split at dots. Empty parts are kept as they are: callers refuse them with their own error.
 * More than DOC_PATH_PARTS_MAX parts: -LT_EOVERFLOW. */
int doc_path_parse(struct arena *arena, struct slice text, struct doc_path *ret_path,
                   struct err *err);

/* The position that a name stands for: "0", "12" (no sign, no leading zero, an int32), or -1. */
int32_t doc_path_index(struct slice name);

/* True when any part is empty (leading, trailing or double dot, or ""). */
bool doc_path_has_empty_part(const struct doc_path *path);

/* One value that a path reaches. */
struct doc_path_hit {
    struct doc_value value; /* doc_missing when a branch ends early */
    int32_t array_index;    /* position in the outermost array passed implicitly, or -1 */
    bool through_array;     /* an array was passed implicitly (not by a numeric part) */
    bool at_index;          /* the last part was a numeric index into an array */
};

/* Called per hit; true stops the walk. */
typedef bool (*doc_path_cb)(void *context, const struct doc_path_hit *hit);

/* Visit what `path` reaches in `doc`, as queries see it: at every array on the way each element
 * that is an object is entered (one level per array, not arrays in arrays) and, for a numeric part,
 * the element at that position too. The value at the end is handed over whole: an array is not
 * expanded. A branch that ends in a scalar, null, or a document without the field is a missing hit;
 * array elements that are not objects are passed over without a hit. An array none of whose
 * elements is entered gives no hit. Returns true when a callback stopped the walk. */
bool doc_path_visit(const struct doc_path *path, struct slice doc, doc_path_cb cb, void *context);

/* The value at the path without any array semantics except numeric parts in arrays, as update
 * operators address it; doc_missing when it is not there. */
struct doc_value doc_path_get(const struct doc_path *path, struct slice doc);

#endif
