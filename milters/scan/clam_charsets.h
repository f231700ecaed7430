/*
 * clam_charsets - all character sets that libclamav, or libxml2 for it, may ask iconv
 * for, loaded before the sandbox shuts their files away.
 */
#ifndef MILTERS_SCAN_CLAM_CHARSETS_H
#define MILTERS_SCAN_CLAM_CHARSETS_H

#include <stdbool.h>

/* Those that the system has; they stay loaded for as long as the process, and its
 * children, live. */
void clam_charsets_load(void);

/* Whether it was loaded: by the names that libclamav has, not by all that it has. */
bool clam_charsets_has(const char *name);

#endif
