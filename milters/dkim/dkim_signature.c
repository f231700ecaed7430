#include "milters/dkim/dkim_signature.h"

#include "shared/base/domain.h"
#include "shared/base/octet.h"
#include "shared/records/base64.h"

#include <string.h>

enum {
    IDENTITY_MAX = 255,
    LIBRARY_NAMES_MAX = 4095, /* octets of h= that libopendkim keeps */
    TIME_DIGITS = 12,
    LENGTH_DIGITS = 76,
};

/* What is being read, and times that are judged once all is. */
struct reading {
    struct dkim_signature *signature;
    struct arena *arena;
    bool has_expiry;
    uint64_t expires_at;
};

/* Digits with leading zeros; what is above 64 bits is the largest number there is. */
static bool
read_digits(struct span text, size_t most, uint64_t *number)
{
    *number = 0;
    if (text.length == 0 || text.length > most)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned)(text.data[i] - '0');

        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        if (*number > (UINT64_MAX - digit) / 10)
            *number = UINT64_MAX;
        else
            *number = *number * 10 + digit;
    }
    return true;
}

static const char *
lower_text(struct reading *reading, struct span text)
{
    char *copy = arena_take(reading->arena, text.length + 1);

    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    span_lower(copy, text.length);
    return copy;
}

static struct span
squeezed(struct reading *reading, struct span value)
{
    struct buffer out;
    struct span copy;

    buffer_init(&out, DKIM_SIGNATURE_MAX);
    tag_append_squeezed(value, &out);
    copy = arena_span(reading->arena, buffer_span(&out));
    buffer_clear(&out);
    return copy;
}

static const char *
read_domain(struct reading *reading, struct span value)
{
    if (!domain_is_valid(value) || domain_label_count(value) < 2)
        return "d= is no domain";
    reading->signature->domain = lower_text(reading, value);
    return NULL;
}

static const char *
read_selector(struct reading *reading, struct span value)
{
    if (!domain_is_valid(value))
        return "s= is no selector";
    reading->signature->selector = lower_text(reading, value);
    return NULL;
}

static const char *
read_algorithm(struct reading *reading, struct span value)
{
    struct dkim_signature *signature = reading->signature;
    const char *name = lower_text(reading, value);
    bool sha1 = strcmp(name, "rsa-sha1") == 0;

    if (strcmp(name, "rsa-sha256") == 0)
        signature->algorithm = DKIM_RSA_SHA256;
    else if (strcmp(name, "ed25519-sha256") == 0)
        signature->algorithm = DKIM_ED25519_SHA256;
    else if (!sha1)
        return "unknown algorithm";
    signature->algorithm_name = name;
    return sha1 ? "rsa-sha1" : NULL;
}

static const char *
check_base64(struct span value, const char *wrong)
{
    struct buffer data;
    bool good;

    buffer_init(&data, DKIM_SIGNATURE_MAX);
    good = base64_decode(value, &data) && data.length > 0;
    buffer_clear(&data);
    return good ? NULL : wrong;
}

static const char *
read_signature(struct reading *reading, struct span value)
{
    const char *wrong = check_base64(value, "b= is no base64");

    if (wrong == NULL)
        reading->signature->signature = squeezed(reading, value);
    return wrong;
}

static const char *
read_body_hash(struct reading *reading, struct span value)
{
    (void)reading;
    return check_base64(value, "bh= is no base64");
}

static const char *
read_version(struct reading *reading, struct span value)
{
    (void)reading;
    return span_is(value, "1") ? NULL : "v= is not 1";
}

static bool
read_form(struct span text, enum dkim_form *form)
{
    *form = span_is_nocase(text, "relaxed") ? DKIM_RELAXED : DKIM_SIMPLE;
    return *form == DKIM_RELAXED || span_is_nocase(text, "simple");
}

static const char *
read_canonical(struct reading *reading, struct span value)
{
    struct dkim_signature *signature = reading->signature;
    struct span body = value;
    struct span header;

    (void)span_split(&body, '/', &header);
    if (!read_form(header, &signature->header_form) ||
        (body.data != NULL && !read_form(body, &signature->body_form)))
        return "unknown c=";
    return NULL;
}

static const char *
read_queries(struct reading *reading, struct span value)
{
    struct span part;

    (void)reading;
    while (tag_next_part(&value, &part)) {
        if (span_is_nocase(part, "dns/txt"))
            return NULL;
    }
    return "unknown q=";
}

