#include "policyd/wire/smtp_reply.h"

#include <stdio.h>
#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/base/number.h"
#include "shared/base/octet.h"
#include "shared/base/utf8.h"

struct line {
    unsigned code;
    bool more; /* others follow */
    struct span text;
};

static bool
parse_line(struct span text, struct line *line)
{
    if (text.length < 3 || text.data[0] < '2' || text.data[0] > '5' ||
        !octet_is_digit(text.data[1]) || !octet_is_digit(text.data[2]) ||
        (text.length > 3 && text.data[3] != ' ' && text.data[3] != '-'))
        return false;
    line->code = 100 * (unsigned)(text.data[0] - '0') +
                 10 * (unsigned)(text.data[1] - '0') + (unsigned)(text.data[2] - '0');
    line->more = text.length > 3 && text.data[3] == '-';
    line->text = span_trim(span_from(text, 4));
    return true;
}

/*
 * RFC 3463, as the class of the reply's code; the span is empty where there is none.
 */
static struct span
enhanced_in(struct span text, unsigned code)
{
    size_t at = 0;

    for (int part = 0; part < 3; part++) {
        size_t start = at;

        while (at < text.length && octet_is_digit(text.data[at]) && at - start < 3)
            at++;
        if (at == start || (part == 0 && at != 1))
            return SPAN("");
        if (part < 2 && (at == text.length || text.data[at++] != '.'))
            return SPAN("");
    }
    if ((at < text.length && text.data[at] != ' ') ||
        (unsigned)(text.data[0] - '0') != code / 100)
        return SPAN("");
    return span_first(text, at);
}

/* UTF-8 as it is; what moves or hides the text about it, and what is none, as '?'. */
static void
append_visible(struct buffer *out, struct span text)
{
    while (text.length > 0 && out->length < SMTP_REPLY_TEXT_MAX) {
        size_t length = utf8_length(text);

        if (length == 0 || utf8_is_unseen(utf8_code_point(text, length))) {
            (void)buffer_append_octet(out, '?');
            length = length == 0 ? 1 : length;
        } else if (!buffer_append(out, span_first(text, length))) {
            return;
        }
        text = span_from(text, length);
    }
}

static void
take_text(struct smtp_reply *reply, struct buffer *text, const struct line *line)
{
    struct span enhanced = enhanced_in(line->text, line->code);

    if (text->length == 0 && reply->enhanced[0] == '\0')
        (void)span_copy(enhanced, reply->enhanced, sizeof(reply->enhanced));
    if (text->length > 0)
        (void)buffer_append_octet(text, ' ');
    append_visible(text, span_trim(span_from(line->text, enhanced.length)));
}

static enum wire_result
bad(struct error *error, const char *what)
{
    (void)error_permanent(error, "%s", what);
    return WIRE_BAD;
}

/* A line that isn't whole yet may be wrong already. */
static enum wire_result
look_at_rest(struct span rest, size_t before, struct error *error)
{
    struct line line;

    if (rest.length >= SMTP_REPLY_LINE_MAX)
        return bad(error, "a line of the reply is too long");
    if (before + rest.length >= SMTP_REPLY_MAX)
        return bad(error, "the reply is too long");
    if (rest.length >= 4 && !parse_line(span_first(rest, 4), &line) &&
        !(rest.data[3] == '\r' && parse_line(span_first(rest, 3), &line)))
        return bad(error, "what came is no reply of SMTP");
    return WIRE_MORE;
}

static enum wire_result
read_lines(struct span input, struct smtp_reply *reply, struct buffer *text, size_t *used,
    struct error *error)
{
    struct span rest = input;
    struct span whole;
    struct line line = {.more = true};

    for (size_t lines = 0; line.more; lines++) {
        if (lines == SMTP_REPLY_LINES_MAX)
            return bad(error, "the reply has too many lines");
        if (!span_line(&rest, &whole))
            return look_at_rest(rest, input.length - rest.length, error);
        *used = input.length - rest.length;
        if (whole.length + 2 > SMTP_REPLY_LINE_MAX)
            return bad(error, "a line of the reply is too long");
        if (*used > SMTP_REPLY_MAX)
            return bad(error, "the reply is too long");
        if (!parse_line(whole, &line))
            return bad(error, "what came is no reply of SMTP");
        if (lines > 0 && line.code != reply->code)
            return bad(error, "the lines of the reply have different codes");
        reply->code = line.code;
        take_text(reply, text, &line);
    }
    return WIRE_DONE;
}

enum wire_result
smtp_reply_read(
    struct span input, struct smtp_reply *reply, size_t *used, struct error *error)
{
    enum wire_result result;
    struct buffer text;

    *reply = (struct smtp_reply){.code = 0};
    *used = 0;
    buffer_init(&text, SMTP_REPLY_TEXT_MAX);
    result = read_lines(input, reply, &text, used, error);
    (void)span_copy(span_trim(buffer_span(&text)), reply->text, sizeof(reply->text));
    buffer_clear(&text);
    return result;
}

void
smtp_reply_write(const struct smtp_reply *reply, char out[SMTP_REPLY_WRITTEN_MAX + 1])
{
    (void)snprintf(out, SMTP_REPLY_WRITTEN_MAX + 1, "%u%s%s%s%s", reply->code,
        reply->enhanced[0] != '\0' ? " " : "", reply->enhanced,
        reply->text[0] != '\0' ? " " : "", reply->text);
}

/* --- EHLO --- */

static void
take_size(struct smtp_extensions *extensions, struct span argument)
{
    uint64_t size;

    if (argument.length > 0 && !number_unsigned(argument, UINT64_MAX, &size))
        return;
    extensions->size = true;
    if (argument.length > 0 && size > 0 &&
        (extensions->size_max == 0 || size < extensions->size_max))
        extensions->size_max = size;
}

static void
take_keyword(struct smtp_extensions *extensions, struct span text)
{
    static const struct {
        const char *word;
        size_t offset;
    } rows[] = {
        {"STARTTLS",            offsetof(struct smtp_extensions, starttls)      },
        {"PIPELINING",          offsetof(struct smtp_extensions, pipelining)    },
        {"8BITMIME",            offsetof(struct smtp_extensions, eight_bit_mime)},
        {"SMTPUTF8",            offsetof(struct smtp_extensions, smtputf8)      },
        {"DSN",                 offsetof(struct smtp_extensions, dsn)           },
        {"ENHANCEDSTATUSCODES", offsetof(struct smtp_extensions, enhanced_codes)},
        {"CHUNKING",            offsetof(struct smtp_extensions, chunking)      }
    };
    struct span word;

    if (!span_word(&text, &word))
        return;
    if (span_is_nocase(word, "SIZE"))
        take_size(extensions, span_trim(text));
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (span_is_nocase(word, rows[i].word))
            *(bool *)((char *)extensions + rows[i].offset) = true;
    }
}

void
smtp_extensions_read(struct span reply, struct smtp_extensions *extensions)
{
    struct span whole;
    struct line line;
    bool is_name = true;

    *extensions = (struct smtp_extensions){.size_max = 0};
    while (span_line(&reply, &whole) && parse_line(whole, &line)) {
        if (!is_name)
            take_keyword(extensions, line.text);
        is_name = false;
    }
}
