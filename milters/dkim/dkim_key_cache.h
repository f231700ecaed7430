/*
 * dkim_key_cache - decoded public keys, kept for the next message.
 *
 * To decode a key costs libcrypto several times what the verification costs, and
 * libopendkim does it anew for each signature, by d2i_PUBKEY_bio.  This module defines
 * that function for the program, so that libopendkim's calls end here, where a key is
 * found again by its text.  Should libopendkim call something else one day, nothing is
 * kept and nothing else changes.
 *
 * Any thread; a key is shared and counted, and never changed.  At most
 * DKIM_KEY_CACHE_KEYS of them, a newer one takes the place of an older one.
 */
#ifndef MILTERS_DKIM_DKIM_KEY_CACHE_H
#define MILTERS_DKIM_DKIM_KEY_CACHE_H

#include <openssl/evp.h>
#include <stddef.h>

enum { DKIM_KEY_CACHE_KEYS = 1024 };

/* The key that a SubjectPublicKeyInfo in DER tells; NULL: it tells none.  For
 * EVP_PKEY_free. */
EVP_PKEY *dkim_key_cache_take(const unsigned char *text, size_t length);

#endif
