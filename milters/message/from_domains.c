#include "milters/message/from_domains.h"

#include "milters/message/encoded_word.h"
#include "shared/base/attributes.h"
#include "shared/base/idn.h"
#include "shared/base/octet.h"

#include <string.h>

enum {
    NAME_MAX_OCTETS = 1024,
    COMMENT_MAX = 8192, /* octets of a comment that is looked over */
    VALUES_MAX = 4 << 20,
};

/* Text to be looked through, and what is found. */
struct search {
    struct span rest;
    struct from_domains *domains;
    size_t at_signs;
};

static void
add_ascii(struct from_domains *domains, const char *name)
{
    if (domain_label_count(span_of(name)) < 2)
        return;
    for (size_t i = 0; i < domains->count; i++) {
        if (strcmp(domains->names[i], name) == 0)
            return;
    }
    if (domains->count == FROM_DOMAINS_MAX)
        domains->more = true;
    else
        memcpy(domains->names[domains->count++], name, strlen(name) + 1);
}

/* A name, and what of it a reader shows who stops at the first octet beyond ASCII. */
static void
add_name(struct from_domains *domains, struct span name)
{
    char ascii[DOMAIN_MAX + 1];
    size_t length = 0;

    while (name.length > 0 && name.data[name.length - 1] == '.')
        name.length--;
    if (idn_to_ascii(name, ascii)) {
        add_ascii(domains, ascii);
        return;
    }
    while (length < name.length && (name.data[length] & 0x80) == 0)
        length++;
    if (length < name.length && idn_to_ascii(span_first(name, length), ascii))
        add_ascii(domains, ascii);
}

static bool
is_gap(char octet)
{
    return octet_is_white(octet) || octet == '"' || octet == '\\';
}

static bool
is_name_octet(char octet)
{
    return (octet & 0x80) != 0 || octet_is_letter_or_digit(octet) || octet == '-' ||
           octet == '_';
}

/* Behind a comment; the same text where it has no end nearby. */
static struct span
skip_comment(struct span text)
{
    size_t depth = 0;

    for (size_t i = 0; i < text.length && i < COMMENT_MAX; i++) {
        if (text.data[i] == '(')
            depth++;
        else if (text.data[i] == ')' && --depth == 0)
            return span_from(text, i + 1);
    }
    return text;
}

/* White space, quotes, backslashes and comments. */
static struct span
skip_gap(struct span rest)
{
    for (;;) {
        struct span before = rest;

        if (rest.length > 0 && is_gap(rest.data[0]))
            rest = span_from(rest, 1);
        else if (rest.length > 0 && rest.data[0] == '(')
            rest = skip_comment(rest);
        if (rest.length == before.length)
            return rest;
    }
}

static bool
starts_name(struct span rest)
{
    return rest.length > 0 && is_name_octet(rest.data[0]);
}

static struct span
skip_dots(struct span rest)
{
    while (rest.length > 0 && rest.data[0] == '.')
        rest = skip_gap(span_from(rest, 1));
    return rest;
}

/* What stands before a name that some reader shows as if it were not there: a bracket, a
 * label of nothing.  An address in brackets is no name. */
static struct span
skip_before_name(struct span rest)
{
    rest = skip_gap(rest);
    if (rest.length > 0 && rest.data[0] == '<')
        rest = skip_gap(span_from(rest, 1));
    if (rest.length > 1 && rest.data[0] == '[' && !octet_is_digit(rest.data[1]))
        rest = skip_gap(span_from(rest, 1));
    return skip_dots(rest);
}

/* Behind an at sign: each name that ends where some reader ends it. */
static void
take_names(struct search *search)
{
    char text[NAME_MAX_OCTETS];
    size_t length = 0;

    search->rest = skip_before_name(search->rest);
    while (starts_name(search->rest) && length + 2 < sizeof(text)) {
        struct span behind;

        for (; starts_name(search->rest) && length + 2 < sizeof(text);
             search->rest = span_from(search->rest, 1))
            text[length++] = search->rest.data[0];
        behind = skip_gap(search->rest);
        if (behind.length == 0 || behind.data[0] != '.')
            break;
        if (behind.length < search->rest.length)
            add_name(search->domains, span_make(text, length));
        text[length++] = '.';
        search->rest = span_from(behind, 1);
        behind = skip_gap(search->rest);
        if (behind.length < search->rest.length)
            add_name(search->domains, span_make(text, length));
        search->rest = skip_dots(behind);
    }
    if (length > 0)
        add_name(search->domains, span_make(text, length));
}

/* Behind the next at sign, also one that Unicode makes an at sign of (full width, small);
 * false: there is none. */
static bool
find_at_sign(struct span *rest)
{
    static const struct span signs[] = {
        {"@",            1},
        {"\xef\xbc\xa0", 3},
        {"\xef\xb9\xab", 3}
    };
    size_t first = SPAN_NONE;
    size_t behind = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(signs); i++) {
        size_t at = span_find_text(*rest, signs[i]);

        if (at < first) {
            first = at;
            behind = at + signs[i].length;
        }
    }
    *rest = span_from(*rest, behind);
    return first != SPAN_NONE;
}

static void
look_through(struct search *search, struct span text)
{
    search->rest = text;
    while (!search->domains->more && find_at_sign(&search->rest)) {
        if (++search->at_signs > FROM_AT_SIGNS_MAX)
            search->domains->more = true;
        else
            take_names(search);
    }
}

void
from_domains_read(
    const struct header_field *fields, size_t field_count, struct from_domains *domains)
{
    struct search search = {.domains = domains};
    struct buffer decoded;

    domains->count = 0;
    domains->more = false;
    buffer_init(&decoded, VALUES_MAX);
    for (size_t i = 0; i < field_count; i++) {
        if (!header_field_is(&fields[i], SPAN("From")))
            continue;
        look_through(&search, fields[i].value);
        buffer_reset(&decoded);
        if (encoded_word_decode(fields[i].value, &decoded))
            look_through(&search, buffer_span(&decoded));
        domains->more |= !buffer_ok(&decoded);
    }
    buffer_clear(&decoded);
}
