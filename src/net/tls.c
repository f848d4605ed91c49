/* net/tls.c - OpenSSL between two memory buffers.
 *
 *   socket ──feed──> BIO ──> SSL ──read──> frames      replies ──write──> SSL ──> BIO ──out──>
 * socket
 *
 * Sessions are not resumed: clients keep connections, and what is not kept cannot be stolen. */
#include "net/tls.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "base/mem.h"
#include "net/tls_private.h"

struct net_tls {
    struct net_tls_options options;
    pthread_mutex_t lock;
    SSL_CTX *context; /* under lock: what new connections take */
};

struct net_tls_conn {
    SSL *ssl;
    BIO *in;
    BIO *out;
    char *subject;
    bool asked; /* for the subject */
};

enum { TLS_OUT_KEPT = 32 << 10 };

static const char tls_ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/* ---- contexts ---- */

static char *tls_copy(const char *text)
{
    return text == NULL ? NULL : mem_copy(slice_str(text));
}

static int tls_password(char *to, int size, int writing, void *context)
{
    const struct net_tls *tls = context;
    const char *password = tls->options.password == NULL ? "" : tls->options.password;
    size_t len = strlen(password);
    (void)writing;
    if (len > (size_t)size) {
        return 0;
    }
    memcpy(to, password, len);
    return (int)len;
}

static int tls_failed(struct err *err, const char *what, const char *file)
{
    char reason[256];
    ERR_error_string_n(ERR_peek_error(), reason, sizeof reason);
    ERR_clear_error();
    return err_set(err, LT_EBADVALUE, "%s %s cannot be used: %s", what, file, reason);
}

static void tls_set_protocols(const struct net_tls *tls, SSL_CTX *context)
{
    uint64_t flags = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                     SSL_OP_CIPHER_SERVER_PREFERENCE;
    flags |= tls->options.no_tls12 ? SSL_OP_NO_TLSv1_2 : 0;
    flags |= tls->options.no_tls13 ? SSL_OP_NO_TLSv1_3 : 0;
    SSL_CTX_set_options(context, flags);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, tls_ciphers);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

static int tls_set_key(struct net_tls *tls, SSL_CTX *context, struct err *err)
{
    const char *file = tls->options.certificate_file;
    SSL_CTX_set_default_passwd_cb(context, tls_password);
    SSL_CTX_set_default_passwd_cb_userdata(context, tls);
    if (SSL_CTX_use_certificate_chain_file(context, file) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        return tls_failed(err, "net.tls.certificateKeyFile", file);
    }
    return 0;
}

static int tls_set_clients(const struct net_tls *tls, SSL_CTX *context, struct err *err)
{
    const struct net_tls_options *options = &tls->options;
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    if (options->ca_file == NULL) {
        return 0;
    }
    if (SSL_CTX_load_verify_locations(context, options->ca_file, NULL) != 1) {
        return tls_failed(err, "net.tls.CAFile", options->ca_file);
    }
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options->ca_file));
    if (options->crl_file != NULL) {
        X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
        if (lookup == NULL ||
            X509_load_crl_file(lookup, options->crl_file, X509_FILETYPE_PEM) < 1) {
            return tls_failed(err, "net.tls.CRLFile", options->crl_file);
        }
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    }
    int mode = SSL_VERIFY_PEER;
    mode |= options->without_certificates ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, NULL);
    return 0;
}

int net_tls_reload(struct net_tls *tls, struct err *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    assert(context != NULL);
    tls_set_protocols(tls, context);
    int code = tls_set_key(tls, context, err);
    code = code < 0 ? code : tls_set_clients(tls, context, err);
    if (code == 0) {
        pthread_mutex_lock(&tls->lock);
        SSL_CTX *old = tls->context;
        tls->context = context;
        pthread_mutex_unlock(&tls->lock);
        context = old;
    }
    SSL_CTX_free(context);
    return code;
}

int net_tls_new(const struct net_tls_options *options, struct net_tls **ret_tls, struct err *err)
{
    struct net_tls *tls = mem_zero(1, sizeof *tls);
    tls->options = *options;
    tls->options.certificate_file = tls_copy(options->certificate_file);
    tls->options.password = tls_copy(options->password);
    tls->options.ca_file = tls_copy(options->ca_file);
    tls->options.crl_file = tls_copy(options->crl_file);
    pthread_mutex_init(&tls->lock, NULL);
    int code = net_tls_reload(tls, err);
    if (code < 0) {
        net_tls_free(tls);
        return code;
    }
    *ret_tls = tls;
    return 0;
}

