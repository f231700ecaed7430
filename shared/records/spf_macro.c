#include "shared/records/spf_macro.h"

#include "shared/base/attributes.h"
#include "shared/base/octet.h"

#include <arpa/inet.h>
#include <string.h>

/*
 * Of a name's expansion only the last 253 octets count, a final dot, and the dot in
 * front; so a long text of macros costs no more memory than this.
 */
enum { TAIL = SPF_MACRO_NAME_MAX + 2, TAIL_SLACK = 4096 };

/* One macro's value before it is split: the longest is %{s}. */
enum { VALUE_MAX = 8192, PARTS_MAX = 127 };

struct macro {
    char letter;  /* lower case; 0: `literal` stands for itself */
    bool escapes; /* upper case letter */
    bool reverses;
    unsigned parts; /* the rightmost so many; 0: all */
    struct span delimiters;
    struct span literal;
};

static bool
is_in(char octet, const char *set)
{
    return octet != '\0' && strchr(set, octet) != NULL;
}

static char
first(struct span text)
{
    if (text.length == 0)
        return '\0';
    return text.data[0];
}

/* What stands between "%{" and "}". */
static bool
read_body(struct span body, struct macro *macro)
{
    unsigned parts = 0;
    bool has_parts = false;

    macro->letter = span_lower_octet(first(body));
    macro->escapes = first(body) != macro->letter;
    if (!is_in(macro->letter, "slodiphcrtv"))
        return false;
    body = span_from(body, 1);
    while (octet_is_digit(first(body))) {
        parts = parts * 10 + (unsigned)(first(body) - '0');
        if (parts > PARTS_MAX)
            parts = PARTS_MAX; /* no name has more labels */
        has_parts = true;
        body = span_from(body, 1);
    }
    if (has_parts && parts == 0)
        return false;
    macro->parts = parts;
    macro->reverses = span_lower_octet(first(body)) == 'r';
    if (macro->reverses)
        body = span_from(body, 1);
    macro->delimiters = body;
    for (size_t i = 0; i < body.length; i++) {
        if (!is_in(body.data[i], ".-+,/_="))
            return false;
    }
    return true;
}

/* The macro at the start of `rest`, which is moved behind it. */
static bool
read_macro(struct span *rest, struct macro *macro)
{
    static const struct {
        const char *text;
        struct span stands_for;
    } literals[] = {
        {"%%", {"%", 1}  },
        {"%_", {" ", 1}  },
        {"%-", {"%20", 3}}
    };
    size_t end;

    *macro = (struct macro){.letter = '\0'};
    for (size_t i = 0; i < ARRAY_LENGTH(literals); i++) {
        if (span_starts(*rest, span_of(literals[i].text))) {
            macro->literal = literals[i].stands_for;
            *rest = span_from(*rest, 2);
            return true;
        }
    }
    end = span_find(*rest, '}');
    if (!span_starts(*rest, SPAN("%{")) || end == SPAN_NONE ||
        !read_body(span_first(span_from(*rest, 2), end - 2), macro))
        return false;
    *rest = span_from(*rest, end + 1);
    return true;
}

/* The literal text up to the next '%'. */
static struct span
take_literal(struct span *rest)
{
    size_t length = span_find(*rest, '%');
    struct span literal = span_first(*rest, length);

    *rest = span_from(*rest, literal.length);
    return literal;
}

/* Section 12: toplabel, letters, digits and hyphens inside, not digits alone. */
static bool
is_top_label(struct span label)
{
    bool has_other_than_digit = false;

    if (label.length == 0 || !octet_is_letter_or_digit(label.data[0]) ||
        !octet_is_letter_or_digit(label.data[label.length - 1]))
        return false;
    for (size_t i = 0; i < label.length; i++) {
        if (!octet_is_letter_or_digit(label.data[i]) && label.data[i] != '-')
            return false;
        has_other_than_digit = has_other_than_digit || !octet_is_digit(label.data[i]);
    }
    return has_other_than_digit;
}

