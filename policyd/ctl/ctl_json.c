#include "policyd/ctl/ctl_json.h"

#include <string.h>

#include "shared/base/utf8.h"

struct reader {
    struct arena *arena;
    struct span whole;
    size_t at;
    size_t depth;
    size_t nodes;
    struct error *error;
};

static bool
fail(struct reader *reader, const char *what)
{
    return error_permanent(reader->error, "no JSON: %s at octet %zu", what, reader->at);
}

static bool
at_end(const struct reader *reader)
{
    return reader->at == reader->whole.length;
}

/* '\0' at the end: no octet of a document. */
static char
look(const struct reader *reader)
{
    if (at_end(reader))
        return '\0';
    return reader->whole.data[reader->at];
}

static void
skip_blanks(struct reader *reader)
{
    while (!at_end(reader) && span_find(SPAN(" \t\r\n"), look(reader)) != SPAN_NONE)
        reader->at++;
}

static bool
take(struct reader *reader, char octet)
{
    if (at_end(reader) || look(reader) != octet)
        return false;
    reader->at++;
    return true;
}

static bool
take_word(struct reader *reader, struct span word)
{
    if (!span_starts(span_from(reader->whole, reader->at), word))
        return false;
    reader->at += word.length;
    return true;
}

static size_t
take_digits(struct reader *reader)
{
    size_t count = 0;

    for (; look(reader) >= '0' && look(reader) <= '9'; count++)
        reader->at++;
    return count;
}

static bool
read_number(struct reader *reader, struct ctl_json *value)
{
    size_t start = reader->at;

    (void)take(reader, '-');
    if (take(reader, '0')) {
        if (take_digits(reader) > 0)
            return fail(reader, "a number with a leading zero");
    } else if (take_digits(reader) == 0) {
        return fail(reader, "no value");
    }
    if (take(reader, '.') && take_digits(reader) == 0)
        return fail(reader, "a number without digits behind its point");
    if (take(reader, 'e') || take(reader, 'E')) {
        if (!take(reader, '+'))
            (void)take(reader, '-');
        if (take_digits(reader) == 0)
            return fail(reader, "an exponent without digits");
    }
    value->kind = CTL_JSON_NUMBER;
    value->text = span_make(reader->whole.data + start, reader->at - start);
    return true;
}

static bool
read_hex(struct reader *reader, uint32_t *number)
{
    static const char digits[] = "0123456789abcdef";

    *number = 0;
    for (int i = 0; i < 4; i++) {
        size_t digit = at_end(reader) ? SPAN_NONE
                                      : span_find(span_make(digits, 16),
                                            span_lower_octet(look(reader)));

        if (digit == SPAN_NONE)
            return fail(reader, "no four hex digits");
        *number = *number * 16 + (uint32_t)digit;
        reader->at++;
    }
    return true;
}

static size_t
write_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* Behind "\u"; a character beyond the first 65,536 is two of them. */
static bool
read_escaped_point(struct reader *reader, char *out, size_t *length)
{
    uint32_t point;
    uint32_t low;

    if (!read_hex(reader, &point))
        return false;
    if (point >= 0xdc00 && point <= 0xdfff)
        return fail(reader, "half a surrogate pair");
    if (point >= 0xd800 && point <= 0xdbff) {
        if (!take_word(reader, SPAN("\\u")) || !read_hex(reader, &low))
            return fail(reader, "half a surrogate pair");
        if (low < 0xdc00 || low > 0xdfff)
            return fail(reader, "half a surrogate pair");
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    *length += write_utf8(out + *length, point);
    return true;
}

static bool
read_escape(struct reader *reader, char *out, size_t *length)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    size_t place;

    if (take(reader, 'u'))
        return read_escaped_point(reader, out, length);
    place = at_end(reader) ? SPAN_NONE : span_find(span_make(from, 8), look(reader));
    if (place == SPAN_NONE)
        return fail(reader, "an unknown escape");
    out[(*length)++] = to[place];
    reader->at++;
    return true;
}

/* A character as it stands. */
static bool
copy_character(struct reader *reader, char *out, size_t *length)
{
    struct span rest = span_from(reader->whole, reader->at);
    size_t size = utf8_length(rest);

    if (size == 0 || (unsigned char)rest.data[0] < 0x20)
        return fail(reader, "no UTF-8, or a control octet");
    memcpy(out + *length, rest.data, size);
    *length += size;
    reader->at += size;
    return true;
}

/* Behind the first quote.  Decoded, a text is never longer than it was. */
static bool
read_text(struct reader *reader, struct span *text)
{
    size_t end = reader->at;
    size_t length = 0;
    char *out;

    while (end < reader->whole.length && reader->whole.data[end] != '"')
        end += reader->whole.data[end] == '\\' ? 2 : 1;
    if (end >= reader->whole.length)
        return fail(reader, "a text without its end");
    out = arena_take(reader->arena, end - reader->at + 1);
    while (!take(reader, '"')) {
        if (take(reader, '\\') ? !read_escape(reader, out, &length)
                               : !copy_character(reader, out, &length))
            return false;
    }
    *text = span_make(out, length);
    return true;
}

