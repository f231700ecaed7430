/*
 * pin and unpin: one address or unit, or many from a file.
 */
#include <string.h>
#include <time.h>

#include "policyd/ctl/ctl_bulk.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/replica/replica_key.h"
#include "policyd/state/pin.h"
#include "shared/base/number.h"

enum {
    NOTE_MAX = 500,
    /* A single DEL is an order, many are a loss: bulk removal writes `none`, which goes
     * by itself once every gateway has read it. */
    NONE_SECONDS = 600,
};

static const char *const places[] = {"old", "new", "standby", "hold"};

static bool
is_place(const char *text)
{
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        if (strcmp(text, places[i]) == 0)
            return true;
    }
    return false;
}

/* --until: a date and time, or how long from now. */
static bool
read_until(struct ctl *ctl, const char **text)
{
    const char *given = ctl->arguments.values[CTL_UNTIL];
    uint64_t milliseconds;
    int64_t moment;
    char written[21];

    *text = "";
    if (given == NULL)
        return true;
    if (number_duration(span_of(given), &milliseconds))
        moment = (int64_t)time(NULL) + (int64_t)(milliseconds / 1000);
    else if (!number_rfc3339(span_of(given), &moment))
        return false;
    if (moment <= (int64_t)time(NULL))
        return false;
    number_rfc3339_write(moment, written);
    *text = arena_printf(ctl->arena, " until=%s", written);
    return true;
}

/* The value of the pin that the command line asks for; NULL: said so. */
static const char *
read_value(struct ctl *ctl, const char *place)
{
    const char *note = ctl->arguments.values[CTL_NOTE];
    const char *until;
    const char *value;
    struct error error;
    struct pin pin;

    if (!is_place(place)) {
        (void)ctl_output_fail(CTL_USAGE, "%s is no place (old, new, standby, hold)",
            ctl_output_text(ctl->arena, span_of(place)));
        return NULL;
    }
    if (!read_until(ctl, &until)) {
        (void)ctl_output_fail(
            CTL_USAGE, "--until takes a time to come: 2h, 7d or 2026-12-24T18:00:00Z");
        return NULL;
    }
    value = arena_printf(ctl->arena, "%s%s%s%s", place, until,
        note != NULL ? " note=" : "", note != NULL ? note : "");
    if ((note != NULL && strlen(note) > NOTE_MAX) ||
        !pin_parse(span_of(value), &pin, &error)) {
        (void)ctl_output_fail(CTL_USAGE,
            "--note takes one line of printable text, at most %d octets", NOTE_MAX);
        return NULL;
    }
    return value;
}

static const char *
domain_of(struct ctl *ctl, struct span name)
{
    size_t at = span_find_last(name, '@');

    return at == SPAN_NONE ? "" : arena_text(ctl->arena, span_from(name, at + 1));
}

/* What is allowed and means nothing, or not what was wanted. */
static bool
tell_domain(struct ctl *ctl, struct span name, struct error *error)
{
    const char *domain_name = domain_of(ctl, name);
    const char *shown = arena_text(ctl->arena, name);
    const struct route_rules *rules = &ctl->config->serve->route_rules;
    struct ctl_domain domain;

    if (domain_name[0] == '\0') {
        ctl_output_warn("%s is taken for the name of a unit: for a person write "
                        "%s@DOMAIN",
            shown, shown);
        return true;
    }
    if (rules->domain_count > 0 && !route_rules_list(rules, span_of(domain_name))) {
        ctl_output_warn("%s is not among [policyd] domains: a pin on %s changes nothing",
            domain_name, shown);
        return true;
    }
    if (!ctl_store_domain(ctl, span_of(domain_name), &domain, error))
        return false;
    if (domain.state == NULL)
        ctl_output_warn(
            "%s has no good state in Redis: a pin on %s changes nothing until "
            "it has one",
            domain_name, shown);
    else if (domain.state->mode == DOMAIN_MODE_FORGOTTEN)
        ctl_output_warn("%s is forgotten, its mail goes where the site's own maps say: a "
                        "pin on %s changes nothing",
            domain_name, shown);
    ctl_domain_clear(&domain);
    return true;
}

