/* security/keyring.c - data keys in a file, sealed with the master key.
 *
 *   {"version": 1, "keys": [{"number": 1, "created": {"$date": ...}, "sealed": {"$binary": ...}}]}
 *
 * It is text, so that an operator can see which keys there are. */
#include "security/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "doc/build.h"
#include "doc/json.h"
#include "doc/view.h"

enum { KEYRING_VERSION = 1, KEYRING_BYTES_MAX = 1 << 20 };

static const char keyring_name[] = "keyring";
static const char keyring_new[] = "keyring.new";

void security_keyring_init(struct security_keyring *keyring)
{
    buf_init(&keyring->keys, NULL);
}

void security_keyring_close(struct security_keyring *keyring)
{
    if (keyring->keys.cap > 0) {
        OPENSSL_cleanse(keyring->keys.data, keyring->keys.cap);
    }
    buf_close(&keyring->keys);
}

size_t security_keyring_count(const struct security_keyring *keyring)
{
    return keyring->keys.len / sizeof(struct security_data_key);
}

const struct security_data_key *security_keyring_at(const struct security_keyring *keyring,
                                                    size_t at)
{
    return (const struct security_data_key *)keyring->keys.data + at;
}

void security_keyring_add(struct security_keyring *keyring, int64_t now_ms)
{
    size_t count = security_keyring_count(keyring);
    struct security_data_key key = {.created_ms = now_ms, .number = 1};
    if (count > 0) {
        key.number = security_keyring_at(keyring, count - 1)->number + 1;
    }
    rng_bytes(key.bytes, sizeof key.bytes);
    buf_append(&keyring->keys, &key, sizeof key);
    OPENSSL_cleanse(&key, sizeof key);
}

/* ---- files ---- */

static void keyring_path(const char *directory, const char *name, struct buf *path)
{
    buf_init(path, NULL);
    buf_format(path, "%s/%s", directory, name);
    buf_append_byte(path, '\0');
}

bool security_keyring_exists(const char *directory)
{
    struct buf path;
    keyring_path(directory, keyring_name, &path);
    bool exists = access((const char *)path.data, F_OK) == 0;
    buf_close(&path);
    return exists;
}

static int keyring_read(const char *path, struct buf *text, struct err *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return err_set(err, errno == ENOENT ? LT_ENOSUCHKEY : LT_EIO, "cannot open %s: %s", path,
                       strerror(errno));
    }
    uint8_t *to = buf_extend(text, KEYRING_BYTES_MAX);
    text->len = fread(to, 1, KEYRING_BYTES_MAX, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    return failed ? err_set(err, LT_EIO, "cannot read %s", path) : 0;
}

/* Durable before it takes the old one's place, and its place afterwards. */
static int keyring_write(const char *directory, struct slice text, struct err *err)
{
    int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    int file = at < 0 ? -1 : openat(at, keyring_new, flags, 0600);
    bool done = file >= 0 && write(file, text.data, text.len) == (ssize_t)text.len &&
                fsync(file) == 0 && renameat(at, keyring_new, at, keyring_name) == 0 &&
                fsync(at) == 0;
    int error = errno;
    if (file >= 0) {
        close(file);
    }
    if (at >= 0) {
        close(at);
    }
    return done ? 0
                : err_set(err, LT_EIO, "cannot write %s/%s: %s", directory, keyring_name,
                          strerror(error));
}

/* ---- what is in them ---- */

static struct slice keyring_sealed_with(const uint32_t *number)
{
    return slice_of(number, sizeof *number);
}

static void keyring_build_key(struct doc_builder *builder, struct gcm *gcm,
                              const struct security_data_key *key)
{
    uint8_t sealed[GCM_KEY + GCM_EXTRA];
    gcm_seal(gcm, keyring_sealed_with(&key->number), slice_of(key->bytes, GCM_KEY), sealed);
    doc_build_open(builder, SLICE(""));
    doc_build_i32(builder, "number", (int32_t)key->number);
    doc_build_date(builder, "created", key->created_ms);
    doc_build_binary(builder, "sealed", 0, slice_of(sealed, sizeof sealed));
    doc_build_close(builder);
}

