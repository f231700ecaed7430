#include "milters/mime/mime_embedded.h"

#include "milters/mime/mime_decode.h"
#include "shared/base/attributes.h"

/* A decoder takes line after line; true at the file's end. */
typedef bool (*decoder)(struct span line, struct buffer *out);

static bool
uu_line(struct span line, struct buffer *out)
{
    size_t length = line.length == 0 ? 0 : (size_t)((line.data[0] - ' ') & 63);

    if (span_is(span_trim(line), "end"))
        return true;
    for (size_t i = 1; length > 0; i += 4) {
        unsigned bits = 0;

        for (size_t k = i; k < i + 4; k++)
            bits =
                bits << 6 | (k < line.length ? (unsigned)(line.data[k] - ' ') & 63U : 0U);
        if (i >= line.length)
            break;
        for (unsigned k = 0; k < 3 && length > 0; k++, length--)
            (void)buffer_append_octet(out, (char)(bits >> (16 - 8 * k)));
    }
    return false;
}

static bool
yenc_line(struct span line, struct buffer *out)
{
    if (span_starts(line, SPAN("=yend")))
        return true;
    if (span_starts(line, SPAN("=ypart ")))
        return false;
    for (size_t i = 0; i < line.length; i++) {
        unsigned octet = (unsigned char)line.data[i];

        if (octet == '=' && i + 1 < line.length)
            octet = (unsigned char)line.data[++i] - 64U;
        (void)buffer_append_octet(out, (char)(octet - 42U));
    }
    return false;
}

/* POSIX's other form; each line is whole groups. */
static bool
base64_line(struct span line, struct buffer *out)
{
    if (span_starts(line, SPAN("====")))
        return true;
    (void)mime_decode_base64(line, MIME_PADDING_ENDS, out);
    return false;
}

static bool
is_blank(char octet)
{
    return octet == ' ' || octet == '\t';
}

/* "begin 644 name", blanks and digits as they come; to Outlook a "begin" with two blanks
 * behind it is one whatever follows. */
static bool
is_begin(struct span line)
{
    size_t at = 5;
    size_t digits;

    if (!span_starts(line, SPAN("begin")) || at == line.length ||
        !is_blank(line.data[at]))
        return false;
    while (at < line.length && is_blank(line.data[at]))
        at++;
    if (at > 6)
        return true;
    for (digits = at; at < line.length && line.data[at] >= '0' && line.data[at] <= '9';)
        at++;
    return at > digits && (at == line.length || is_blank(line.data[at]));
}

static decoder
decoder_of(struct span line)
{
    if (span_starts(line, SPAN("=ybegin ")))
        return yenc_line;
    if (span_starts(line, SPAN("begin-base64")))
        return base64_line;
    return is_begin(line) ? uu_line : NULL;
}

static struct span
take_line(struct span *text)
{
    size_t end = span_find(*text, '\n');
    struct span line = span_first(*text, end == SPAN_NONE ? text->length : end);

    *text = span_from(*text, end == SPAN_NONE ? text->length : end + 1);
    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    return line;
}

bool
mime_embedded_may_have_files(struct span text)
{
    return span_find_text(text, SPAN("\nbegin")) != SPAN_NONE ||
           span_find_text(text, SPAN("=ybegin ")) != SPAN_NONE ||
           span_starts(text, SPAN("begin"));
}

bool
mime_embedded_file(struct span *text, struct buffer *out)
{
    decoder decode = NULL;

    while (text->length > 0) {
        struct span before = *text;
        struct span line = take_line(text);

        if (decode == NULL) {
            decode = decoder_of(line);
        } else if (decode != yenc_line && decoder_of(line) != NULL) {
            /* None of its lines: what began before was a sentence, or is cut. */
            *text = before;
            return true;
        } else if (decode(line, out)) {
            return true;
        }
    }
    return decode != NULL;
}

bool
mime_embedded_may_have_values(struct span text)
{
    static const struct span kinds[] = {
        {"BEGIN:VC",     8 },
        {"begin:vc",     8 },
        {"<svg",         4 },
        {"binary-data>", 12},
        {"binaryData>",  11}
    };

    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (span_find_text(text, kinds[i]) != SPAN_NONE)
            return true;
    }
    return false;
}

/* "ATTACH;ENCODING=BASE64;VALUE=BINARY", "PHOTO;ENCODING=b", "PHOTO;BASE64". */
static bool
is_encoded(struct span property)
{
    return span_find_text_nocase(property, SPAN(";ENCODING=B")) != SPAN_NONE ||
           span_find_text_nocase(property, SPAN(";BASE64")) != SPAN_NONE;
}

/* A line with its folds. */
static struct span
line_value(struct span text)
{
    size_t length = 0;

    while (length < text.length &&
           (text.data[length] != '\n' ||
               (length + 1 < text.length && is_blank(text.data[length + 1]))))
        length++;
    return span_first(text, length);
}

/* Up to what ends it in XML and in a URI. */
static struct span
alphabet_value(struct span text)
{
    size_t length = 0;

    while (length < text.length && text.data[length] != '<' && text.data[length] != '"' &&
           text.data[length] != '\'' && text.data[length] != ')')
        length++;
    return span_first(text, length);
}

static bool
ends_with(struct span text, struct span end)
{
    return text.length >= end.length &&
           span_equal_nocase(span_from(text, text.length - end.length), end);
}

/* Whether base64 stands behind the text, which ends with a comma or a bracket. */
static bool
announces(struct span text)
{
    return ends_with(text, SPAN(";base64,")) || ends_with(text, SPAN("binary-data>")) ||
           ends_with(text, SPAN("binaryData>"));
}

/* The first value in the text; the last of it, empty, where there is none. */
static struct span
find_value(struct span text)
{
    size_t start = 0; /* of a line */
    bool named = false;
    bool quoted = false;

    for (size_t i = 0; i < text.length; i++) {
        char octet = text.data[i];

        if (octet == '\n' && (i + 1 == text.length || !is_blank(text.data[i + 1]))) {
            start = i + 1;
            named = quoted = false;
        } else if (octet == '"') {
            quoted = !quoted;
        } else if (octet == ':' && !named && !quoted) {
            named = true;
            if (is_encoded(span_from(span_first(text, i), start)))
                return line_value(span_from(text, i + 1));
        } else if ((octet == ',' || octet == '>') && announces(span_first(text, i + 1))) {
            return alphabet_value(span_from(text, i + 1));
        }
    }
    return span_from(text, text.length);
}

bool
mime_embedded_value(struct span *text, struct buffer *out)
{
    struct span value = find_value(*text);

    *text = span_from(*text, (size_t)(value.data - text->data) + value.length);
    (void)mime_decode_base64(value, MIME_PADDING_ENDS, out);
    return value.length > 0 || text->length > 0;
}

struct span
mime_embedded_binhex(struct span text)
{
    size_t at = span_find_text(text, SPAN("(This file must be converted with BinHex"));

    return at == SPAN_NONE || at == 0 ? span_first(text, 0) : span_from(text, at);
}
