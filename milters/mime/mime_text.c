#include "milters/mime/mime_text.h"

void
mime_text_doubt(const struct mime_text *text, const char *why)
{
    struct mime_report *report = text->report;

    if (!text->guessed && report->ambiguous == NULL)
        report->ambiguous = why;
}

struct span
mime_text_line(const struct mime_text *text, size_t at, size_t *next)
{
    struct span rest = span_from(text->octets, at);
    size_t length = span_find(rest, '\n');
    struct span line = span_first(rest, length == SPAN_NONE ? rest.length : length);

    *next = at + line.length + (length == SPAN_NONE ? 0 : 1);
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    return line;
}

bool
mime_is_blank_octet(char octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\f' ||
           octet == '\v';
}

bool
mime_is_blank(struct span span)
{
    for (size_t i = 0; i < span.length; i++) {
        if (!mime_is_blank_octet(span.data[i]))
            return false;
    }
    return true;
}

enum match { MATCH_NONE, MATCH_PREFIX, MATCH_DELIMITER, MATCH_CLOSING };

/* `line` without its two hyphens. */
static enum match
match_boundary(struct span line, const struct mime_boundary *boundary)
{
    struct span rest;

    if (!span_starts(line, span_make(boundary->octets, boundary->length)))
        return MATCH_NONE;
    rest = span_from(line, boundary->length);
    if (mime_is_blank(rest))
        return MATCH_DELIMITER;
    if (span_starts(rest, SPAN("--")) && mime_is_blank(span_from(rest, 2)))
        return MATCH_CLOSING;
    return MATCH_PREFIX;
}

/*
 * The innermost level that the line delimits.  One that only begins like a delimiter of
 * some level is one to programs that compare no further.
 */
static bool
match_levels(
    const struct mime_text *text, struct span line, struct mime_end *end, bool *prefix)
{
    bool found = false;

    if (!span_starts(line, SPAN("--")))
        return false;
    line = span_from(line, 2);
    for (int level = text->level_count - 1; level >= 0; level--) {
        const struct mime_header *header = text->levels[level];

        for (unsigned i = 0; i < header->boundary_count; i++) {
            enum match match = match_boundary(line, &header->boundaries[i]);

            if (match == MATCH_PREFIX)
                *prefix = true;
            if (match < MATCH_DELIMITER)
                continue;
            if (found && end->level != level)
                *prefix =
                    true; /* the same boundary twice, or closing the one is the other */
            if (!found)
                *end =
                    (struct mime_end){.level = level, .closing = match == MATCH_CLOSING};
            found = true;
        }
    }
    return found;
}

/* A bare CR ends a line for some: what would be a delimiter then. */
static bool
has_hidden_delimiter(const struct mime_text *text, struct span line)
{
    size_t at;

    while ((at = span_find(line, '\r')) != SPAN_NONE) {
        struct mime_end end;
        bool prefix = false;

        line = span_from(line, at + 1);
        if (line.length > 2 && line.data[0] == '-' &&
            (match_levels(text, span_first(line, span_find(line, '\r')), &end, &prefix) ||
                prefix))
            return true;
    }
    return false;
}

/* Whether the line at `at` is a delimiter; `next` is behind it. */
bool
mime_text_delimits(const struct mime_text *text, size_t at, struct span line, size_t next,
    struct mime_end *end)
{
    bool prefix = false;
    bool found = match_levels(text, line, end, &prefix);

    if (prefix)
        mime_text_doubt(text, "boundaries that begin alike");
    if (!found && text->level_count > 0 && has_hidden_delimiter(text, line))
        mime_text_doubt(text, "a bare CR before a boundary");
    if (!found)
        return false;
    end->at = at;
    end->next = next;
    if (end->at > 0 && text->octets.data[end->at - 1] == '\n')
        end->at--;
    if (end->at > 0 && text->octets.data[end->at - 1] == '\r')
        end->at--;
    return true;
}

/* From `at` to the next delimiter of any level. */
void
mime_text_find_end(const struct mime_text *text, size_t at, struct mime_end *end)
{
    while (at < text->octets.length) {
        size_t next;
        struct span line = mime_text_line(text, at, &next);

        if (mime_text_delimits(text, at, line, next, end))
            return;
        at = next;
    }
    *end =
        (struct mime_end){text->octets.length, text->octets.length, MIME_NO_LEVEL, false};
}
