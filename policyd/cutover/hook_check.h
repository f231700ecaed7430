/*
 * hook_check - whether a program of the site's may be run: root's alone, as all above it.
 */
#ifndef POLICYD_CUTOVER_HOOK_CHECK_H
#define POLICYD_CUTOVER_HOOK_CHECK_H

#include <limits.h>

#include "shared/base/error.h"

/* The file that the path means in the end; false: it may not be run, and why. */
bool hook_check(const char *path, char found[PATH_MAX], struct error *error);

#endif
