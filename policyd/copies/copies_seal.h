/*
 * copies_seal - records of the journal under its key: AES-256-GCM (libcrypto).
 *
 * Each file has a key of its own, made of the journal's and of the file's begin, so the
 * number of a record is a nonce that never comes twice under one key.  Without the key
 * there is nothing to be read, not even who wrote to whom.  Pure.
 */
#ifndef POLICYD_COPIES_COPIES_SEAL_H
#define POLICYD_COPIES_COPIES_SEAL_H

#include "policyd/copies/copies_key.h"
#include "policyd/copies/copies_record.h"

struct copies_seal;

struct copies_seal *copies_seal_new(
    const uint8_t key[COPIES_KEY_SIZE], const struct copies_begin *begin);
void copies_seal_free(struct copies_seal *seal);

/* Appends the whole record; head->length is taken from `plain`. */
void copies_seal_write(struct copies_seal *seal, const struct copies_head *head,
    struct span plain, struct buffer *out);

/* `sealed` is ciphertext and tag.  False: not of this key, or changed. */
bool copies_seal_read(struct copies_seal *seal, const struct copies_head *head,
    struct span sealed, struct buffer *plain);

#endif