void net_tls_free(struct net_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    if (tls->options.password != NULL) {
        OPENSSL_cleanse((void *)(uintptr_t)tls->options.password, strlen(tls->options.password));
    }
    mem_free((void *)(uintptr_t)tls->options.certificate_file);
    mem_free((void *)(uintptr_t)tls->options.password);
    mem_free((void *)(uintptr_t)tls->options.ca_file);
    mem_free((void *)(uintptr_t)tls->options.crl_file);
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    mem_free(tls);
}

/* ---- connections ---- */

/* A handshake record with a ClientHello; as a message's length it would be 16 MB in the first frame
 * of a client that has said nothing yet. */
enum net_tls_guess net__tls_guess(struct slice bytes)
{
    static const uint8_t head[] = {0x16, 0x03};
    for (size_t i = 0; i < bytes.len && i < sizeof head; i++) {
        if (bytes.data[i] != head[i]) {
            return NET_TLS_PLAIN;
        }
    }
    if (bytes.len < 6) {
        return NET_TLS_UNKNOWN;
    }
    bool hello = bytes.data[2] >= 1 && bytes.data[2] <= 3 && bytes.data[5] == 1;
    return hello ? NET_TLS_HELLO : NET_TLS_PLAIN;
}

bool net__tls_is_required(const struct net_tls *tls)
{
    return tls->options.required;
}

struct net_tls_conn *net__tls_accept(struct net_tls *tls)
{
    struct net_tls_conn *conn = mem_zero(1, sizeof *conn);
    pthread_mutex_lock(&tls->lock);
    conn->ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    conn->in = BIO_new(BIO_s_mem());
    conn->out = BIO_new(BIO_s_mem());
    assert(conn->ssl != NULL && conn->in != NULL && conn->out != NULL);
    SSL_set_bio(conn->ssl, conn->in, conn->out);
    SSL_set_accept_state(conn->ssl);
    return conn;
}

void net__tls_close(struct net_tls_conn *conn)
{
    if (conn != NULL) {
        SSL_free(conn->ssl);
        mem_free(conn->subject);
        mem_free(conn);
    }
}

void net__tls_feed(struct net_tls_conn *conn, struct slice bytes)
{
    assert(bytes.len <= INT_MAX);
    int taken = BIO_write(conn->in, bytes.data, (int)bytes.len);
    assert(taken == (int)bytes.len);
    (void)taken;
}

int net__tls_read(struct net_tls_conn *conn, uint8_t *to, int cap)
{
    ERR_clear_error();
    int got = SSL_read(conn->ssl, to, cap);
    if (got > 0) {
        return got;
    }
    return SSL_get_error(conn->ssl, got) == SSL_ERROR_WANT_READ ? 0 : -LT_EIO;
}

int net__tls_write(struct net_tls_conn *conn, struct slice bytes)
{
    ERR_clear_error();
    size_t written = 0;
    return bytes.len == 0 || SSL_write_ex(conn->ssl, bytes.data, bytes.len, &written) == 1
               ? 0
               : -LT_EIO;
}

void net__tls_end(struct net_tls_conn *conn)
{
    if (SSL_is_init_finished(conn->ssl)) {
        ERR_clear_error();
        SSL_shutdown(conn->ssl);
    }
}

struct slice net__tls_out(struct net_tls_conn *conn)
{
    char *data = NULL;
    long len = BIO_get_mem_data(conn->out, &data);
    return slice_of(data, len > 0 ? (size_t)len : 0);
}

/* A buffer that has become large would stay so, and be wiped whole each time. */
void net__tls_sent(struct net_tls_conn *conn)
{
    if (net__tls_out(conn).len <= TLS_OUT_KEPT) {
        (void)BIO_reset(conn->out);
    } else {
        conn->out = BIO_new(BIO_s_mem());
        assert(conn->out != NULL);
        SSL_set0_wbio(conn->ssl, conn->out);
    }
}

static char *tls_name(X509 *certificate)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;
    X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0,
                       XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    long len = BIO_get_mem_data(text, &data);
    char *name = mem_copy(slice_of(data, len > 0 ? (size_t)len : 0));
    BIO_free(text);
    return name;
}

const char *net__tls_subject(struct net_tls_conn *conn)
{
    if (!conn->asked && SSL_is_init_finished(conn->ssl)) {
        X509 *certificate = SSL_get1_peer_certificate(conn->ssl);
        conn->asked = true;
        if (certificate != NULL && SSL_get_verify_result(conn->ssl) == X509_V_OK) {
            conn->subject = tls_name(certificate);
        }
        X509_free(certificate);
    }
    return conn->subject;
}
