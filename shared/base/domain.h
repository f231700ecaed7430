/*
 * domain - check domain names and walk their labels.
 *
 * Names are ASCII (A-labels, see idn) without a final dot.  A valid name has labels of 1
 * to 63 letters, digits, hyphens and underscores (RFC 1035, RFC 5321; underscores are
 * seen in the wild and kept) and is at most 253 octets long.  Comparisons fold ASCII
 * case.
 */
#ifndef SHARED_BASE_DOMAIN_H
#define SHARED_BASE_DOMAIN_H

#include "shared/base/span.h"

enum { DOMAIN_MAX = 253, DOMAIN_LABEL_MAX = 63 };

bool domain_is_valid(struct span name);

/* The name without its first label; empty for a name of one label. */
struct span domain_parent(struct span name);

size_t domain_label_count(struct span name);

/* Whether `name` is a sub-domain of `above`, at any depth; a name is not below itself. */
bool domain_is_below(struct span name, struct span above);
bool domain_is_at_or_below(struct span name, struct span above);

#endif
