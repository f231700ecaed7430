#include "shared/base/header_field.h"

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
