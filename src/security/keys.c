/* security/keys.c - OpenSSL's hashes, and PBKDF2 cut into slices.
 *
 * PBKDF2 with one block: U1 = HMAC(password, salt 1), Ui = HMAC(password, Ui-1), and all of them by
 * exclusive or. Both halves of the HMAC begin with the password: they are begun once and copied. */
#include "security/keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"
#include "doc/view.h"

static const struct keys_mechanism {
    const char *name;
    const EVP_MD *(*md)(void);
    size_t hash_len;
    size_t salt_len;
} keys_mechanisms[SECURITY_MECHANISMS] = {
    [SECURITY_SCRAM_SHA_1] = {"SCRAM-SHA-1", EVP_sha1, 20, 16},
    [SECURITY_SCRAM_SHA_256] = {"SCRAM-SHA-256", EVP_sha256, 32, 28},
};

enum { KEYS_BLOCK = 64 }; /* of both hashes */

const char *security_mechanism_name(enum security_mechanism mechanism)
{
    return keys_mechanisms[mechanism].name;
}

int security_mechanism_find(struct slice name)
{
    for (int i = 0; i < SECURITY_MECHANISMS; i++) {
        if (slice_is(name, keys_mechanisms[i].name)) {
            return i;
        }
    }
    return -1;
}

size_t security_hash_len(enum security_mechanism mechanism)
{
    return keys_mechanisms[mechanism].hash_len;
}

size_t security_salt_len(enum security_mechanism mechanism)
{
    return keys_mechanisms[mechanism].salt_len;
}

/* OpenSSL fails here only without memory, and then the process ends anyway. */
static void keys_must(int result)
{
    assert(result == 1);
    (void)result;
}

void security_hmac(enum security_mechanism mechanism, struct slice key, struct slice text,
                   uint8_t *ret_hash)
{
    unsigned len = 0;
    const uint8_t *done = HMAC(keys_mechanisms[mechanism].md(), key.data, (int)key.len, text.data,
                               text.len, ret_hash, &len);
    assert(done != NULL && len == security_hash_len(mechanism));
    (void)done;
}

void security_hash(enum security_mechanism mechanism, struct slice text, uint8_t *ret_hash)
{
    keys_must(
        EVP_Digest(text.data, text.len, ret_hash, NULL, keys_mechanisms[mechanism].md(), NULL));
}

/* ---- base 64 ---- */

void security_base64_write(struct buf *buf, struct slice bytes)
{
    size_t len = (bytes.len + 2) / 3 * 4;
    uint8_t *to = buf_extend(buf, len + 1);
    EVP_EncodeBlock(to, bytes.data, (int)bytes.len);
    buf->len--; /* its NUL */
}

int security_base64_read(struct slice text, uint8_t *to, size_t cap)
{
    uint8_t bytes[3 * SECURITY_SALT_MAX];
    if (text.len == 0 || text.len % 4 != 0 || text.len / 4 * 3 > sizeof bytes) {
        return -1;
    }
    for (size_t i = 0; i < text.len; i++) {
        bool letter = (text.data[i] | 0x20) >= 'a' && (text.data[i] | 0x20) <= 'z';
        bool other = memchr("0123456789+/", text.data[i], 12) != NULL;
        bool pads = text.data[i] == '=' && i + 2 >= text.len && text.data[text.len - 1] == '=';
        if (!letter && !other && !pads) {
            return -1;
        }
    }
    int len = EVP_DecodeBlock(bytes, text.data, (int)text.len);
    len -= len > 0 && text.data[text.len - 1] == '=';
    len -= len > 0 && text.data[text.len - 2] == '=';
    if (len < 0 || (size_t)len > cap) {
        return -1;
    }
    memcpy(to, bytes, (size_t)len);
    return len;
}

/* ---- documents ---- */

static void keys_build_bytes(struct doc_builder *builder, const char *name, struct slice bytes)
{
    struct arena arena;
    struct buf text;
    arena_init(&arena);
    buf_init(&text, &arena);
    security_base64_write(&text, bytes);
    doc_build_string(builder, name, buf_slice(&text));
    arena_close(&arena);
}

void security_keys_build(const struct security_keys *keys, struct doc_builder *builder)
{
    size_t len = security_hash_len(keys->mechanism);
    doc_build_i32(builder, "iterationCount", (int32_t)keys->iterations);
    keys_build_bytes(builder, "salt", slice_of(keys->salt, keys->salt_len));
    keys_build_bytes(builder, "storedKey", slice_of(keys->stored, len));
    keys_build_bytes(builder, "serverKey", slice_of(keys->server, len));
}

static int keys_parse_bytes(struct slice doc, const char *name, uint8_t *to, size_t cap)
{
    struct doc_value value = doc_get_str(doc, name);
    return value.type == DOC_STRING ? security_base64_read(doc_value_get_string(value), to, cap)
                                    : -1;
}

int security_keys_parse(struct slice doc, enum security_mechanism mechanism,
                        struct security_keys *ret_keys, struct err *err)
{
    struct security_keys keys = {.mechanism = mechanism};
    int len = (int)security_hash_len(mechanism);
    struct doc_value iterations = doc_get_str(doc, "iterationCount");
    int salt = keys_parse_bytes(doc, "salt", keys.salt, sizeof keys.salt);
    int stored = keys_parse_bytes(doc, "storedKey", keys.stored, sizeof keys.stored);
    int server = keys_parse_bytes(doc, "serverKey", keys.server, sizeof keys.server);
    int64_t count = 0;
    if (!doc_value_is_number(iterations) || !doc_value_to_i64_exact(iterations, &count) ||
        count < 1 || count > INT32_MAX || salt < 1 || stored != len || server != len) {
        return err_set(err, LT_ECORRUPT, "the stored credentials cannot be read");
    }
    keys.iterations = (uint32_t)count;
    keys.salt_len = (size_t)salt;
    *ret_keys = keys;
    return 0;
}

