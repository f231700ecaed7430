#include "policyd/smtp/smtp_tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/network.h"

struct smtp_tls {
    SSL_CTX *context;
};

struct smtp_tls *
smtp_tls_new(struct error *error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    struct smtp_tls *tls;

    if (context == NULL || SSL_CTX_set_default_verify_paths(context) != 1) {
        const char *why = ERR_reason_error_string(ERR_peek_last_error());

        (void)error_temporary(error, "TLS: %s", why != NULL ? why : "no context");
        ERR_clear_error();
        SSL_CTX_free(context);
        return NULL;
    }
    /* As Postfix where TLS is a matter of chance: old versions and short keys are better
     * than clear text. */
    SSL_CTX_set_security_level(context, 0);
    (void)SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    (void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Checked and told, not enforced. */
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    tls = allocate(sizeof(*tls));
    tls->context = context;
    return tls;
}

void
smtp_tls_free(struct smtp_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

static bool
is_address(const char *host)
{
    static const struct network everything = {.bits = 0};

    return network_has(&everything, span_of(host));
}

SSL *
smtp_tls_session(struct smtp_tls *tls, const char *host)
{
    SSL *session = allocated(SSL_new(tls->context));
    X509_VERIFY_PARAM *checks = SSL_get0_param(session);

    if (is_address(host)) {
        (void)X509_VERIFY_PARAM_set1_ip_asc(checks, host);
    } else if (host[0] != '\0') {
        (void)X509_VERIFY_PARAM_set1_host(checks, host, 0);
        (void)SSL_set_tlsext_host_name(session, host);
    }
    return session;
}

static void
write_hex(const unsigned char *octets, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        out[2 * i] = digits[octets[i] >> 4];
        out[2 * i + 1] = digits[octets[i] & 15];
    }
    out[2 * count] = '\0';
}

/* The name is a stranger's: what it holds is escaped. */
static void
write_subject(X509 *certificate, char *out, size_t size)
{
    BIO *text = allocated(BIO_new(BIO_s_mem()));
    int length;

    (void)X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0,
        XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_UTF8_CONVERT);
    length = BIO_read(text, out, (int)size - 1);
    out[length > 0 ? length : 0] = '\0';
    BIO_free(text);
}

static void
look_at_certificate(X509 *certificate, struct smtp_tls_facts *facts)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    struct tm end;

    if (X509_digest(certificate, EVP_sha256(), digest, &length) == 1 &&
        2 * (size_t)length < sizeof(facts->fingerprint))
        write_hex(digest, length, facts->fingerprint);
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
        facts->not_after = (int64_t)timegm(&end);
    write_subject(certificate, facts->subject, sizeof(facts->subject));
}

static void
look_at_chain(SSL *session, struct smtp_tls_facts *facts)
{
    const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(session);
    int count = chain != NULL ? sk_X509_num(chain) : 0;

    facts->chain_count = 0;
    for (int i = 0; i < count && i < SMTP_CHAIN_MAX; i++) {
        struct smtp_tls_digests *digests = &facts->chain[facts->chain_count++];
        const X509 *certificate = sk_X509_value(chain, i);
        unsigned char *key = NULL;
        int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);

        (void)X509_digest(certificate, EVP_sha256(), digests->certificate, NULL);
        if (length > 0)
            (void)EVP_Digest(key, (size_t)length, digests->key, NULL, EVP_sha256(), NULL);
        OPENSSL_free(key);
    }
}

void
smtp_tls_look(SSL *session, struct smtp_tls_facts *facts)
{
    X509 *certificate = SSL_get1_peer_certificate(session);
    long verified = SSL_get_verify_result(session);

    facts->is_in_use = true;
    (void)snprintf(
        facts->version, sizeof(facts->version), "%s", SSL_get_version(session));
    (void)snprintf(
        facts->cipher, sizeof(facts->cipher), "%s", SSL_get_cipher_name(session));
    facts->is_verified = certificate != NULL && verified == X509_V_OK;
    if (certificate == NULL)
        (void)snprintf(facts->why, sizeof(facts->why), "no certificate");
    else if (verified != X509_V_OK)
        (void)snprintf(facts->why, sizeof(facts->why), "%s",
            X509_verify_cert_error_string(verified));
    if (certificate != NULL)
        look_at_certificate(certificate, facts);
    look_at_chain(session, facts);
    X509_free(certificate);
}