static bool
is_field_name(struct span name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] <= ' ' || name.data[i] > '~')
            return false;
    }
    return name.length > 0;
}

static const char *
read_names(struct reading *reading, struct span value)
{
    struct span rest = value;
    struct span name;
    size_t count = 0;

    while (tag_next_part(&rest, &name)) {
        if (!is_field_name(name))
            return "h= is no list of fields";
        if (++count > DKIM_NAMES_MAX)
            return "h= names too many fields";
    }
    reading->signature->names = squeezed(reading, value);
    if (dkim_signature_names(reading->signature, SPAN("From")) == 0)
        return "h= lacks From";
    return NULL;
}

static const char *
read_length(struct reading *reading, struct span value)
{
    reading->signature->has_length = true;
    if (!read_digits(value, LENGTH_DIGITS, &reading->signature->length))
        return "l= is no number";
    /* No body is that long, and libopendkim takes it for no limit. */
    return reading->signature->length > INT64_MAX / 2 ? "l= is beyond the body" : NULL;
}

static const char *
read_time(struct reading *reading, struct span value)
{
    reading->signature->has_time = true;
    return read_digits(value, TIME_DIGITS, &reading->signature->signed_at)
               ? NULL
               : "t= is no time";
}

static const char *
read_expiry(struct reading *reading, struct span value)
{
    reading->has_expiry = true;
    return read_digits(value, TIME_DIGITS, &reading->expires_at) ? NULL : "x= is no time";
}

/* Quoted-printable without white space: each '=' has two digits behind it. */
static bool
decode_quoted(struct span text, struct buffer *out)
{
    for (size_t i = 0; i < text.length; i++) {
        int high;
        int low;

        if (text.data[i] != '=') {
            buffer_append_octet(out, text.data[i]);
            continue;
        }
        if (text.length - i < 3)
            return false;
        high = octet_hex_value(text.data[i + 1]);
        low = octet_hex_value(text.data[i + 2]);
        if (high < 0 || low < 0)
            return false;
        buffer_append_octet(out, (char)(high << 4 | low));
        i += 2;
    }
    return buffer_ok(out);
}

static bool
is_dot_atom(struct span text)
{
    char before = '.';

    for (size_t i = 0; i < text.length; i++) {
        char octet = text.data[i];
        bool atom = octet_is_letter_or_digit(octet) ||
                    (octet != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", octet) != NULL);

        if (!atom && (octet != '.' || before == '.'))
            return false;
        before = octet;
    }
    return text.length == 0 || before != '.';
}

/* The domain of i= must be that of d= or below it (section 6.1.1). */
static const char *
take_identity(struct reading *reading, struct span identity)
{
    struct dkim_signature *signature = reading->signature;
    struct span domain = span_of(signature->domain);
    size_t at = span_find_last(identity, '@');
    struct span local;
    struct span host;

    if (at == SPAN_NONE)
        return "i= is no identity";
    local = span_first(identity, at);
    host = span_from(identity, at + 1);
    if (!domain_is_valid(host))
        return "i= is no identity";
    if (domain.length > 0 && !domain_is_at_or_below(host, domain))
        return "i= is outside d=";
    signature->is_sub_domain = !span_equal_nocase(host, domain);
    signature->has_two_at_signs = span_find(identity, '@') != at;
    if (is_dot_atom(local))
        signature->identity = arena_printf(reading->arena, "%.*s@%s", (int)local.length,
            local.data, lower_text(reading, host));
    return NULL;
}

static const char *
read_identity(struct reading *reading, struct span value)
{
    struct span text = squeezed(reading, value);
    struct buffer decoded;
    const char *wrong = "i= is no identity";

    buffer_init(&decoded, IDENTITY_MAX);
    if (text.length <= IDENTITY_MAX && decode_quoted(text, &decoded))
        wrong = take_identity(reading, buffer_span(&decoded));
    buffer_clear(&decoded);
    return wrong;
}

/*
 * The tags that count.  Those that are shown come first, so that they show whatever is
 * wrong behind them.  An `inner` space is one that the value may have inside.  A value
 * that is refused by a `safe` reader does no harm to libopendkim.
 */
static const struct {
    const char *name;
    const char *missing; /* NULL where it may */
    const char *(*read)(struct reading *reading, struct span value);
    bool inner_space;
    bool safe;
} rows[] = {
    {"d",  "no d=",  read_domain,    false, false},
    {"s",  "no s=",  read_selector,  false, false},
    {"a",  "no a=",  read_algorithm, false, true },
    {"b",  "no b=",  read_signature, true,  true },
    {"v",  "no v=",  read_version,   false, true },
    {"bh", "no bh=", read_body_hash, true,  true },
    {"c",  NULL,     read_canonical, false, true },
    {"q",  NULL,     read_queries,   true,  false},
    {"h",  "no h=",  read_names,     true,  false},
    {"l",  NULL,     read_length,    false, false},
    {"t",  NULL,     read_time,      false, false},
    {"x",  NULL,     read_expiry,    false, false},
    {"i",  NULL,     read_identity,  true,  false},
};

static void
decide(struct dkim_signature *signature, enum auth_result result, const char *reason)
{
    if (reason == NULL || signature->result != AUTH_NONE)
        return;
    signature->result = result;
    signature->reason = reason;
}

static void
read_tags(struct reading *reading, const struct tag_list *list)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct tag *tag = tag_list_find(list, rows[i].name);
        const char *wrong = rows[i].missing;

        if (tag != NULL && !rows[i].inner_space && tag_has_white_space(tag->value))
            wrong = "white space inside a tag";
        else if (tag != NULL)
            wrong = rows[i].read(reading, tag->value);
        if (wrong != NULL && (tag == NULL || !rows[i].safe))
            reading->signature->sound = false;
        decide(reading->signature, AUTH_PERMERROR, wrong);
    }
}

