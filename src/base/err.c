/* base/err.c - writing an error and naming its code. */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
    int code;
    const char *name;
} err_names[] = {
#define ERROR(name, code, code_name) {(code), #code_name},
#include "base/errors.def"
};

int err_set(struct err *err, int code, const char *format, ...)
{
    assert(code > 0);
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        err->code = code;
        err->info = (struct slice){0};
    }
    return -code;
}

int err_prefix(struct err *err, const char *format, ...)
{
    char old[ERR_TEXT_MAX];
    memcpy(old, err->text, sizeof old);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof err->text) {
        snprintf(err->text + len, sizeof err->text - (size_t)len, "%s", old);
    }
    return -err->code;
}

const char *err_code_name(int code, char scratch[32])
{
    for (size_t i = 0; i < sizeof err_names / sizeof err_names[0]; i++) {
        if (err_names[i].code == code) {
            return err_names[i].name;
        }
    }
    snprintf(scratch, 32, "Location%d", code);
    return scratch;
}
