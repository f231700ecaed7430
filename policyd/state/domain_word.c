#include "policyd/state/domain_word.h"

#include <stdio.h>

#include "shared/base/attributes.h"
#include "shared/base/octet.h"

static const char *const mode_names[] = {
    [DOMAIN_MODE_SPLIT] = "split",
    [DOMAIN_MODE_OLD] = "old",
    [DOMAIN_MODE_NEW] = "new",
    [DOMAIN_MODE_STANDBY] = "standby",
    [DOMAIN_MODE_HOLD] = "hold",
    [DOMAIN_MODE_FORGOTTEN] = "forgotten",
};

static const char *const inside_names[] = {
    [INSIDE_UNSET] = "",
    [INSIDE_RELAY] = "relay",
    [INSIDE_FORWARD] = "forward",
    [INSIDE_MAP] = "map",
    [INSIDE_ACCEPT] = "accept",
};

const char *
domain_mode_name(enum domain_mode mode)
{
    return mode_names[mode];
}

const char *
domain_inside_name(enum domain_inside inside)
{
    return inside_names[inside];
}

bool
domain_mode_parse(struct span text, enum domain_mode *mode)
{
    for (size_t i = 0; i < ARRAY_LENGTH(mode_names); i++) {
        if (span_is(text, mode_names[i])) {
            *mode = (enum domain_mode)i;
            return true;
        }
    }
    return false;
}

bool
domain_inside_parse(struct span text, enum domain_inside *inside)
{
    for (size_t i = INSIDE_RELAY; i < ARRAY_LENGTH(inside_names); i++) {
        if (span_is(text, inside_names[i])) {
            *inside = (enum domain_inside)i;
            return true;
        }
    }
    return false;
}

void
domain_weight_write(unsigned weight, char out[8])
{
    unsigned whole = weight / 100;
    unsigned rest = weight % 100;

    if (rest == 0)
        (void)snprintf(out, 8, "%u", whole % 1000);
    else if (rest % 10 == 0)
        (void)snprintf(out, 8, "%u.%u", whole % 1000, rest / 10);
    else
        (void)snprintf(out, 8, "%u.%02u", whole % 1000, rest);
}

bool
domain_list_is_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        char octet = name.data[i];

        if (!octet_is_letter_or_digit(octet) && octet != '.' && octet != '_' &&
            octet != '-')
            return false;
    }
    return name.length > 0 && name.length <= DOMAIN_WORD_MAX;
}

bool
domain_site_is_name(struct span text)
{
    return domain_list_is_name(text);
}
