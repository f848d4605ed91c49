/* security/scram.c - the three messages and the proof.
 *
 *   client first   n,,n=user,r=nonce
 *   server first   r=nonce+ours,s=salt,i=iterations
 *   client final   c=biws,r=nonce+ours,p=proof
 *   server final   v=signature
 *
 * The proof is the client's key, hidden by a signature of all the messages that only who has the
 * stored key can make; its hash must be the stored key. */
#include "security/scram.h"

#include <openssl/crypto.h>

#include "base/mem.h"

struct security_scram {
    enum security_mechanism mechanism;
    struct arena arena;
    struct slice header; /* of the client's first message: "n,," */
    struct slice bare;   /* the rest of it */
    struct slice user;
    struct slice client_nonce;
    struct slice nonce; /* both */
    struct slice first; /* ours */
    struct security_keys keys;
    bool known; /* the keys are a user's */
};

static int scram_malformed(struct err *err)
{
    return err_set(err, LT_EPROTOCOLERROR, "the SCRAM message cannot be read");
}

static int scram_failed(struct err *err)
{
    return err_set(err, LT_EAUTHENTICATIONFAILED, "Authentication failed.");
}

/* Cut off the text up to the next comma. */
static struct slice scram_part(struct slice *rest)
{
    const uint8_t *comma = rest->len == 0 ? NULL : memchr(rest->data, ',', rest->len);
    size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->data);
    struct slice part = slice_of(rest->data, len);
    *rest = slice_from(*rest, comma == NULL ? len : len + 1);
    return part;
}

/* The value of an attribute "x=value". */
static bool scram_attribute(struct slice part, char name, struct slice *ret_value)
{
    if (part.len < 2 || part.data[0] != (uint8_t)name || part.data[1] != '=') {
        return false;
    }
    *ret_value = slice_from(part, 2);
    return true;
}

/* "=2C" is a comma, "=3D" an equals sign, and nothing else begins with one. */
static bool scram_unescape(struct arena *arena, struct slice text, struct slice *ret_text)
{
    uint8_t *to = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        struct slice rest = slice_from(text, i);
        bool comma = slice_starts(rest, SLICE("=2C"));
        bool equals = slice_starts(rest, SLICE("=3D"));
        if (text.data[i] == '=' && !comma && !equals) {
            return false;
        }
        to[len++] = comma ? ',' : text.data[i];
        i += comma || equals ? 2 : 0;
    }
    *ret_text = slice_of(to, len);
    return true;
}

/* "n" or "y": channel binding is not offered; an identity other than the user's is not taken. */
static bool scram_read_header(struct slice *rest, struct slice *ret_authzid)
{
    struct slice binding = scram_part(rest);
    struct slice identity = scram_part(rest);
    *ret_authzid = (struct slice){0};
    return (slice_is(binding, "n") || slice_is(binding, "y")) &&
           (identity.len == 0 || scram_attribute(identity, 'a', ret_authzid));
}

static bool scram_read_first(struct security_scram *scram, struct slice payload)
{
    struct slice rest = payload;
    struct slice authzid;
    struct slice user;
    if (!scram_read_header(&rest, &authzid)) {
        return false;
    }
    scram->header = slice_of(payload.data, payload.len - rest.len);
    scram->bare = rest;
    return scram_attribute(scram_part(&rest), 'n', &user) &&
           (authzid.len == 0 || slice_equal(authzid, user)) &&
           scram_attribute(scram_part(&rest), 'r', &scram->client_nonce) &&
           scram->client_nonce.len > 0 && scram_unescape(&scram->arena, user, &scram->user) &&
           scram->user.len > 0 && scram->user.len <= SECURITY_USER_MAX &&
           memchr(scram->user.data, '\0', scram->user.len) == NULL;
}

int security_scram_new(enum security_mechanism mechanism, struct slice payload,
                       struct security_scram **ret_scram, struct slice *ret_user, struct err *err)
{
    if (payload.len > SECURITY_PAYLOAD_MAX) {
        return scram_malformed(err);
    }
    struct security_scram *scram = mem_zero(1, sizeof *scram);
    scram->mechanism = mechanism;
    arena_init(&scram->arena);
    if (!scram_read_first(scram, arena_copy(&scram->arena, payload))) {
        security_scram_free(scram);
        return scram_malformed(err);
    }
    *ret_scram = scram;
    *ret_user = scram->user;
    return 0;
}

void security_scram_free(struct security_scram *scram)
{
    if (scram != NULL) {
        arena_close(&scram->arena);
        OPENSSL_cleanse(scram, sizeof *scram);
        mem_free(scram);
    }
}

