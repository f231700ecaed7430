#include "policyd/units/unit_source.h"

#include <string.h>

#include "shared/base/attributes.h"

static const char *const kinds[] = {
    [UNIT_LINK_ALIAS] = "alias",
    [UNIT_LINK_DELEGATE] = "delegate",
    [UNIT_LINK_MANAGER] = "manager",
    [UNIT_LINK_MEMBER] = "group",
    [UNIT_LINK_MAIL] = "mail",
    [UNIT_LINK_KEPT] = "kept",
    [UNIT_LINK_ORDER] = "order",
};

static const char *const formats[] = {
    [UNIT_FORMAT_UNITS] = "units",
    [UNIT_FORMAT_CSV] = "csv",
    [UNIT_FORMAT_LDIF] = "ldif",
    [UNIT_FORMAT_VIRTUAL] = "virtual",
};

const char *
unit_link_name(enum unit_link_kind kind)
{
    return kinds[kind];
}

bool
unit_link_find(struct span name, enum unit_link_kind *kind)
{
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (span_is(name, kinds[i])) {
            *kind = (enum unit_link_kind)i;
            return true;
        }
    }
    return false;
}

bool
unit_format_find(struct span name, enum unit_format *format)
{
    for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
        if (span_is(name, formats[i])) {
            *format = (enum unit_format)i;
            return true;
        }
    }
    return false;
}

enum unit_format
unit_format_guess(struct span text)
{
    struct span line;

    (void)span_take(&text, SPAN("\xef\xbb\xbf"));
    for (struct span rest = text; span_split(&rest, '\n', &line);) {
        line = span_trim(line);
        if (line.length == 0 || line.data[0] == '#')
            continue;
        if (span_starts_nocase(line, SPAN("dn:")) ||
            span_starts_nocase(line, SPAN("version:")))
            return UNIT_FORMAT_LDIF;
        break;
    }
    return unit_csv_is(text) ? UNIT_FORMAT_CSV : UNIT_FORMAT_UNITS;
}

bool
unit_source_is_system(struct span field)
{
    return span_starts_nocase(field, SPAN("NT AUTHORITY\\")) ||
           span_starts_nocase(field, SPAN("BUILTIN\\")) ||
           span_starts_nocase(field, SPAN("S-1-"));
}

struct span
unit_source_address(
    const struct unit_reader *reader, struct span field, struct buffer *room)
{
    size_t at;

    field = span_trim(field);
    if (field.length == 0 || unit_source_is_system(field))
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

/* `address,unit` or `address unit`; a unit may have blanks in it. */
static bool
split_line(struct span line, struct span *address, struct span *unit)
{
    size_t end = 0;

    while (end < line.length && span_find(SPAN(" \t,"), line.data[end]) == SPAN_NONE)
        end++;
    *address = span_first(line, end);
    while (end < line.length && span_find(SPAN(" \t,"), line.data[end]) != SPAN_NONE)
        end++;
    *unit = span_trim(span_from(line, end));
    return address->length > 0 && unit->length > 0;
}

static bool
read_orders(struct span text, const struct unit_reader *reader)
{
    struct span address;
    struct span line;
    struct span unit;

    for (size_t number = 1; span_split(&text, '\n', &line); number++) {
        line = span_trim(line);
        if (line.length == 0 || line.data[0] == '#')
            continue;
        if (split_line(line, &address, &unit))
            reader->link(reader->argument, UNIT_LINK_ORDER, address, unit, number);
        else
            reader->left_out(
                reader->argument, "an address and its unit are wanted", line, number);
    }
    return true;
}

bool
unit_source_read(enum unit_format format, struct span text,
    const struct unit_reader *reader, struct error *error)
{
    (void)span_take(&text, SPAN("\xef\xbb\xbf"));
    switch (format) {
    case UNIT_FORMAT_CSV:
        return unit_csv_read(text, reader, error);
    case UNIT_FORMAT_LDIF:
        return unit_ldif_read(text, reader, error);
    case UNIT_FORMAT_VIRTUAL:
        return unit_virtual_read(text, reader, error);
    case UNIT_FORMAT_UNITS:
        break;
    }
    return read_orders(text, reader);
}
