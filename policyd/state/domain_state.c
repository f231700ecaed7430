#include "policyd/state/domain_state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/attributes.h"
#include "shared/base/idn.h"
#include "shared/base/number.h"

struct reading;

/* A field that means something. */
struct field {
    const char *name;
    bool (*read)(struct reading *reading, struct span value, struct error *error);
    enum domain_login login; /* of read_login */
    enum domain_side side;
};

/* A hash while it is read.  Texts are copied behind the state, where room was made. */
struct reading {
    struct domain_state *state;
    char *room;
    struct span domain;
    const struct domain_state_rules *rules;
    bool has_weight;
    const struct field *field; /* at hand */
};

static const char *
keep(struct reading *reading, struct span text)
{
    char *kept = reading->room;

    memcpy(kept, text.data, text.length);
    kept[text.length] = '\0';
    reading->room += text.length + 1;
    return kept;
}

static bool
read_weight(struct reading *reading, struct span value, struct error *error)
{
    if (!number_percent(value, &reading->state->weight))
        return error_permanent(error, "a weight is 0 to 100, with up to two decimals");
    reading->has_weight = true;
    return true;
}

static bool
read_route(
    struct reading *reading, struct span value, const char **route, struct error *error)
{
    if (!domain_route_check(value, reading->rules, error))
        return false;
    *route = keep(reading, value);
    return true;
}

static bool
read_old(struct reading *reading, struct span value, struct error *error)
{
    if (span_is(value, DOMAIN_OLD_SITE)) {
        reading->state->old_route = DOMAIN_OLD_SITE;
        return true;
    }
    return read_route(reading, value, &reading->state->old_route, error);
}

static bool
read_new(struct reading *reading, struct span value, struct error *error)
{
    return read_route(reading, value, &reading->state->new_route, error);
}

static bool
read_standby(struct reading *reading, struct span value, struct error *error)
{
    return read_route(reading, value, &reading->state->standby_route, error);
}

static bool
read_mode(struct reading *reading, struct span value, struct error *error)
{
    if (!domain_mode_parse(value, &reading->state->mode))
        return error_permanent(
            error, "a mode is split, old, new, standby, hold or forgotten");
    return true;
}

static bool
read_same_as(struct reading *reading, struct span value, struct error *error)
{
    char target[DOMAIN_MAX + 1];

    if (!idn_to_ascii(value, target))
        return error_permanent(error, "same_as names a domain");
    if (span_is(reading->domain, target))
        return error_permanent(error, "same_as names another domain");
    reading->state->same_as = keep(reading, span_of(target));
    return true;
}

static bool
read_lists(struct reading *reading, struct span value, struct error *error)
{
    struct domain_state *state = reading->state;
    struct span rest = value;
    struct span name;

    while (span_word(&rest, &name)) {
        if (!domain_list_is_name(name))
            return error_permanent(error,
                "a list's name has up to %d letters, digits, dots, underscores, hyphens",
                DOMAIN_WORD_MAX);
        if (state->list_count == DOMAIN_STATE_LISTS_MAX)
            return error_permanent(error, "at most %d lists", DOMAIN_STATE_LISTS_MAX);
        state->lists[state->list_count++] = keep(reading, name);
    }
    return true;
}

static bool
read_inside(struct reading *reading, struct span value, struct error *error)
{
    if (!domain_inside_parse(value, &reading->state->inside))
        return error_permanent(error, "inside is relay, forward, map or accept");
    return true;
}

static bool
read_rev(struct reading *reading, struct span value, struct error *error)
{
    if (!number_unsigned(value, DOMAIN_REV_MAX, &reading->state->rev))
        return error_permanent(
            error, "a rev is a whole number from 0 to %" PRIu64, DOMAIN_REV_MAX);
    reading->state->has_rev = true;
    return true;
}

static bool
read_login(struct reading *reading, struct span value, struct error *error)
{
    if (!domain_route_check_login(value, reading->rules, error))
        return false;
    reading->state->logins[reading->field->login][reading->field->side] =
        keep(reading, value);
    return true;
}

