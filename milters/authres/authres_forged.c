#include "milters/authres/authres_forged.h"

#include "shared/base/attributes.h"
#include "shared/base/buffer.h"
#include "shared/base/idn.h"
#include "shared/base/octet.h"

#include <string.h>

static bool
is_token_octet(char octet)
{
    return octet > ' ' && octet < 0x7f && strchr("()<>@,;:\\\"/[]?=", octet) == NULL;
}

static struct span
without_final_dot(struct span name)
{
    if (name.length > 0 && name.data[name.length - 1] == '.')
        name.length--;
    return name;
}

static bool
is_name(struct span name, struct span other)
{
    return span_equal_nocase(
        without_final_dot(span_trim(name)), without_final_dot(span_trim(other)));
}

/* False where a comment is never closed. */
static bool
skip_cfws(struct span *rest)
{
    size_t depth = 0;
    size_t i = 0;

    for (; i < rest->length; i++) {
        char octet = rest->data[i];

        if (octet == '(')
            depth++;
        else if (depth > 0 && octet == ')')
            depth--;
        else if (depth > 0 && octet == '\\')
            i++;
        else if (depth == 0 && !octet_is_white(octet))
            break;
    }
    *rest = span_from(*rest, i);
    return depth == 0;
}

/* A quoted string's text; false where it is never closed. */
static bool
take_quoted(struct span *rest, struct buffer *out)
{
    for (size_t i = 1; i < rest->length; i++) {
        char octet = rest->data[i];

        if (octet == '"') {
            *rest = span_from(*rest, i + 1);
            return true;
        }
        if (octet == '\\' && i + 1 < rest->length)
            octet = rest->data[++i];
        if (octet != '\r' && octet != '\n')
            buffer_append_octet(out, octet);
    }
    return false;
}

static void
take_token(struct span *rest, struct buffer *out)
{
    size_t length = 0;

    while (length < rest->length && is_token_octet(rest->data[length]))
        length++;
    buffer_append(out, span_first(*rest, length));
    *rest = span_from(*rest, length);
}

/* What stands behind the word that is the id. */
enum behind {
    BEHIND_ID,     /* its end, a version and its end, or what makes the word a method */
    BEHIND_OTHERS, /* the rest of another's id: "id/x" */
    BEHIND_MORE,   /* more of a name, parted from it: readers take it differently */
};

static bool
is_end(struct span rest)
{
    return rest.length == 0 || rest.data[0] == ';';
}

static enum behind
read_behind(struct span rest)
{
    struct span before = rest;
    size_t digits = 0;
    char next;

    if (rest.length > 0 && (rest.data[0] == '/' || rest.data[0] == '@'))
        return BEHIND_OTHERS;
    if (!skip_cfws(&rest) || is_end(rest))
        return BEHIND_ID;
    next = rest.data[0];
    if (rest.length == before.length)
        return next == '"' || next == '.' || (unsigned char)next < ' ' ? BEHIND_MORE
                                                                       : BEHIND_ID;
    while (digits < rest.length && octet_is_digit(rest.data[digits]))
        digits++;
    rest = span_from(rest, digits);
    if (digits > 0)
        return skip_cfws(&rest) && is_end(rest) ? BEHIND_ID : BEHIND_MORE;
    return next == '"' || is_token_octet(next) ? BEHIND_MORE : BEHIND_ID;
}

/* The authserv-id and what stands behind it. */
static bool
read_id(struct span value, struct buffer *id, enum behind *behind)
{
    struct span rest = value;

    if (!skip_cfws(&rest) || rest.length == 0)
        return false;
    if (rest.data[0] == '"') {
        if (!take_quoted(&rest, id))
            return false;
        if (rest.length > 0 && is_token_octet(rest.data[0])) {
            *behind = BEHIND_MORE;
            return true;
        }
    } else {
        take_token(&rest, id);
    }
    *behind = read_behind(rest);
    return id->length > 0;
}

/*
 * Whether an encoded word (RFC 2047) stands in or before the id: whoever decodes it reads
 * another id than we do.
 */
static bool
has_encoded_word(struct span value)
{
    struct span rest = value;
    bool quoted = false;
    size_t i = 0;

    (void)skip_cfws(&rest);
    for (; i < rest.length && (quoted || rest.data[i] != ';'); i++) {
        if (rest.data[i] == '"')
            quoted = !quoted;
        else if (rest.data[i] == '\\')
            i++;
    }
    return span_find_text(span_first(value, value.length - rest.length + i + 1),
               SPAN("=?")) != SPAN_NONE;
}

/* The id without white space and comments, as a reader that cuts those first has it. */
static bool
is_name_apart(struct span id, struct span authserv_id)
{
    struct buffer together;
    bool is_ours;

    buffer_init(&together, id.length);
    while (id.length > 0) {
        if (!skip_cfws(&id) || id.length == 0)
            break;
        buffer_append_octet(&together, id.data[0]);
        id = span_from(id, 1);
    }
    is_ours = is_name(buffer_span(&together), authserv_id);
    buffer_clear(&together);
    return is_ours;
}

/*
 * The authserv-id in other letters than ASCII (RFC 6532): U-labels, or what IDNA maps to
 * ours, as whoever compares A-labels will read it.
 */
