/*
 * setup_record - what postfix-setup keeps in mind of main.cf and master.cf, so that it
 * can give back byte for byte what was there: the copy of a file from before anything of
 * ours stood in it, and the digests of what we made of it.
 *
 * A line a file: name, name of the copy, digest of the copy, two digests of ours (where a
 * change was cut short, the file is what one or the other says).  Digests are SHA-256 in
 * hex.  Lines that begin with # count for nothing.  Pure.
 */
#ifndef POLICYD_WIRING_SETUP_RECORD_H
#define POLICYD_WIRING_SETUP_RECORD_H

#include "shared/base/buffer.h"
#include "shared/base/digest.h"

enum { SETUP_FILES = 2, SETUP_COPY_NAME_MAX = 100 };

/* main.cf first: what it says is defined before master.cf speaks of it. */
extern const char *const setup_file_names[SETUP_FILES];

struct setup_remembered {
    bool known;
    char copy[SETUP_COPY_NAME_MAX]; /* beside the file; never with a slash */
    uint8_t original[DIGEST_SHA256_SIZE];
    uint8_t ours[2][DIGEST_SHA256_SIZE];
};

struct setup_record {
    struct setup_remembered files[SETUP_FILES];
};

/* What isn't understood is not known. */
void setup_record_parse(struct setup_record *record, struct span text);
void setup_record_write(struct buffer *out, const struct setup_record *record);

/* Whether a file is as it was left by us, or by nobody but itself. */
bool setup_record_has(const struct setup_remembered *file, struct span text);
bool setup_record_is_original(const struct setup_remembered *file, struct span text);

#endif
