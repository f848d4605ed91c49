/* command/near.h - documents by their distance: an index read in growing rings.
 *
 * Invariant   a ring is read whole before its first document is given; those that are nearer were
 *             given before, those farther come later. A document is in the ring of its nearest
 *             place, so it is given once; as it is when it is given, for who writes meanwhile.
 * Thread      as its read.
 * Memory      the keys of the ring's documents; a ring that holds too much is cut.
 * Errors      as command_read_next.
 */
#ifndef COMMAND_NEAR_H
#define COMMAND_NEAR_H

#include "query/plan.h"

struct command_read;
struct command_near;

/* For a plan by distance. */
struct command_near *command_near_new(const struct query_plan *plan);
void command_near_free(struct command_near *near); /* NULL is fine */

/* The next document within the distances asked for that matches: 1; 0 the end; negative. The
 * document is valid until the next call. */
int command_near_next(struct command_read *read, struct slice *ret_doc);

/* What the ring holds. */
uint64_t command_near_bytes(const struct command_near *near);

#endif
