/* doc/wildcard.h - which paths of a document a wildcard index has.
 *
 * A key pattern's field "$**" or "a.$**", and the specification's wildcardProjection, which keeps
 * or leaves out paths with all that is below them; `_id` is left out unless it is named.
 *
 * Invariant   of an accepted specification. What is told of a path does not depend on a document.
 * Thread      pure.
 * Memory      slices of the specification; lists are the arena's.
 * Errors      none.
 */
#ifndef DOC_WILDCARD_H
#define DOC_WILDCARD_H

#include "base/arena.h"
#include "doc/value.h"

struct doc_wildcard {
    uint32_t field;      /* of the key pattern, the wildcard's */
    struct slice root;   /* "a" of "a.$**"; empty: the whole document */
    struct slice *paths; /* of the projection, but for _id */
    uint32_t paths_count;
    bool keeps; /* those paths only, not all others */
    bool has_id;
};

/* Is the name a wildcard's? */
bool doc_wildcard_is_name(struct slice name);

/* Of the specification {key, wildcardProjection, ...}; NULL when no field is a wildcard, or when it
 * is one of a text index. */
struct doc_wildcard *doc_wildcard_of_spec(struct arena *arena, struct slice spec);

/* Paths that a projection names, {a: {b: 1}} as "a.b"; *ret_keeps: as the first but _id says. */
struct slice *doc_wildcard_paths(struct arena *arena, struct slice projection, uint32_t *ret_count,
                                 bool *ret_keeps);

enum doc_wildcard_place {
    DOC_WILDCARD_OUTSIDE, /* nothing at the path or below */
    DOC_WILDCARD_ABOVE,   /* not what is at the path, but some of what is below */
    DOC_WILDCARD_INSIDE,  /* what is at the path; of what is below, all or some */
};
enum doc_wildcard_place doc_wildcard_place_of(const struct doc_wildcard *wildcard,
                                              struct slice path);

/* Is `path` the other, or below it? */
bool doc_wildcard_is_below(struct slice path, struct slice other);

#endif