/*
 * libopendkim cuts what stands behind "b=" from the text that is hashed, and looks for it
 * as the octet before the first equals sign of a tag.
 */
static const char *
find_misread(const struct dkim_signature *signature, const struct tag_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct span name = list->tags[i].name;
        bool is_b = span_is(name, "b");
        bool adjacent = name.data[name.length] == '=';

        if (name.data[name.length - 1] == 'b' && is_b != adjacent)
            return is_b ? "white space behind the name of b=" : "a tag that ends in b";
    }
    if (signature->names.length > LIBRARY_NAMES_MAX)
        return "h= too long";
    return signature->has_two_at_signs ? "two at signs in i=" : NULL;
}

static void
judge_times(struct reading *reading, int64_t now)
{
    struct dkim_signature *signature = reading->signature;
    uint64_t time = now < 0 ? 0 : (uint64_t)now;

    if (signature->has_time && reading->has_expiry &&
        reading->expires_at <= signature->signed_at)
        decide(signature, AUTH_PERMERROR, "x= is not after t=");
    if (reading->has_expiry && time > reading->expires_at + DKIM_CLOCK_DRIFT)
        decide(signature, AUTH_POLICY, "expired");
    if (!signature->has_time || signature->signed_at <= time + DKIM_CLOCK_DRIFT)
        return;
    /* Whose clock is off can't be told: ours must not turn mail away. */
    signature->is_early = signature->result == AUTH_NONE && signature->sound &&
                          signature->signed_at < time + DKIM_EARLY_MAX;
    decide(signature, AUTH_POLICY, "signed in the future");
}

void
dkim_signature_parse(
    struct span value, int64_t now, struct arena *arena, struct dkim_signature *signature)
{
    struct reading reading = {.signature = signature, .arena = arena};
    struct tag_list list = {.count = 0};
    const char *wrong = "signature too long";
    const char *misread;

    *signature = (struct dkim_signature){
        .domain = "", .selector = "", .identity = "", .algorithm_name = ""};
    if (value.length > DKIM_SIGNATURE_MAX) {
        decide(signature, AUTH_PERMERROR, wrong);
        return;
    }
    signature->sound = tag_list_parse(value, &list, &wrong) && list.is_ascii;
    if (wrong == NULL && !list.is_ascii)
        decide(signature, AUTH_NEUTRAL, "not in ASCII");
    decide(signature, AUTH_PERMERROR, wrong);
    read_tags(&reading, &list);
    judge_times(&reading, now);
    misread = find_misread(signature, &list);
    if (misread != NULL) {
        signature->is_misread = signature->sound && signature->result == AUTH_NONE;
        signature->sound = false;
        signature->is_early = false;
    }
    decide(signature, AUTH_NEUTRAL, misread);
}

size_t
dkim_signature_names(const struct dkim_signature *signature, struct span name)
{
    struct span rest = signature->names;
    struct span other;
    size_t count = 0;

    while (tag_next_part(&rest, &other))
        count += span_equal_nocase(other, name);
    return count;
}
