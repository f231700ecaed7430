/*
 * config_file - a file of the administrator's into memory, whole and below a ceiling.
 */
#ifndef SHARED_SERVICE_CONFIG_FILE_H
#define SHARED_SERVICE_CONFIG_FILE_H

#include <sys/types.h>

#include "shared/base/buffer.h"
#include "shared/base/error.h"

/*
 * Appends the content to `content`, whose ceiling holds.  `mode` (may be NULL) gets the
 * file's mode.  A file that is not there is the one temporary error.
 */
bool config_file_read(
    const char *path, struct buffer *content, mode_t *mode, struct error *error);

#endif
