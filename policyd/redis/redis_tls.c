#include "policyd/redis/redis_tls.h"

#include "shared/base/allocate.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

#if HIREDIS_MAJOR >= 1

#include <hiredis/hiredis_ssl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct redis_tls_context {
    SSL_CTX *ssl;
    char name[256];
    unsigned shared;
};

struct redis_tls {
    SSL *ssl;
};

/* The last that OpenSSL has to say. */
static const char *
openssl_why(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = ERR_reason_error_string(code);

    ERR_clear_error();
    return text != NULL ? text : "TLS failed";
}

static bool
load_authorities(SSL_CTX *ssl, const char *ca)
{
    struct stat status;

    if (ca[0] == '\0')
        return SSL_CTX_set_default_verify_paths(ssl) == 1;
    if (stat(ca, &status) == 0 && S_ISDIR(status.st_mode))
        return SSL_CTX_load_verify_dir(ssl, ca) == 1;
    return SSL_CTX_load_verify_file(ssl, ca) == 1;
}

/* NULL: all is there. */
static const char *
load_files(SSL_CTX *ssl, const struct redis_tls_files *files, struct error *error)
{
    bool has_certificate = files->certificate[0] != '\0';

    if (!load_authorities(ssl, files->ca)) {
        (void)error_permanent(error, "%s: %s", files->ca, openssl_why());
        return "tls_ca";
    }
    if (has_certificate != (files->key[0] != '\0')) {
        (void)error_permanent(error, "tls_certificate and tls_key go together");
        return has_certificate ? "tls_key" : "tls_certificate";
    }
    if (has_certificate &&
        SSL_CTX_use_certificate_chain_file(ssl, files->certificate) != 1) {
        (void)error_permanent(error, "%s: %s", files->certificate, openssl_why());
        return "tls_certificate";
    }
    if (has_certificate &&
        (SSL_CTX_use_PrivateKey_file(ssl, files->key, SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_check_private_key(ssl) != 1)) {
        (void)error_permanent(error, "%s: %s", files->key, openssl_why());
        return "tls_key";
    }
    return NULL;
}

struct redis_tls_context *
redis_tls_context_new(
    const struct redis_tls_files *files, const char **key, struct error *error)
{
    struct redis_tls_context *context = allocate(sizeof(*context));

    context->shared = 1;
    context->ssl = allocated(SSL_CTX_new(TLS_client_method()));
    (void)SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(context->ssl,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)snprintf(context->name, sizeof(context->name), "%s", files->name);
    *key = load_files(context->ssl, files, error);
    if (*key == NULL)
        return context;
    redis_tls_context_free(context);
    return NULL;
}

struct redis_tls_context *
redis_tls_context_share(struct redis_tls_context *context)
{
    if (context != NULL)
        context->shared++;
    return context;
}

void
redis_tls_context_free(struct redis_tls_context *context)
{
    if (context == NULL || --context->shared > 0)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

/* The name that the certificate must have, also said to the server. */
static void
expect_name(SSL *ssl, const struct redis_tls_context *context, const char *host)
{
    const char *name = context->name[0] != '\0' ? context->name : host;

    if (name[0] == '\0')
        return; /* a unix socket without tls_name: the chain alone */
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1)
        return;
    if (SSL_set1_host(ssl, name) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1)
        abort();
}

static SSL *
ssl_new(const struct redis_tls_context *context, const char *host)
{
    SSL *ssl = allocated(SSL_new(context->ssl));

    expect_name(ssl, context, host);
    return ssl;
}

struct redis_tls *
redis_tls_new(struct redis_tls_context *context, int fd, const char *host)
{
    struct redis_tls *tls = allocate(sizeof(*tls));

    tls->ssl = ssl_new(context, host);
    if (SSL_set_fd(tls->ssl, fd) != 1)
        abort();
    SSL_set_connect_state(tls->ssl);
    return tls;
}

void
redis_tls_free(struct redis_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

static void
say_why(const SSL *ssl, struct error *error)
{
    long verified = SSL_get_verify_result(ssl);

    if (verified != X509_V_OK)
        (void)error_temporary(error, "TLS: the certificate is refused: %s",
            X509_verify_cert_error_string(verified));
    else
        (void)error_temporary(error, "TLS: %s", openssl_why());
    ERR_clear_error();
}

bool
redis_tls_shake_hands(struct redis_tls *tls, bool *writes, struct error *error)
{
    int result;
    int reason;

    ERR_clear_error();
    result = SSL_do_handshake(tls->ssl);
    if (result == 1)
        return true;
    reason = SSL_get_error(tls->ssl, result);
    *writes = reason == SSL_ERROR_WANT_WRITE;
    errno = EPROTO;
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
        errno = EAGAIN;
    else
        say_why(tls->ssl, error);
    return false;
}

/* As read and write would: EAGAIN for both ways of waiting. */
static ssize_t
result_of(const struct redis_tls *tls, int result)
{
    int saved = errno;
    int reason;

    if (result > 0)
        return result;
    reason = SSL_get_error(tls->ssl, result);
    ERR_clear_error();
    if (reason == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = EPROTO;
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
        errno = EAGAIN;
    else if (reason == SSL_ERROR_SYSCALL)
        errno = saved != 0 ? saved : ECONNRESET;
    return -1;
}

static int
at_most_int(size_t size)
{
    return size > INT_MAX ? INT_MAX : (int)size;
}

ssize_t
redis_tls_read(struct redis_tls *tls, char *octets, size_t size)
{
    ERR_clear_error();
    errno = 0;
    return result_of(tls, SSL_read(tls->ssl, octets, at_most_int(size)));
}

ssize_t
redis_tls_write(struct redis_tls *tls, const char *octets, size_t size)
{
    ERR_clear_error();
    errno = 0;
    return result_of(tls, SSL_write(tls->ssl, octets, at_most_int(size)));
}

bool
redis_tls_has_more(const struct redis_tls *tls)
{
    return SSL_pending(tls->ssl) > 0;
}

bool
redis_tls_start(struct redis_tls_context *context, struct redisContext *connection,
    const char *host, struct error *error)
{
    SSL *ssl = ssl_new(context, host);

    SSL_up_ref(ssl); /* for its say after a failure */
    if (redisInitiateSSL(connection, ssl) == REDIS_OK) {
        SSL_free(ssl);
        return true;
    }
    say_why(ssl, error);
    SSL_free(ssl);
    return false;
}

#else

struct redis_tls_context *
redis_tls_context_new(
    const struct redis_tls_files *files, const char **key, struct error *error)
{
    (void)files;
    *key = "tls";
    (void)error_permanent(error,
        "hiredis %d.%d has no TLS, from 1.0 on it does: let stunnel(8) connect, and name "
        "its socket as address; see postshift-policyd(8)",
        HIREDIS_MAJOR, HIREDIS_MINOR);
    return NULL;
}

struct redis_tls_context *
redis_tls_context_share(struct redis_tls_context *context)
{
    return context;
}

void
redis_tls_context_free(struct redis_tls_context *context)
{
    (void)context;
}

/* There is never a context, so nobody comes here. */
struct redis_tls *
redis_tls_new(struct redis_tls_context *context, int fd, const char *host)
{
    (void)context;
    (void)fd;
    (void)host;
    abort();
}

void
redis_tls_free(struct redis_tls *tls)
{
    (void)tls;
}

bool
redis_tls_shake_hands(struct redis_tls *tls, bool *writes, struct error *error)
{
    (void)tls;
    *writes = false;
    return error_permanent(error, "no TLS");
}

ssize_t
/* NOLINTNEXTLINE(readability-non-const-parameter): where there is TLS, it is filled */
redis_tls_read(struct redis_tls *tls, char *octets, size_t size)
{
    (void)tls;
    (void)octets;
    (void)size;
    errno = ENOSYS;
    return -1;
}

ssize_t
redis_tls_write(struct redis_tls *tls, const char *octets, size_t size)
{
    (void)tls;
    (void)octets;
    (void)size;
    errno = ENOSYS;
    return -1;
}

bool
redis_tls_has_more(const struct redis_tls *tls)
{
    (void)tls;
    return false;
}

bool
redis_tls_start(struct redis_tls_context *context, struct redisContext *connection,
    const char *host, struct error *error)
{
    (void)context;
    (void)connection;
    (void)host;
    return error_permanent(error, "no TLS");
}

#endif
