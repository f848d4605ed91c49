/* command/place.c - 13 bytes, the highest first, in hexadecimal. */
#include "command/place.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "doc/view.h"

enum { PLACE_DIGITS = 26 };

void command_place_build(struct doc_builder *builder, const char *name,
                         const struct command_place *place)
{
    char data[PLACE_DIGITS + 1];
    snprintf(data, sizeof data, "%016llx%08x%02x", (unsigned long long)place->clock, place->number,
             (unsigned)place->kind);
    doc_build_open(builder, slice_str(name));
    doc_build_text(builder, "_data", data);
    doc_build_close(builder);
}

/* `count` digits at `from`; sets *valid to false where one is none. */
static uint64_t place_digits(struct slice data, size_t from, size_t count, bool *valid)
{
    char text[17] = {0};
    for (size_t i = 0; i < count; i++) {
        text[i] = (char)data.data[from + i];
        *valid &= isxdigit((unsigned char)text[i]) != 0;
    }
    return strtoull(text, NULL, 16);
}

int command_place_read(struct slice token, struct command_place *ret_place, struct err *err)
{
    struct doc_value value = doc_get_str(token, "_data");
    if (value.type != DOC_STRING) {
        return err_set(err, 40647, "Bad resume token: _data of missing or of wrong type");
    }
    struct slice data = doc_value_get_string(value);
    bool valid = data.len == PLACE_DIGITS;
    struct command_place place = {0};
    if (valid) {
        place.clock = place_digits(data, 0, 16, &valid);
        place.number = (uint32_t)place_digits(data, 16, 8, &valid);
        place.kind = (enum command_place_kind)place_digits(data, 24, 2, &valid);
        valid = valid && place.kind <= COMMAND_PLACE_MARK;
    }
    if (!valid) {
        return err_set(err, LT_EINVALIDRESUMETOKEN,
                       "Bad resume token: '%.*s' is no token of this server", SLICE_FMT(data));
    }
    *ret_place = place;
    return 0;
}
