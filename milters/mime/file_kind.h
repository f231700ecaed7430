/*
 * file_kind - what a file is by its first octets, where that matters: formats that
 * libclamav does not open, files that are encrypted.  Pure.
 *
 * A format that the library opens in some builds or in some cases (RAR, 7z, disk images)
 * is a container: what came out of it tells whether it was opened (opened.h).
 */
#ifndef MILTERS_MIME_FILE_KIND_H
#define MILTERS_MIME_FILE_KIND_H

#include "shared/base/span.h"

enum file_kind_state {
    FILE_PLAIN,     /* nothing to say */
    FILE_CONTAINER, /* unopened unless something came out of it */
    FILE_UNOPENED,  /* nobody opens it here */
    FILE_ENCRYPTED,
    FILE_SIGNED, /* with its content: opened where it is a part of a mail */
};

struct file_kind {
    enum file_kind_state state;
    const char *name; /* as the header field says it: "RAR"; of FILE_PLAIN NULL */
};

struct file_kind file_kind_of(struct span octets);

/* Of a part of a message: a text may have an encrypted one in it. */
struct file_kind file_kind_of_leaf(struct span octets);

#endif
