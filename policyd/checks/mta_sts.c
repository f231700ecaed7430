#include "policyd/checks/mta_sts.h"

#include "shared/base/number.h"

/* What of a policy must stand in it. */
struct seen {
    bool version;
    bool mode;
    bool max_age;
};

static bool
fail(const char **wrong, const char *text)
{
    *wrong = text;
    return false;
}

static bool
read_mode(struct span value, enum mta_sts_mode *mode)
{
    static const char *const names[] = {"none", "testing", "enforce"};

    for (int i = 0; i < 3; i++) {
        if (span_is(value, names[i])) {
            *mode = (enum mta_sts_mode)i;
            return true;
        }
    }
    return false;
}

/* Of a field that stands twice the first counts (RFC 8461, 3.2). */
static bool
take_field(struct mta_sts *policy, struct seen *seen, struct span name, struct span value,
    const char **wrong)
{
    if (span_is(name, "version") && !seen->version) {
        seen->version = true;
        return span_is(value, "STSv1") || fail(wrong, "version is not STSv1");
    }
    if (span_is(name, "mode") && !seen->mode) {
        seen->mode = true;
        return read_mode(value, &policy->mode) ||
               fail(wrong, "mode is none of enforce, testing, none");
    }
    if (span_is(name, "max_age") && !seen->max_age) {
        seen->max_age = true;
        return number_unsigned(value, MTA_STS_AGE_MAX, &policy->max_age) ||
               fail(wrong, "max_age is no number of seconds up to a year");
    }
    if (span_is(name, "mx")) {
        if (policy->mx_count == MTA_STS_MX_MAX)
            return fail(wrong, "it has more than 100 mx");
        policy->mx[policy->mx_count++] = value;
    }
    return true;
}

bool
mta_sts_parse(struct span text, struct mta_sts *policy, const char **wrong)
{
    struct seen seen = {false, false, false};
    struct span line;

    *policy = (struct mta_sts){.mode = MTA_STS_NONE};
    if (text.length > MTA_STS_MOST)
        return fail(wrong, "it is longer than 64 KiB");
    while (span_split(&text, '\n', &line)) {
        size_t colon = span_find(line, ':');

        if (span_trim(line).length == 0)
            continue;
        if (colon == SPAN_NONE)
            return fail(wrong, "a line of it has no colon");
        if (!take_field(policy, &seen, span_trim(span_first(line, colon)),
                span_trim(span_from(line, colon + 1)), wrong))
            return false;
    }
    if (!seen.version)
        return fail(wrong, "it has no version");
    if (!seen.mode)
        return fail(wrong, "it has no mode");
    if (!seen.max_age)
        return fail(wrong, "it has no max_age");
    return policy->mx_count > 0 || policy->mode == MTA_STS_NONE ||
           fail(wrong, "it has no mx");
}

bool
mta_sts_names(const struct mta_sts *policy, struct span host)
{
    for (size_t i = 0; i < policy->mx_count; i++) {
        struct span pattern = policy->mx[i];
        size_t dot = span_find(host, '.');

        if (span_equal_nocase(pattern, host))
            return true;
        /* One label, whole (RFC 8461, 4.1). */
        if (span_starts(pattern, SPAN("*.")) && dot != SPAN_NONE && dot > 0 &&
            span_equal_nocase(span_from(pattern, 1), span_from(host, dot)))
            return true;
    }
    return false;
}

bool
mta_sts_is_announced(struct span record)
{
    struct span word;

    if (!span_split(&record, ';', &word) || !span_is(span_trim(word), "v=STSv1"))
        return false;
    while (span_split(&record, ';', &word)) {
        word = span_trim(word);
        if (span_starts(word, SPAN("id=")) && word.length > 3)
            return true;
    }
    return false;
}
