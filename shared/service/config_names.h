/*
 * config_names - every section and key of the suite's one configuration file.
 *
 * Each program checks the names of all sections, so that a misspelt one shows wherever it
 * stands, and whichever program is asked.  They are those of the example,
 * postfix-conf/postshift.conf, where a new option gets its line and its explanation
 * first.
 */
#ifndef SHARED_SERVICE_CONFIG_NAMES_H
#define SHARED_SERVICE_CONFIG_NAMES_H

#include "shared/base/span.h"

struct config_section {
    const char *name;
    const char *const *keys;
    size_t count;
};

size_t config_names_count(void);
const struct config_section *config_names_section(size_t i);

/* NULL when there is none of that name. */
const struct config_section *config_names_find(struct span name);

/* The name as kept here; NULL when the section has no such key. */
const char *config_names_key(const struct config_section *section, struct span key);

/* What was meant, or NULL when nothing is near. */
const char *config_names_near_section(struct span name);
const char *config_names_near_key(const struct config_section *section, struct span key);

/* The first section that has this key, or NULL: for a key in the wrong place. */
const char *config_names_home(struct span key);

#endif
