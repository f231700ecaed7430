#include "milters/message/author.h"

#include "shared/base/idn.h"
#include "shared/base/octet.h"
#include "shared/base/utf8.h"

#include <string.h>

/* The text still to be read, and where domains go.  The first thing wrong sticks. */
struct reader {
    struct span rest;
    const char *wrong;
    struct author *author;
    size_t addresses;
};

static bool
fail(struct reader *reader, const char *wrong)
{
    if (reader->wrong == NULL)
        reader->wrong = wrong;
    return false;
}

/* The next octet, or NUL at the end: a NUL in the text is refused before. */
static char
peek(const struct reader *reader)
{
    if (reader->rest.length == 0)
        return '\0';
    return reader->rest.data[0];
}

static void
skip(struct reader *reader)
{
    reader->rest = span_from(reader->rest, 1);
}

static bool
take(struct reader *reader, char octet)
{
    if (peek(reader) != octet)
        return false;
    skip(reader);
    return true;
}

/* Atoms of ASCII or of anything above it: UTF-8 is asked for where it matters. */
static bool
is_atom_octet(char octet)
{
    return (octet & 0x80) != 0 || octet_is_letter_or_digit(octet) ||
           (octet != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", octet) != NULL);
}

/* Text up to the closing quote or parenthesis of the one just opened. */
static bool
skip_enclosed(struct reader *reader, char open, char close, const char *unclosed)
{
    size_t depth = 1;

    skip(reader);
    while (reader->rest.length > 0) {
        char octet = peek(reader);

        skip(reader);
        if (octet == '\\') {
            if (reader->rest.length == 0)
                break;
            skip(reader);
        } else if (octet == close) {
            if (--depth == 0)
                return true;
        } else if (octet == open) {
            depth++;
        }
    }
    return fail(reader, unclosed);
}

static void
skip_cfws(struct reader *reader)
{
    for (;;) {
        if (octet_is_white(peek(reader)))
            skip(reader);
        else if (peek(reader) != '(' ||
                 !skip_enclosed(reader, '(', ')', "unclosed comment"))
            return;
    }
}

static struct span
take_atom(struct reader *reader)
{
    size_t length = 0;
    struct span atom;

    while (length < reader->rest.length && is_atom_octet(reader->rest.data[length]))
        length++;
    atom = span_first(reader->rest, length);
    reader->rest = span_from(reader->rest, length);
    return atom;
}

/* Words and dots up to the next other special: a name, or the local part of an address.
 */
struct words {
    size_t words;
    size_t dots;
    bool is_local;     /* words parted by single dots, and no empty quoted string alone */
    bool expects_word; /* at the start, behind a dot */
    struct span text;
};

static bool
add_word(struct reader *reader, struct words *words)
{
    struct span before = reader->rest;

    if (peek(reader) == '"') {
        if (!skip_enclosed(reader, '"', '"', "unclosed quote"))
            return false;
        if (before.length - reader->rest.length == 2)
            words->is_local = false;
    } else {
        (void)take_atom(reader);
    }
    if (!words->expects_word)
        words->is_local = false;
    words->expects_word = false;
    words->words++;
    return true;
}

static bool
take_words(struct reader *reader, struct words *words)
{
    struct span before;

    skip_cfws(reader);
    before = reader->rest;
    *words = (struct words){.is_local = true, .expects_word = true};
    for (;;) {
        skip_cfws(reader);
        if (reader->wrong != NULL)
            return false;
        if (peek(reader) == '"' || is_atom_octet(peek(reader))) {
            if (!add_word(reader, words))
                return false;
        } else if (take(reader, '.')) {
            if (words->words == 0)
                return fail(reader, "a dot where a name or address should begin");
            if (words->expects_word)
                words->is_local = false;
            words->expects_word = true;
            words->dots++;
        } else {
            words->text = span_first(before, before.length - reader->rest.length);
            return true;
        }
    }
}

/*
 * A local part that readers could take for something else is none: an encoded-word is
 * decoded by some of them (Chen et al. 2020).
 */
static bool
check_local(struct reader *reader, const struct words *words)
{
    size_t encoded = span_find_text(words->text, SPAN("=?"));

    if (words->words == 0)
        return fail(reader, "empty local part");
    if (!words->is_local || words->expects_word)
        return fail(reader, "no local part before the at sign");
    if (encoded != SPAN_NONE &&
        span_find_text(span_from(words->text, encoded + 2), SPAN("?=")) != SPAN_NONE)
        return fail(reader, "encoded-word in an address");
    if (!utf8_is_valid(words->text))
        return fail(reader, "local part is no UTF-8");
    return true;
}

static bool
add_domain(struct reader *reader, const char *domain)
{
    struct author *author = reader->author;

    if (++reader->addresses > AUTHOR_ADDRESSES_MAX)
        return fail(reader, "too many addresses");
    for (size_t i = 0; i < author->count; i++) {
        if (strcmp(author->domains[i], domain) == 0)
            return true;
    }
    if (author->count == AUTHOR_DOMAINS_MAX)
        return fail(reader, "too many author domains");
    memcpy(author->domains[author->count++], domain, strlen(domain) + 1);
    return true;
}

/* Whether white space or a comment is next. */
static bool
is_at_gap(const struct reader *reader)
{
    return octet_is_white(peek(reader)) || peek(reader) == '(';
}

/*
 * Behind the at sign: atoms parted by dots, a final dot allowed.  The obsolete syntax has
 * white space and comments at the dots; readers end the name there, and show another.
 */
static bool
take_domain(struct reader *reader)
{
    char text[1024];
    char ascii[DOMAIN_MAX + 1];
    size_t length = 0;
    bool gap;

    skip_cfws(reader);
    if (peek(reader) == '[')
        return fail(reader, "domain literal");
    do {
        struct span atom = take_atom(reader);

        if (length + atom.length + 1 > sizeof(text))
            return fail(reader, "domain too long");
        if (atom.length == 0 && (length == 0 || peek(reader) == '.'))
            return fail(reader, "empty label");
        if (atom.length > 0)
            memcpy(text + length, atom.data, atom.length);
        length += atom.length;
        text[length++] = '.';
        gap = is_at_gap(reader);
        skip_cfws(reader);
        if (gap &&
            (peek(reader) == '.' || (atom.length == 0 && is_atom_octet(peek(reader)))))
            return fail(reader, "white space or a comment inside a domain");
    } while (take(reader, '.'));
    if (text[length - 1] == '.')
        length--;
    if (!idn_to_ascii(span_make(text, length), ascii))
        return fail(reader, "no valid domain");
    if (domain_label_count(span_of(ascii)) < 2)
        return fail(reader, "domain of one label");
    return add_domain(reader, ascii);
}

static bool
take_angle_address(struct reader *reader)
{
    struct words local;

    skip_cfws(reader);
    if (peek(reader) == '@')
        return fail(reader, "source route");
    if (!take_words(reader, &local))
        return false;
    if (!take(reader, '@'))
        return fail(reader, "no at sign in an address");
    if (!check_local(reader, &local) || !take_domain(reader))
        return false;
    if (!take(reader, '>'))
        return fail(reader, "no closing bracket behind the address");
    return true;
}

/* A mailbox, or the beginning of a group where none is open. */
static bool
take_element(struct reader *reader, bool *in_group)
{
    struct words words;

    if (!take_words(reader, &words))
        return false;
    if (take(reader, '<'))
        return take_angle_address(reader);
    if (take(reader, '@'))
        return check_local(reader, &words) && take_domain(reader);
    if (!*in_group && words.words > 0 && take(reader, ':')) {
        *in_group = true;
        return true;
    }
    return fail(reader, "not an address");
}

/* Behind an element: a comma, the end of its group, or of all. */
static bool
check_end(struct reader *reader, bool in_group)
{
    skip_cfws(reader);
    if (reader->rest.length == 0 || peek(reader) == ',' ||
        (in_group && peek(reader) == ';'))
        return true;
    return fail(reader, "text behind an address");
}

/* Mailboxes and groups parted by commas; empty elements are allowed. */
static bool
take_list(struct reader *reader)
{
    bool in_group = false;

    for (;;) {
        bool was_in_group = in_group;

        skip_cfws(reader);
        if (reader->wrong != NULL)
            return false;
        if (reader->rest.length == 0)
            return !in_group || fail(reader, "unclosed group");
        if (take(reader, ','))
            continue;
        if (in_group && take(reader, ';'))
            in_group = false;
        else if (!take_element(reader, &in_group))
            return false;
        if (in_group && !was_in_group)
            continue;
        if (!check_end(reader, in_group))
            return false;
    }
}

static bool
read_value(struct reader *reader, struct span value)
{
    size_t before = reader->addresses;

    if (value.length > AUTHOR_VALUE_MAX)
        return fail(reader, "From field too long");
    if (header_field_has_control(value))
        return fail(reader, "control character in the From field");
    reader->rest = value;
    if (!take_list(reader))
        return false;
    return reader->addresses > before || fail(reader, "no address in the From field");
}

void
author_read(const struct header_field *fields, size_t field_count, struct author *author)
{
    struct reader reader = {.author = author};
    size_t found = 0;

    *author = (struct author){.kind = AUTHOR_ONE};
    for (size_t i = 0; i < field_count && reader.wrong == NULL; i++) {
        if (!header_field_is(&fields[i], SPAN("From")))
            continue;
        found++;
        if (fields[i].name.length != strlen("From"))
            (void)fail(&reader, "white space before the colon of the From field");
        else
            (void)read_value(&reader, fields[i].value);
    }
    if (found == 0)
        (void)fail(&reader, "no From field");
    if (reader.wrong != NULL) {
        *author = (struct author){.kind = AUTHOR_BAD, .reason = reader.wrong};
    } else if (found > 1) {
        author->kind = AUTHOR_SEVERAL;
        author->reason = "several From fields";
    } else if (author->count > 1) {
        author->kind = AUTHOR_SEVERAL;
        author->reason = "several author domains";
    }
}
