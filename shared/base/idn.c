#include "shared/base/idn.h"

#include <idn2.h>

/* Longer input can't give a name of 253 octets and would only cost time. */
enum { INPUT_MAX = 1024 };

/* Letters, digits, underscores, and single hyphens inside labels: what IDNA maps to
 * itself, case aside. */
static bool
is_plain(struct span name)
{
    return domain_is_valid(name) && name.data[0] != '-' &&
           name.data[name.length - 1] != '-' &&
           span_find_text(name, SPAN("--")) == SPAN_NONE &&
           span_find_text(name, SPAN("-.")) == SPAN_NONE &&
           span_find_text(name, SPAN(".-")) == SPAN_NONE;
}

static bool
convert(struct span name, char out[DOMAIN_MAX + 1])
{
    char input[INPUT_MAX + 1];
    char *converted = NULL;
    bool fits;

    if (!span_copy(name, input, sizeof(input)))
        return false;
    if (idn2_to_ascii_8z(input, &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
        IDN2_OK)
        return false;
    fits = span_copy(span_of(converted), out, DOMAIN_MAX + 1);
    idn2_free(converted);
    return fits;
}

bool
idn_to_ascii(struct span name, char out[DOMAIN_MAX + 1])
{
    bool done;

    out[0] = '\0';
    if (name.length > 0 && name.data[name.length - 1] == '.')
        name.length--;
    /* Nearly all names need no library; "xn--" and odd hyphens are libidn2's to judge. */
    if (is_plain(name))
        done = span_copy(name, out, DOMAIN_MAX + 1);
    else
        done = convert(name, out);
    span_lower(out, span_of(out).length);
    if (!done || !domain_is_valid(span_of(out))) {
        out[0] = '\0';
        return false;
    }
    return true;
}

bool
idn_to_text(struct span name, char out[IDN_TEXT_MAX])
{
    char ascii[DOMAIN_MAX + 1];
    char *converted = NULL;
    bool done;

    out[0] = '\0';
    if (!idn_to_ascii(name, ascii) ||
        idn2_to_unicode_8z8z(ascii, &converted, 0) != IDN2_OK)
        return false;
    done = span_copy(span_of(converted), out, IDN_TEXT_MAX);
    idn2_free(converted);
    return done;
}
