#include "policyd/checks/check_state.h"

#include <inttypes.h>
#include <stdlib.h>

#include "policyd/state/pin.h"
#include "shared/base/number.h"

enum {
    SLOW_US = 5000,
    SILENT_S = 30,
    APART_MS = 1000,
    /* What a gateway says is written every 5 seconds. */
    BEAT_S = 6,
    DAY = 86400,
    DRILL_DAYS = 7,
    SPOOL_DAYS = 2,
};

void
check_state_vectors(const struct check_vector *vectors, size_t count, struct check *check)
{
    for (size_t i = 0; i < count; i++) {
        const struct check_vector *vector = &vectors[i];

        if (vector->hidden != NULL && vector->trouble == NULL)
            check_add(check, CHECK_SKIPPED, "%s: %s, so it is not timed (root may)",
                vector->address, vector->hidden);
        if (vector->trouble != NULL)
            check_add(check, CHECK_UNKNOWN, "%s: %s", vector->address, vector->trouble);
        else if (vector->has_bucket && vector->bucket != vector->expected)
            check_add(check, CHECK_FAIL,
                "%s: policyd has bucket %" PRIu64 ", it is %" PRIu64, vector->address,
                vector->bucket, vector->expected);
        else if (vector->took_us > SLOW_US)
            check_add(check, CHECK_FAIL, "%s: answered after %.1f ms (at most %d)",
                vector->address, (double)vector->took_us / 1000, SLOW_US / 1000);
        else
            check_add(check, CHECK_PASS, "%s: bucket %" PRIu64 "%s", vector->address,
                vector->expected,
                vector->took_us >= 0 ? arena_printf(check->arena, ", after %.1f ms",
                                           (double)vector->took_us / 1000)
                                     : "");
    }
}

static bool
is_silent(const struct check_gateway *gateway, int64_t now)
{
    uint64_t told;

    return !number_unsigned(gateway->time, INT64_MAX, &told) ||
           (int64_t)told < now - SILENT_S;
}

void
check_state_replicas(
    const struct check_gateway *gateways, size_t count, int64_t now, struct check *check)
{
    const struct check_gateway *first = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct check_gateway *gateway = &gateways[i];

        if (is_silent(gateway, now)) {
            check_add(
                check, CHECK_UNKNOWN, "%s: its controller is silent", gateway->name);
        } else if (gateway->digest.length == 0 || span_is(gateway->digest, "unknown")) {
            check_add(
                check, CHECK_UNKNOWN, "%s: does not say what it has", gateway->name);
        } else {
            first = first != NULL ? first : gateway;
            check_add(check,
                span_equal(first->digest, gateway->digest) ? CHECK_PASS : CHECK_FAIL,
                "%s: %.*s", gateway->name, (int)gateway->digest.length,
                gateway->digest.data);
        }
    }
    if (count == 0)
        check_add(check, CHECK_SKIPPED, "needs postshift-cutover on the gateways");
}

void
check_state_clocks(const struct check_gateway *gateways, size_t count, int64_t redis_ms,
    int64_t now_ms, struct check *check)
{
    int64_t apart = llabs(redis_ms - now_ms);

    if (redis_ms == 0)
        check_add(check, CHECK_UNKNOWN, "Redis does not say what time it is");
    else
        check_add(check, apart <= APART_MS ? CHECK_PASS : CHECK_FAIL,
            "this host and Redis': %" PRId64 " ms apart", apart);
    for (size_t i = 0; i < count; i++) {
        uint64_t told;

        if (!number_unsigned(gateways[i].time, INT64_MAX, &told))
            continue;
        if ((int64_t)told > now_ms / 1000 + 1)
            check_add(check, CHECK_FAIL, "%s: %" PRId64 " s ahead of this host",
                gateways[i].name, (int64_t)told - now_ms / 1000);
        else if ((int64_t)told < now_ms / 1000 - BEAT_S)
            check_add(check, CHECK_UNKNOWN,
                "%s: last heard of %" PRId64 " s ago by its own clock", gateways[i].name,
                now_ms / 1000 - (int64_t)told);
        else
            check_add(check, CHECK_PASS, "%s: goes with this host", gateways[i].name);
    }
}

/* A line `name:value` of INFO; empty: there is none. */
static struct span
info_value(struct span info, const char *name)
{
    struct span line;

    while (span_line(&info, &line)) {
        struct span rest = line;

        if (span_take(&rest, span_of(name)) && span_take(&rest, SPAN(":")))
            return span_trim(rest);
    }
    return SPAN("");
}

int64_t
check_state_redis_clock(struct span info)
{
    uint64_t microseconds;

    return number_unsigned(info_value(info, "server_time_usec"), INT64_MAX, &microseconds)
               ? (int64_t)(microseconds / 1000)
               : 0;
}

/* What must be so: a line of INFO. */
static void
want(struct check *check, struct span info, const char *name, const char *wanted)
{
    struct span value = info_value(info, name);

    if (value.length == 0)
        check_add(check, CHECK_UNKNOWN, "%s: INFO does not say", name);
    else
        check_add(check, span_is(value, wanted) ? CHECK_PASS : CHECK_FAIL, "%s: %.*s",
            name, (int)value.length, value.data);
}

void
check_state_redis(
    struct span info, struct span saves, const char *user, struct check *check)
{
    struct span appends = info_value(info, "aof_enabled");
    struct span done = info_value(info, "rdb_saves");
    bool saved = saves.length > 0 || (done.length > 0 && !span_is(done, "0"));

