/* test/lib/mini_node.h - a whole node in one thread, over the engine in memory: commands in,
 * replies out.
 *
 * Invariant   every command is stepped to its end and what it wrote is applied before the reply, as
 *             a node does, without sockets, threads or disks.
 * Thread      one.
 * Memory      the node owns everything; a reply is borrowed until the next call.
 * Errors      none: an error is a reply.
 */
#ifndef TEST_LIB_MINI_NODE_H
#define TEST_LIB_MINI_NODE_H

#include "command/owner.h"
#include "command/server.h"

struct mini_node;

/* The wall clock when its monotonic clock is 0. */
#define MINI_NODE_BEGAN_MS INT64_C(1700000000000)

struct mini_node *mini_node_new(void);
void mini_node_free(struct mini_node *node);

/* What its commands share. */
struct command_server *mini_node_server(struct mini_node *node);

/* Run one valid command document ($db inside) and return the reply document. */
struct slice mini_node_run(struct mini_node *node, struct slice command);

#endif
