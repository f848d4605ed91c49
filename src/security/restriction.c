/* security/restriction.c - addresses and ranges as 16 bytes; of IPv4 the last four count. */
#include "security/restriction.h"

#include <arpa/inet.h>
#include <string.h>

#include "doc/view.h"

enum { RESTRICTION_BITS = 128, RESTRICTION_BITS_4 = 32, RESTRICTION_TEXT = 64 };

struct restriction_range {
    uint8_t address[16]; /* IPv4 as IPv6 has it: ::ffff:a.b.c.d */
    uint32_t bits;       /* that must be the same */
};

static const char *const restriction_lists[] = {"clientSource", "serverAddress"};

/* ---- addresses ---- */

static bool restriction_address(const char *text, uint8_t ret_address[16], bool *ret_is_4)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    *ret_is_4 = inet_pton(AF_INET, text, ret_address + sizeof mapped) == 1;
    if (*ret_is_4) {
        memcpy(ret_address, mapped, sizeof mapped);
        return true;
    }
    return inet_pton(AF_INET6, text, ret_address) == 1;
}

/* Up to three digits. */
static bool restriction_number(const char *text, uint32_t *ret_number)
{
    uint32_t number = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (len > 3 || text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = 10 * number + (uint32_t)(text[i] - '0');
    }
    *ret_number = number;
    return len > 0;
}

static bool restriction_range(struct slice given, struct restriction_range *ret_range)
{
    char text[RESTRICTION_TEXT] = "";
    bool is_4;
    if (given.len >= sizeof text || memchr(given.data, '\0', given.len) != NULL) {
        return false;
    }
    memcpy(text, given.data, given.len);
    char *slash = strchr(text, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    if (!restriction_address(text, ret_range->address, &is_4)) {
        return false;
    }
    uint32_t most = is_4 ? RESTRICTION_BITS_4 : RESTRICTION_BITS;
    uint32_t bits = most;
    bool valid = slash == NULL || restriction_number(slash + 1, &bits);
    ret_range->bits = RESTRICTION_BITS - most + bits;
    return valid && bits <= most;
}

/* The address before the port. */
static bool restriction_peer(const char *peer, uint8_t ret_address[16])
{
    char text[RESTRICTION_TEXT] = "";
    bool is_4;
    bool is_6 = peer[0] == '[';
    const char *end = is_6 ? strchr(peer, ']') : strrchr(peer, ':');
    const char *begin = peer + is_6;
    if (end == NULL || (size_t)(end - begin) >= sizeof text) {
        return false;
    }
    memcpy(text, begin, (size_t)(end - begin));
    return restriction_address(text, ret_address, &is_4);
}

static bool restriction_has(const struct restriction_range *range, const uint8_t address[16])
{
    uint32_t whole = range->bits / 8;
    uint32_t rest = range->bits % 8;
    return memcmp(range->address, address, whole) == 0 &&
           (rest == 0 || (range->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

/* ---- checking what is given ---- */

static int restriction_check_range(const char *list, struct doc_value value, struct err *err)
{
    struct restriction_range range;
    if (value.type != DOC_STRING) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field 'authenticationRestrictions.%s' is the wrong type '%s', "
                       "expected type 'string'",
                       list, doc_type_name(value.type));
    }
    struct slice text = doc_value_get_string(value);
    return restriction_range(text, &range)
               ? 0
               : err_set(err, LT_EUNSUPPORTEDFORMAT, "Invalid CIDR string: '%.*s'",
                         SLICE_FMT(text));
}

static int restriction_check_list(const char *list, struct doc_value value, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    if (value.type != DOC_ARRAY) {
        return restriction_check_range(list, value, err);
    }
    doc_iter_value(&iter, value);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = restriction_check_range(list, elem.value, err);
    }
    return code;
}

static int restriction_check_field(const struct doc_elem *field, struct err *err)
{
    for (size_t i = 0; i < sizeof restriction_lists / sizeof restriction_lists[0]; i++) {
        if (slice_is(field->name, restriction_lists[i])) {
            return restriction_check_list(restriction_lists[i], field->value, err);
        }
    }
    return err_set(err, 40415, "BSON field 'authenticationRestrictions.%.*s' is an unknown field.",
                   SLICE_FMT(field->name));
}

static int restriction_check(struct doc_value value, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem field;
    int code = 0;
    if (value.type != DOC_OBJECT) {
        return err_set(err, LT_ETYPEMISMATCH,
                       "BSON field 'authenticationRestrictions' has an element of the wrong type "
                       "'%s', expected type 'object'",
                       doc_type_name(value.type));
    }
    if (doc_is_empty(doc_value_get_doc(value))) {
        return err_set(err, LT_EBADVALUE,
                       "An authentication restriction must have clientSource or serverAddress");
    }
    doc_iter_value(&iter, value);
    while (code == 0 && doc_iter_next(&iter, &field)) {
        code = restriction_check_field(&field, err);
    }
    return code;
}

int security_restrictions_check(struct slice array, struct err *err)
{
    struct doc_iter iter;
    struct doc_elem elem;
    int code = 0;
    doc_iter_init(&iter, array);
    while (code == 0 && doc_iter_next(&iter, &elem)) {
        code = restriction_check(elem.value, err);
    }
    return code;
}

/* ---- asking ---- */

static bool restriction_matches(struct doc_value range_text, const uint8_t address[16])
{
    struct restriction_range range;
    return range_text.type == DOC_STRING &&
           restriction_range(doc_value_get_string(range_text), &range) &&
           restriction_has(&range, address);
}

/* Is the address in one of the list's ranges? */
static bool restriction_list_has(struct doc_value list, const char *peer)
{
    uint8_t address[16];
    struct doc_iter iter;
    struct doc_elem elem;
    bool found = false;
    if (!restriction_peer(peer, address)) {
        return false;
    }
    if (list.type != DOC_ARRAY) {
        return restriction_matches(list, address);
    }
    doc_iter_value(&iter, list);
    while (!found && doc_iter_next(&iter, &elem)) {
        found = restriction_matches(elem.value, address);
    }
    return found;
}

static bool restriction_holds(struct doc_value restriction, const char *const peers[2])
{
    bool holds = restriction.type == DOC_OBJECT;
    for (size_t i = 0; i < 2 && holds; i++) {
        struct doc_value list = doc_get_str(doc_value_get_doc(restriction), restriction_lists[i]);
        holds = !doc_value_exists(list) || restriction_list_has(list, peers[i]);
    }
    return holds;
}

bool security_restrictions_admit(struct slice array, const char *client, const char *server)
{
    const char *const peers[2] = {client, server};
    struct doc_iter iter;
    struct doc_elem elem;
    bool admits = doc_is_empty(array);
    doc_iter_init(&iter, array);
    while (!admits && doc_iter_next(&iter, &elem)) {
        admits = restriction_holds(elem.value, peers);
    }
    return admits;
}
