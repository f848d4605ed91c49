/* security/scram_test.c - the RFCs' own exchanges, and everything that must fail. */
#include "security/scram.h"

#include <openssl/evp.h>

#include "doc/view.h"
#include "lib/test.h"
#include "security/saslprep.h"

struct exchange {
    enum security_mechanism mechanism;
    const char *salt;
    const char *server_nonce;
    const char *first;
    const char *challenge;
    const char *final;
    const char *signature;
};

/* RFC 5802, section 5, and RFC 7677, section 3: the user's password is "pencil". */
static const struct exchange exchanges[] = {
    {SECURITY_SCRAM_SHA_1, "QSXCR+Q6sek8bf92", "3rfcNHYJY1ZVvWVs7j",
     "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
     "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    {SECURITY_SCRAM_SHA_256, "W22ZaJ0SNY7soEsUEjb6gQ==", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
     "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
     "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

static struct security_keys keys_of(const struct exchange *exchange, const char *password)
{
    struct security_keys keys = {.mechanism = exchange->mechanism, .iterations = 4096};
    keys.salt_len =
        (size_t)security_base64_read(slice_str(exchange->salt), keys.salt, sizeof keys.salt);
    struct security_stretch *stretch = security_stretch_new(&keys, slice_str(password));
    while (!security_stretch_step(stretch, 1000)) {
    }
    security_stretch_keys(stretch, &keys);
    security_stretch_free(stretch);
    return keys;
}

/* Run the exchange with these keys (NULL: an unknown user) and that final message. */
static int run(const struct exchange *exchange, const struct security_keys *keys, const char *final,
               struct buf *first, struct buf *last)
{
    struct security_scram *scram;
    struct slice user;
    struct err err;
    assert_int_equal(
        security_scram_new(exchange->mechanism, slice_str(exchange->first), &scram, &user, &err),
        0);
    assert_true(slice_is(user, "user"));
    struct security_challenge challenge = {.keys = keys,
                                           .iterations = 4096,
                                           .secret = SLICE("secret"),
                                           .nonce = slice_str(exchange->server_nonce)};
    security_scram_challenge(scram, &challenge, first);
    int code = security_scram_verify(scram, slice_str(final), last, &err);
    security_scram_free(scram);
    return code;
}

TEST(the_exchanges_of_the_rfcs_succeed)
{
    for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
        struct security_keys keys = keys_of(&exchanges[i], "pencil");
        struct buf first, last;
        buf_init(&first, NULL);
        buf_init(&last, NULL);
        assert_int_equal(run(&exchanges[i], &keys, exchanges[i].final, &first, &last), 0);
        assert_true(slice_is(buf_slice(&first), exchanges[i].challenge));
        assert_true(slice_is(buf_slice(&last), exchanges[i].signature));
        buf_close(&first);
        buf_close(&last);
    }
}

TEST(a_wrong_password_and_an_unknown_user_fail_alike)
{
    for (size_t i = 0; i < sizeof exchanges / sizeof exchanges[0]; i++) {
        struct security_keys wrong = keys_of(&exchanges[i], "pencils");
        struct buf first, again, last;
        buf_init(&first, NULL);
        buf_init(&again, NULL);
        buf_init(&last, NULL);
        assert_int_equal(run(&exchanges[i], &wrong, exchanges[i].final, &first, &last),
                         -LT_EAUTHENTICATIONFAILED);
        first.len = 0;
        assert_int_equal(run(&exchanges[i], NULL, exchanges[i].final, &first, &last),
                         -LT_EAUTHENTICATIONFAILED);
        run(&exchanges[i], NULL, exchanges[i].final, &again, &last);
        assert_true(slice_equal(buf_slice(&first), buf_slice(&again))); /* the salt stays */
        assert_int_equal(last.len, 0);
        buf_close(&first);
        buf_close(&again);
        buf_close(&last);
    }
}

TEST(an_invented_challenge_looks_like_a_true_one)
{
    struct buf first, last;
    buf_init(&first, NULL);
    buf_init(&last, NULL);
    run(&exchanges[1], NULL, exchanges[1].final, &first, &last);
    buf_append_byte(&first, '\0');
    const char *salt = strstr((const char *)first.data, ",s=") + 3;
    assert_int_equal(strcspn(salt, ","), (28 + 2) / 3 * 4);
    assert_string_equal(strstr(salt, ",i="), ",i=4096");
    buf_close(&first);
    buf_close(&last);
}

TEST(a_final_message_that_was_changed_fails)
{
    static const char *const finals[] = {
        "",
        "c=biws",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO",
        "c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k1,"
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        "p=eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=1",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,x=1,"
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    };
    struct security_keys keys = keys_of(&exchanges[1], "pencil");
    for (size_t i = 0; i < sizeof finals / sizeof finals[0]; i++) {
        struct buf first, last;
        buf_init(&first, NULL);
        buf_init(&last, NULL);
        assert_int_equal(run(&exchanges[1], &keys, finals[i], &first, &last),
                         -LT_EAUTHENTICATIONFAILED);
        buf_close(&first);
        buf_close(&last);
    }
}

TEST(a_first_message_that_cannot_be_read_is_refused)
{
    static const char *const firsts[] = {
        "",
        "n",
        "n,,",
        "n,,n=user",
        "n,,r=x,n=user",
        "n,,n=,r=x",
        "n,,n=user,r=",
        "p=tls,,n=u,r=x",
        "n,a=root,n=u,r=x",
        "n,,n=a=b,r=x",
        "n,,n=a=2,r=x",
        "x,,n=u,r=x",
        "n,,m=ext,n=u,r=x",
    };
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        struct security_scram *scram;
        struct slice user;
        struct err err;
        assert_int_equal(
            security_scram_new(SECURITY_SCRAM_SHA_256, slice_str(firsts[i]), &scram, &user, &err),
            -LT_EPROTOCOLERROR);
    }
}

