#include "shared/records/spf_record.h"

#include "shared/base/attributes.h"
#include "shared/base/number.h"
#include "shared/base/octet.h"
#include "shared/records/spf_macro.h"

#include <arpa/inet.h>

enum { VERSION_LENGTH = 6 }; /* "v=spf1" */

enum domain_use { DOMAIN_NONE, DOMAIN_OPTIONAL, DOMAIN_REQUIRED, DOMAIN_ADDRESS };

struct mechanism_row {
    const char *name;
    enum spf_mechanism mechanism;
    enum domain_use domain;
    bool has_prefix4;
    bool has_prefix6;
};

static const struct mechanism_row mechanisms[] = {
    {"all",     SPF_ALL,     DOMAIN_NONE,     false, false},
    {"include", SPF_INCLUDE, DOMAIN_REQUIRED, false, false},
    {"a",       SPF_A,       DOMAIN_OPTIONAL, true,  true },
    {"mx",      SPF_MX,      DOMAIN_OPTIONAL, true,  true },
    {"ptr",     SPF_PTR,     DOMAIN_OPTIONAL, false, false},
    {"ip4",     SPF_IP4,     DOMAIN_ADDRESS,  true,  false},
    {"ip6",     SPF_IP6,     DOMAIN_ADDRESS,  false, true },
    {"exists",  SPF_EXISTS,  DOMAIN_REQUIRED, false, false},
};

static bool
is_record(struct span text)
{
    return span_starts_nocase(text, SPAN("v=spf1")) &&
           (text.length == VERSION_LENGTH || text.data[VERSION_LENGTH] == ' ');
}

unsigned
spf_record_select(const struct dns_answer *answer, struct span *text)
{
    unsigned found = 0;

    for (size_t i = 0; i < answer->count && found < 2; i++) {
        if (!is_record(answer->records[i].text))
            continue;
        *text = answer->records[i].text;
        found++;
    }
    return found;
}

/* The next word, words being parted by blanks alone. */
static bool
next_word(struct span *rest, struct span *word)
{
    while (span_split(rest, ' ', word)) {
        if (word->length > 0)
            return true;
    }
    return false;
}

/* The length of a modifier's or mechanism's name at the start of a word. */
static size_t
name_length(struct span word)
{
    size_t length = 0;

    while (length < word.length) {
        char octet = word.data[length];
        bool is_other =
            octet_is_digit(octet) || octet == '-' || octet == '_' || octet == '.';

        if (!octet_is_letter(octet) && (!is_other || length == 0))
            break;
        length++;
    }
    return length;
}

/* Cuts "/digits" off the end of `text`, with `slashes` slashes; false where there is
 * none. */
static bool
cut_prefix(struct span *text, size_t slashes, struct span *digits)
{
    size_t at = text->length;

    while (at > 0 && octet_is_digit(text->data[at - 1]))
        at--;
    if (at == text->length || at < slashes)
        return false;
    for (size_t i = 1; i <= slashes; i++) {
        if (text->data[at - i] != '/')
            return false;
    }
    *digits = span_from(*text, at);
    *text = span_first(*text, at - slashes);
    return true;
}

/* Takes the prefix lengths off the end of what follows a mechanism's name. */
static bool
read_prefixes(const struct mechanism_row *row, struct span *text, struct spf_term *term)
{
    struct span digits;
    uint64_t number;

    if (row->has_prefix6 && cut_prefix(text, row->has_prefix4 ? 2 : 1, &digits)) {
        if (!number_unsigned(digits, 128, &number))
            return false;
        term->prefix6 = (unsigned)number;
    }
    if (row->has_prefix4 && cut_prefix(text, 1, &digits)) {
        if (!number_unsigned(digits, 32, &number))
            return false;
        term->prefix4 = (unsigned)number;
    }
    return true;
}

static bool
read_address(const struct mechanism_row *row, struct span text, struct spf_term *term)
{
    int family = row->mechanism == SPF_IP4 ? AF_INET : AF_INET6;
    char copy[INET6_ADDRSTRLEN];

    return span_copy(text, copy, sizeof(copy)) &&
           inet_pton(family, copy, term->address) == 1;
}

/* What follows the name: nothing, or ':' and a domain or address; prefix lengths last. */
static bool
read_rest(const struct mechanism_row *row, struct span rest, struct spf_term *term)
{
    if (!read_prefixes(row, &rest, term))
        return false;
    if (rest.length == 0)
        return row->domain == DOMAIN_NONE || row->domain == DOMAIN_OPTIONAL;
    if (row->domain == DOMAIN_NONE || rest.data[0] != ':')
        return false;
    rest = span_from(rest, 1);
    if (row->domain == DOMAIN_ADDRESS)
        return read_address(row, rest, term);
    term->domain = rest;
    return spf_macro_is_sound(rest, SPF_MACRO_DOMAIN);
}

static bool
read_mechanism(struct span word, struct spf_term *term)
{
    *term = (struct spf_term){.qualifier = '+', .prefix4 = 32, .prefix6 = 128};
    if (span_find(SPAN("+-~?"), word.data[0]) != SPAN_NONE) {
        term->qualifier = word.data[0];
        word = span_from(word, 1);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(mechanisms); i++) {
        const struct mechanism_row *row = &mechanisms[i];

        if (span_is_nocase(span_first(word, name_length(word)), row->name)) {
            term->mechanism = row->mechanism;
            return read_rest(row, span_from(word, name_length(word)), term);
        }
    }
    return false;
}

static bool
is_modifier(struct span word)
{
    size_t length = name_length(word);

    return length > 0 && length < word.length && word.data[length] == '=';
}

/* A modifier that may stand once. */
static const char *
set_once(struct span *where, struct span value, const char *twice, const char *unsound)
{
    if (where->length > 0)
        return twice;
    *where = value;
    return spf_macro_is_sound(value, SPF_MACRO_DOMAIN) ? NULL : unsound;
}

/* Gives what is wrong, or NULL. */
static const char *
read_modifier(struct span word, struct spf_record *record)
{
    struct span name = span_first(word, name_length(word));
    struct span value = span_from(word, name.length + 1);

    if (span_is_nocase(name, "redirect"))
        return set_once(&record->redirect, value, "redirect= stands twice",
            "redirect= has no valid domain");
    if (span_is_nocase(name, "exp"))
        return set_once(
            &record->exp, value, "exp= stands twice", "exp= has no valid domain");
    return spf_macro_is_sound(value, SPF_MACRO_STRING) ? NULL : "a modifier is not valid";
}

static const char *
read_word(struct span word, struct spf_record *record)
{
    struct spf_term term;

    if (is_modifier(word))
        return read_modifier(word, record);
    if (!read_mechanism(word, &term))
        return "a mechanism is unknown or not valid";
    record->has_all = record->has_all || term.mechanism == SPF_ALL;
    return NULL;
}

bool
spf_record_parse(struct span text, struct spf_record *record, const char **problem)
{
    struct span rest;
    struct span word;

    *record = (struct spf_record){.terms = span_from(text, VERSION_LENGTH)};
    *problem = is_record(text) ? NULL : "not an SPF record";
    for (size_t i = 0; i < text.length && *problem == NULL; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            *problem = "the record is not printable ASCII";
    }
    rest = record->terms;
    while (*problem == NULL && next_word(&rest, &word))
        *problem = read_word(word, record);
    return *problem == NULL;
}

bool
spf_record_next(struct span *terms, struct spf_term *term)
{
    struct span word;

    while (next_word(terms, &word)) {
        if (!is_modifier(word) && read_mechanism(word, term))
            return true;
    }
    return false;
}
