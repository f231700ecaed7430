#include "milters/mime/mime_read.h"

#include <stdlib.h>
#include <string.h>

#include "milters/mime/mime_decode.h"
#include "milters/mime/mime_embedded.h"
#include "milters/mime/mime_text.h"
#include "shared/base/allocate.h"

struct reader {
    mime_leaf leaf;
    void *context;
    struct mime_report *report;
    size_t budget; /* octets that leaves may still have */
    unsigned parts;
    bool stopped;
};

/* NOLINTBEGIN(misc-no-recursion): parts in parts, which the depth's limit bounds */
static void read_entity(
    struct mime_text *text, size_t at, bool digest, struct mime_end *end);

static void
reach_limit(struct reader *reader, const char *which)
{
    if (reader->report->limit == NULL)
        reader->report->limit = which;
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
    struct mime_text text = {.reader = reader,
        .report = reader->report,
        .octets = octets,
        .depth = depth,
        .guessed = guessed};
    struct mime_end end;

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
        if (!mime_is_blank_octet(line.data[0]) && span_find(line, ':') == SPAN_NONE &&
            count > 0)
            return false;
    }
    return false;
}

/* What stands in a text as a file of its own. */
static void
give_embedded(struct reader *reader, struct span octets,
    bool (*next)(struct span *text, struct buffer *out))
{
    struct span rest = octets;
    struct buffer file;

    buffer_init(&file, octets.length + 1);
    while (!reader->stopped && next(&rest, &file)) {
        give(reader, buffer_span(&file));
        buffer_reset(&file);
    }
    buffer_clear(&file);
}

/* A leaf without its encoding; the files in it as well. */
static void
give_decoded(const struct mime_text *text, struct span octets, unsigned structures)
{
    struct reader *reader = text->reader;
    bool message = (structures & MIME_MESSAGE) != 0;

    give(reader, octets);
    if (message || looks_like_message(octets)) {
        if (text->depth < MIME_DEPTH_MAX)
            read_text(reader, octets, text->depth, text->guessed || !message);
        else
            reach_limit(reader, "MaxMimeDepth");
    }
    if (mime_embedded_may_have_files(octets))
        give_embedded(reader, octets, mime_embedded_file);
    if (mime_embedded_may_have_values(octets))
        give_embedded(reader, octets, mime_embedded_value);
    give(reader, mime_embedded_binhex(octets));
}

static void
give_base64(const struct mime_text *text, struct span body, unsigned structures)
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
        mime_text_doubt(text, "base64 with other octets in it");
    buffer_clear(&out);
}

static void
give_quoted(const struct mime_text *text, struct span body, unsigned structures)
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
give_body(
    const struct mime_text *text, struct span body, const struct mime_header *header)
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
take_field(const struct mime_text *text, size_t at, struct span line, size_t next,
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
        if (mime_is_blank_octet(field->name.data[i]) || field->name.data[i] == '\0')
            return false;
    }
    /* Continued by lines that begin with a blank and hold more than that. */
    while (next < text->octets.length && mime_is_blank_octet(text->octets.data[next])) {
        size_t after;
        struct span more = mime_text_line(text, next, &after);

        if (mime_is_blank(more))
            break;
        next = after;
    }
    field->value = span_first(span_from(text->octets, from), next - from);
    field->next = next;
    if (field->name.length < name.length &&
        span_starts_nocase(field->name, SPAN("Content-")))
        mime_text_doubt(text, "a blank before a colon");
    return true;
}