TEST(commas_and_equals_signs_in_names_are_read)
{
    struct security_scram *scram;
    struct slice user;
    struct err err;
    assert_int_equal(
        security_scram_new(SECURITY_SCRAM_SHA_1, SLICE("n,,n=a=2Cb=3Dc,r=x"), &scram, &user, &err),
        0);
    assert_true(slice_is(user, "a,b=c"));
    security_scram_free(scram);
}

TEST(stretching_is_pbkdf2)
{
    static const uint8_t salt[] = "0123456789abcdef";
    static const char *const passwords[] = {
        "", "x",
        "a password that is longer than one block of the hash: sixty-four bytes, and more"};
    for (size_t i = 0; i < sizeof passwords / sizeof passwords[0]; i++) {
        struct security_keys keys = {.mechanism = SECURITY_SCRAM_SHA_256,
                                     .iterations = 1 + (uint32_t)i * 7};
        uint8_t expected[32];
        uint8_t client[32];
        uint8_t stored[32];
        memcpy(keys.salt, salt, 16);
        keys.salt_len = 16;
        struct security_stretch *stretch = security_stretch_new(&keys, slice_str(passwords[i]));
        while (!security_stretch_step(stretch, 2)) {
        }
        security_stretch_keys(stretch, &keys);
        security_stretch_free(stretch);
        PKCS5_PBKDF2_HMAC(passwords[i], (int)strlen(passwords[i]), salt, 16, (int)keys.iterations,
                          EVP_sha256(), 32, expected);
        security_hmac(SECURITY_SCRAM_SHA_256, slice_of(expected, 32), SLICE("Client Key"), client);
        security_hash(SECURITY_SCRAM_SHA_256, slice_of(client, 32), stored);
        assert_memory_equal(stored, keys.stored, 32);
    }
}

TEST(keys_come_back_from_their_document)
{
    struct security_keys keys = keys_of(&exchanges[1], "pencil");
    struct security_keys back;
    struct arena arena;
    struct buf buf;
    struct doc_builder builder;
    struct err err;
    arena_init(&arena);
    buf_init(&buf, &arena);
    doc_build_begin(&builder, &buf);
    security_keys_build(&keys, &builder);
    struct slice doc = doc_build_end(&builder);
    assert_int_equal(security_keys_parse(doc, SECURITY_SCRAM_SHA_256, &back, &err), 0);
    assert_memory_equal(&keys, &back, sizeof keys);
    assert_int_equal(security_keys_parse(doc, SECURITY_SCRAM_SHA_1, &back, &err), -LT_ECORRUPT);
    assert_int_equal(
        security_keys_parse(doc_value_get_doc(doc_empty_object), SECURITY_SCRAM_SHA_1, &back, &err),
        -LT_ECORRUPT);
    arena_close(&arena);
}

TEST(the_legacy_password_is_the_md5_that_clients_make)
{
    char text[SECURITY_LEGACY_LEN + 1];
    security_legacy_password(SLICE("user"), SLICE("pencil"), text);
    assert_string_equal(text, "1c33006ec1ffd90f9cadcbcc0e118200");
}

TEST(saslprep_is_as_the_rfc_says)
{
    static const char *const good[][2] = {
        {"I\u00adX", "IX"}, {"user", "user"},    {"\u00aa", "a"},
        {"\u2168", "IX"},   {"a\u00a0b", "a b"},
    };
    struct arena arena;
    struct slice text;
    struct err err;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(security_saslprep(&arena, slice_str(good[i][0]), &text, &err), 0);
        assert_true(slice_is(text, good[i][1]));
    }
    assert_int_equal(security_saslprep(&arena, SLICE("\x07"), &text, &err), -LT_EBADVALUE);
    assert_int_equal(security_saslprep(&arena, slice_str("\u06271"), &text, &err), -LT_EBADVALUE);
    arena_close(&arena);
}

TEST(base_64_that_is_none_is_refused)
{
    static const char *const bad[] = {"", "a", "abc", "ab=c", "=abc", "a===", "ab\ncd", "abcd efg"};
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(security_base64_read(slice_str(bad[i]), bytes, sizeof bytes), -1);
    }
    assert_int_equal(security_base64_read(SLICE("YQ=="), bytes, sizeof bytes), 1);
    assert_int_equal(security_base64_read(SLICE("YWJj"), bytes, 2), -1);
}
