/*
 * redis_tls - TLS to Redis and the sentinels (OpenSSL, where hiredis has TLS as well).
 *
 * The certificate must be good by the authorities of `tls_ca`, else those of the system,
 * and for the name: `tls_name`, else the host that was to be reached.  There is no way to
 * leave that out.  Where hiredis is older than 1.0, nothing is built and
 * redis_tls_context_new says what to do instead.
 */
#ifndef POLICYD_REDIS_REDIS_TLS_H
#define POLICYD_REDIS_REDIS_TLS_H

#include <sys/types.h>

#include "shared/base/error.h"

struct redisContext;

/* What all connections share: read once, before privileges go. */
struct redis_tls_context;

/* "" where nothing is given; certificate and key go together. */
struct redis_tls_files {
    const char *ca; /* a file, or a folder of them */
    const char *name;
    const char *certificate;
    const char *key;
};

/* NULL: `key` is the option that is wrong, and the error says why. */
struct redis_tls_context *redis_tls_context_new(
    const struct redis_tls_files *files, const char **key, struct error *error);
struct redis_tls_context *redis_tls_context_share(struct redis_tls_context *context);
void redis_tls_context_free(struct redis_tls_context *context);

/* One connection's, on a socket that is connected and doesn't block. */
struct redis_tls;

struct redis_tls *redis_tls_new(
    struct redis_tls_context *context, int fd, const char *host);
void redis_tls_free(struct redis_tls *tls);

/* errno of the three below is EAGAIN where they wait for the peer; *writes says whether
 * for room to write. */
bool redis_tls_shake_hands(struct redis_tls *tls, bool *writes, struct error *error);
ssize_t redis_tls_read(struct redis_tls *tls, char *octets, size_t size);
ssize_t redis_tls_write(struct redis_tls *tls, const char *octets, size_t size);
/* Octets that were read and not given yet: the socket doesn't tell of them. */
bool redis_tls_has_more(const struct redis_tls *tls);

/* For hiredis' own connection, which blocks. */
bool redis_tls_start(struct redis_tls_context *context, struct redisContext *connection,
    const char *host, struct error *error);

#endif
