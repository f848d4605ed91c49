/* tool/csv.h - lines of comma-separated values as documents.
 *
 * Invariant   every document has the header's fields in the header's order, except that fields
 *             under one dotted prefix stand together in one nested document.
 * Thread      a header may be read from many threads once it is made.
 * Memory      the header owns copies of the names; documents go to the caller's buf.
 * Errors      -LT_EFAILEDTOPARSE with what is wrong in the line.
 * Source      RFC 4180. Types: MONGODB's tools guess more; here only what has one reading is typed:
 *             whole numbers and decimals in their plain spelling (no leading zeros, no plus sign,
 *             no more digits than fit), true and false. What stands in quotes is a string.
 */
#ifndef TOOL_CSV_H
#define TOOL_CSV_H

#include "base/buf.h"
#include "base/err.h"

enum { TOOL_CSV_COLUMNS_MAX = 10000, TOOL_CSV_DEPTH_MAX = 100 };

struct tool_csv;

/* A header from its line. Names may be dotted; empty ones, equal ones, and one that is the prefix
 * of another ("a" and "a.b") are refused. */
int tool_csv_new(struct slice line, struct tool_csv **ret_csv, struct err *err);
void tool_csv_free(struct tool_csv *csv);
size_t tool_csv_columns(const struct tool_csv *csv);

/* A record's line, without its end, as a document appended to `buf`. `skip_blank`: leave empty
 * fields out instead of storing "". */
int tool_csv_read(const struct tool_csv *csv, struct slice line, bool skip_blank, struct buf *buf,
                  struct err *err);

#endif
