/* node/serve_tls.c - the options of TLS, checked together. */
#include <string.h>

#include "node/serve_private.h"

/* What net.tls.disabledProtocols may name; those below 1.2 are never spoken. */
static int tls_disable(struct net_tls_options *tls, struct slice name, struct err *err)
{
    if (slice_is(name, "TLS1_2")) {
        tls->no_tls12 = true;
    } else if (slice_is(name, "TLS1_3")) {
        tls->no_tls13 = true;
    } else if (!slice_is(name, "TLS1_0") && !slice_is(name, "TLS1_1") && !slice_is(name, "none")) {
        return err_set(err, LT_EBADVALUE,
                       "net.tls.disabledProtocols: '%.*s' is none of TLS1_0, TLS1_1, TLS1_2, "
                       "TLS1_3, none",
                       SLICE_FMT(name));
    }
    return 0;
}

static int tls_protocols(struct net_tls_options *tls, const char *list, struct err *err)
{
    int code = 0;
    for (const char *at = list; code == 0 && at != NULL && *at != '\0'; at += *at == ',') {
        struct slice name = slice_of(at, strcspn(at, ","));
        at += name.len;
        code = tls_disable(tls, name, err);
    }
    if (code == 0 && tls->no_tls12 && tls->no_tls13) {
        return err_set(err, LT_EBADVALUE, "net.tls.disabledProtocols leaves no protocol");
    }
    return code;
}

int node__serve_tls(const struct options *options, struct node_config *config, struct err *err)
{
    const char *mode = options_text(options, OPTION_NET_TLS_MODE);
    struct net_tls_options *tls = &config->tls;
    config->has_tls = strcmp(mode, "disabled") != 0;
    *tls = (struct net_tls_options){
        .required = strcmp(mode, "requireTLS") == 0,
        .certificate_file = options_text(options, OPTION_NET_TLS_CERTIFICATEKEYFILE),
        .password = options_text(options, OPTION_NET_TLS_CERTIFICATEKEYFILEPASSWORD),
        .ca_file = options_text(options, OPTION_NET_TLS_CAFILE),
        .crl_file = options_text(options, OPTION_NET_TLS_CRLFILE),
        .without_certificates =
            options_bool(options, OPTION_NET_TLS_ALLOWCONNECTIONSWITHOUTCERTIFICATES),
    };
    if (config->has_tls && tls->certificate_file == NULL) {
        return err_set(err, LT_EBADVALUE, "net.tls.mode: %s needs net.tls.certificateKeyFile",
                       mode);
    }
    if (tls->crl_file != NULL && tls->ca_file == NULL) {
        return err_set(err, LT_EBADVALUE, "net.tls.CRLFile needs net.tls.CAFile");
    }
    return tls_protocols(tls, options_text(options, OPTION_NET_TLS_DISABLEDPROTOCOLS), err);
}
