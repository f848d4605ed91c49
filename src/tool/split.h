/* tool/split.h - where one record of a file ends and the next begins.
 *
 * Invariant   a splitter looks at a window of the file that starts where the last record ended; it
 *             says how much of the window is done with and which part of that is the record. What
 *             it cannot tell yet it asks more of; at the file's end it always tells.
 * Thread      pure.
 * Memory      a piece is positions in the window.
 * Errors      TOOL_SPLIT_LOST: from here on nothing can be told apart; the text says why. What is
 *             inside a record is not looked at more than needed to find its end.
 */
#ifndef TOOL_SPLIT_H
#define TOOL_SPLIT_H

#include "base/err.h"

enum tool_format {
    TOOL_FORMAT_UNKNOWN,
    TOOL_FORMAT_JSON,   /* an array, or values one after the other, over any number of lines */
    TOOL_FORMAT_NDJSON, /* a value a line: a bad line is one bad line */
    TOOL_FORMAT_CSV,    /* RFC 4180 */
    TOOL_FORMAT_BSON,   /* documents one after the other, as mongodump writes them */
};

enum tool_split {
    TOOL_SPLIT_RECORD,
    TOOL_SPLIT_MORE, /* show a longer window */
    TOOL_SPLIT_END,
    TOOL_SPLIT_LOST,
};

/* Where in the text a splitter of TOOL_FORMAT_JSON is; the others have no state. */
enum tool_split_place {
    TOOL_SPLIT_AT_START,
    TOOL_SPLIT_IN_SEQUENCE,
    TOOL_SPLIT_IN_EMPTY_ARRAY, /* behind the bracket: a value or the end */
    TOOL_SPLIT_BEFORE_VALUE,   /* behind a comma */
    TOOL_SPLIT_BEHIND_VALUE,   /* in an array */
    TOOL_SPLIT_BEHIND_ARRAY,
};

struct tool_splitter {
    enum tool_format format;
    enum tool_split_place place;
    const char *lost; /* why, after TOOL_SPLIT_LOST */
};

struct tool_piece {
    size_t from; /* the record is window[from..to) */
    size_t to;
    size_t used; /* the window may go on from here */
};

/* The next record. `at_end`: the window reaches to the end of the file. */
enum tool_split tool_split_next(struct tool_splitter *splitter, struct slice window, bool at_end,
                                struct tool_piece *ret_piece);

/* What a file is that begins like this, UNKNOWN when it is empty or a compressed file. */
enum tool_format tool_split_guess(struct slice window, bool at_end);

#endif