/* The same salt for the same name each time, as a user who is there has. */
static void scram_invent(struct security_scram *scram, const struct security_challenge *challenge)
{
    static const char *const labels[] = {"salt", "stored", "server"};
    struct security_keys *keys = &scram->keys;
    uint8_t *const to[] = {keys->salt, keys->stored, keys->server};
    struct buf text;
    for (int i = 0; i < 3; i++) {
        buf_init(&text, &scram->arena);
        buf_format(&text, "%s %s ", labels[i], security_mechanism_name(scram->mechanism));
        buf_append_slice(&text, scram->user);
        security_hmac(SECURITY_SCRAM_SHA_256, challenge->secret, buf_slice(&text), to[i]);
    }
    keys->mechanism = scram->mechanism;
    keys->iterations = challenge->iterations;
    keys->salt_len = security_salt_len(scram->mechanism);
}

void security_scram_challenge(struct security_scram *scram,
                              const struct security_challenge *challenge, struct buf *reply)
{
    scram_invent(scram, challenge); /* in any case: it takes as long */
    scram->known = challenge->keys != NULL;
    if (scram->known) {
        scram->keys = *challenge->keys;
    }
    struct buf text;
    buf_init(&text, &scram->arena);
    buf_append(&text, "r=", 2);
    buf_append_slice(&text, scram->client_nonce);
    buf_append_slice(&text, challenge->nonce);
    size_t nonce_end = text.len;
    buf_append(&text, ",s=", 3);
    security_base64_write(&text, slice_of(scram->keys.salt, scram->keys.salt_len));
    buf_format(&text, ",i=%u", scram->keys.iterations);
    scram->first = buf_slice(&text);
    scram->nonce = slice_of(text.data + 2, nonce_end - 2);
    buf_append_slice(reply, scram->first);
}

/* ---- the proof ---- */

/* Cut ",p=proof" off the end of the final message. */
static bool scram_read_final(struct security_scram *scram, struct slice payload,
                             struct slice *ret_without, uint8_t *ret_proof)
{
    struct slice rest = payload;
    struct slice binding;
    struct slice nonce;
    struct slice proof;
    uint8_t header[SECURITY_SALT_MAX];
    int len = (int)security_hash_len(scram->mechanism);
    if (!scram_attribute(scram_part(&rest), 'c', &binding) ||
        !scram_attribute(scram_part(&rest), 'r', &nonce)) {
        return false;
    }
    size_t end = payload.len - rest.len;
    while (rest.len > 0 && rest.data[0] != 'p') { /* extensions */
        scram_part(&rest);
        end = payload.len - rest.len;
    }
    int header_len = security_base64_read(binding, header, sizeof header);
    if (end == 0 || rest.len == 0 || !scram_attribute(scram_part(&rest), 'p', &proof) ||
        rest.len > 0) {
        return false;
    }
    *ret_without = slice_of(payload.data, end - 1);
    return header_len >= 0 && slice_equal(slice_of(header, (size_t)header_len), scram->header) &&
           slice_equal(nonce, scram->nonce) &&
           security_base64_read(proof, ret_proof, SECURITY_HASH_MAX) == len;
}

static struct slice scram_signed(struct security_scram *scram, struct slice without_proof)
{
    struct buf text;
    buf_init(&text, &scram->arena);
    buf_append_slice(&text, scram->bare);
    buf_append_byte(&text, ',');
    buf_append_slice(&text, scram->first);
    buf_append_byte(&text, ',');
    buf_append_slice(&text, without_proof);
    return buf_slice(&text);
}

/* In constant time, for known and unknown users alike. */
static bool scram_is_proven(const struct security_scram *scram, struct slice text,
                            const uint8_t *proof)
{
    size_t len = security_hash_len(scram->mechanism);
    uint8_t client[SECURITY_HASH_MAX];
    uint8_t stored[SECURITY_HASH_MAX];
    security_hmac(scram->mechanism, slice_of(scram->keys.stored, len), text, client);
    for (size_t i = 0; i < len; i++) {
        client[i] ^= proof[i];
    }
    security_hash(scram->mechanism, slice_of(client, len), stored);
    bool same = CRYPTO_memcmp(stored, scram->keys.stored, len) == 0;
    OPENSSL_cleanse(client, sizeof client);
    return same & scram->known;
}

int security_scram_verify(struct security_scram *scram, struct slice payload, struct buf *reply,
                          struct err *err)
{
    struct slice without_proof;
    uint8_t proof[SECURITY_HASH_MAX];
    uint8_t signature[SECURITY_HASH_MAX];
    size_t len = security_hash_len(scram->mechanism);
    assert(scram->first.len > 0); /* challenged */
    if (payload.len > SECURITY_PAYLOAD_MAX ||
        !scram_read_final(scram, payload, &without_proof, proof)) {
        return scram_failed(err);
    }
    struct slice text = scram_signed(scram, without_proof);
    bool proven = scram_is_proven(scram, text, proof);
    security_hmac(scram->mechanism, slice_of(scram->keys.server, len), text, signature);
    if (!proven) {
        return scram_failed(err);
    }
    buf_append(reply, "v=", 2);
    security_base64_write(reply, slice_of(signature, len));
    return 0;
}
