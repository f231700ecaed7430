#include "policyd/replica/replica_key.h"

#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/idn.h"

static const struct {
    struct span prefix;
    enum replica_key_kind kind;
} kinds[] = {
    {{"domain:", 7}, REPLICA_KEY_DOMAIN},
    {{"pin:", 4},    REPLICA_KEY_PIN   },
    {{"unit:", 5},   REPLICA_KEY_UNIT  },
    {{"list:", 5},   REPLICA_KEY_LIST  },
};

static const struct {
    struct span key;
    enum replica_key_kind kind;
} whole_keys[] = {
    {{"accept", 6},    REPLICA_KEY_ACCEPT   },
    {{"text:hold", 9}, REPLICA_KEY_HOLD_TEXT},
};

bool
replica_name_set(struct replica_name *name, struct span text)
{
    name->length = 0;
    name->text[0] = '\0';
    if (text.length == 0 || text.length > REPLICA_NAME_MAX || span_has_control(text))
        return false;
    memcpy(name->text, text.data, text.length);
    name->text[text.length] = '\0';
    name->length = text.length;
    return true;
}

static bool
read_domain(struct span text, struct replica_name *name)
{
    char domain[DOMAIN_MAX + 1];

    return idn_to_ascii(text, domain) && replica_name_set(name, span_of(domain));
}

/*
 * Half-quoted local parts can become something that means yet another address: no key can
 * name such a recipient.
 */
static bool
is_stable(const struct replica_name *name, const struct recipient_rules *rules)
{
    struct recipient again;

    return recipient_parse(replica_name_span(name), rules, &again) &&
           span_equal(recipient_address(&again), replica_name_span(name));
}

static bool
read_recipient(
    struct span text, const struct recipient_rules *rules, struct replica_name *name)
{
    struct recipient recipient;

    return !replica_name_is_pattern(text) && recipient_parse(text, rules, &recipient) &&
           !replica_name_is_pattern(recipient_address(&recipient)) &&
           replica_name_set(name, recipient_address(&recipient)) &&
           (span_equal(replica_name_span(name), text) || is_stable(name, rules));
}

/* `<domain>:<name>`; the name is kept as it is written. */
static bool
read_list(struct span text, struct replica_key *parsed)
{
    size_t colon = span_find(text, ':');

    if (colon == SPAN_NONE)
        return false;
    parsed->list = span_from(text, colon + 1);
    return parsed->list.length > 0 && parsed->list.length <= REPLICA_LIST_NAME_MAX &&
           !span_has_control(parsed->list) &&
           read_domain(span_first(text, colon), &parsed->name);
}

static bool
read_name(
    struct span text, const struct recipient_rules *rules, struct replica_key *parsed)
{
    switch (parsed->kind) {
    case REPLICA_KEY_DOMAIN:
        return read_domain(text, &parsed->name);
    case REPLICA_KEY_PIN:
        return replica_name_read(text, rules, &parsed->name);
    case REPLICA_KEY_UNIT:
        return read_recipient(text, rules, &parsed->name);
    case REPLICA_KEY_LIST:
        return read_list(text, parsed);
    case REPLICA_KEY_OTHER:
    case REPLICA_KEY_BAD:
    case REPLICA_KEY_ACCEPT:
    case REPLICA_KEY_HOLD_TEXT:
        break;
    }
    return false;
}

void
replica_key_parse(struct span key, struct span prefix,
    const struct recipient_rules *rules, struct replica_key *parsed)
{
    struct span rest;

    parsed->kind = REPLICA_KEY_OTHER;
    parsed->as_written = false;
    parsed->name.length = 0;
    parsed->name.text[0] = '\0';
    parsed->list = span_of("");
    if (!span_starts(key, prefix))
        return;
    rest = span_from(key, prefix.length);
    for (size_t i = 0; i < ARRAY_LENGTH(whole_keys); i++) {
        if (!span_equal(rest, whole_keys[i].key))
            continue;
        parsed->kind = whole_keys[i].kind;
        parsed->as_written = true;
        return;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (!span_starts(rest, kinds[i].prefix))
            continue;
        rest = span_from(rest, kinds[i].prefix.length);
        parsed->kind = kinds[i].kind;
        if (!read_name(rest, rules, parsed))
            parsed->kind = REPLICA_KEY_BAD;
        /* Of a list's key the name is all but the domain, taken over unchanged. */
        if (parsed->kind == REPLICA_KEY_LIST)
            rest = span_first(rest, rest.length - parsed->list.length - 1);
        parsed->as_written = span_equal(rest, replica_name_span(&parsed->name));
        return;
    }
}

void
replica_key_write(const struct replica_key *key, struct span prefix, struct buffer *out)
{
    buffer_append(out, prefix);
    for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
        if (kinds[i].kind == key->kind)
            buffer_append(out, kinds[i].prefix);
    }
    buffer_append(out, replica_name_span(&key->name));
    if (key->kind == REPLICA_KEY_LIST) {
        buffer_append_octet(out, ':');
        buffer_append(out, key->list);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(whole_keys); i++) {
        if (whole_keys[i].kind == key->kind)
            buffer_append(out, whole_keys[i].key);
    }
}

bool
replica_name_read(
    struct span text, const struct recipient_rules *rules, struct replica_name *name)
{
    if (replica_name_is_pattern(text))
        return replica_name_set(name, SPAN(""));
    return (span_find(text, '@') != SPAN_NONE && read_recipient(text, rules, name)) ||
           replica_name_set(name, text);
}

bool
replica_name_is_pattern(struct span text)
{
    size_t at = span_find_last(text, '@');

    return at == 0 || (at != SPAN_NONE && (span_is(span_first(text, at), "*") ||
                                              span_is(span_first(text, at), "\"*\"")));
}

struct span
replica_name_span(const struct replica_name *name)
{
    return span_make(name->text, name->length);
}

struct span
replica_name_domain(struct span name)
{
    size_t at = span_find_last(name, '@');

    return at == SPAN_NONE ? span_of("") : span_from(name, at + 1);
}
