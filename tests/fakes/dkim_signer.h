/*
 * dkim_signer - signs messages for tests, written from RFC 6376 with libcrypto alone, so
 * that it also tells whether the canonical forms of the verifier are right.
 *
 * Slow and simple: the body is handled as a whole.
 */
#ifndef TESTS_FAKES_DKIM_SIGNER_H
#define TESTS_FAKES_DKIM_SIGNER_H

#include <openssl/evp.h>

#include "milters/dkim/dkim_signature.h"
#include "shared/records/header_field.h"

struct dkim_signer {
    EVP_PKEY *key;     /* RSA or Ed25519 */
    const char *value; /* of the field: "@BH@" and "@B@" are replaced */
    const char *names; /* what is signed: "From:Subject" */
    enum dkim_form header_form;
    enum dkim_form body_form;
    bool has_length;
    size_t length; /* octets of the body that count */
};

EVP_PKEY *dkim_signer_rsa(unsigned bits);
EVP_PKEY *dkim_signer_ed25519(void);

enum dkim_signer_form { DKIM_SIGNER_SPKI, DKIM_SIGNER_PKCS1 };

/* The key's public half as p= has it. */
const char *dkim_signer_public(
    const EVP_PKEY *key, enum dkim_signer_form form, struct arena *arena);

/* `text` with the first `what` in it replaced. */
const char *dkim_signer_replace(
    const char *text, const char *what, const char *with, struct arena *arena);

/* The DKIM-Signature field for the message. */
struct header_field dkim_signer_sign(const struct dkim_signer *signer,
    const struct header_field *fields, size_t field_count, struct span body,
    struct arena *arena);

#endif
