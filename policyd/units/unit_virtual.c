#include "policyd/units/unit_virtual.h"

/* One entry: its pattern, and the targets, which commas or blanks part. */
static void
tell_entry(const struct unit_reader *reader, struct span entry, size_t line)
{
    struct buffer left = {.ceiling = UNIT_SOURCE_LINE_MAX};
    struct buffer right = {.ceiling = UNIT_SOURCE_LINE_MAX};
    struct span pattern;
    struct span targets;
    struct span target;
    struct span first = SPAN("");
    size_t count = 0;

    (void)span_word(&entry, &pattern);
    targets = entry;
    while (span_word(&targets, &target)) {
        for (struct span rest = target; span_split(&rest, ',', &target);) {
            if (target.length > 0 && count++ == 0)
                first = target;
        }
    }
    /* A pattern for a whole domain, and `example.com anything`, make nobody's alias. */
    pattern = span_starts(pattern, SPAN("@")) ? SPAN("")
                                              : unit_link_address(reader, pattern, &left);
    if (pattern.length == 0 || count == 0) {
        reader->left_out(reader->argument, "no alias of an address", entry, line);
        goto out;
    }
    if (count == 1) {
        target = unit_link_address(reader, first, &right);
        if (target.length > 0)
            reader->link(reader->argument, UNIT_LINK_ALIAS, pattern, target, line);
        goto out;
    }
    for (targets = entry; span_word(&targets, &target);) {
        for (struct span rest = target; span_split(&rest, ',', &target);) {
            target = unit_link_address(reader, target, &right);
            if (target.length > 0)
                reader->link(reader->argument, UNIT_LINK_MEMBER, pattern, target, line);
        }
    }
out:
    buffer_clear(&left);
    buffer_clear(&right);
}

/* postmap(1): a line that begins with white space goes on with the one before. */
bool
unit_virtual_read(struct span text, const struct unit_reader *reader, struct error *error)
{
    struct buffer entry = {.ceiling = UNIT_SOURCE_LINE_MAX};
    size_t number = 0;
    size_t begun = 0;
    struct span line;

    while (span_split(&text, '\n', &line)) {
        bool goes_on = line.length > 0 && (line.data[0] == ' ' || line.data[0] == '\t');

        number++;
        line = span_trim(line);
        if (line.length == 0 || line.data[0] == '#')
            continue;
        if (!goes_on || entry.length == 0) {
            if (entry.length > 0)
                tell_entry(reader, buffer_span(&entry), begun);
            buffer_reset(&entry);
            begun = number;
        }
        buffer_append(&entry, line);
        buffer_append_octet(&entry, ' ');
        if (!buffer_ok(&entry))
            break;
    }
    if (!buffer_ok(&entry)) {
        buffer_clear(&entry);
        return error_permanent(
            error, "line %zu: an entry of over %d octets", begun, UNIT_SOURCE_LINE_MAX);
    }
    if (entry.length > 0)
        tell_entry(reader, buffer_span(&entry), begun);
    buffer_clear(&entry);
    return true;
}