int security_keyring_save(const struct security_keyring *keyring, const char *directory,
                          const struct security_master *master, struct err *err)
{
    struct doc_builder builder;
    struct buf doc;
    struct buf text;
    struct gcm *gcm = gcm_new(master->bytes);
    buf_init(&doc, NULL);
    buf_init(&text, NULL);
    doc_build_begin(&builder, &doc);
    doc_build_i32(&builder, "version", KEYRING_VERSION);
    doc_build_open_array(&builder, SLICE("keys"));
    for (size_t i = 0; i < security_keyring_count(keyring); i++) {
        keyring_build_key(&builder, gcm, security_keyring_at(keyring, i));
    }
    doc_build_close(&builder);
    doc_json_write(&text, doc_build_end(&builder), DOC_JSON_RELAXED);
    buf_append_byte(&text, '\n');
    int code = keyring_write(directory, buf_slice(&text), err);
    buf_close(&doc);
    buf_close(&text);
    gcm_free(gcm);
    return code;
}

static int keyring_parse_key(struct security_keyring *keyring, struct gcm *gcm,
                             struct doc_value value)
{
    struct slice doc = value.type == DOC_OBJECT ? doc_value_get_doc(value) : (struct slice){0};
    struct security_data_key key = {0};
    int64_t number = 0;
    if (doc.len == 0) {
        return -LT_ECORRUPT;
    }
    struct doc_value created = doc_get_str(doc, "created");
    struct doc_value sealed = doc_get_str(doc, "sealed");
    size_t count = security_keyring_count(keyring);
    uint32_t last = count > 0 ? security_keyring_at(keyring, count - 1)->number : 0;
    if (!doc_value_to_i64_exact(doc_get_str(doc, "number"), &number) || number <= last ||
        number > INT32_MAX || created.type != DOC_DATE || sealed.type != DOC_BINARY ||
        doc_value_get_binary(sealed).len != GCM_KEY + GCM_EXTRA) {
        return -LT_ECORRUPT;
    }
    key.number = (uint32_t)number;
    key.created_ms = doc_value_get_i64(created);
    if (gcm_unseal(gcm, keyring_sealed_with(&key.number), doc_value_get_binary(sealed), key.bytes) <
        0) {
        return -LT_EAUTHENTICATIONFAILED;
    }
    buf_append(&keyring->keys, &key, sizeof key);
    OPENSSL_cleanse(&key, sizeof key);
    return 0;
}

static int keyring_parse(struct security_keyring *keyring, struct slice text,
                         const struct security_master *master)
{
    struct buf doc;
    struct err ignored;
    size_t used;
    int64_t version = 0;
    buf_init(&doc, NULL);
    int code = doc_json_read(text, &doc, &used, &ignored) < 0 ? -LT_ECORRUPT : 0;
    struct doc_value keys = code < 0 ? doc_missing : doc_get_str(buf_slice(&doc), "keys");
    if (code == 0 && (!doc_value_to_i64_exact(doc_get_str(buf_slice(&doc), "version"), &version) ||
                      version != KEYRING_VERSION || keys.type != DOC_ARRAY)) {
        code = -LT_ECORRUPT;
    }
    if (code == 0) {
        struct gcm *gcm = gcm_new(master->bytes);
        struct doc_iter iter;
        struct doc_elem elem;
        doc_iter_value(&iter, keys);
        while (code == 0 && doc_iter_next(&iter, &elem)) {
            code = keyring_parse_key(keyring, gcm, elem.value);
        }
        gcm_free(gcm);
    }
    buf_close(&doc);
    return code == 0 && security_keyring_count(keyring) == 0 ? -LT_ECORRUPT : code;
}

int security_keyring_load(struct security_keyring *keyring, const char *directory,
                          const struct security_master *master, struct err *err)
{
    struct buf path;
    struct buf text;
    keyring_path(directory, keyring_name, &path);
    buf_init(&text, NULL);
    int code = keyring_read((const char *)path.data, &text, err);
    if (code == 0) {
        code = keyring_parse(keyring, buf_slice(&text), master);
        if (code == -LT_EAUTHENTICATIONFAILED) {
            err_set(err, LT_EAUTHENTICATIONFAILED,
                    "the master key that was given does not open %s: it is another one's, or the "
                    "file was changed",
                    (const char *)path.data);
        } else if (code < 0) {
            err_set(err, LT_ECORRUPT,
                    "%s is damaged: bring it back from a backup, without it nothing here can be "
                    "read",
                    (const char *)path.data);
        }
    }
    buf_close(&text);
    buf_close(&path);
    return code;
}
