#include "milters/message/edited_field.h"

bool
edited_field_is_results(struct span name)
{
    name = span_trim(name);
    return span_is_nocase(name, "Authentication-Results") ||
           span_is_nocase(name, "Received-SPF");
}

bool
edited_field_is_scans(struct span name)
{
    name = span_trim(name);
    return span_is_nocase(name, "X-Virus-Status") ||
           span_is_nocase(name, "X-Virus-Scanned") ||
           span_starts_nocase(name, SPAN("X-Spam-"));
}
