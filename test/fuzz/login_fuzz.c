/* test/fuzz/login_fuzz.c - what somebody sends who has not logged in: both messages of SCRAM, after
 * a byte that chooses the mechanism and with a line's end between them. Nothing is proof of a
 * password that the bytes were made without. */
#include <stdlib.h>

#include "security/saslprep.h"
#include "security/scram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_require(bool truth)
{
    if (!truth) {
        abort();
    }
}

static void fuzz_login(enum security_mechanism mechanism, const struct security_keys *keys,
                       struct slice first, struct slice final)
{
    struct security_scram *scram;
    struct slice user;
    struct buf reply;
    struct err err;
    if (security_scram_new(mechanism, first, &scram, &user, &err) < 0) {
        return;
    }
    fuzz_require(user.len > 0 && user.len <= SECURITY_USER_MAX);
    struct security_challenge challenge = {.keys = keys,
                                           .iterations = 4096,
                                           .secret = SLICE("secret"),
                                           .nonce = SLICE("3rfcNHYJY1ZVvWVs7j")};
    buf_init(&reply, NULL);
    security_scram_challenge(scram, &challenge, &reply);
    reply.len = 0;
    fuzz_require(security_scram_verify(scram, final, &reply, &err) < 0);
    fuzz_require(reply.len == 0);
    buf_close(&reply);
    security_scram_free(scram);
}

/* What is prepared stays as it is when it is prepared again. */
static void fuzz_saslprep(struct slice text)
{
    struct arena arena;
    struct slice once;
    struct slice twice;
    arena_init(&arena);
    if (security_saslprep(&arena, text, &once, NULL) == 0 &&
        security_saslprep(&arena, once, &twice, NULL) == 0) {
        fuzz_require(slice_equal(once, twice));
    }
    arena_close(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    enum security_mechanism mechanism = data[0] % SECURITY_MECHANISMS;
    struct slice rest = slice_of(data + 1, size - 1);
    const uint8_t *end = rest.len == 0 ? NULL : memchr(rest.data, '\n', rest.len);
    struct slice first = slice_of(rest.data, end == NULL ? rest.len : (size_t)(end - rest.data));
    struct slice final = slice_from(rest, end == NULL ? rest.len : first.len + 1);
    struct security_keys keys = {.mechanism = mechanism, .iterations = 4096, .salt_len = 16};
    memset(keys.stored, 7, sizeof keys.stored); /* the hash of nothing that is known */
    fuzz_login(mechanism, &keys, first, final);
    fuzz_login(mechanism, NULL, first, final);
    fuzz_saslprep(rest);
    return 0;
}
