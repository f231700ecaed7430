#include "shared/base/json.h"

#include "shared/base/number.h"
#include "shared/base/utf8.h"

#include <inttypes.h>
#include <math.h>

/* What a terminal or a page would not show as it is stands as its number (RFC 8259,
 * section 7: beyond U+FFFF as a pair). */
static void
write_code_point(struct buffer *out, uint32_t code_point)
{
    if (code_point == '\n') {
        buffer_append_text(out, "\\n");
    } else if (code_point > 0xffff) {
        code_point -= 0x10000;
        buffer_printf(out, "\\u%04x\\u%04x", (unsigned)(0xd800 + (code_point >> 10)),
            (unsigned)(0xdc00 + (code_point & 0x3ff)));
    } else {
        buffer_printf(out, "\\u%04x", (unsigned)code_point);
    }
}

static void
write_character(struct buffer *out, struct span character)
{
    uint32_t code_point = utf8_code_point(character, character.length);

    if (utf8_is_unseen(code_point)) {
        write_code_point(out, code_point);
        return;
    }
    if (code_point == '"' || code_point == '\\')
        buffer_append_octet(out, '\\');
    buffer_append(out, character);
}

static void
write_string(struct buffer *out, struct span text)
{
    buffer_append_octet(out, '"');
    while (text.length > 0) {
        size_t length = utf8_length(text);

        if (length == 0)
            buffer_append_text(out, "\xef\xbf\xbd");
        else
            write_character(out, span_first(text, length));
        text = span_from(text, length == 0 ? 1 : length);
    }
    buffer_append_octet(out, '"');
}

static void
begin_value(struct json *json, const char *key)
{
    if (json->needs_comma)
        buffer_append_octet(json->out, ',');
    json->needs_comma = true;
    if (key == NULL)
        return;
    write_string(json->out, span_of(key));
    buffer_append_octet(json->out, ':');
}

static void
open_with(struct json *json, char bracket)
{
    buffer_append_octet(json->out, bracket);
    json->needs_comma = false;
}

static void
close_with(struct json *json, char bracket)
{
    buffer_append_octet(json->out, bracket);
    json->needs_comma = true;
}

struct json
json_on(struct buffer *out)
{
    return (struct json){out, false};
}

void
json_object_begin(struct json *json, const char *key)
{
    begin_value(json, key);
    open_with(json, '{');
}

void
json_object_end(struct json *json)
{
    close_with(json, '}');
}

void
json_array_begin(struct json *json, const char *key)
{
    begin_value(json, key);
    open_with(json, '[');
}

void
json_array_end(struct json *json)
{
    close_with(json, ']');
}

void
json_text(struct json *json, const char *key, const char *text)
{
    if (text == NULL)
        json_null(json, key);
    else
        json_span(json, key, span_of(text));
}

void
json_span(struct json *json, const char *key, struct span text)
{
    begin_value(json, key);
    write_string(json->out, text);
}

void
json_integer(struct json *json, const char *key, int64_t number)
{
    begin_value(json, key);
    buffer_printf(json->out, "%" PRId64, number);
}

void
json_hundredths(struct json *json, const char *key, int64_t hundredths)
{
    uint64_t size = hundredths < 0 ? 0 - (uint64_t)hundredths : (uint64_t)hundredths;
    const char *sign = hundredths < 0 ? "-" : "";

    begin_value(json, key);
    if (size % 100 == 0)
        buffer_printf(json->out, "%s%" PRIu64, sign, size / 100);
    else if (size % 10 == 0)
        buffer_printf(
            json->out, "%s%" PRIu64 ".%" PRIu64, sign, size / 100, size % 100 / 10);
    else
        buffer_printf(
            json->out, "%s%" PRIu64 ".%02" PRIu64, sign, size / 100, size % 100);
}

void
json_double(struct json *json, const char *key, double number)
{
    char text[32];

    begin_value(json, key);
    if (isfinite(number))
        buffer_append_text(json->out, number_write(number, text));
    else
        buffer_append_text(json->out, "null");
}

void
json_bool(struct json *json, const char *key, bool yes)
{
    begin_value(json, key);
    buffer_append_text(json->out, yes ? "true" : "false");
}

void
json_text_if(struct json *json, const char *key, const char *text)
{
    json_text(json, key, text[0] != '\0' ? text : NULL);
}

void
json_integer_if(struct json *json, const char *key, bool is_known, int64_t number)
{
    if (is_known)
        json_integer(json, key, number);
    else
        json_null(json, key);
}

void
json_null(struct json *json, const char *key)
{
    begin_value(json, key);
    buffer_append_text(json->out, "null");
}