static const struct field fields_known[] = {
    {"weight",         read_weight,  DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"old",            read_old,     DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"new",            read_new,     DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"standby",        read_standby, DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"mode",           read_mode,    DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"same_as",        read_same_as, DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"lists",          read_lists,   DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"inside",         read_inside,  DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"rev",            read_rev,     DOMAIN_LOGINS,           DOMAIN_SIDES},
    {"imap_old",       read_login,   DOMAIN_LOGIN_IMAP,       SIDE_OLD    },
    {"imap_new",       read_login,   DOMAIN_LOGIN_IMAP,       SIDE_NEW    },
    {"pop3_old",       read_login,   DOMAIN_LOGIN_POP3,       SIDE_OLD    },
    {"pop3_new",       read_login,   DOMAIN_LOGIN_POP3,       SIDE_NEW    },
    {"lmtp_old",       read_login,   DOMAIN_LOGIN_LMTP,       SIDE_OLD    },
    {"lmtp_new",       read_login,   DOMAIN_LOGIN_LMTP,       SIDE_NEW    },
    {"submission_old", read_login,   DOMAIN_LOGIN_SUBMISSION, SIDE_OLD    },
    {"submission_new", read_login,   DOMAIN_LOGIN_SUBMISSION, SIDE_NEW    },
    {"sieve_old",      read_login,   DOMAIN_LOGIN_SIEVE,      SIDE_OLD    },
    {"sieve_new",      read_login,   DOMAIN_LOGIN_SIEVE,      SIDE_NEW    },
};

/* Cut, and nothing in it that could disturb a log or a terminal. */
static void
copy_printable(struct span text, char *out, size_t size)
{
    size_t length = text.length < size ? text.length : size - 1;

    for (size_t i = 0; i < length; i++)
        out[i] = (char)(text.data[i] >= ' ' && text.data[i] <= '~' ? text.data[i] : '?');
    out[length] = '\0';
}

void
domain_problem_tell(struct domain_problem *problem, struct span field, struct span value,
    const char *text)
{
    copy_printable(field, problem->field, sizeof(problem->field));
    copy_printable(value, problem->value, sizeof(problem->value));
    copy_printable(span_of(text), problem->text, sizeof(problem->text));
}

static const struct field *
find_field(struct span name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(fields_known); i++) {
        if (span_is(name, fields_known[i].name))
            return &fields_known[i];
    }
    return NULL;
}

/* `old@fra`: the field that it is of, and the site.  NULL: it is none of a site. */
static const struct field *
find_site_field(struct span name, struct span *site)
{
    size_t at = span_find(name, '@');
    struct span base = span_first(name, at);

    if (at == SPAN_NONE)
        return NULL;
    *site = span_from(name, at + 1);
    if (!domain_site_is_name(*site) ||
        !(span_is(base, "old") || span_is(base, "new") || span_is(base, "standby")))
        return NULL;
    return find_field(base);
}

static const struct field *
find_own_field(struct span name, const struct domain_state_rules *rules)
{
    struct span site;
    const struct field *field = find_site_field(name, &site);

    return field != NULL && rules->site != NULL && span_is(site, rules->site) ? field
                                                                              : NULL;
}

static bool
read_field(struct reading *reading, const struct field *field,
    const struct domain_field *given, uint32_t *seen, struct domain_problem *problem)
{
    uint32_t bit = UINT32_C(1) << (field - fields_known);
    struct error error = {0};

    reading->field = field;
    if ((*seen & bit) != 0)
        (void)error_permanent(&error, "stands twice");
    else if (given->value.length > DOMAIN_STATE_VALUE_MAX)
        (void)error_permanent(
            &error, "a value has at most %d octets", DOMAIN_STATE_VALUE_MAX);
    else if (field->read(reading, given->value, &error)) {
        *seen |= bit;
        return true;
    }
    domain_problem_tell(problem, given->name, given->value, error.text);
    return false;
}

/* What must be there, and what must go together. */
static bool
check_whole(const struct reading *reading, struct domain_problem *problem)
{
    struct domain_state *state = reading->state;
    const char *missing = NULL;

    if (state->mode == DOMAIN_MODE_STANDBY && state->standby_route[0] == '\0') {
        domain_problem_tell(
            problem, SPAN("standby"), SPAN(""), "is missing, but mode is standby");
        return false;
    }
    if (state->old_route[0] == '\0')
        missing = "old";
    else if (state->new_route[0] == '\0')
        missing = "new";
    else if (!reading->has_weight)
        missing = "weight";
    state->complete = missing == NULL;
    if (missing == NULL || state->mode == DOMAIN_MODE_FORGOTTEN ||
        state->same_as[0] != '\0')
        return true;
    domain_problem_tell(problem, span_of(missing), SPAN(""), "is missing");
    return false;
}

