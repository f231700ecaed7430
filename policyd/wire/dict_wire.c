#include "policyd/wire/dict_wire.h"

#include "shared/base/number.h"

static const struct escape {
    char octet;
    char letter;
} escapes[] = {
    {'\0',   '0'},
    {'\001', '1'},
    {'\t',   't'},
    {'\r',   'r'},
    {'\n',   'n'}
};

static enum wire_result
bad(struct error *error, const char *why)
{
    (void)error_permanent(error, "%s", why);
    return WIRE_BAD;
}

/* The field is no longer than a line, so that the key has room for it. */
static bool
unescape(struct span field, struct dict_request *request)
{
    request->length = 0;
    for (size_t i = 0; i < field.length; i++) {
        char octet = field.data[i];

        if (octet == '\001') {
            size_t row = 0;

            i++;
            while (row < ARRAY_LENGTH(escapes) &&
                   (i == field.length || escapes[row].letter != field.data[i]))
                row++;
            if (row == ARRAY_LENGTH(escapes))
                return false;
            octet = escapes[row].octet;
        }
        request->key[request->length++] = octet;
    }
    return true;
}

static bool
is_hello(struct span fields)
{
    struct span major;
    struct span minor;
    uint64_t number;

    return span_split(&fields, '\t', &major) && number_unsigned(major, 4, &number) &&
           number >= 3 && span_split(&fields, '\t', &minor) &&
           number_unsigned(minor, 1000000, &number);
}

static enum wire_result
parse_line(struct span line, struct dict_request *request, struct error *error)
{
    struct span fields;
    struct span key;

    if (line.length == 0)
        return bad(error, "an empty line");
    request->letter = '?';
    if (line.data[0] > ' ' && line.data[0] < 0x7f)
        request->letter = line.data[0];
    request->length = 0;
    fields = span_from(line, 1);
    switch (line.data[0]) {
    case 'H':
        request->command = DICT_HELLO;
        return is_hello(fields) ? WIRE_DONE
                                : bad(error, "a hello of another protocol version");
    case 'L':
        request->command = DICT_LOOKUP;
        if (!span_split(&fields, '\t', &key) || !unescape(key, request))
            return bad(error, "a key with a bad escape");
        return WIRE_DONE;
    case 'I':
        request->command = DICT_ITERATE;
        return WIRE_DONE;
    default:
        request->command = DICT_OTHER;
        return WIRE_DONE;
    }
}

enum wire_result
dict_wire_parse(
    struct span input, struct dict_request *request, size_t *used, struct error *error)
{
    size_t end = span_find(span_first(input, DICT_LINE_MAX), '\n');

    if (end == SPAN_NONE)
        return input.length >= DICT_LINE_MAX ? bad(error, "a line that is too long")
                                             : WIRE_MORE;
    *used = end + 1;
    return parse_line(span_first(input, end), request, error);
}

struct span
dict_wire_key(const struct dict_request *request)
{
    return span_make(request->key, request->length);
}

void
dict_wire_write(struct buffer *out, char letter, struct span text)
{
    buffer_append_octet(out, letter);
    for (size_t i = 0; i < text.length; i++) {
        size_t row = 0;

        while (row < ARRAY_LENGTH(escapes) && escapes[row].octet != text.data[i])
            row++;
        if (row == ARRAY_LENGTH(escapes)) {
            buffer_append_octet(out, text.data[i]);
        } else {
            buffer_append_octet(out, '\001');
            buffer_append_octet(out, escapes[row].letter);
        }
    }
    buffer_append_octet(out, '\n');
}
