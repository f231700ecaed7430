#include "shared/records/dmarc_record.h"

#include "shared/base/attributes.h"
#include "shared/base/domain.h"
#include "shared/base/octet.h"

/* Blanks and tabs alone: a line end is no white space here. */
static struct span
trim(struct span text)
{
    while (text.length > 0 && octet_is_blank(text.data[0]))
        text = span_from(text, 1);
    while (text.length > 0 && octet_is_blank(text.data[text.length - 1]))
        text.length--;
    return text;
}

static bool
split_tag(struct span part, struct span *name, struct span *value)
{
    size_t equals = span_find(part, '=');

    if (equals == SPAN_NONE)
        return false;
    *name = trim(span_first(part, equals));
    *value = trim(span_from(part, equals + 1));
    return true;
}

/* What the record says, before it is decided what that comes to. */
struct tags {
    struct span p, sp, np, adkim, aspf, t, psd, rua;
    bool repeats;
};

static void
read_tag(struct tags *tags, struct span name, struct span value)
{
    const struct {
        const char *name;
        struct span *value;
    } rows[] = {
        {"p",     &tags->p    },
        {"sp",    &tags->sp   },
        {"np",    &tags->np   },
        {"adkim", &tags->adkim},
        {"aspf",  &tags->aspf },
        {"t",     &tags->t    },
        {"psd",   &tags->psd  },
        {"rua",   &tags->rua  },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (!span_is_nocase(name, rows[i].name))
            continue;
        if (rows[i].value->data != NULL)
            tags->repeats = true;
        else
            *rows[i].value = value;
    }
}

/* Absent tags leave the policy alone; false for what is there and no policy. */
static bool
read_policy(struct span value, enum dmarc_policy *policy)
{
    if (value.data == NULL)
        return true;
    for (int i = DMARC_POLICY_NONE; i <= DMARC_POLICY_REJECT; i++) {
        if (span_is_nocase(value, dmarc_policy_name((enum dmarc_policy)i))) {
            *policy = (enum dmarc_policy)i;
            return true;
        }
    }
    return false;
}

static bool
is_scheme_octet(char octet, bool first)
{
    return octet_is_letter(octet) || (!first && (octet_is_digit(octet) || octet == '+' ||
                                                    octet == '-' || octet == '.'));
}

/* A scheme and something visible behind it; with mailto: an address at a domain. */
static bool
is_uri(struct span text)
{
    size_t colon = span_find(text, ':');
    struct span target;
    size_t at;

    if (colon == SPAN_NONE || colon == 0 || colon + 1 == text.length)
        return false;
    for (size_t i = 0; i < colon; i++) {
        if (!is_scheme_octet(text.data[i], i == 0))
            return false;
    }
    for (size_t i = colon; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    if (!span_is_nocase(span_first(text, colon), "mailto"))
        return true;
    target = span_from(text, colon + 1);
    /* RFC 7489 had a size behind an exclamation mark. */
    if (span_find_last(target, '!') != SPAN_NONE)
        target.length = span_find_last(target, '!');
    at = span_find_last(target, '@');
    return at != SPAN_NONE && at > 0 && domain_is_valid(span_from(target, at + 1));
}

static bool
has_uri(struct span list)
{
    struct span part;

    while (span_split(&list, ',', &part)) {
        if (is_uri(trim(part)))
            return true;
    }
    return false;
}

/* An invalid policy is p=none where someone can be told of it, else no policy at all. */
static void
judge(const struct tags *tags, struct dmarc_record *record)
{
    bool valid = tags->p.data != NULL && read_policy(tags->p, &record->policy);

    record->subdomain_policy = record->policy;
    valid = read_policy(tags->sp, &record->subdomain_policy) && valid;
    record->nonexistent_policy = record->subdomain_policy;
    valid = read_policy(tags->np, &record->nonexistent_policy) && valid;
    record->usable = valid || has_uri(tags->rua);
    if (!valid) {
        record->policy = DMARC_POLICY_NONE;
        record->subdomain_policy = DMARC_POLICY_NONE;
        record->nonexistent_policy = DMARC_POLICY_NONE;
    }
    record->strict_dkim = span_is_nocase(tags->adkim, "s");
    record->strict_spf = span_is_nocase(tags->aspf, "s");
    record->testing = span_is_nocase(tags->t, "y");
    record->psd = span_is_nocase(tags->psd, "y")   ? DMARC_PSD_YES
                  : span_is_nocase(tags->psd, "n") ? DMARC_PSD_NO
                                                   : DMARC_PSD_UNKNOWN;
    record->repeats = tags->repeats;
}

bool
dmarc_record_parse(struct span text, struct dmarc_record *record)
{
    struct tags tags = {.repeats = false};
    struct span rest = text;
    struct span part;
    struct span name;
    struct span value;

    *record = (struct dmarc_record){.usable = false};
    if (text.length == 0 || octet_is_blank(text.data[0]) ||
        !span_split(&rest, ';', &part) || !split_tag(part, &name, &value) ||
        !span_is_nocase(name, "v") || !span_is(value, "DMARC1"))
        return false;
    while (span_split(&rest, ';', &part)) {
        if (split_tag(part, &name, &value))
            read_tag(&tags, name, value);
    }
    judge(&tags, record);
    return true;
}

const char *
dmarc_policy_name(enum dmarc_policy policy)
{
    static const char *const names[] = {
        [DMARC_POLICY_NONE] = "none",
        [DMARC_POLICY_QUARANTINE] = "quarantine",
        [DMARC_POLICY_REJECT] = "reject",
    };

    return names[policy];
}
