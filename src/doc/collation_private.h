/* doc/collation_private.h - a collation as it was asked for, and as it is.
 *
 * Invariant   see doc/collation.h.
 * Thread      see there.
 * Memory      see there.
 * Errors      see there.
 */
#ifndef DOC_COLLATION_PRIVATE_H
#define DOC_COLLATION_PRIVATE_H

#include <unicode/ucol.h>

#include "doc/collation.h"

/* The options of a document; DOC__COLLATION_UNSET: it leaves them to the locale. */
struct doc__collation_options {
    struct slice locale;
    int64_t strength;  /* 1 to 5 */
    int case_level;    /* bools */
    int case_first;    /* UColAttributeValue */
    int numeric;       /* bool */
    int alternate;     /* UColAttributeValue */
    int max_variable;  /* UColReorderCode */
    int normalization; /* bools */
    int backwards;
};

/* Of ICU's rules, as MongoDB knows it. */
#define DOC__COLLATION_VERSION "57.1"

enum { DOC__COLLATION_UNSET = -100 };

struct doc_collation {
    UCollator *collator;
    struct slice spec;
};

/* Read and check the document, as far as that can be done without ICU. */
int doc__collation_options(struct slice spec, const char *field,
                           struct doc__collation_options *ret_options, struct err *err);

/* The names of what enumerations hold. */
const char *doc__collation_case_first_name(int value);
const char *doc__collation_alternate_name(int value);
const char *doc__collation_max_variable_name(int value);

#endif
