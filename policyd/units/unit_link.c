#include "policyd/units/unit_link.h"

static const char *const kinds[] = {
    [UNIT_LINK_ALIAS] = "alias",
    [UNIT_LINK_DELEGATE] = "delegate",
    [UNIT_LINK_MANAGER] = "manager",
    [UNIT_LINK_MEMBER] = "group",
    [UNIT_LINK_MAIL] = "mail",
    [UNIT_LINK_KEPT] = "kept",
    [UNIT_LINK_ORDER] = "order",
};

const char *
unit_link_name(enum unit_link_kind kind)
{
    return kinds[kind];
}

bool
unit_link_is_system(struct span field)
{
    return span_starts_nocase(field, SPAN("NT AUTHORITY\\")) ||
           span_starts_nocase(field, SPAN("BUILTIN\\")) ||
           span_starts_nocase(field, SPAN("S-1-"));
}

struct span
unit_link_address(
    const struct unit_reader *reader, struct span field, struct buffer *room)
{
    size_t at;

    field = span_trim(field);
    if (field.length == 0 || unit_link_is_system(field))
        return SPAN("");
    if (span_starts_nocase(field, SPAN("smtp:")))
        field = span_from(field, sizeof("smtp:") - 1);
    if (span_find(field, '@') != SPAN_NONE)
        return span_find_text(field, SPAN(" ")) == SPAN_NONE ? field : SPAN("");
    at = span_find_last(field, '\\');
    if (at != SPAN_NONE)
        field = span_from(field, at + 1);
    /* A name that people have, or a path of one, is no local part. */
    if (reader->domain == NULL || field.length == 0 ||
        span_find(field, ' ') != SPAN_NONE || span_find(field, '/') != SPAN_NONE ||
        span_find(field, '=') != SPAN_NONE)
        return SPAN("");
    buffer_reset(room);
    buffer_append(room, field);
    buffer_append_octet(room, '@');
    buffer_append_text(room, reader->domain);
    return buffer_span(room);
}
