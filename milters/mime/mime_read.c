#include "milters/mime/mime_read.h"

#include <stdlib.h>
#include <string.h>

#include "milters/mime/mime_decode.h"
#include "milters/mime/mime_field.h"

enum { NO_LEVEL = -1 };

struct reader {
    mime_leaf leaf;
    void *context;
    struct mime_report *report;
    size_t budget; /* octets that leaves may still have */
    unsigned parts;
    bool stopped;
};

/* A text that is read: a message, or one that was decoded from a part. */
struct text {
    struct reader *reader;
    struct span octets;
    unsigned depth; /* of what surrounds it */
    bool guessed;   /* only looks like a message: what is odd in it is no matter */
    struct mime_header *levels[MIME_DEPTH_MAX]; /* multiparts around the place */
    int level_count;
    unsigned open; /* boundaries of them all */
};

/* Where a part ends: at a delimiter of one of the levels, or of the text. */
struct end {
    size_t at;   /* of the delimiter's line, the line end before it not counted */
    size_t next; /* behind that line */
    int level;   /* NO_LEVEL: the text ends */
    bool closing;
};

static void read_entity(struct text *text, size_t at, bool digest, struct end *end);

static void
doubt(const struct text *text, const char *why)
{
    struct mime_report *report = text->reader->report;

    if (!text->guessed && report->ambiguous == NULL)
        report->ambiguous = why;
}

static void
reach_limit(struct reader *reader, const char *which)
{
    if (reader->report->limit == NULL)
        reader->report->limit = which;
}

static struct span
line_at(const struct text *text, size_t at, size_t *next)
{
    struct span rest = span_from(text->octets, at);
    size_t length = span_find(rest, '\n');
    struct span line = span_first(rest, length == SPAN_NONE ? rest.length : length);

    *next = at + line.length + (length == SPAN_NONE ? 0 : 1);
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    return line;
}

static bool
is_blank(char octet)
{
    return octet == ' ' || octet == '\t' || octet == '\r' || octet == '\f' ||
           octet == '\v';
}

static bool
all_blank(struct span span)
{
    for (size_t i = 0; i < span.length; i++) {
        if (!is_blank(span.data[i]))
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
    if (all_blank(rest))
        return MATCH_DELIMITER;
    if (span_starts(rest, SPAN("--")) && all_blank(span_from(rest, 2)))
        return MATCH_CLOSING;
    return MATCH_PREFIX;
}

/*
 * The innermost level that the line delimits.  One that only begins like a delimiter of
 * some level is one to programs that compare no further.
 */
static bool
match_levels(const struct text *text, struct span line, struct end *end, bool *prefix)
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
                *end = (struct end){.level = level, .closing = match == MATCH_CLOSING};
            found = true;
        }
    }
    return found;
}

