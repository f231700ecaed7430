/*
 * rsa_key - an RSA public key in either of the two forms that key records hold: the
 * SubjectPublicKeyInfo that everyone publishes, and the RSAPublicKey (PKCS #1) that RFC
 * 6376 section 3.6.1 names.
 *
 * Read by a few lines of DER, since decoding it with libcrypto costs four times what the
 * verification does.
 */
#ifndef SHARED_RECORDS_RSA_KEY_H
#define SHARED_RECORDS_RSA_KEY_H

#include "shared/base/buffer.h"

struct rsa_key {
    struct span modulus; /* without leading zeros; points into the DER */
    struct span exponent;
    unsigned bits; /* of the modulus */
};

/* False when it is neither form, or has an exponent of more than 64 bits. */
bool rsa_key_parse(struct span der, struct rsa_key *key);

/* As SubjectPublicKeyInfo. */
bool rsa_key_write(const struct rsa_key *key, struct buffer *out);

#endif
