/*
 * smtp_tls - TLS of a dialog with a backend (OpenSSL): the context that all share, one
 * session, and what is known of the other side's certificate.
 *
 * A certificate is checked against the system's store and the host's name or address.
 * That it isn't good is told and is no error: as Postfix, we speak TLS where it is
 * offered, with whom ever.
 */
#ifndef POLICYD_SMTP_SMTP_TLS_H
#define POLICYD_SMTP_SMTP_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "shared/base/error.h"

struct smtp_tls;

enum { SMTP_FINGERPRINT_MAX = 64, SMTP_DIGEST = 32, SMTP_CHAIN_MAX = 6 };

/* SHA-256 of a certificate, and of its public key. */
struct smtp_tls_digests {
    unsigned char certificate[SMTP_DIGEST];
    unsigned char key[SMTP_DIGEST];
};

struct smtp_tls_facts {
    bool is_offered;  /* STARTTLS stands in the answer to EHLO */
    bool is_in_use;   /* the handshake is done */
    bool is_verified; /* chain and name are good */
    char why[200];    /* where they aren't */
    char fingerprint[SMTP_FINGERPRINT_MAX + 1];    /* SHA-256 of the certificate, hex */
    int64_t not_after;                             /* unix time; 0: not known */
    struct smtp_tls_digests chain[SMTP_CHAIN_MAX]; /* as it was sent, its own first */
    size_t chain_count;
    char subject[200];
    char version[16]; /* "TLSv1.3" */
    char cipher[64];
};

/* Reads the system's store: once, at the start. */
struct smtp_tls *smtp_tls_new(struct error *error);
void smtp_tls_free(struct smtp_tls *tls); /* sessions of it may live on */

/* `host`: a name or a numeric address, or "" for a unix socket. */
SSL *smtp_tls_session(struct smtp_tls *tls, const char *host);

/* After the handshake; is_offered is left alone. */
void smtp_tls_look(SSL *session, struct smtp_tls_facts *facts);

#endif
