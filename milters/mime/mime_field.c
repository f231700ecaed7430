#include "milters/mime/mime_field.h"

#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/octet.h"

/* A field's value on its way. */
struct value {
    struct span rest;
    bool comment; /* seen */
    bool broken;  /* not the grammar */
};

/* The pieces of a parameter as RFC 2231 cuts it: boundary*0="a"; boundary*1*=b. */
struct pieces {
    struct mime_boundary joined;
    unsigned count;
};

static void
doubt(struct mime_header *header, const char *why)
{
    if (header->ambiguous == NULL)
        header->ambiguous = why;
}

static char
next(const struct value *value)
{
    return (char)(value->rest.length == 0 ? '\0' : value->rest.data[0]);
}

static void
step(struct value *value, size_t count)
{
    value->rest = span_from(value->rest, count);
}

static void
skip_comment(struct value *value)
{
    unsigned depth = 0;

    value->comment = true;
    while (value->rest.length > 0) {
        char octet = next(value);

        step(value, octet == '\\' ? 2 : 1);
        if (octet == '(')
            depth++;
        else if (octet == ')' && --depth == 0)
            return;
    }
    value->broken = true;
}

static void
skip_blanks(struct value *value)
{
    while (value->rest.length > 0) {
        if (next(value) == '(')
            skip_comment(value);
        else if (octet_is_white(next(value)))
            step(value, 1);
        else
            return;
    }
}

/* Up to one of `ends`, a blank or a comment. */
static struct span
take_word(struct value *value, const char *ends)
{
    size_t length = 0;
    struct span word;

    while (length < value->rest.length && !octet_is_white(value->rest.data[length]) &&
           (value->rest.data[length] == '\0' ||
               strchr(ends, value->rest.data[length]) == NULL))
        length++;
    word = span_first(value->rest, length);
    step(value, length);
    skip_blanks(value);
    return word;
}

/* Its inner octets, escapes still in them; `escaped` where there are any. */
static struct span
take_quoted(struct value *value, bool *escaped)
{
    struct span inner = span_from(value->rest, 1);
    size_t length = 0;

    while (length < inner.length && inner.data[length] != '"') {
        if (inner.data[length] == '\\') {
            *escaped = true;
            length++;
        }
        length++;
    }
    if (length >= inner.length) {
        value->broken = true;
        length = inner.length;
    }
    step(value, length + 2);
    skip_blanks(value);
    return span_first(inner, length);
}

void
mime_header_add_boundary(struct mime_header *header, struct span boundary)
{
    struct mime_boundary *place = &header->boundaries[header->boundary_count];

    while (boundary.length > 0 && octet_is_white(boundary.data[boundary.length - 1])) {
        doubt(header, "a boundary that ends with a blank");
        boundary.length--;
    }
    if (boundary.length == 0)
        return;
    for (unsigned i = 0; i < header->boundary_count; i++) {
        if (span_equal(boundary,
                span_make(header->boundaries[i].octets, header->boundaries[i].length)))
            return;
    }
    if (header->boundary_count > 0)
        doubt(header, "two boundaries");
    if (header->boundary_count == MIME_BOUNDARIES_MAX)
        return;
    if (boundary.length > MIME_BOUNDARY_USUAL)
        doubt(header, "a very long boundary");
    place->length =
        boundary.length < MIME_BOUNDARY_MAX ? boundary.length : MIME_BOUNDARY_MAX;
    memcpy(place->octets, boundary.data, place->length);
    header->boundary_count++;
}

/* Escapes taken out, line ends of a fold too. */
static struct span
unescape(struct span text, bool escapes, struct mime_boundary *room)
{
    room->length = 0;
    for (size_t i = 0; i < text.length && room->length < MIME_BOUNDARY_MAX; i++) {
        if (escapes && text.data[i] == '\\' && i + 1 < text.length)
            i++;
        else if (text.data[i] == '\r' || text.data[i] == '\n')
            continue;
        room->octets[room->length++] = text.data[i];
    }
    return span_make(room->octets, room->length);
}

