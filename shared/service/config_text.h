/*
 * config_text - the text of a configuration file, line by line, into the fields of its
 * options.  Inside config alone.
 */
#ifndef SHARED_SERVICE_CONFIG_TEXT_H
#define SHARED_SERVICE_CONFIG_TEXT_H

#include "shared/base/arena.h"
#include "shared/service/config.h"

enum { CONFIG_ENTRIES_MAX = 256 }; /* more than there are keys, and each may stand once */

/* A key that the file sets; names are those of config_names. */
struct config_entry {
    const char *section;
    const char *key;
    size_t line;
};

struct config {
    struct arena *arena;
    const char *name;
    size_t count;
    struct config_entry entries[CONFIG_ENTRIES_MAX];
};

/* Where complaints go, and who is told what they concern. */
struct config_complaints {
    struct buffer *errors;
    config_notice *notice; /* NULL: nobody */
    void *argument;
};

/* NULL: the file does not set it. */
const struct config_entry *config_text_entry(
    const struct config *config, const char *section, const char *key);

/* FILE:LINE: what is wrong; line 0: of the file.  One that does not fit any more is left
 * out whole, and the caller's buffer says so. */
void config_text_line(struct buffer *errors, const char *name, size_t line,
    const char *where, const char *what);

void config_text_notice(
    const struct config_complaints *complaints, const char *section, const char *key);

/* Presets first, then what the text sets; false: there were complaints. */
bool config_text_read(struct config *config, struct span text,
    const struct config_option *options, size_t option_count, void *target,
    const struct config_complaints *complaints);

#endif
