#include "policyd/units/unit_source.h"

#include "policyd/units/unit_csv.h"
#include "policyd/units/unit_ldif.h"
#include "policyd/units/unit_virtual.h"
#include "shared/base/attributes.h"

static const char *const formats[] = {
    [UNIT_FORMAT_UNITS] = "units",
    [UNIT_FORMAT_CSV] = "csv",
    [UNIT_FORMAT_LDIF] = "ldif",
    [UNIT_FORMAT_VIRTUAL] = "virtual",
};

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
