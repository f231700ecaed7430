/*
 * domain_word - the words of a domain's fields: modes, ways of `inside`, weights, names
 * of lists and sites.  Pure.
 */
#ifndef POLICYD_STATE_DOMAIN_WORD_H
#define POLICYD_STATE_DOMAIN_WORD_H

#include "shared/base/span.h"

enum { DOMAIN_WORD_MAX = 64 }; /* octets of the name of a list or a site */

enum domain_mode {
    DOMAIN_MODE_SPLIT,
    DOMAIN_MODE_OLD,
    DOMAIN_MODE_NEW,
    DOMAIN_MODE_STANDBY,
    DOMAIN_MODE_HOLD,
    DOMAIN_MODE_FORGOTTEN,
};

enum domain_inside {
    INSIDE_UNSET,
    INSIDE_RELAY,
    INSIDE_FORWARD,
    INSIDE_MAP,
    INSIDE_ACCEPT
};

const char *domain_mode_name(enum domain_mode mode);
const char *domain_inside_name(enum domain_inside inside); /* "" for unset */
bool domain_mode_parse(struct span text, enum domain_mode *mode);
bool domain_inside_parse(struct span text, enum domain_inside *inside);

/* Writes a weight as operators do: 3000 -> "30", 50 -> "0.5". */
void domain_weight_write(unsigned weight, char out[8]);

/* Up to 64 letters, digits, dots, underscores, hyphens: a list's name, a gateway's site.
 */
bool domain_list_is_name(struct span name);
bool domain_site_is_name(struct span text);

#endif
