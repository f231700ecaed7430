/*
 * config_value - the text of one option to its value.
 *
 * Pure.  The error's text is `what is wrong (what is allowed; did you mean X?)`.
 */
#ifndef SHARED_SERVICE_CONFIG_VALUE_H
#define SHARED_SERVICE_CONFIG_VALUE_H

#include "shared/base/arena.h"
#include "shared/service/config.h"

/* The text, trimmed, is not empty; texts and lists are copied to the arena. */
bool config_value_parse(const struct config_option *option, struct span text,
    struct arena *arena, void *field, struct error *error);

/* What the field is without a value. */
void config_value_empty(const struct config_option *option, void *field);

/* Whether the file may say `key =`. */
bool config_value_may_be_empty(const struct config_option *option);

/* Text from outside for an error line: at most 60 octets, printable. */
const char *config_value_shown(struct span text, char out[64]);

#endif
