/*
 * shell_word - a word as one would type it to a shell: quoted where it would else be read
 * as more than a word.  Pure.
 */
#ifndef POLICYD_TERMINAL_SHELL_WORD_H
#define POLICYD_TERMINAL_SHELL_WORD_H

#include "shared/base/buffer.h"

void shell_word_write(struct buffer *out, const char *word);

#endif