static void
take_boundary(struct span text, bool quoted, bool escaped, struct mime_header *header)
{
    struct mime_boundary room;

    if (escaped) {
        doubt(header, "a boundary with escapes");
        mime_header_add_boundary(header, unescape(text, false, &room));
    }
    if (span_has_control(text) || !span_is_ascii(text))
        doubt(header, "a boundary of odd octets");
    if (span_find_text(text, SPAN("=?")) != SPAN_NONE &&
        span_find_text(text, SPAN("?=")) != SPAN_NONE)
        doubt(header, "a boundary that is an encoded word");
    if (!quoted && text.length > 2 && text.data[0] == '\'') {
        doubt(header, "a boundary in single quotes");
        mime_header_add_boundary(header, span_first(span_from(text, 1), text.length - 2));
    }
    mime_header_add_boundary(header, unescape(text, quoted, &room));
}

static unsigned
hex_value(char octet)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = octet == '\0' ? NULL : strchr(digits, span_lower_octet(octet));

    return found == NULL ? 16 : (unsigned)(found - digits);
}

/* One of RFC 2231's pieces; with `percent` it is encoded, the first behind a charset. */
static void
take_piece(struct span text, bool percent, struct pieces *pieces)
{
    struct mime_boundary *joined = &pieces->joined;
    size_t first = percent && pieces->count == 0 ? span_find(text, '\'') : SPAN_NONE;

    if (first != SPAN_NONE) {
        size_t second = span_find(span_from(text, first + 1), '\'');

        text = span_from(text, second == SPAN_NONE ? 0 : first + second + 2);
    }
    for (size_t i = 0; i < text.length && joined->length < MIME_BOUNDARY_MAX; i++) {
        char octet = text.data[i];

        if (percent && octet == '%' && i + 2 < text.length &&
            hex_value(text.data[i + 1]) < 16 && hex_value(text.data[i + 2]) < 16) {
            octet =
                (char)(hex_value(text.data[i + 1]) << 4 | hex_value(text.data[i + 2]));
            i += 2;
        }
        joined->octets[joined->length++] = octet;
    }
    pieces->count++;
}

static void
take_parameter(struct value *value, struct pieces *pieces, struct mime_header *header)
{
    struct span name = take_word(value, "=;(");
    struct span text;
    bool escaped = false;
    bool quoted;

    if (next(value) != '=') {
        value->broken = name.length > 0 || next(value) != ';';
        return;
    }
    step(value, 1);
    skip_blanks(value);
    quoted = next(value) == '"';
    text = quoted ? take_quoted(value, &escaped) : take_word(value, ";(");
    if (value->rest.length > 0 && next(value) != ';')
        value->broken = true;
    if (span_is_nocase(name, "boundary"))
        take_boundary(text, quoted, escaped, header);
    else if (span_starts_nocase(name, SPAN("boundary*")))
        take_piece(text, name.data[name.length - 1] == '*', pieces);
}

static unsigned
structures_of(struct span type, struct span subtype)
{
    static const char *const messages[] = {"rfc822", "global", "news", "partial"};

    if (span_is_nocase(type, "multipart"))
        return MIME_MULTIPART |
               (span_is_nocase(subtype, "digest") ? (unsigned)MIME_DIGEST : 0U) |
               (span_is_nocase(subtype, "encrypted") ? (unsigned)MIME_ENCRYPTED : 0U);
    for (size_t i = 0; i < ARRAY_LENGTH(messages) && span_is_nocase(type, "message");
         i++) {
        if (span_is_nocase(subtype, messages[i]))
            return MIME_MESSAGE;
    }
    return MIME_LEAF;
}

/* Parameters up to the end; what follows a broken one is looked at from the next ";" on.
 */
static void
take_parameters(struct value *value, struct mime_header *header)
{
    struct pieces pieces = {.count = 0};
    bool broken = value->broken;

    while (value->rest.length > 0) {
        if (next(value) == ';') {
            step(value, 1);
            skip_blanks(value);
        } else {
            broken = true;
            if (strchr(",:", next(value)) != NULL)
                step(value, 1);
        }
        if (value->rest.length == 0)
            break;
        value->broken = false;
        take_parameter(value, &pieces, header);
        broken |= value->broken;
        if (value->broken && next(value) != ';' && next(value) != '\0')
            step(value, 1);
    }
    value->broken = broken;
    if (pieces.count > 0) {
        doubt(header, "a boundary in pieces");
        mime_header_add_boundary(
            header, span_make(pieces.joined.octets, pieces.joined.length));
    }
}