/* A pin on standby without one would make mail wait. */
static bool
has_standby(struct ctl *ctl, struct span name, int *status)
{
    const char *domain_name = domain_of(ctl, name);
    struct ctl_domain domain;
    struct error error;
    bool lacks;

    if (domain_name[0] == '\0')
        return true;
    if (!ctl_store_domain(ctl, span_of(domain_name), &domain, &error)) {
        *status = ctl_store_fail(ctl, &error);
        return false;
    }
    lacks = domain.state != NULL && domain.state->same_as[0] == '\0' &&
            domain.state->standby_route[0] == '\0';
    ctl_domain_clear(&domain);
    if (lacks)
        *status = ctl_output_fail(CTL_NO,
            "%s has no standby, such a pin would make mail wait; nothing was changed",
            domain_name);
    return !lacks;
}

/* Whose unit is another: the pin moves this one address alone. */
static bool
tell_unit(struct ctl *ctl, struct span name, struct error *error)
{
    struct span unit;
    bool found;

    if (!ctl_store_value(
            ctl, ctl_store_key(ctl, ctl->arena, "unit:", name), &unit, &found, error))
        return false;
    if (found && !span_equal(unit, name))
        ctl_output_say(
            "%s belongs to the unit %s, whose other addresses stay where they are",
            arena_text(ctl->arena, name), ctl_output_text(ctl->arena, unit));
    return true;
}

static bool
goes_to(const struct ctl_json *route, struct span place)
{
    return span_equal(ctl_json_text(route, "result"), place);
}

static bool
is_unpinned(const struct ctl_json *route, struct span name)
{
    return !span_equal(ctl_json_text(ctl_json_get(route, "pin"), "on"), name);
}

/* `place` NULL: the pin is gone. */
static void
tell_route(struct ctl *ctl, struct span name, const char *place)
{
    if (span_find(name, '@') == SPAN_NONE)
        return;
    if (place != NULL)
        ctl_policyd_tell_route(ctl, name, goes_to, span_of(place));
    else
        ctl_policyd_tell_route(ctl, name, is_unpinned, name);
}

static int
write_one(struct ctl *ctl, struct span name, const char *value, const char *place)
{
    const char *shown = arena_text(ctl->arena, name);
    struct ctl_event event = {
        .domain = domain_of(ctl, name),
        .what = "pin",
        .key = shown,
        .to = value,
        .why = ctl->arguments.values[CTL_WHY],
    };
    struct span before;
    struct error error;

    if (!ctl_write_value(ctl, ctl_store_key(ctl, ctl->arena, "pin:", name),
            span_of(value), &event, &before, &error))
        return ctl_store_fail(ctl, &error);
    if (value[0] == '\0' && before.data == NULL)
        return ctl_output_fail(CTL_NO, "there is no pin on %s", shown);
    ctl_output_say("pin %s: %s -> %s", shown,
        before.data != NULL ? ctl_output_text(ctl->arena, before) : "(none)",
        value[0] != '\0' ? value : "(none)");
    if (value[0] != '\0' &&
        (!tell_domain(ctl, name, &error) || !tell_unit(ctl, name, &error)))
        return ctl_store_fail(ctl, &error);
    tell_route(ctl, name, place);
    return CTL_DONE;
}

/* `ADDRESS`, or `ADDRESS PLACE [until=...] [note=...]`. */
static void
take_pin(struct ctl_bulk *bulk, struct span line)
{
    const char *preset = bulk->argument;
    struct span word = SPAN("");
    struct span name;
    struct span value;
    struct pin pin;
    struct error error;

    (void)span_word(&line, &word);
    value = span_trim(line);
    name = ctl_store_canonical_unit(bulk->ctl, bulk->ctl->arena, word);
    if (value.length == 0 && preset != NULL)
        value = span_of(preset);
    if (name.data == NULL)
        ctl_bulk_complain(bulk, "neither an address nor a unit", word);
    else if (value.length == 0)
        ctl_bulk_complain(bulk, "the place is missing (old, new, standby, hold)", word);
    else if (!pin_parse(value, &pin, &error))
        ctl_bulk_complain(bulk, error.text, value);
    else
        ctl_bulk_add(bulk, "pin:", name, arena_span(bulk->ctl->arena, value));
}

