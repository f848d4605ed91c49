/* command/images.h - the option changeStreamPreAndPostImages of a collection.
 *
 * Invariant   while it is enabled, the log has documents as they were before each change.
 * Thread      the shard's owner.
 * Memory      the op's arena.
 * Errors      14, 40414, 40415 for a malformed option; 72 where it is not allowed.
 */
#ifndef COMMAND_IMAGES_H
#define COMMAND_IMAGES_H

#include "command/command.h"

/* Put {enabled: bool} into a collection's options; disabled it is left out. */
int command_images_option(struct command_op *op, struct slice *options, struct slice images);

#endif
