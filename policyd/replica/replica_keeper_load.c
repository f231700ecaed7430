#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/replica/replica_keeper_inside.h"
#include "shared/base/allocate.h"
#include "shared/base/idn.h"
#include "shared/base/number.h"

/* Loads: begun, compared, and taken as a whole; what operators accept; what the override
 * file says. */

/* --- overrides --- */

static void
apply_overrides(const struct replica_keeper *keeper, struct replica *replica)
{
    for (size_t i = 0; i < keeper->override_count; i++)
        replica_set_override(replica, span_of(keeper->overrides[i].domain),
            &keeper->overrides[i].override);
    replica_set_unclear(replica, keeper->overrides_unclear);
}

static void
write_override(const struct replica_override *override, char out[64])
{
    char weight[8] = "";

    if (override->has_weight)
        domain_weight_write(override->weight, weight);
    if (override->unclear) {
        snprintf(out, 64, "unclear");
        return;
    }
    snprintf(out, 64, "%s%s%s%s%s", override->has_weight ? "weight=" : "", weight,
        override->has_weight && override->has_mode ? " " : "",
        override->has_mode ? "mode=" : "",
        override->has_mode ? domain_mode_name(override->mode) : "");
}

static const struct replica_override *
find_override(const struct override_entry *entries, size_t count, const char *domain)
{
    static const struct replica_override none = {.has_weight = false};

    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i].domain, domain) == 0)
            return &entries[i].override;
    }
    return &none;
}

static void
tell_override(struct replica_keeper *keeper, const char *domain,
    const struct replica_override *from, const struct replica_override *to)
{
    char before[64];
    char after[64];
    struct replica_change change = {.source = REPLICA_FROM_OVERRIDE,
        .kind = CHANGE_DOMAIN,
        .name = span_of(domain),
        .field = "override"};

    write_override(from, before);
    write_override(to, after);
    change.from = span_of(before);
    change.to = span_of(after);
    if (strcmp(before, after) != 0 && keeper->events.changed != NULL)
        keeper->events.changed(keeper->argument, &change);
}

void
replica_keeper_set_overrides(struct replica_keeper *keeper,
    const struct override_entry *entries, size_t count, bool unclear)
{
    struct override_entry *before = keeper->overrides;
    size_t before_count = keeper->override_count;

    keeper->overrides = allocate_array(count + 1, sizeof(*entries));
    if (count > 0)
        memcpy(keeper->overrides, entries, count * sizeof(*entries));
    keeper->override_count = count;
    keeper->overrides_unclear = unclear;
    replica_clear_overrides(keeper->answering);
    apply_overrides(keeper, keeper->answering);
    for (size_t i = 0; i < count; i++)
        tell_override(keeper, entries[i].domain,
            find_override(before, before_count, entries[i].domain), &entries[i].override);
    for (size_t i = 0; i < before_count; i++) {
        const struct replica_override *after =
            find_override(entries, count, before[i].domain);

        if (!after->has_mode && !after->has_weight && !after->unclear)
            tell_override(keeper, before[i].domain, &before[i].override, after);
    }
    free(before);
}

/* --- accept --- */

static bool
parse_accept(struct span text, struct replica_waiver *waiver, int64_t *time)
{
    struct span rest = text;
    struct span what;
    struct span when;
    struct span more;

    *waiver = (struct replica_waiver){.all = false};
    if (!span_word(&rest, &what) || !span_word(&rest, &when) || span_word(&rest, &more) ||
        !number_signed(when, 1, INT64_MAX, time))
        return false;
    waiver->all = span_is(what, "*");
    return waiver->all || idn_to_ascii(what, waiver->domain);
}

bool
replica_keeper_take_accept(
    struct replica_keeper *keeper, const struct replica_value *value)
{
    static const struct span key = {"accept", 6};
    struct replica_waiver waiver;
    int64_t time;

    replica_problems_remove(keeper->problems, key);
    if (value->kind == VALUE_ABSENT)
        return false;
    if (value->kind != VALUE_TEXT || !parse_accept(value->text, &waiver, &time) ||
        time > keeper->now + REPLICA_ACCEPT_AHEAD_SECONDS) {
        keeper_problem_text(keeper, PROBLEM_INVALID, key, "accept", value->text,
            "a domain or *, a blank and the unix time of now", "");
        return false;
    }
    if (!keeper->knows_accept) {
        keeper->knows_accept = true;
        keeper->accepted = time;
        return false;
    }
    if (time <= keeper->accepted || time <= keeper->accepting ||
        time <= keeper->wanted_time)
        return false;
    keeper->wanted = waiver;
    keeper->wanted_time = time;
    return true;
}

bool
replica_keeper_has_accept(const struct replica_keeper *keeper)
{
    return keeper->wanted_time != 0;
}

bool
replica_keeper_is_accepting(const struct replica_keeper *keeper)
{
    return keeper->accepting != 0;
}

bool
replica_keeper_accepted(const struct replica_keeper *keeper, int64_t *time)
{
    *time = keeper->accepted;
    return keeper->knows_accept;
}

/* --- loads --- */

void
replica_keeper_adopt(struct replica_keeper *keeper, struct replica *replica,
    bool knows_accept, int64_t accepted)
{
    replica_free(keeper->answering);
    keeper->answering = replica;
    keeper->knows_accept = knows_accept;
    keeper->accepted = accepted;
    apply_overrides(keeper, replica);
}