    want(check, info, "role", "master");
    want(check, info, "maxmemory_policy", "noeviction");
    if (appends.length == 0)
        check_add(check, CHECK_UNKNOWN, "aof_enabled: INFO does not say");
    else if (span_is(appends, "1"))
        check_add(check, CHECK_PASS, "keeps what it has: appendonly");
    else
        check_add(check, saved ? CHECK_PASS : CHECK_FAIL,
            saved ? "keeps what it has: it saves its data"
                  : "keeps nothing: neither appendonly nor a save so far");
    check_add(check,
        user[0] != '\0' && !span_is(span_of(user), "default") ? CHECK_PASS
                                                              : CHECK_SKIPPED,
        user[0] != '\0' ? "logged in as %s" : "logged in as the default user%s", user);
}

void
check_state_pin(struct span name, struct span text, int64_t now, struct check *check)
{
    struct error error;
    struct pin pin;
    int length = name.length > 200 ? 200 : (int)name.length;

    if (!pin_parse(text, &pin, &error))
        check_add(check, CHECK_FAIL, "%.*s: %s", length, name.data, error.text);
    else if (pin.place != PIN_NONE && !pin_counts(&pin, now))
        check_add(check, CHECK_FAIL, "%.*s: has expired", length, name.data);
}

void
check_state_pin_unit(struct span name, struct span text, struct span unit,
    struct span unit_pin, struct check *check)
{
    struct error error;
    struct pin own;
    struct pin its = {.place = PIN_NONE};
    int length = name.length > 200 ? 200 : (int)name.length;
    int unit_length = unit.length > 200 ? 200 : (int)unit.length;

    if (!pin_parse(text, &own, &error) || own.place == PIN_NONE ||
        (unit_pin.length > 0 && pin_parse(unit_pin, &its, &error) &&
            its.place == own.place))
        return;
    check_add(check, CHECK_FAIL, "%.*s: is pinned alone, its unit %.*s is not", length,
        name.data, unit_length, unit.data);
}

void
check_state_pins(size_t count, const char *trouble, struct check *check)
{
    if (trouble != NULL)
        check_add(check, CHECK_UNKNOWN, "%s", trouble);
    else
        check_add(check, CHECK_PASS, "%zu pins of the domain", count);
}

void
check_state_snapshot(const char *path, const char *fault, bool is_hidden,
    int64_t modified, int64_t now, struct check *check)
{
    if (path[0] == '\0')
        check_add(check, CHECK_FAIL, "[policyd] snapshot is none");
    else if (is_hidden)
        check_add(check, CHECK_UNKNOWN, "%s: %s (run it as root)", path, fault);
    else if (fault != NULL)
        check_add(check, CHECK_FAIL, "%s: %s", path, fault);
    else
        check_add(check, CHECK_PASS,
            "%s: written %" PRId64 " min ago, with the last change", path,
            (now - modified) / 60);
}

void
check_state_inside(
    const struct domain_state *state, const char *trouble, struct check *check)
{
    if (trouble != NULL)
        check_add(check, CHECK_UNKNOWN, "%s", trouble);
    else if (state == NULL)
        check_add(check, CHECK_FAIL, "the domain has no good state");
    else if (state->inside == INSIDE_UNSET && state->same_as[0] == '\0')
        check_add(check, CHECK_FAIL, "inside is not set");
    else
        check_add(check, CHECK_PASS, "inside is set");
}

void
check_state_drill(const struct domain_state *state, const char *trouble, int64_t drilled,
    int64_t now, struct check *check)
{
    if (trouble != NULL) {
        check_add(check, CHECK_UNKNOWN, "%s", trouble);
        return;
    }
    if (drilled == 0)
        check_add(check, CHECK_FAIL, "no rollback is among the events");
    else
        check_add(check,
            now - drilled <= (int64_t)DRILL_DAYS * DAY ? CHECK_PASS : CHECK_FAIL,
            "last rollback %" PRId64 " days ago (at most %d)", (now - drilled) / DAY,
            DRILL_DAYS);
    if (state != NULL && state->standby_route[0] == '\0')
        check_add(check, CHECK_SKIPPED, "no standby is set");
}

void
check_state_from_old(
    const char *trouble, uint64_t count, unsigned days, struct check *check)
{
    if (trouble != NULL)
        check_add(check, CHECK_SKIPPED, "whether mail from old comes here: %s", trouble);
    else if (count == 0)
        check_add(check, CHECK_SKIPPED,
            "no mail from old came here in %u days: write from a mailbox on old to one "
            "that moves",
            days);
    else
        check_add(check, CHECK_PASS, "%" PRIu64 " mails from old came here in %u days",
            count, days);
}

void
check_state_spool(
    const char *trouble, uint64_t free_octets, uint64_t daily, struct check *check)
{
    uint64_t wanted = daily * SPOOL_DAYS;

    if (trouble != NULL)
        check_add(
            check, CHECK_SKIPPED, "room for %d days of mail: %s", SPOOL_DAYS, trouble);
    else
        check_add(check, free_octets >= wanted ? CHECK_PASS : CHECK_FAIL,
            "the queue's disk has %" PRIu64 " MiB free, %d days of mail are %" PRIu64,
            free_octets >> 20, SPOOL_DAYS, wanted >> 20);
}
