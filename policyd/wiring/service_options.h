/*
 * service_options - what stands behind the command of a master.cf entry: options `-o
 * name=value`, in braces or glued to their -o, and other words.
 *
 * Values with blanks are written in braces, which master(8) takes off; so a value must
 * have its own braces in pairs.  Pure.
 */
#ifndef POLICYD_WIRING_SERVICE_OPTIONS_H
#define POLICYD_WIRING_SERVICE_OPTIONS_H

#include "shared/base/arena.h"

struct service_option {
    bool is_setting;   /* -o name=value */
    struct span name;  /* of a setting */
    struct span value; /* of a setting */
    struct span word;  /* of what is no setting, as it stands */
};

/* The next one of `rest`; a -o without a setting is passed over. */
bool service_options_next(struct span *rest, struct service_option *option);

/* What a setting says; the last one wins. */
bool service_options_find(struct span arguments, const char *name, struct span *value);

/* The letters of `flags=`; the empty span where there is none. */
struct span service_options_flags(struct span arguments);

/* "-o name=value" */
const char *service_options_write(
    struct arena *arena, const char *name, struct span value);

/* The settings, but those of the names; the words, but `flags=`.  Each with a blank
 * before it. */
const char *service_options_settings(
    struct arena *arena, struct span arguments, const char *const *without, size_t count);
const char *service_options_words(struct arena *arena, struct span arguments);

/* Whether each brace in it has its partner. */
bool service_options_is_balanced(struct span value);

#endif
