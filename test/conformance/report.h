/* test/conformance/report.h - what came out, by area and by cause, and the ratchet.
 *
 * Invariant   a ratchet file holds lines `area passed total`; an area may only gain.
 * Thread      after all threads have ended.
 * Memory      borrows vectors and results.
 * Errors      false with a message on stderr.
 */
#ifndef TEST_CONFORMANCE_REPORT_H
#define TEST_CONFORMANCE_REPORT_H

#include "conformance/case.h"
#include "conformance/vectors.h"

struct conf_report {
    const struct conf_vectors *vectors;
    const struct conf_result *results;
};

/* Pass rates by area and in total, causes most frequent first, at most `causes_max` of them. */
void conf_report_print(const struct conf_report *report, int causes_max);

/* One line a case that does not pass: id, tab, cause. */
bool conf_report_failures(const struct conf_report *report, const char *path);

/* False when an area passes fewer than recorded. `update` writes what passes now, keeping areas
 * that were not run. */
bool conf_report_ratchet(const struct conf_report *report, const char *path, bool update);

#endif
