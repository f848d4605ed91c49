/* base/err.h - what went wrong, in the words and numbers that MongoDB's clients know.
 *
 * Invariant   a function that can fail returns 0 or a negative code: -LT_E... or the negative of
 *             one of MongoDB's numbered locations, such as -40415. The innermost failure writes
 *             `struct err`; callers prefix its text.
 * Thread      a value.
 * Memory      text is inside; info borrows from the request's arena.
 * Errors      none.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/slice.h"

enum lt_error {
#define ERROR(name, code, code_name) LT_E##name = (code),
#include "base/errors.def"
};

enum { ERR_TEXT_MAX = 1024 };

struct err {
    int code;          /* positive, as clients see it; 0 when nothing was written */
    struct slice info; /* BSON document whose fields join the reply (keyPattern, keyValue,
                        * errInfo); empty mostly */
    char text[ERR_TEXT_MAX];
};

/* Write code and text and return -code, so that a failing function can `return err_set(...)`.
 * `err` may be NULL. Text past ERR_TEXT_MAX is cut. Control characters in it are the caller's. */
int err_set(struct err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix" before the text that is already there and return -code. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "BadValue" for 2, "Location40415" for 40415. The text is static or in `scratch`. */
const char *err_code_name(int code, char scratch[32]);

#endif
