#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/replica/replica_orders_inside.h"
#include "shared/base/allocate.h"
#include "shared/base/idn.h"
#include "shared/base/number.h"

/* Loads: begun, compared, and taken as a whole; what operators accept; what the override
 * file says. */

/* --- overrides --- */

static void
apply_overrides(const struct replica_orders *orders, struct replica *replica)
{
    for (size_t i = 0; i < orders->override_count; i++)
        replica_set_override(replica, span_of(orders->overrides[i].domain),
            &orders->overrides[i].override);
    replica_set_unclear(replica, orders->overrides_unclear);
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
tell_override(struct replica_orders *orders, const char *domain,
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
    if (strcmp(before, after) != 0 && orders->events.changed != NULL)
        orders->events.changed(orders->argument, &change);
}

void
replica_orders_set_overrides(struct replica_orders *orders,
    const struct override_entry *entries, size_t count, bool unclear)
{
    struct override_entry *before = orders->overrides;
    size_t before_count = orders->override_count;

    orders->overrides = allocate_array(count + 1, sizeof(*entries));
    if (count > 0)
        memcpy(orders->overrides, entries, count * sizeof(*entries));
    orders->override_count = count;
    orders->overrides_unclear = unclear;
    replica_clear_overrides(orders->answering);
    apply_overrides(orders, orders->answering);
    for (size_t i = 0; i < count; i++)
        tell_override(orders, entries[i].domain,
            find_override(before, before_count, entries[i].domain), &entries[i].override);
    for (size_t i = 0; i < before_count; i++) {
        const struct replica_override *after =
            find_override(entries, count, before[i].domain);

        if (!after->has_mode && !after->has_weight && !after->unclear)
            tell_override(orders, before[i].domain, &before[i].override, after);
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
replica_orders_take_accept(
    struct replica_orders *orders, const struct replica_value *value)
{
    static const struct span key = {"accept", 6};
    struct replica_waiver waiver;
    int64_t time;

    replica_problems_remove(orders->problems, key);
    if (value->kind == VALUE_ABSENT)
        return false;
    if (value->kind != VALUE_TEXT || !parse_accept(value->text, &waiver, &time) ||
        time > orders->now + REPLICA_ACCEPT_AHEAD_SECONDS) {
        orders_problem_text(orders, PROBLEM_INVALID, key, "accept", value->text,
            "a domain or *, a blank and the unix time of now", "");
        return false;
    }
    if (!orders->knows_accept) {
        orders->knows_accept = true;
        orders->accepted = time;
        return false;
    }
    if (time <= orders->accepted || time <= orders->accepting ||
        time <= orders->wanted_time)
        return false;
    orders->wanted = waiver;
    orders->wanted_time = time;
    return true;
}

bool
replica_orders_has_accept(const struct replica_orders *orders)
{
    return orders->wanted_time != 0;
}

bool
replica_orders_is_accepting(const struct replica_orders *orders)
{
    return orders->accepting != 0;
}

bool
replica_orders_accepted(const struct replica_orders *orders, int64_t *time)
{
    *time = orders->accepted;
    return orders->knows_accept;
}

/* --- loads --- */

void
replica_orders_adopt(struct replica_orders *orders, struct replica *replica,
    bool knows_accept, int64_t accepted)
{
    replica_free(orders->answering);
    orders->answering = replica;
    orders->knows_accept = knows_accept;
    orders->accepted = accepted;
    apply_overrides(orders, replica);
}

void
replica_orders_begin_load(struct replica_orders *orders)
{
    replica_orders_drop_load(orders);
    orders->loading = replica_new();
    orders->stage = LOAD_READING;
    orders->tainted = false;
    orders->waiver = orders->wanted;
    orders->accepting = orders->wanted_time;
    orders->wanted = (struct replica_waiver){.all = false};
    orders->wanted_time = 0;
    orders->changed_since_load = false;
    replica_problems_begin_load(orders->problems);
}

void
replica_orders_drop_load(struct replica_orders *orders)
{
    if (orders->loading == NULL)
        return;
    /* What was accepted has not come to pass yet. */
    if (orders->accepting > orders->wanted_time && orders->wanted_time == 0) {
        orders->wanted = orders->waiver;
        orders->wanted_time = orders->accepting;
    }
    replica_problems_end_load(orders->problems, false);
    orders_end_load(orders);
}

bool
replica_orders_is_loading(const struct replica_orders *orders)
{
    return orders->loading != NULL;
}

static void
note_gone(void *argument, struct span domain, struct span list, size_t count)
{
    struct replica_orders *orders = argument;
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
        if (replica_problems_has(orders->problems, span_of(key)))
            return;
    } else {
        snprintf(key, sizeof(key), "domain:%s", name.text);
        snprintf(text, sizeof(text), "gone from Redis; kept until accept-state");
        replica_set_suspect(orders->answering, replica_name_span(&name), text);
    }
    orders_problem_text(orders, PROBLEM_GONE, span_of(key),
        list.length > 0 ? "list" : "domain", list.length > 0 ? list : domain, text, "");
}

static void
start_comparing(struct replica_orders *orders)
{
    struct replica_compare *compare = &orders->compare;

    compare->ours = orders->answering;
    compare->theirs = orders->loading;
    compare->waiver = orders->waiver;
    compare->domains = orders->rules.domains;
    compare->domain_count = orders->rules.domain_count;
    compare->now = orders->now;
    compare->losses = (struct replica_losses){.domains = 0};
    compare->gone = note_gone;
    compare->argument = orders;
    replica_compare_start(compare);
    orders->stage = LOAD_COMPARING;
}

/*
 * What the swap is going to change, domain by domain; of pins and units only how many
 * there are shows.  False after the last.
 */
static bool
tell_next(struct replica_orders *orders)
{
    struct replica_domain theirs;
    struct replica_domain ours = {.ours = false};
    enum replica_source source = REPLICA_FROM_REDIS;
    struct span name;

    if (!replica_is_loaded(orders->answering) ||
        !replica_next_domain(orders->loading, &orders->telling, &name, &theirs))
        return false;
    if (replica_waiver_covers_domain(&orders->waiver, name))
        source = REPLICA_FROM_ACCEPT;
    (void)replica_find_domain(orders->answering, name, &ours);
    orders_tell_domain(orders, source, name, ours.state, theirs.state);
    return true;
}

static enum replica_load_result
take_load(struct replica_orders *orders)
{
    struct replica *before = orders->answering;

    replica_set_loaded(orders->loading);
    apply_overrides(orders, orders->loading);
    if (orders->accepting != 0)
        orders->accepted = orders->accepting;
    orders->knows_accept = true;
    if (orders->waiver.all)
        replica_guard_forget(orders->guard);
    orders->load_refused = false;
    orders->held = 0;
    orders->answering = orders->loading;
    orders->loading = before;
    orders_end_load(orders);
    orders_check_alarm(orders);
    return REPLICA_LOAD_TAKEN;
}

/* True: it may be taken. */
static bool
judge_load(struct replica_orders *orders)
{
    replica_problems_end_load(orders->problems, true);
    orders->compare.losses.older =
        replica_problems_count(orders->problems, PROBLEM_OLDER);
    return !replica_losses_forbid(&orders->compare.losses) && !orders->tainted;
}

static enum replica_load_result
tell_load(struct replica_orders *orders, size_t entries)
{
    for (; entries > 0; entries--) {
        /* A change that spoils the load may come while it is told. */
        if (orders->tainted)
            return orders_begin_refusal(orders);
        if (!tell_next(orders))
            return take_load(orders);
    }
    return REPLICA_LOAD_GOES_ON;
}

enum replica_load_result
replica_orders_step_load(struct replica_orders *orders, size_t entries)
{
    if (orders->stage == LOAD_READING)
        start_comparing(orders);
    if (orders->stage == LOAD_REFUSING || orders->stage == LOAD_MERGING)
        return orders_step_refusal(orders, entries);
    if (orders->stage == LOAD_TELLING)
        return tell_load(orders, entries);
    if (replica_compare_step(&orders->compare, entries))
        return REPLICA_LOAD_GOES_ON;
    if (!judge_load(orders))
        return orders_begin_refusal(orders);
    orders->telling = 0;
    orders->stage = LOAD_TELLING;
    return REPLICA_LOAD_GOES_ON;
}

bool
replica_orders_wants_load(const struct replica_orders *orders)
{
    return orders->wanted_time != 0 ||
           (orders->alarm[0] != '\0' && orders->changed_since_load);
}
