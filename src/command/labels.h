/* command/labels.h - what drivers do about an error, decided in one place.
 *
 * Invariant   a driver tries again only what a label lets it: RetryableWriteError stands on a write
 *             that its session can recognize (lsid and txnNumber, outside of a transaction), and
 *             TransientTransactionError on a transaction that came to nothing.
 * Thread      pure.
 * Memory      the op's arena and reply.
 * Errors      none; what a fail point says stands in place of it all.
 */
#ifndef COMMAND_LABELS_H
#define COMMAND_LABELS_H

#include "command/command.h"

/* Append errorLabels to the reply when error `code` of the whole command, or of its write concern,
 * deserves some. */
void command_error_labels(struct command_op *op, int code);

/* Does the error say that this server's place in the set changes? Then its reply tells the
 * topology's version, by which drivers know whether they heard of it before. */
bool command_error_is_of_state(int code);

#endif