/* Whether a member of this name may follow. */
static bool
is_new_name(const struct ctl_json *first, struct span name)
{
    size_t count = 0;

    for (const struct ctl_json *i = first; i != NULL; i = i->next) {
        if (++count == CTL_JSON_MEMBERS_MAX || span_equal(i->name, name))
            return false;
    }
    return true;
}

static bool
read_name(struct reader *reader, const struct ctl_json *first, struct ctl_json *member)
{
    if (!take(reader, '"'))
        return fail(reader, "no name of a member");
    if (!read_text(reader, &member->name))
        return false;
    if (!is_new_name(first, member->name))
        return fail(reader, "a name that stands twice, or too many of them");
    skip_blanks(reader);
    return take(reader, ':') || fail(reader, "no colon");
}

/* An array or object whose end was not seen yet. */
struct level {
    struct ctl_json *value;
    struct ctl_json **end; /* where its next member goes */
    char last;
};

/* The next member of the innermost one, its name read; NULL: an error. */
static struct ctl_json *
new_member(struct reader *reader, struct level *level)
{
    struct ctl_json *member = arena_take(reader->arena, sizeof(*member));

    if (++reader->nodes > CTL_JSON_NODES_MAX) {
        (void)fail(reader, "too many values");
        return NULL;
    }
    skip_blanks(reader);
    if (level->last == '}' && !read_name(reader, level->value->first, member))
        return NULL;
    *level->end = member;
    level->end = &member->next;
    return member;
}

static bool
read_scalar(struct reader *reader, struct ctl_json *value)
{
    if (take(reader, '"')) {
        value->kind = CTL_JSON_TEXT;
        return read_text(reader, &value->text);
    }
    if (take_word(reader, SPAN("true")))
        value->kind = CTL_JSON_TRUE;
    else if (take_word(reader, SPAN("false")))
        value->kind = CTL_JSON_FALSE;
    else if (take_word(reader, SPAN("null")))
        value->kind = CTL_JSON_NULL;
    else
        return read_number(reader, value);
    return true;
}

/* Opens an array or object, if one begins here; *opened tells. */
static bool
open_level(
    struct reader *reader, struct ctl_json *value, struct level *levels, bool *opened)
{
    bool is_object = take(reader, '{');

    *opened = is_object || take(reader, '[');
    if (!*opened)
        return true;
    if (reader->depth == CTL_JSON_DEPTH_MAX)
        return fail(reader, "too deep");
    value->kind = is_object ? CTL_JSON_OBJECT : CTL_JSON_ARRAY;
    levels[reader->depth++] = (struct level){value, &value->first, is_object ? '}' : ']'};
    return true;
}

/* Behind a whole value: closes what ends there.  *next is the value to be read then, or
 * NULL when all is read. */
static bool
go_on(struct reader *reader, struct level *levels, struct ctl_json **next)
{
    *next = NULL;
    while (reader->depth > 0) {
        struct level *level = &levels[reader->depth - 1];

        skip_blanks(reader);
        if (take(reader, ',')) {
            *next = new_member(reader, level);
            return *next != NULL;
        }
        if (!take(reader, level->last))
            return fail(reader, "no end of an array or object");
        reader->depth--;
    }
    return true;
}

static bool
read_document(struct reader *reader, struct ctl_json *value)
{
    struct level levels[CTL_JSON_DEPTH_MAX];
    bool opened;

    while (value != NULL) {
        skip_blanks(reader);
        if (!open_level(reader, value, levels, &opened))
            return false;
        if (!opened) {
            if (!read_scalar(reader, value) || !go_on(reader, levels, &value))
                return false;
            continue;
        }
        skip_blanks(reader);
        if (look(reader) == levels[reader->depth - 1].last) {
            if (!go_on(reader, levels, &value))
                return false;
        } else {
            value = new_member(reader, &levels[reader->depth - 1]);
            if (value == NULL)
                return false;
        }
    }
    return true;
}

const struct ctl_json *
ctl_json_parse(struct arena *arena, struct span text, struct error *error)
{
    struct reader reader = {.arena = arena, .whole = text, .error = error};
    struct ctl_json *value = arena_take(arena, sizeof(*value));

    if (!read_document(&reader, value))
        return NULL;
    skip_blanks(&reader);
    if (!at_end(&reader)) {
        (void)fail(&reader, "more behind the value");
        return NULL;
    }
    return value;
}

const struct ctl_json *
ctl_json_get(const struct ctl_json *object, const char *name)
{
    static const struct ctl_json null = {.kind = CTL_JSON_NULL};

    if (object->kind != CTL_JSON_OBJECT)
        return &null;
    for (const struct ctl_json *i = object->first; i != NULL; i = i->next) {
        if (span_is(i->name, name))
            return i;
    }
    return &null;
}

struct span
ctl_json_text(const struct ctl_json *object, const char *name)
{
    return ctl_json_get(object, name)->text;
}

bool
ctl_json_is_true(const struct ctl_json *object, const char *name)
{
    return ctl_json_get(object, name)->kind == CTL_JSON_TRUE;
}

bool
ctl_json_is_null(const struct ctl_json *object, const char *name)
{
    return ctl_json_get(object, name)->kind == CTL_JSON_NULL;
}
