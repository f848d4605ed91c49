/* store/duplicate.h - the error of a key that a unique index has already.
 *
 * Invariant   none.
 * Thread      pure.
 * Memory      the write's arena, to which err->info borrows.
 * Errors      -LT_EDUPLICATEKEY, always; keyPattern, keyValue and collation in err->info.
 */
#ifndef STORE_DUPLICATE_H
#define STORE_DUPLICATE_H

#include "store/record.h"

/* `fields` is the key, as the index has it. */
int store_duplicate(const struct store_write *write, const struct store_index *index,
                    struct slice fields);

#endif