static void
take_unpin(struct ctl_bulk *bulk, struct span line)
{
    struct span name = ctl_store_canonical_unit(bulk->ctl, bulk->ctl->arena, line);

    if (name.data == NULL)
        ctl_bulk_complain(bulk, "neither an address nor a unit", line);
    else
        ctl_bulk_add(bulk, "pin:", name, SPAN("none"));
}

static int
run_bulk(struct ctl *ctl, const char *preset, bool removes)
{
    struct ctl_bulk bulk = {
        .ctl = ctl,
        .file = ctl->arguments.values[CTL_FILE],
        .take = removes ? take_unpin : take_pin,
        .argument = preset,
        .seconds = removes ? NONE_SECONDS : 0,
    };
    struct ctl_event event = {
        .what = "pin",
        .to = removes          ? "none"
              : preset != NULL ? preset
                               : "as in a file",
        .why = ctl->arguments.values[CTL_WHY],
    };
    int status = ctl_bulk_run(&bulk, &event);

    if (status == CTL_DONE)
        ctl_output_say("%zu pin%s %s", bulk.count, bulk.count == 1 ? "" : "s",
            removes ? "removed (they say `none` for 10 minutes, then go)" : "written");
    return status;
}

/* The name of the command line; false: said so. */
static bool
read_name(struct ctl *ctl, struct span *name, int *status)
{
    struct span word = span_of(ctl->arguments.words[0]);
    struct span given = ctl_store_canonical_unit(ctl, ctl->arena, word);
    struct error error;

    *name = given;
    if (replica_name_is_pattern(word)) {
        *status = ctl_output_fail(CTL_USAGE,
            "%s is a pattern, and a pin means one address or unit: for all of a domain "
            "set its mode (set DOMAIN mode=old|new|standby|hold)",
            ctl_output_text(ctl->arena, word));
        return false;
    }
    if (given.data == NULL) {
        *status = ctl_output_fail(CTL_USAGE, "%s is neither an address nor a unit",
            ctl_output_text(ctl->arena, word));
        return false;
    }
    if (!ctl_store_follow(ctl, name, &error)) {
        *status = ctl_store_fail(ctl, &error);
        return false;
    }
    if (!span_equal(given, *name))
        ctl_output_say("%s is looked up as %s", arena_text(ctl->arena, given),
            arena_text(ctl->arena, *name));
    return true;
}

int
ctl_pin_run(struct ctl *ctl)
{
    bool bulk = ctl_arguments_has(&ctl->arguments, CTL_FILE);
    size_t wanted = bulk ? 1 : 2;
    const char *place;
    const char *value;
    struct span name;
    int status = CTL_DONE;

    if (ctl_arguments_has(&ctl->arguments, CTL_LIST))
        return ctl_pin_list(ctl);
    if (ctl->arguments.count > wanted || (!bulk && ctl->arguments.count < wanted))
        return ctl_output_fail(CTL_USAGE, "%s",
            bulk ? "with --file only a place may follow"
                 : "an address and a place are wanted: pin ADDRESS old|new|standby|hold");
    if (bulk && ctl->arguments.count == 0)
        return run_bulk(ctl, NULL, false);
    place = ctl->arguments.words[wanted - 1];
    value = read_value(ctl, place);
    if (value == NULL)
        return CTL_USAGE;
    if (bulk)
        return run_bulk(ctl, value, false);
    if (!read_name(ctl, &name, &status))
        return status;
    if (strcmp(place, "standby") == 0 && !has_standby(ctl, name, &status))
        return status;
    return write_one(ctl, name, value, place);
}

int
ctl_pin_remove(struct ctl *ctl)
{
    bool bulk = ctl_arguments_has(&ctl->arguments, CTL_FILE);
    struct span name;
    int status;

    if (ctl->arguments.count != (bulk ? 0 : 1))
        return ctl_output_fail(CTL_USAGE, "one address is wanted, or --file FILE");
    if (bulk)
        return run_bulk(ctl, NULL, true);
    return read_name(ctl, &name, &status) ? write_one(ctl, name, "", NULL) : status;
}
