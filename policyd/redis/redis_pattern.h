/*
 * redis_pattern - text in a pattern of Redis (MATCH, KEYS) that matches itself alone.
 * Pure.
 */
#ifndef POLICYD_REDIS_REDIS_PATTERN_H
#define POLICYD_REDIS_REDIS_PATTERN_H

#include "shared/base/buffer.h"

void redis_pattern_literal(struct buffer *pattern, struct span text);

#endif
