/*
 * preflight_trouble - why a dialog came to nothing, in a line.
 */
#ifndef POLICYD_PREFLIGHT_PREFLIGHT_TROUBLE_H
#define POLICYD_PREFLIGHT_PREFLIGHT_TROUBLE_H

#include "policyd/smtp/smtp_talk.h"
#include "shared/base/arena.h"

/* NULL: it did not. */
const char *preflight_trouble(struct arena *arena, const struct smtp_talk_result *result);

#endif
