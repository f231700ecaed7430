/*
 * setup_file - whole files: read, replaced at once, copied.
 */
#ifndef POLICYD_SETUP_SETUP_FILE_H
#define POLICYD_SETUP_SETUP_FILE_H

#include "shared/base/buffer.h"
#include "shared/base/error.h"

/* Appends all of it; "-" is standard input.  More than the buffer takes is an error. */
bool setup_file_read(const char *path, struct buffer *text, struct error *error);

/*
 * Puts `text` in the place of the file: a temporary file beside it, flushed to disk, then
 * renamed.  Mode and owner stay those of the file there was; a new one gets 0644.
 */
bool setup_file_replace(const char *path, struct span text, struct error *error);

/* The same with the content, mode and owner of another file. */
bool setup_file_copy(const char *from, const char *to, struct error *error);

#endif