/* Section 12: domain-end, where `tail` is what follows the last macro. */
static bool
ends_a_domain(struct span tail, bool has_macro)
{
    size_t dot;

    if (tail.length == 0)
        return has_macro;
    if (span_ends(tail, SPAN(".")))
        tail = span_first(tail, tail.length - 1);
    dot = span_find_last(tail, '.');
    return dot != SPAN_NONE && is_top_label(span_from(tail, dot + 1));
}

bool
spf_macro_is_sound(struct span text, enum spf_macro_kind kind)
{
    char least = kind == SPF_MACRO_EXPLANATION ? 0x20 : 0x21;
    struct span tail = take_literal(&text);
    struct macro macro;
    bool has_macro = false;

    for (;;) {
        for (size_t i = 0; i < tail.length; i++) {
            if (tail.data[i] < least || tail.data[i] > 0x7e)
                return false;
        }
        if (text.length == 0)
            break;
        if (!read_macro(&text, &macro))
            return false;
        if (kind != SPF_MACRO_EXPLANATION && is_in(macro.letter, "crt"))
            return false;
        has_macro = true;
        tail = take_literal(&text);
    }
    return kind != SPF_MACRO_DOMAIN || ends_a_domain(tail, has_macro);
}

bool
spf_macro_has(struct span text, char letter)
{
    struct macro macro;

    (void)take_literal(&text);
    while (text.length > 0 && read_macro(&text, &macro)) {
        if (macro.letter == letter)
            return true;
        (void)take_literal(&text);
    }
    return false;
}

/* The client's address as %{i} has it: with v6 each hexadecimal digit a label. */
static void
add_dotted(const struct spf_values *values, struct buffer *out)
{
    for (size_t i = 0; i < values->address_length; i++) {
        unsigned octet = values->address[i];

        if (values->address_length == 4)
            buffer_printf(out, i > 0 ? ".%u" : "%u", octet);
        else
            buffer_printf(out, i > 0 ? ".%X.%X" : "%X.%X", octet >> 4, octet & 15);
    }
}

static void
add_readable(const struct spf_values *values, struct buffer *out)
{
    char text[INET6_ADDRSTRLEN];
    int family = values->address_length == 4 ? AF_INET : AF_INET6;

    if (inet_ntop(family, values->address, text, sizeof(text)) != NULL)
        buffer_append_text(out, text);
}

static void
add_value(char letter, const struct spf_values *values, struct buffer *out)
{
    switch (letter) {
    case 's':
        buffer_append(out, values->local);
        buffer_append_octet(out, '@');
        buffer_append(out, values->sender_domain);
        break;
    case 'l':
        buffer_append(out, values->local);
        break;
    case 'o':
        buffer_append(out, values->sender_domain);
        break;
    case 'd':
        buffer_append(out, values->domain);
        break;
    case 'i':
        add_dotted(values, out);
        break;
    case 'p':
        buffer_append(out, values->validated);
        break;
    case 'v':
        buffer_append_text(out, values->address_length == 4 ? "in-addr" : "ip6");
        break;
    case 'h':
        buffer_append(out, values->helo);
        break;
    case 'c':
        add_readable(values, out);
        break;
    case 'r':
        buffer_append(out, values->receiver);
        break;
    case 't':
        buffer_printf(out, "%lld", (long long)values->now);
        break;
    default:
        break;
    }
}

/* Takes the last of the parts that the delimiters make, or the first, from `rest`. */
static bool
take_part(struct span *rest, struct span delimiters, bool from_the_end, struct span *part)
{
    size_t length = rest->length;

    if (rest->data == NULL)
        return false;
    for (size_t i = 0; i < length; i++) {
        size_t at = from_the_end ? length - 1 - i : i;

        if (span_find(delimiters, rest->data[at]) == SPAN_NONE)
            continue;
        *part = from_the_end ? span_from(*rest, at + 1) : span_first(*rest, at);
        *rest = from_the_end ? span_first(*rest, at) : span_from(*rest, at + 1);
        return true;
    }
    *part = *rest;
    rest->data = NULL;
    return true;
}