/* A state with room behind it for every text of the hash. */
static struct domain_state *
make_room(const struct domain_field *fields, size_t count,
    const struct domain_state_rules *rules)
{
    size_t size = sizeof(struct domain_state) + DOMAIN_MAX + 1;
    struct domain_state *state;

    for (size_t i = 0; i < count; i++) {
        if ((find_field(fields[i].name) != NULL ||
                find_own_field(fields[i].name, rules) != NULL) &&
            fields[i].value.length <= DOMAIN_STATE_VALUE_MAX)
            size += fields[i].value.length + 1;
    }
    state = allocate(size);
    state->old_route = state->new_route = state->standby_route = "";
    state->same_as = "";
    for (size_t i = 0; i < DOMAIN_LOGINS; i++) {
        for (size_t side = 0; side < DOMAIN_SIDES; side++)
            state->logins[i][side] = "";
    }
    return state;
}

/* All fields but those of sites; false: *problem says why. */
static bool
read_fields(struct reading *reading, const struct domain_field *fields, size_t count,
    struct domain_problem *problem,
    void (*warn)(void *argument, const struct domain_problem *problem), void *argument)
{
    struct span site;
    uint32_t seen = 0;

    for (size_t i = 0; i < count; i++) {
        const struct field *field = find_field(fields[i].name);

        if (field != NULL) {
            if (!read_field(reading, field, &fields[i], &seen, problem))
                return false;
        } else if (find_site_field(fields[i].name, &site) == NULL && warn != NULL) {
            domain_problem_tell(
                problem, fields[i].name, fields[i].value, "is no field of a domain");
            warn(argument, problem);
        }
    }
    return true;
}

/* What this site has of its own goes before what all have; other sites' is their matter.
 */
static bool
read_own_site(struct reading *reading, const struct domain_field *fields, size_t count,
    struct domain_problem *problem)
{
    uint32_t seen = 0;

    for (size_t i = 0; i < count; i++) {
        const struct field *field = find_own_field(fields[i].name, reading->rules);

        if (field != NULL && !read_field(reading, field, &fields[i], &seen, problem))
            return false;
    }
    return true;
}

struct domain_state *
domain_state_parse(struct span domain, const struct domain_field *fields, size_t count,
    const struct domain_state_rules *rules, struct domain_problem *problem,
    void (*warn)(void *argument, const struct domain_problem *problem), void *argument)
{
    struct reading reading = {.domain = domain, .rules = rules};

    static_assert(ARRAY_LENGTH(fields_known) <= 32, "a bit for each field");
    if (count > DOMAIN_STATE_FIELDS_MAX) {
        domain_problem_tell(
            problem, SPAN(""), SPAN(""), "a domain's hash has at most 64 fields");
        return NULL;
    }
    reading.state = make_room(fields, count, rules);
    reading.room = (char *)(reading.state + 1);
    if (read_fields(&reading, fields, count, problem, warn, argument) &&
        read_own_site(&reading, fields, count, problem) && check_whole(&reading, problem))
        return reading.state;
    domain_state_free(reading.state);
    return NULL;
}

void
domain_state_free(struct domain_state *state)
{
    free(state);
}

bool
domain_site_field(struct span name, struct span *site)
{
    return find_site_field(name, site) != NULL;
}

bool
domain_state_old_is_site(const struct domain_state *state)
{
    return strcmp(state->old_route, DOMAIN_OLD_SITE) == 0;
}

static bool
texts_equal(const char *left, const char *right)
{
    return strcmp(left, right) == 0;
}

bool
domain_state_equal(const struct domain_state *left, const struct domain_state *right)
{
    if (left->mode != right->mode || left->inside != right->inside ||
        left->complete != right->complete || left->weight != right->weight ||
        left->has_rev != right->has_rev || left->rev != right->rev ||
        left->list_count != right->list_count)
        return false;
    for (size_t i = 0; i < left->list_count; i++) {
        if (!texts_equal(left->lists[i], right->lists[i]))
            return false;
    }
    for (size_t i = 0; i < DOMAIN_LOGINS; i++) {
        for (size_t side = 0; side < DOMAIN_SIDES; side++) {
            if (!texts_equal(left->logins[i][side], right->logins[i][side]))
                return false;
        }
    }
    return texts_equal(left->old_route, right->old_route) &&
           texts_equal(left->new_route, right->new_route) &&
           texts_equal(left->standby_route, right->standby_route) &&
           texts_equal(left->same_as, right->same_as);
}

const char *
domain_login_field(enum domain_login login, enum domain_side side)
{
    for (size_t i = 0; i < ARRAY_LENGTH(fields_known); i++) {
        if (fields_known[i].read == read_login && fields_known[i].login == login &&
            fields_known[i].side == side)
            return fields_known[i].name;
    }
    return "";
}