void
replica_keeper_begin_load(struct replica_keeper *keeper)
{
    replica_keeper_drop_load(keeper);
    keeper->loading = replica_new();
    keeper->stage = LOAD_READING;
    keeper->tainted = false;
    keeper->waiver = keeper->wanted;
    keeper->accepting = keeper->wanted_time;
    keeper->wanted = (struct replica_waiver){.all = false};
    keeper->wanted_time = 0;
    keeper->changed_since_load = false;
    replica_problems_begin_load(keeper->problems);
}

void
replica_keeper_drop_load(struct replica_keeper *keeper)
{
    if (keeper->loading == NULL)
        return;
    /* What was accepted has not come to pass yet. */
    if (keeper->accepting > keeper->wanted_time && keeper->wanted_time == 0) {
        keeper->wanted = keeper->waiver;
        keeper->wanted_time = keeper->accepting;
    }
    replica_problems_end_load(keeper->problems, false);
    keeper_end_load(keeper);
}

bool
replica_keeper_is_loading(const struct replica_keeper *keeper)
{
    return keeper->loading != NULL;
}

static void
note_gone(void *argument, struct span domain, struct span list, size_t count)
{
    struct replica_keeper *keeper = argument;
    struct replica_name name;
    char key[REPLICA_KEY_TEXT_MAX];
    char text[100];

    (void)replica_name_set(&name, domain);
    if (list.length > 0) {
        snprintf(
            key, sizeof(key), "list:%s:%.*s", name.text, (int)list.length, list.data);
        snprintf(text, sizeof(text),
            "all %zu members are gone from Redis; kept until accept-state", count);
        /* The key is there, but no list: that is known already. */
        if (replica_problems_has(keeper->problems, span_of(key)))
            return;
    } else {
        snprintf(key, sizeof(key), "domain:%s", name.text);
        snprintf(text, sizeof(text), "gone from Redis; kept until accept-state");
        replica_set_suspect(keeper->answering, replica_name_span(&name), text);
    }
    keeper_problem_text(keeper, PROBLEM_GONE, span_of(key),
        list.length > 0 ? "list" : "domain", list.length > 0 ? list : domain, text, "");
}

static void
start_comparing(struct replica_keeper *keeper)
{
    struct replica_compare *compare = &keeper->compare;

    compare->ours = keeper->answering;
    compare->theirs = keeper->loading;
    compare->waiver = keeper->waiver;
    compare->domains = keeper->rules.domains;
    compare->domain_count = keeper->rules.domain_count;
    compare->now = keeper->now;
    compare->losses = (struct replica_losses){.domains = 0};
    compare->gone = note_gone;
    compare->argument = keeper;
    replica_compare_start(compare);
    keeper->stage = LOAD_COMPARING;
}

/*
 * What the swap is going to change, domain by domain; of pins and units only how many
 * there are shows.  False after the last.
 */
static bool
tell_next(struct replica_keeper *keeper)
{
    struct replica_domain theirs;
    struct replica_domain ours = {.ours = false};
    enum replica_source source = REPLICA_FROM_REDIS;
    struct span name;

    if (!replica_is_loaded(keeper->answering) ||
        !replica_next_domain(keeper->loading, &keeper->telling, &name, &theirs))
        return false;
    if (replica_waiver_covers_domain(&keeper->waiver, name))
        source = REPLICA_FROM_ACCEPT;
    (void)replica_find_domain(keeper->answering, name, &ours);
    keeper_tell_domain(keeper, source, name, ours.state, theirs.state);
    return true;
}

static enum replica_load_result
take_load(struct replica_keeper *keeper)
{
    struct replica *before = keeper->answering;

    replica_set_loaded(keeper->loading);
    apply_overrides(keeper, keeper->loading);
    if (keeper->accepting != 0)
        keeper->accepted = keeper->accepting;
    keeper->knows_accept = true;
    if (keeper->waiver.all)
        replica_guard_forget(keeper->guard);
    keeper->load_refused = false;
    keeper->held = 0;
    keeper->answering = keeper->loading;
    keeper->loading = before;
    keeper_end_load(keeper);
    keeper_check_alarm(keeper);
    return REPLICA_LOAD_TAKEN;
}

/* True: it may be taken. */
static bool
judge_load(struct replica_keeper *keeper)
{
    replica_problems_end_load(keeper->problems, true);
    keeper->compare.losses.older =
        replica_problems_count(keeper->problems, PROBLEM_OLDER);
    return !replica_losses_forbid(&keeper->compare.losses) && !keeper->tainted;
}

static enum replica_load_result
tell_load(struct replica_keeper *keeper, size_t entries)
{
    for (; entries > 0; entries--) {
        /* A change that spoils the load may come while it is told. */
        if (keeper->tainted)
            return keeper_begin_refusal(keeper);
        if (!tell_next(keeper))
            return take_load(keeper);
    }
    return REPLICA_LOAD_GOES_ON;
}

enum replica_load_result
replica_keeper_step_load(struct replica_keeper *keeper, size_t entries)
{
    if (keeper->stage == LOAD_READING)
        start_comparing(keeper);
    if (keeper->stage == LOAD_REFUSING || keeper->stage == LOAD_MERGING)
        return keeper_step_refusal(keeper, entries);
    if (keeper->stage == LOAD_TELLING)
        return tell_load(keeper, entries);
    if (replica_compare_step(&keeper->compare, entries))
        return REPLICA_LOAD_GOES_ON;
    if (!judge_load(keeper))
        return keeper_begin_refusal(keeper);
    keeper->telling = 0;
    keeper->stage = LOAD_TELLING;
    return REPLICA_LOAD_GOES_ON;
}

bool
replica_keeper_wants_load(const struct replica_keeper *keeper)
{
    return keeper->wanted_time != 0 ||
           (keeper->alarm[0] != '\0' && keeper->changed_since_load);
}
