#include "shared/records/header_field.h"

#include "shared/base/octet.h"

struct span
header_field_name(const struct header_field *field)
{
    return span_trim(field->name);
}

bool
header_field_is(const struct header_field *field, struct span name)
{
    return span_equal_nocase(header_field_name(field), name);
}

/* The octet at a place, NUL behind the end. */
static char
octet_at(struct span value, size_t at)
{
    if (at >= value.length)
        return '\0';
    return value.data[at];
}

bool
header_field_has_control(struct span value)
{
    for (size_t i = 0; i < value.length; i++) {
        unsigned char octet = (unsigned char)value.data[i];
        char next = octet_at(value, i + 1);

        if (octet == '\r' && next == '\n')
            continue;
        if (octet == '\n' && octet_is_blank(next))
            continue;
        if ((octet < 0x20 && octet != '\t') || octet == 0x7f)
            return true;
    }
    return false;
}
