/*
 * copies_key - the key of the journal, as a file has it: 32 octets, or 64 hexadecimal
 * digits with a line end or without.  Pure.
 */
#ifndef POLICYD_COPIES_COPIES_KEY_H
#define POLICYD_COPIES_COPIES_KEY_H

#include <stdbool.h>

#include "shared/base/error.h"
#include "shared/base/span.h"

enum { COPIES_KEY_SIZE = 32, COPIES_KEY_TEXT_MAX = 100 };

bool copies_key_parse(
    struct span text, uint8_t key[COPIES_KEY_SIZE], struct error *error);

#endif
