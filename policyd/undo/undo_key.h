/*
 * undo_key - the journal's key file: root's or this user's, and nobody else's to read.
 */
#ifndef POLICYD_UNDO_UNDO_KEY_H
#define POLICYD_UNDO_UNDO_KEY_H

#include "policyd/copies/copies_key.h"

/* One sentence says what is wrong with the file. */
bool undo_key_read(const char *path, uint8_t key[COPIES_KEY_SIZE], struct error *error);

#endif