static bool
speaks_of_structure(struct span value)
{
    return span_find_text_nocase(value, SPAN("multipart")) != SPAN_NONE ||
           span_find_text_nocase(value, SPAN("message/")) != SPAN_NONE;
}

void
mime_field_type(struct span text, struct mime_header *header)
{
    struct value value = {.rest = text};
    struct mime_header said = {.structures = 0};
    struct span type;
    struct span subtype = {NULL, 0};

    skip_blanks(&value);
    type = take_word(&value, "/;(,");
    if (next(&value) == '/') {
        step(&value, 1);
        skip_blanks(&value);
        subtype = take_word(&value, ";(,");
    }
    if (value.rest.length > 0 && next(&value) != ';')
        value.broken = true;
    said.structures = structures_of(type, subtype);
    take_parameters(&value, &said);
    if (said.structures == MIME_LEAF) {
        said.boundary_count = 0;
        said.ambiguous = NULL;
        if ((value.broken || value.comment) && speaks_of_structure(text))
            doubt(&said, "a Content-Type that is none");
    } else if (value.broken || value.comment || subtype.length == 0) {
        doubt(&said, "an odd Content-Type");
    }
    if (span_is_nocase(subtype, "partial") && said.structures == MIME_MESSAGE)
        doubt(&said, "a piece of a message");
    if (header->structures != 0 && header->structures != said.structures)
        doubt(header, "two fields Content-Type");
    header->structures |= said.structures;
    if (said.ambiguous != NULL)
        doubt(header, said.ambiguous);
    for (unsigned i = 0; i < said.boundary_count; i++)
        mime_header_add_boundary(
            header, span_make(said.boundaries[i].octets, said.boundaries[i].length));
}

static unsigned
encoding_of(struct span word)
{
    static const struct {
        const char *name;
        unsigned encoding;
    } rows[] = {
        {"7bit",             MIME_PLAIN   },
        {"8bit",             MIME_PLAIN   },
        {"binary",           MIME_PLAIN   },
        {"",                 MIME_PLAIN   },
        {"base64",           MIME_BASE64  },
        {"quoted-printable", MIME_QUOTED  },
        {"x-uuencode",       MIME_UUENCODE},
        {"uuencode",         MIME_UUENCODE},
        {"x-uue",            MIME_UUENCODE},
        {"uue",              MIME_UUENCODE},
 /* No encodings, but mailers write them, and nobody decodes anything. */
        {"7-bit",            MIME_PLAIN   },
        {"8-bit",            MIME_PLAIN   },
        {"7bits",            MIME_PLAIN   },
        {"8bits",            MIME_PLAIN   },
        {"16bit",            MIME_PLAIN   },
        {"utf-8",            MIME_PLAIN   },
        {"utf8",             MIME_PLAIN   },
        {"us-ascii",         MIME_PLAIN   },
        {"iso-8859-1",       MIME_PLAIN   },
        {"none",             MIME_PLAIN   },
        {"plain",            MIME_PLAIN   },
        {"text",             MIME_PLAIN   },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_is_nocase(word, rows[i].name))
            return rows[i].encoding;
    }
    return 0;
}

void
mime_field_encoding(struct span text, struct mime_header *header)
{
    struct value value = {.rest = text};
    unsigned encodings;

    skip_blanks(&value);
    encodings = encoding_of(take_word(&value, ";("));
    if (encodings == 0 || value.comment || value.rest.length > 0) {
        doubt(header, "an unknown Content-Transfer-Encoding");
        encodings |= MIME_PLAIN | MIME_BASE64 | MIME_QUOTED;
    }
    if (header->encodings != 0 && header->encodings != encodings)
        doubt(header, "two fields Content-Transfer-Encoding");
    header->encodings |= encodings;
}
