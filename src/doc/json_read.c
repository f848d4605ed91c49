/* doc/json_read.c - reading Extended JSON by libbson.
 *
 * libbson reads exactly one text and nests at most a hundred levels, so the object is measured
 * first, counting brackets outside of strings, and refused when it is deeper than libbson's own
 * stack. What it made is validated like bytes from the network: libbson lets some things pass. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <bson/bson.h>
#pragma GCC diagnostic pop

#include "doc/json.h"
#include "doc/json_private.h"
#include "doc/validate.h"

/* Behind the closing quote of the string that opens at `at`, or past the end. */
static size_t json_string_end(struct slice text, size_t at)
{
    for (at++; at < text.len && text.data[at] != '"'; at++) {
        if (text.data[at] == '\\') {
            at++;
        }
    }
    return at + 1;
}

/* How many bytes the object at the front takes, leading space included. */
static int json_measure(struct slice text, size_t *ret_used, struct err *err)
{
    int depth = 0;
    size_t at = 0;
    while (at < text.len) {
        uint8_t byte = text.data[at];
        if (depth == 0 && byte != '{' && byte != ' ' && byte != '\n' && byte != '\r' &&
            byte != '\t') {
            break;
        }
        if (byte == '"') {
            at = json_string_end(text, at);
            continue;
        }
        at++;
        depth += (byte == '{' || byte == '[') - (byte == '}' || byte == ']');
        if (depth > DOC__JSON_NESTING_MAX) {
            return err_set(err, LT_EFAILEDTOPARSE, "JSON nested deeper than %d levels at byte %zu",
                           DOC__JSON_NESTING_MAX, at);
        }
        if (depth == 0 && byte == '}') {
            *ret_used = at;
            return 0;
        }
    }
    at = at > text.len ? text.len : at;
    return err_set(err, LT_EFAILEDTOPARSE, "Expected a JSON object, stopped at byte %zu", at);
}

int doc_json_read(struct slice text, struct buf *buf, size_t *ret_used, struct err *err)
{
    size_t used = 0;
    int result = json_measure(text, &used, err);
    if (result != 0) {
        return result;
    }
    bson_t doc;
    bson_error_t problem;
    if (!bson_init_from_json(&doc, (const char *)text.data, (ssize_t)used, &problem)) {
        return err_set(err, LT_EFAILEDTOPARSE, "%s, in the %zu bytes of JSON", problem.message,
                       used);
    }
    struct slice bytes = slice_of(bson_get_data(&doc), doc.len);
    result = doc_validate(bytes, DOC_DEPTH_STORED, err);
    if (result == 0) {
        buf_append_slice(buf, bytes);
        *ret_used = used;
    } else {
        result = err_set(err, LT_EFAILEDTOPARSE, "JSON that is no valid document");
    }
    bson_destroy(&doc);
    return result;
}