/* ---- stretching ---- */

struct security_stretch {
    struct security_keys keys;
    EVP_MD_CTX *inner; /* begun with the password */
    EVP_MD_CTX *outer;
    EVP_MD_CTX *work;
    uint32_t left;
    uint8_t last[SECURITY_HASH_MAX];
    uint8_t sum[SECURITY_HASH_MAX];
};

static EVP_MD_CTX *stretch_half(const EVP_MD *md, const uint8_t key[KEYS_BLOCK], uint8_t pad)
{
    uint8_t block[KEYS_BLOCK];
    EVP_MD_CTX *half = EVP_MD_CTX_new();
    assert(half != NULL);
    for (int i = 0; i < KEYS_BLOCK; i++) {
        block[i] = key[i] ^ pad;
    }
    keys_must(EVP_DigestInit_ex(half, md, NULL));
    keys_must(EVP_DigestUpdate(half, block, sizeof block));
    OPENSSL_cleanse(block, sizeof block);
    return half;
}

/* stretch->last becomes the HMAC of `text`, and joins the sum. */
static void stretch_round(struct security_stretch *stretch, struct slice text)
{
    size_t len = security_hash_len(stretch->keys.mechanism);
    uint8_t hash[SECURITY_HASH_MAX];
    keys_must(EVP_MD_CTX_copy_ex(stretch->work, stretch->inner));
    keys_must(EVP_DigestUpdate(stretch->work, text.data, text.len));
    keys_must(EVP_DigestFinal_ex(stretch->work, hash, NULL));
    keys_must(EVP_MD_CTX_copy_ex(stretch->work, stretch->outer));
    keys_must(EVP_DigestUpdate(stretch->work, hash, len));
    keys_must(EVP_DigestFinal_ex(stretch->work, stretch->last, NULL));
    for (size_t i = 0; i < len; i++) {
        stretch->sum[i] ^= stretch->last[i];
    }
    stretch->left--;
}

struct security_stretch *security_stretch_new(const struct security_keys *keys,
                                              struct slice password)
{
    struct security_stretch *stretch = mem_zero(1, sizeof *stretch);
    const EVP_MD *md = keys_mechanisms[keys->mechanism].md();
    uint8_t key[KEYS_BLOCK] = {0};
    uint8_t first[SECURITY_SALT_MAX + 4];
    if (password.len > sizeof key) {
        security_hash(keys->mechanism, password, key);
    } else if (password.len > 0) {
        memcpy(key, password.data, password.len);
    }
    stretch->keys = *keys;
    stretch->inner = stretch_half(md, key, 0x36);
    stretch->outer = stretch_half(md, key, 0x5c);
    stretch->work = EVP_MD_CTX_new();
    assert(stretch->work != NULL && keys->iterations > 0);
    OPENSSL_cleanse(key, sizeof key);
    stretch->left = keys->iterations;
    memcpy(first, keys->salt, keys->salt_len);
    memcpy(first + keys->salt_len, "\0\0\0\1", 4);
    stretch_round(stretch, slice_of(first, keys->salt_len + 4));
    return stretch;
}

bool security_stretch_step(struct security_stretch *stretch, uint32_t steps)
{
    size_t len = security_hash_len(stretch->keys.mechanism);
    for (; steps > 0 && stretch->left > 0; steps--) {
        stretch_round(stretch, slice_of(stretch->last, len));
    }
    return stretch->left == 0;
}

void security_stretch_keys(const struct security_stretch *stretch, struct security_keys *ret_keys)
{
    enum security_mechanism mechanism = stretch->keys.mechanism;
    struct slice salted = slice_of(stretch->sum, security_hash_len(mechanism));
    uint8_t client[SECURITY_HASH_MAX];
    assert(stretch->left == 0);
    *ret_keys = stretch->keys;
    security_hmac(mechanism, salted, SLICE("Client Key"), client);
    security_hash(mechanism, slice_of(client, salted.len), ret_keys->stored);
    security_hmac(mechanism, salted, SLICE("Server Key"), ret_keys->server);
    OPENSSL_cleanse(client, sizeof client);
}

void security_stretch_free(struct security_stretch *stretch)
{
    if (stretch != NULL) {
        EVP_MD_CTX_free(stretch->inner);
        EVP_MD_CTX_free(stretch->outer);
        EVP_MD_CTX_free(stretch->work);
        OPENSSL_cleanse(stretch, sizeof *stretch);
        mem_free(stretch);
    }
}

void security_legacy_password(struct slice user, struct slice password,
                              char ret_text[SECURITY_LEGACY_LEN + 1])
{
    uint8_t hash[16];
    EVP_MD_CTX *work = EVP_MD_CTX_new();
    assert(work != NULL);
    keys_must(EVP_DigestInit_ex(work, EVP_md5(), NULL));
    keys_must(EVP_DigestUpdate(work, user.data, user.len));
    keys_must(EVP_DigestUpdate(work, ":mongo:", 7));
    keys_must(EVP_DigestUpdate(work, password.data, password.len));
    keys_must(EVP_DigestFinal_ex(work, hash, NULL));
    EVP_MD_CTX_free(work);
    for (size_t i = 0; i < sizeof hash; i++) {
        ret_text[2 * i] = "0123456789abcdef"[hash[i] >> 4];
        ret_text[2 * i + 1] = "0123456789abcdef"[hash[i] & 15];
    }
    ret_text[SECURITY_LEGACY_LEN] = '\0';
}
