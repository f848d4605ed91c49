/* test/conformance/ejson.h - the vectors' strict canonical Extended JSON as BSON.
 *
 * Invariant   an object is a type wrapper exactly when its set of keys is a wrapper's; all others
 *             are documents, also {"$regex": ...}. {"$approx": ...} stays a document of two
 * doubles, which the comparison knows. U+E0FE stands for NUL, which cJSON cannot carry. Thread
 * pure. Memory      documents go to the caller's buf. Errors      false for JSON that no vector
 * has: a bare number, a malformed wrapper.
 */
#ifndef TEST_CONFORMANCE_EJSON_H
#define TEST_CONFORMANCE_EJSON_H

#include <cjson/cJSON.h>

#include "doc/build.h"

enum { CONF_CURSORS_MAX = 256 };

/* What $cursorOf refers to. */
struct conf_cursors {
    int64_t ids[CONF_CURSORS_MAX]; /* by number of the command; 0 when its reply had no cursor */
    int count;
};

/* Add one field (or array element) to the open document. */
bool conf_ejson_add(struct doc_builder *builder, struct slice name, const cJSON *json,
                    const struct conf_cursors *cursors);

/* A JSON object as a document appended to buf; `db` is added as $db unless it is NULL. */
bool conf_ejson_doc(struct buf *buf, const cJSON *json, const char *db,
                    const struct conf_cursors *cursors, struct slice *ret_doc);

/* Any JSON value in the arena. */
bool conf_ejson_value(struct arena *arena, const cJSON *json, const struct conf_cursors *cursors,
                      struct doc_value *ret_value);

/* A line of a vector file ready for cJSON: NUL escapes replaced, the database `conf` renamed to
 * `db` where it stands as a word. NUL-terminated, in the arena. */
char *conf_ejson_prepare(struct arena *arena, struct slice line, const char *db);

#endif
