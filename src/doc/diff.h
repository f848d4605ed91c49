/* doc/diff.h - what an update changed, as change streams tell it.
 *
 * Invariant   updatedFields, removedFields and truncatedArrays, applied to the old document, give
 *             the new one but for the order of fields. An array that became shorter is told whole
 *             unless its end was cut off.
 * Thread      pure.
 * Memory      the description is in the caller's arena.
 * Errors      false: the documents are too different to be worth it; take the new one whole.
 * Source      MONGODB.md 5.6, rule 53.
 */
#ifndef DOC_DIFF_H
#define DOC_DIFF_H

#include "base/arena.h"

/* {updatedFields: {...}, removedFields: [...], truncatedArrays: [{field, newSize}]}, with paths in
 * dots, and disambiguatedPaths: {path: [...]} of those that could be read in two ways, if any. */
bool doc_diff(struct arena *arena, struct slice old_doc, struct slice new_doc,
              struct slice *ret_description);

#endif