static void
note_field(
    const struct mime_text *text, const struct field *field, struct mime_header *header)
{
    bool type = span_is_nocase(field->name, "Content-Type");
    bool encoding = span_is_nocase(field->name, "Content-Transfer-Encoding");
    struct span value = span_trim(field->value);

    if (!type && !encoding)
        return;
    if (span_find(value, '\0') != SPAN_NONE)
        mime_text_doubt(text, "a NUL in a field");
    for (size_t at; (at = span_find(value, '\r')) != SPAN_NONE;) {
        value = span_from(value, at + 1);
        if (value.length == 0 || value.data[0] != '\n')
            mime_text_doubt(text, "a bare CR in a field");
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
read_header(const struct mime_text *text, size_t at, struct mime_header *header,
    size_t *early, struct mime_end *end)
{
    bool first = true;

    *end = (struct mime_end){.next = 0};
    *early = 0;
    while (at < text->octets.length) {
        struct field field;
        size_t next;
        struct span line = mime_text_line(text, at, &next);

        if (line.length == 0)
            return next;
        if (mime_text_delimits(text, at, line, next, end))
            return end->at < at ? at : end->at;
        if (mime_is_blank(line)) {
            mime_text_doubt(text, "a header line of blanks alone");
            *early = *early == 0 ? next : *early;
        } else if (take_field(text, at, line, next, &field)) {
            note_field(text, &field, header);
            next = field.next;
        } else if (!first || (!span_starts(line, SPAN("From ")) &&
                                 !span_starts(line, SPAN(">From ")))) {
            mime_text_doubt(text, "a header line that is no field");
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
guess_boundary(const struct mime_text *text, size_t at, struct mime_header *header)
{
    while (at < text->octets.length) {
        struct span line = mime_text_line(text, at, &at);

        if (line.length > 4 && span_starts(line, SPAN("--")) && line.data[2] != ' ') {
            mime_header_add_boundary(header, span_trim(span_from(line, 2)));
            return;
        }
    }
}

/* Parts up to the closing delimiter and what follows, up to a delimiter further out. */
static void
read_parts(
    struct mime_text *text, size_t at, struct mime_header *header, struct mime_end *end)
{
    int level = text->level_count;
    bool closed = false;

    if (text->open + header->boundary_count > MIME_OPEN_MAX) {
        reach_limit(text->reader, "MaxMimeDepth");
        header->boundary_count = 1;
    }
    text->open += header->boundary_count;
    text->levels[text->level_count++] = header;
    mime_text_find_end(text, at, end);
    while (end->level == level && !text->reader->stopped) {
        if (closed)
            mime_text_doubt(text, "parts behind the closing boundary");
        closed |= end->closing;
        if (end->closing)
            mime_text_find_end(text, end->next, end);
        else
            read_entity(text, end->next, (header->structures & MIME_DIGEST) != 0, end);
    }
    text->level_count--;
    text->open -= header->boundary_count;
}

/* A multipart is encoded by no mailer that knows how; programs decode it or do not. */
static void
read_multipart(
    struct mime_text *text, size_t at, struct mime_header *header, struct mime_end *end)
{
    unsigned odd = header->encodings & ~(unsigned)MIME_PLAIN;

    if ((header->structures & MIME_ENCRYPTED) != 0)
        text->reader->report->encrypted = "PGP/MIME";
    if (header->boundary_count == 0)
        guess_boundary(text, at, header);
    if (header->boundary_count == 0) {
        mime_text_find_end(text, at, end);
        give_body(text,
            span_first(span_from(text->octets, at), end->at < at ? 0 : end->at - at),
            header);
        return;
    }
    read_parts(text, at, header, end);
    if ((odd & ~(unsigned)MIME_QUOTED) != 0)
        mime_text_doubt(text, "an encoded multipart");
    if (odd != 0 && end->at > at)
        give_body(text, span_first(span_from(text->octets, at), end->at - at), header);
}

static void
read_body(
    struct mime_text *text, size_t at, struct mime_header *header, struct mime_end *end)
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
        mime_text_find_end(text, at, end);
    }
    if (((kinds & MIME_MULTIPART) == 0 || both) && end->at > at)
        give_body(text, span_first(span_from(text->octets, at), end->at - at), header);
}

static bool
may_read(const struct mime_text *text)
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
read_entity(struct mime_text *text, size_t at, bool digest, struct mime_end *end)
{
    struct mime_header *header;
    size_t early = 0;

    if (!may_read(text)) {
        mime_text_find_end(text, at, end);
        return;
    }
    header = allocate(sizeof(*header));
    text->depth++;
    at = read_header(text, at, header, &early, end);
    if (header->structures == 0)
        header->structures = digest ? MIME_MESSAGE : MIME_LEAF;
    if (header->encodings == 0)
        header->encodings = MIME_PLAIN;
    if (header->ambiguous != NULL)
        mime_text_doubt(text, header->ambiguous);
    if (end->next == 0)
        read_body(text, at, header, end);
    if (early != 0 && end->at > early)
        give_body(
            text, span_first(span_from(text->octets, early), end->at - early), header);
    text->depth--;
    free(header);
}
/* NOLINTEND(misc-no-recursion) */

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
