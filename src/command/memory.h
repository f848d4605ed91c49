/* command/memory.h - what serverStatus says of memory.
 *
 * Invariant   a short form of memoryStats, from counters alone.
 * Thread      any.
 * Memory      the builder's.
 * Errors      none.
 */
#ifndef COMMAND_MEMORY_H
#define COMMAND_MEMORY_H

struct command_server;
struct doc_builder;

/* The section "memory"; none when memory is not counted. */
void command_memory_status(const struct command_server *server, struct doc_builder *builder);

#endif