/*
 * Section 7.3: split at the delimiters, reverse, keep the rightmost parts, join with
 * dots. The rightmost of the reversed are the first of the value.
 */
static void
transform(struct span value, const struct macro *macro, struct buffer *out)
{
    struct span delimiters = macro->delimiters.length > 0 ? macro->delimiters : SPAN(".");
    struct span parts[PARTS_MAX];
    size_t most = macro->parts > 0 ? macro->parts : PARTS_MAX;
    size_t count = 0;

    if (macro->parts == 0 && !macro->reverses && macro->delimiters.length == 0) {
        buffer_append(out, value);
        return;
    }
    while (count < most && take_part(&value, delimiters, !macro->reverses, &parts[count]))
        count++;
    for (size_t i = count; i-- > 0;) {
        buffer_append(out, parts[i]);
        if (i > 0)
            buffer_append_octet(out, '.');
    }
}

/* Section 7.3: upper case letters escape what RFC 3986 does not call unreserved. */
static void
escape(struct span text, struct buffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char octet = (unsigned char)text.data[i];

        if (octet_is_letter_or_digit(text.data[i]) || is_in(text.data[i], "-._~"))
            buffer_append_octet(out, text.data[i]);
        else
            buffer_printf(out, "%%%02X", octet);
    }
}

/* Memory that the macros of one text use one after the other. */
struct scratch {
    struct buffer value;
    struct buffer transformed;
};

static void
expand_macro(const struct macro *macro, const struct spf_values *values,
    struct scratch *scratch, struct buffer *out)
{
    if (macro->letter == '\0') {
        buffer_append(out, macro->literal);
        return;
    }
    buffer_reset(&scratch->value);
    buffer_reset(&scratch->transformed);
    add_value(macro->letter, values, &scratch->value);
    transform(buffer_span(&scratch->value), macro, &scratch->transformed);
    if (macro->escapes)
        escape(buffer_span(&scratch->transformed), out);
    else
        buffer_append(out, buffer_span(&scratch->transformed));
}

static void
keep_tail(struct buffer *out)
{
    if (out->length > TAIL_SLACK)
        buffer_consume(out, out->length - TAIL);
}

static void
expand(
    struct span text, const struct spf_values *values, bool only_tail, struct buffer *out)
{
    struct scratch scratch;
    struct span literal;
    struct macro macro;

    buffer_init(&scratch.value, VALUE_MAX);
    buffer_init(&scratch.transformed, VALUE_MAX);
    for (;;) {
        literal = take_literal(&text);
        if (only_tail && literal.length > TAIL)
            literal = span_from(literal, literal.length - TAIL);
        buffer_append(out, literal);
        if (text.length == 0 || !read_macro(&text, &macro))
            break;
        expand_macro(&macro, values, &scratch, out);
        if (only_tail)
            keep_tail(out);
    }
    buffer_clear(&scratch.value);
    buffer_clear(&scratch.transformed);
}

void
spf_macro_expand(struct span text, const struct spf_values *values, struct buffer *out)
{
    expand(text, values, false, out);
}

/* Section 7.3: labels go from the left until the name fits. */
static struct span
fit(struct span name)
{
    if (span_ends(name, SPAN(".")))
        name = span_first(name, name.length - 1);
    if (name.length > SPF_MACRO_NAME_MAX) {
        struct span tail = span_from(name, name.length - SPF_MACRO_NAME_MAX - 1);
        size_t dot = span_find(tail, '.');

        name = dot == SPAN_NONE ? span_make(NULL, 0) : span_from(tail, dot + 1);
    }
    return name;
}

struct span
spf_macro_name(
    struct span text, const struct spf_values *values, char out[SPF_MACRO_NAME_MAX])
{
    struct buffer expanded;
    struct span name;

    buffer_init(&expanded, TAIL_SLACK + TAIL + 1 + 3 * VALUE_MAX);
    expand(text, values, true, &expanded);
    name = fit(buffer_span(&expanded));
    if (name.length > 0)
        memcpy(out, name.data, name.length);
    buffer_clear(&expanded);
    return span_make(out, name.length);
}
