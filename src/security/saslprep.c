/* security/saslprep.c - ICU's string preparation, around our UTF-8. */
#include "security/saslprep.h"

#include <limits.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

enum { SASLPREP_TEXT_MAX = 64 << 10, SASLPREP_GROWTH = 18 /* units that one can become */ };

static bool saslprep_is_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static struct slice saslprep_utf8(struct arena *arena, const UChar *units, int32_t count,
                                  UErrorCode *status)
{
    int32_t cap = count * 3 + 1;
    int32_t len = 0;
    char *bytes = arena_alloc(arena, (size_t)cap);
    u_strToUTF8(bytes, cap, &len, units, count, status);
    return slice_of(bytes, (size_t)len);
}

int security_saslprep(struct arena *arena, struct slice text, struct slice *ret_text,
                      struct err *err)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t count = 0;
    if (saslprep_is_plain(text)) {
        *ret_text = text;
        return 0;
    }
    if (text.len > SASLPREP_TEXT_MAX) {
        return err_set(err, LT_EBADVALUE, "the password is too long");
    }
    UChar *units = arena_alloc(arena, (text.len + 1) * sizeof *units);
    u_strFromUTF8(units, (int32_t)text.len + 1, &count, (const char *)text.data, (int32_t)text.len,
                  &status);
    int32_t cap = count * SASLPREP_GROWTH + 1;
    UChar *prepared = arena_alloc(arena, (size_t)cap * sizeof *prepared);
    UStringPrepProfile *profile = usprep_openByType(USPREP_RFC4013_SASLPREP, &status);
    count = usprep_prepare(profile, units, count, prepared, cap, USPREP_DEFAULT, NULL, &status);
    if (profile != NULL) {
        usprep_close(profile);
    }
    struct slice result = {0};
    if (U_SUCCESS(status)) {
        result = saslprep_utf8(arena, prepared, count, &status);
    }
    if (U_FAILURE(status)) {
        return err_set(err, LT_EBADVALUE,
                       "the password has characters that a password may not have (RFC 4013)");
    }
    *ret_text = result;
    return 0;
}
