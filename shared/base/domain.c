#include "shared/base/domain.h"

#include "shared/base/octet.h"

static bool
is_label_octet(char octet)
{
    return octet_is_letter_or_digit(octet) || octet == '-' || octet == '_';
}

bool
domain_is_valid(struct span name)
{
    struct span rest = name;
    struct span label;

    if (name.length == 0 || name.length > DOMAIN_MAX)
        return false;
    while (span_split(&rest, '.', &label)) {
        if (label.length == 0 || label.length > DOMAIN_LABEL_MAX)
            return false;
        for (size_t i = 0; i < label.length; i++) {
            if (!is_label_octet(label.data[i]))
                return false;
        }
    }
    return true;
}

struct span
domain_parent(struct span name)
{
    size_t dot = span_find(name, '.');

    return dot == SPAN_NONE ? span_from(name, name.length) : span_from(name, dot + 1);
}

size_t
domain_label_count(struct span name)
{
    size_t count = name.length == 0 ? 0 : 1;

    for (size_t i = 0; i < name.length; i++)
        count += name.data[i] == '.';
    return count;
}

bool
domain_is_below(struct span name, struct span above)
{
    if (above.length == 0 || name.length <= above.length + 1)
        return false;
    return name.data[name.length - above.length - 1] == '.' &&
           span_equal_nocase(span_from(name, name.length - above.length), above);
}

bool
domain_is_at_or_below(struct span name, struct span above)
{
    return span_equal_nocase(name, above) || domain_is_below(name, above);
}