/* A bare CR ends a line for some: what would be a delimiter then. */
static bool
has_hidden_delimiter(const struct text *text, struct span line)
{
    size_t at;

    while ((at = span_find(line, '\r')) != SPAN_NONE) {
        struct end end;
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
static bool
is_delimiter(
    const struct text *text, size_t at, struct span line, size_t next, struct end *end)
{
    bool prefix = false;
    bool found = match_levels(text, line, end, &prefix);

    if (prefix)
        doubt(text, "boundaries that begin alike");
    if (!found && text->level_count > 0 && has_hidden_delimiter(text, line))
        doubt(text, "a bare CR before a boundary");
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
static void
find_end(const struct text *text, size_t at, struct end *end)
{
    while (at < text->octets.length) {
        size_t next;
        struct span line = line_at(text, at, &next);

        if (is_delimiter(text, at, line, next, end))
            return;
        at = next;
    }
    *end = (struct end){text->octets.length, text->octets.length, NO_LEVEL, false};
}

static void
give(struct reader *reader, struct span octets)
{
    if (octets.length == 0 || reader->stopped)
        return;
    if (octets.length + MIME_LEAF_COST > reader->budget) {
        reach_limit(reader, "MaxMimeSize");
        reader->stopped = true;
        return;
    }
    reader->budget -= octets.length + MIME_LEAF_COST;
    reader->report->leaves++;
    reader->stopped = !reader->leaf(octets, reader->context);
}

static void
read_text(struct reader *reader, struct span octets, unsigned depth, bool guessed)
{
    struct text text = {
        .reader = reader, .octets = octets, .depth = depth, .guessed = guessed};
    struct end end;

    read_entity(&text, 0, false, &end);
}

/* Whether the octets begin with a header that has something to say of the rest: then it
 * is a message to a program that opens it. */
static bool
looks_like_message(struct span octets)
{
    bool says = false;
    struct span line;

    for (unsigned count = 0; count < 200 && span_line(&octets, &line); count++) {
        if (line.length == 0)
            return says;
        says |= span_starts_nocase(line, SPAN("Content-"));
        if (!is_blank(line.data[0]) && span_find(line, ':') == SPAN_NONE && count > 0)
            return false;
    }
    return false;
}

/* A leaf without its encoding; what stands in a text as a file of its own as well. */
static void
give_decoded(const struct text *text, struct span octets, unsigned structures)
{
    struct reader *reader = text->reader;
    bool message = (structures & MIME_MESSAGE) != 0;
    struct span rest = octets;
    struct buffer file;

    give(reader, octets);
    if (message || looks_like_message(octets)) {
        if (text->depth < MIME_DEPTH_MAX)
            read_text(reader, octets, text->depth, text->guessed || !message);
        else
            reach_limit(reader, "MaxMimeDepth");
    }
    if (span_find_text(octets, SPAN("\nbegin ")) == SPAN_NONE &&
        span_find_text(octets, SPAN("=ybegin ")) == SPAN_NONE &&
        !span_starts(octets, SPAN("begin ")))
        return;
    buffer_init(&file, octets.length + 1);
    while (!reader->stopped && mime_decode_embedded(&rest, &file)) {
        give(reader, buffer_span(&file));
        buffer_reset(&file);
    }
    buffer_clear(&file);
}

static void
give_base64(const struct text *text, struct span body, unsigned structures)
{
    struct mime_base64 seen;
    struct buffer out;

    buffer_init(&out, body.length + 8);
    seen = mime_decode_base64(body, MIME_PADDING_ENDS, &out);
    give_decoded(text, buffer_span(&out), structures);
    for (int other = MIME_PADDING_RESTARTS; seen.goes_on && other <= MIME_PADDING_IGNORED;
         other++) {
        buffer_reset(&out);
        (void)mime_decode_base64(body, (enum mime_padding)other, &out);
        give_decoded(text, buffer_span(&out), structures);
    }
    if (seen.junk) {
        buffer_reset(&out);
        (void)mime_decode_base64(span_first(body, seen.junk_at), MIME_PADDING_ENDS, &out);
        give_decoded(text, buffer_span(&out), structures);
    }
    if (seen.junk && !seen.junk_apart)
        doubt(text, "base64 with other octets in it");
    buffer_clear(&out);
}

static void
give_quoted(const struct text *text, struct span body, unsigned structures)
{
    struct buffer out;

    buffer_init(&out, body.length + 8);
    if (mime_decode_quoted(body, true, &out)) {
        give_decoded(text, buffer_span(&out), structures);
        buffer_reset(&out);
        (void)mime_decode_quoted(body, false, &out);
    }
    give_decoded(text, buffer_span(&out), structures);
    buffer_clear(&out);
}

/* A body in each way that its header can be read. */
static void
give_body(const struct text *text, struct span body, const struct mime_header *header)
{
    if (text->reader->stopped)
        return;
    if ((header->encodings & MIME_BASE64) != 0)
        give_base64(text, body, header->structures);
    if ((header->encodings & MIME_QUOTED) != 0)
        give_quoted(text, body, header->structures);
    /* A uuencoded one begins with its "begin" line, as one in a text does. */
    if ((header->encodings & (MIME_PLAIN | MIME_UUENCODE)) != 0)
        give_decoded(text, body,
            header->encodings == MIME_PLAIN ? header->structures & ~(unsigned)MIME_MESSAGE
                                            : header->structures);
}

/* A header's field: its name, its value with all folds, and where the next line begins.
 */
struct field {
    struct span name;
    struct span value;
    size_t next;
};

static bool
take_field(const struct text *text, size_t at, struct span line, size_t next,
    struct field *field)
{
    size_t colon = span_find(line, ':');
    size_t from = at + colon + 1;
    struct span name = span_first(line, colon == SPAN_NONE ? 0 : colon);

    if (name.length == 0)
        return false;
    field->name = span_trim(name);
    /* What is a field of the message itself the MTA has said, whatever its name. */
    for (size_t i = 0; i < field->name.length && text->depth > 1; i++) {
        if (is_blank(field->name.data[i]) || field->name.data[i] == '\0')
            return false;
    }
    /* Continued by lines that begin with a blank and hold more than that. */
    while (next < text->octets.length && is_blank(text->octets.data[next])) {
        size_t after;
        struct span more = line_at(text, next, &after);

        if (all_blank(more))
            break;
        next = after;
    }
    field->value = span_first(span_from(text->octets, from), next - from);
    field->next = next;
    if (field->name.length < name.length &&
        span_starts_nocase(field->name, SPAN("Content-")))
        doubt(text, "a blank before a colon");
    return true;
}

static void
note_field(const struct text *text, const struct field *field, struct mime_header *header)
{
    bool type = span_is_nocase(field->name, "Content-Type");
    bool encoding = span_is_nocase(field->name, "Content-Transfer-Encoding");
    struct span value = span_trim(field->value);

    if (!type && !encoding)
        return;
    if (span_find(value, '\0') != SPAN_NONE)
        doubt(text, "a NUL in a field");
    for (size_t at; (at = span_find(value, '\r')) != SPAN_NONE;) {
        value = span_from(value, at + 1);
        if (value.length == 0 || value.data[0] != '\n')
            doubt(text, "a bare CR in a field");
    }
    value = span_trim(field->value);
    if (type)
        mime_field_type(value, header);
    else
        mime_field_encoding(value, header);
}

/*
 * Reads a header; gives where its body begins.  `early` is where it begins to a program
 * that takes an odd line for the end of the header; 0: nowhere.  `end` is set (its `next`
 * not 0) where a delimiter came first.
 */
static size_t
read_header(const struct text *text, size_t at, struct mime_header *header, size_t *early,
    struct end *end)
{
    bool first = true;

    *end = (struct end){.next = 0};
    *early = 0;
    while (at < text->octets.length) {
        struct field field;
        size_t next;
        struct span line = line_at(text, at, &next);

        if (line.length == 0)
            return next;
        if (is_delimiter(text, at, line, next, end))
            return end->at < at ? at : end->at;
        if (all_blank(line)) {
            doubt(text, "a header line of blanks alone");
            *early = *early == 0 ? next : *early;
        } else if (take_field(text, at, line, next, &field)) {
            note_field(text, &field, header);
            next = field.next;
        } else if (!first || (!span_starts(line, SPAN("From ")) &&
                                 !span_starts(line, SPAN(">From ")))) {
            doubt(text, "a header line that is no field");
            *early = *early == 0 ? at : *early;
        }
        first = false;
        at = next;
    }
    return at;
}

/* Programs that find no boundary take the first line that looks like one, or show all as
 * a text, as the whole was looked at. */
static void
guess_boundary(const struct text *text, size_t at, struct mime_header *header)
{
    while (at < text->octets.length) {
        struct span line = line_at(text, at, &at);

        if (line.length > 4 && span_starts(line, SPAN("--")) && line.data[2] != ' ') {
            mime_header_add_boundary(header, span_trim(span_from(line, 2)));
            return;
        }
    }
}

/* Parts up to the closing delimiter and what follows, up to a delimiter further out. */
static void
read_parts(struct text *text, size_t at, struct mime_header *header, struct end *end)
{
    int level = text->level_count;
    bool closed = false;

    if (text->open + header->boundary_count > MIME_OPEN_MAX) {
        reach_limit(text->reader, "MaxMimeDepth");
        header->boundary_count = 1;
    }
    text->open += header->boundary_count;
    text->levels[text->level_count++] = header;
    find_end(text, at, end);
    while (end->level == level && !text->reader->stopped) {
        if (closed)
            doubt(text, "parts behind the closing boundary");
        closed |= end->closing;
        if (end->closing)
            find_end(text, end->next, end);
        else
            read_entity(text, end->next, (header->structures & MIME_DIGEST) != 0, end);
    }
    text->level_count--;
    text->open -= header->boundary_count;
}

/* A multipart is encoded by no mailer that knows how; programs decode it or do not. */
static void
read_multipart(struct text *text, size_t at, struct mime_header *header, struct end *end)
{
    unsigned odd = header->encodings & ~(unsigned)MIME_PLAIN;

    if ((header->structures & MIME_ENCRYPTED) != 0)
        text->reader->report->encrypted = "PGP/MIME";
    if (header->boundary_count == 0)
        guess_boundary(text, at, header);
    if (header->boundary_count == 0) {
        find_end(text, at, end);
        give_body(text,
            span_first(span_from(text->octets, at), end->at < at ? 0 : end->at - at),
            header);
        return;
    }
    read_parts(text, at, header, end);
    if ((odd & ~(unsigned)MIME_QUOTED) != 0)
        doubt(text, "an encoded multipart");
    if (odd != 0 && end->at > at)
        give_body(text, span_first(span_from(text->octets, at), end->at - at), header);
}

static void
read_body(struct text *text, size_t at, struct mime_header *header, struct end *end)
{
    bool encoded = (header->encodings & ~(unsigned)MIME_PLAIN) != 0;
    unsigned kinds = header->structures & (MIME_LEAF | MIME_MULTIPART | MIME_MESSAGE);
    bool both = (kinds & (kinds - 1)) != 0;

    if ((kinds & MIME_MULTIPART) != 0) {
        read_multipart(text, at, header, end);
    } else if ((kinds & MIME_MESSAGE) != 0 && (header->encodings & MIME_PLAIN) != 0) {
        read_entity(text, at, false, end);
        if (!encoded && !both)
            return;
    } else {
        find_end(text, at, end);
    }
    if (((kinds & MIME_MULTIPART) == 0 || both) && end->at > at)
        give_body(text, span_first(span_from(text->octets, at), end->at - at), header);
}

static bool
may_read(const struct text *text)
{
    struct reader *reader = text->reader;

    if (reader->stopped)
        return false;
    if (text->depth >= MIME_DEPTH_MAX) {
        reach_limit(reader, "MaxMimeDepth");
        return false;
    }
    if (++reader->parts > MIME_PARTS_MAX) {
        reach_limit(reader, "MaxMimeParts");
        reader->stopped = true;
    }
    return !reader->stopped;
}

/* A header and what it stands for, from `at` to the next delimiter of a level around it.
 */
static void
read_entity(struct text *text, size_t at, bool digest, struct end *end)
{
    struct mime_header *header;
    size_t early = 0;

    if (!may_read(text)) {
        find_end(text, at, end);
        return;
    }
    header = calloc(1, sizeof(*header));
    if (header == NULL)
        abort();
    text->depth++;
    at = read_header(text, at, header, &early, end);
    if (header->structures == 0)
        header->structures = digest ? MIME_MESSAGE : MIME_LEAF;
    if (header->encodings == 0)
        header->encodings = MIME_PLAIN;
    if (header->ambiguous != NULL)
        doubt(text, header->ambiguous);
    if (end->next == 0)
        read_body(text, at, header, end);
    if (early != 0 && end->at > early)
        give_body(
            text, span_first(span_from(text->octets, early), end->at - early), header);
    text->depth--;
    free(header);
}

static struct reader
reader_of(struct span octets, mime_leaf leaf, void *context, struct mime_report *report)
{
    *report = (struct mime_report){.leaves = 0};
    return (struct reader){.leaf = leaf,
        .context = context,
        .report = report,
        .budget = octets.length * MIME_DECODED_FACTOR + MIME_DECODED_SPARE};
}

void
mime_read(struct span message, mime_leaf leaf, void *context, struct mime_report *report)
{
    struct reader reader = reader_of(message, leaf, context, report);

    read_text(&reader, message, 0, false);
}

void
mime_read_part(
    struct span octets, mime_leaf leaf, void *context, struct mime_report *report)
{
    struct reader reader = reader_of(octets, leaf, context, report);

    give(&reader, octets);
    if (looks_like_message(octets))
        read_text(&reader, octets, 0, false);
}