static bool
is_international_name(struct span value, struct span authserv_id)
{
    char ascii[DOMAIN_MAX + 1];
    struct span rest = value;
    struct buffer id;
    bool is_ours;

    if (!skip_cfws(&rest) || rest.length == 0)
        return false;
    buffer_init(&id, value.length);
    if (rest.data[0] == '"')
        (void)take_quoted(&rest, &id);
    for (; rest.length > 0 && (is_token_octet(rest.data[0]) || rest.data[0] & 0x80);
         rest = span_from(rest, 1))
        buffer_append_octet(&id, rest.data[0]);
    is_ours = !span_is_ascii(buffer_span(&id)) &&
              idn_to_ascii(span_trim(buffer_span(&id)), ascii) &&
              is_name(span_of(ascii), authserv_id);
    buffer_clear(&id);
    return is_ours;
}

bool
authres_claims(struct span value, struct span authserv_id)
{
    enum behind behind = BEHIND_ID;
    struct buffer id;
    bool claims;

    if (has_encoded_word(value) || is_international_name(value, authserv_id))
        return true;
    buffer_init(&id, value.length);
    if (read_id(value, &id, &behind))
        claims = behind == BEHIND_MORE ||
                 (behind == BEHIND_ID && is_name_apart(buffer_span(&id), authserv_id));
    else
        claims =
            span_find_text_nocase(value, without_final_dot(authserv_id)) != SPAN_NONE;
    buffer_clear(&id);
    return claims;
}

static bool
is_name_octet(char octet)
{
    return (octet & 0x80) != 0 || octet_is_letter_or_digit(octet) || octet == '-' ||
           octet == '_' || octet == '.';
}

/* A name of ours that stands as the value of another key, or in an address, is no claim.
 */
static bool
is_claim(struct span before)
{
    static const char *const others[] = {
        "client-ip", "envelope-from", "helo", "problem", "identity", "mechanism"};
    size_t start;

    while (before.length > 0 && (octet_is_white(before.data[before.length - 1]) ||
                                    before.data[before.length - 1] == '"'))
        before.length--;
    if (before.length == 0)
        return true;
    if (before.data[before.length - 1] == '@')
        return false;
    if (before.data[before.length - 1] != '=')
        return true;
    before = span_trim(span_first(before, before.length - 1));
    for (start = before.length; start > 0 && is_name_octet(before.data[start - 1]) &&
                                before.data[start - 1] != '.';)
        start--;
    for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
        if (span_is_nocase(span_from(before, start), others[i]))
            return false;
    }
    return true;
}

/* Whether `id` stands in the text as a whole name that claims. */
static bool
has_claim(struct span text, struct span id)
{
    size_t from = 0;
    size_t at;

    while ((at = span_find_text_nocase(span_from(text, from), id)) != SPAN_NONE) {
        size_t start = from + at;
        size_t end = start + id.length;
        bool begins = start == 0 || !is_name_octet(text.data[start - 1]);
        bool ends = end == text.length || !is_name_octet(text.data[end]) ||
                    (text.data[end] == '.' &&
                        (end + 1 == text.length || !is_name_octet(text.data[end + 1])));

        if (begins && ends && is_claim(span_first(text, start)))
            return true;
        from = start + 1;
    }
    return false;
}

static void
append_unescaped(struct buffer *out, struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] != '\\')
            buffer_append_octet(out, text.data[i]);
    }
}

/* White space and comments at the front; comments only while all are closed. */
static size_t
gap_length(struct span text, bool *closed)
{
    struct span rest = text;
    size_t length = 0;

    while (length < text.length && octet_is_white(text.data[length]))
        length++;
    if (!*closed || length == text.length || text.data[length] != '(')
        return length;
    *closed = skip_cfws(&rest);
    return *closed ? text.length - rest.length : length;
}

/* Quoted pairs hide nothing once the backslashes are gone, nor do white space and
 * comments beside a dot. */
static void
write_plain(struct span value, struct buffer *out)
{
    bool closed = true;

    while (value.length > 0) {
        size_t length = gap_length(value, &closed);
        struct span rest = span_from(value, length);

        if (!span_ends(buffer_span(out), SPAN(".")) && !span_starts(rest, SPAN(".")))
            append_unescaped(out, span_first(value, length));
        append_unescaped(out, span_first(rest, 1));
        value = span_from(rest, 1);
    }
}

/* The receiver in other letters than ASCII that IDNA maps to ours. */
static bool
has_international_receiver(struct span text, struct span id)
{
    static const struct span key = {"receiver=", sizeof("receiver=") - 1};
    size_t at;

    while ((at = span_find_text_nocase(text, key)) != SPAN_NONE) {
        char ascii[DOMAIN_MAX + 1];
        size_t length = 0;

        text = span_from(text, at + key.length);
        if (text.length > 0 && text.data[0] == '"')
            text = span_from(text, 1);
        while (length < text.length && is_name_octet(text.data[length]))
            length++;
        if (!span_is_ascii(span_first(text, length)) &&
            idn_to_ascii(span_first(text, length), ascii) && is_name(span_of(ascii), id))
            return true;
    }
    return false;
}

bool
authres_received_spf_claims(struct span value, struct span authserv_id)
{
    struct span id = without_final_dot(authserv_id);
    struct buffer plain;
    bool claims;

    if (id.length == 0)
        return false;
    buffer_init(&plain, value.length);
    write_plain(value, &plain);
    claims = span_find_text(value, SPAN("=?")) != SPAN_NONE || has_claim(value, id) ||
             has_claim(buffer_span(&plain), id) ||
             has_international_receiver(buffer_span(&plain), id);
    buffer_clear(&plain);
    return claims;
}
