#include "policyd/cutover/edits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/base/allocate.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum { GROUPS_MAX = 1000, FIELDS_MAX = 32, MARGIN_MS = 5000 /* also for clocks */ };

/* The key of many changes in one event. */
#define ANY "*"

struct edit {
    char *what;
    char *key; /* "" of a domain; ANY */
    char *from;
    char *to;
};

/* Changes of one kind of one domain, from the first until it is quiet. */
struct group {
    enum replica_change_kind kind;
    char domain[256];
    uint64_t first_ms;
    uint64_t last_ms;
    int64_t since_ms; /* what was missed, from then on; unix time, 0: nothing was */
    char rev[24];     /* that came along; "": none did */
    struct edit edits[FIELDS_MAX];
    size_t count;
    size_t changes; /* all of them, also those that found no room */
};

struct edits {
    const struct plan_context *context;
    struct group **groups;
    size_t count;
    size_t room;
    bool is_full; /* told */
};

/* Domain, what, key, to, rev (of our own writers, "" for none), from when on a name's
 * events count (unix milliseconds), the pin's Redis key ("" else), the event.
 *
 * Newest first.  A rev: our writer's event has it.  A field: the last event that set it
 * has this value.  A name: an event about it, or a bulk's, of that time; of many, more
 * than 20 (EDITS_EACH) of ours; and where somebody was erased then, no name is told at
 * all.  A pin of the guard's says so itself.
 */
static const char edit_script[] = EVENT_SCRIPT(
    "local domain, what, key, to = take(), take(), take(), take() "
    "local rev, since, pin = take(), take(), take() "
    "local sets = {[what] = true} "
    "if what == 'weight' then "
    "  for _, name in ipairs({'plan-advance', 'plan-rollback', 'rollback'}) do "
    "    sets[name] = true end end "
    "if pin ~= '' then "
    "  local value = redis.call('GET', pin) "
    "  if value and value:find('note=unknown on ', 1, true) then return 0 end end "
    "local function meaning(text) "
    "  if what ~= 'pin' then return text end "
    "  local place = text:match('^%a*') return place == 'none' and '' or place end "
    "local newest, ours = true, 0 "
    "for _, entry in ipairs("
    "    redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', '1000')) do "
    "  local event = {} "
    "  for i = 1, #entry[2], 2 do event[entry[2][i]] = entry[2][i + 1] end "
    "  local at = tonumber(entry[1]:match('^%d+')) "
    "  local its = event.domain == domain "
    "  if key == '' and its then "
    "    if rev ~= '' and event.rev == rev and event.who ~= 'redis' then return 0 end "
    "    if newest and sets[event.what] then "
    "      if event.to == to then return 0 end newest = false end "
    "  elseif key ~= '' then "
    "    if at < tonumber(since) then break end "
    "    if event.what == 'erase' then return 0 end "
    "    if (its or event.domain == '') and event.what == what and "
    "       (not event.key or (event.key == key and "
    "         meaning(event.to) == meaning(to))) then return 0 end "
    "    if its and event.what == what and event.who ~= 'redis' then ours = ours + 1 end "
    "    if key == '*' and ours > 20 then return 0 end "
    "  end "
    "end ",
    "add_event() return 1");

/* --- gathering --- */

static void
forget_edit(struct edit *edit)
{
    free(edit->what);
    free(edit->key);
    free(edit->from);
    free(edit->to);
}

static void
free_group(struct group *group)
{
    for (size_t i = 0; i < group->count; i++)
        forget_edit(&group->edits[i]);
    free(group);
}

struct edits *
edits_new(const struct plan_context *context)
{
    struct edits *edits = allocate(sizeof(*edits));

    edits->context = context;
    return edits;
}

void
edits_free(struct edits *edits)
{
    if (edits == NULL)
        return;
    for (size_t i = 0; i < edits->count; i++)
        free_group(edits->groups[i]);
    free(edits->groups);
    free(edits);
}

static struct span
domain_of(const struct replica_change *change)
{
    size_t at;

    if (change->kind == CHANGE_DOMAIN || change->kind == CHANGE_MEMBER)
        return change->name;
    for (at = change->name.length; at > 0; at--) {
        if (change->name.data[at - 1] == '@')
            return span_from(change->name, at);
    }
    return SPAN("");
}

/* NULL: there are too many. */
static struct group *
group_of(struct edits *edits, enum replica_change_kind kind, struct span domain)
{
    struct group *group;

    for (size_t i = 0; i < edits->count; i++) {
        if (edits->groups[i]->kind == kind && span_is(domain, edits->groups[i]->domain))
            return edits->groups[i];
    }
    if (edits->count == GROUPS_MAX || domain.length >= sizeof(group->domain)) {
        if (!edits->is_full)
            log_say(LOG_LEVEL_WARNING,
                "more than %d domains are edited at a time: some are not told as events",
                GROUPS_MAX);
        edits->is_full = true;
        return NULL;
    }
    edits->groups =
        allocate_more(edits->groups, edits->count, &edits->room, sizeof(struct group *));
    group = allocate(sizeof(*group));
    group->kind = kind;
    (void)span_copy(domain, group->domain, sizeof(group->domain));
    group->first_ms = clock_now_ms();
    edits->groups[edits->count++] = group;
    return group;
}

static void
add_edit(struct group *group, const char *what, struct span key, struct span from,
    struct span to)
{
    group->changes++;
    for (size_t i = 0; i < group->count; i++) {
        struct edit *edit = &group->edits[i];

        if (strcmp(edit->what, what) == 0 && span_is(key, edit->key) &&
            group->kind != CHANGE_MEMBER) {
            free(edit->to);
            edit->to = allocate_text(to);
            return;
        }
    }
    if (group->count < FIELDS_MAX)
        group->edits[group->count++] = (struct edit){allocate_text(span_of(what)),
            allocate_text(key), allocate_text(from), allocate_text(to)};
}

void
edits_change(struct edits *edits, const struct replica *replica,
    const struct replica_change *change)
{
    bool adds = change->to.length > 0;
    struct group *group;

    /* The first load tells what was there before us. */
    if (change->source != REPLICA_FROM_REDIS || !replica_is_loaded(replica))
        return;
    group = group_of(edits, change->kind, domain_of(change));
    if (group == NULL)
        return;
    group->last_ms = clock_now_ms();
    switch (change->kind) {
    case CHANGE_DOMAIN:
        if (strcmp(change->field, "rev") == 0)
            (void)span_copy(change->to, group->rev, sizeof(group->rev));
        else
            add_edit(group, change->field, SPAN(""), change->from, change->to);
        break;
    case CHANGE_PIN:
    case CHANGE_UNIT:
        add_edit(group, change->kind == CHANGE_PIN ? "pin" : "unit", change->name,
            change->from, change->to);
        break;
    case CHANGE_MEMBER:
    default:
        /* As `postshiftctl list` has it. */
        add_edit(group, "list", adds ? change->to : change->from,
            adds ? SPAN("") : change->list, adds ? change->list : SPAN(""));
    }
}

void
edits_missed(struct edits *edits, const struct replica_change *change, int64_t since_ms)
{
    struct group *group = group_of(edits, change->kind, domain_of(change));

    if (group == NULL)
        return;
    group->last_ms = clock_now_ms();
    if (group->since_ms == 0 || since_ms < group->since_ms)
        group->since_ms = since_ms;
    add_edit(group, change->field, change->name, change->from, change->to);
}

/* --- writing --- */

static void
was_written(void *argument, const struct redis_reply *reply)
{
    struct edits *edits = argument;

    plan_store_tell(edits->context->store, "to write edits as events", reply);
}

static void
write_edit(struct edits *edits, const struct group *group, const struct edit *edit)
{
    struct plan_store *store = edits->context->store;
    const char *prefix = plan_store_prefix(store);
    struct arena *arena = arena_new(4 << 20);
    struct event_write *write = event_write_new(arena, prefix, edit_script);
    bool is_pin = group->kind == CHANGE_PIN && edit->key[0] != '\0';
    uint64_t rev = strtoull(group->rev, NULL, 10);
    const struct event_fields event = {
        .time = (int64_t)time(NULL),
        .who = "redis",
        .host = edits->context->gateway,
        .domain = group->domain,
        .what = edit->what,
        .key = strcmp(edit->key, ANY) == 0 ? "" : edit->key,
        .from = edit->from,
        .to = edit->to,
        .why = "by hand, in Redis",
        .rev = rev,
    };
    int64_t first_ms = event.time * 1000 - (int64_t)(clock_now_ms() - group->first_ms);
    int64_t since_ms =
        (group->since_ms > 0 && group->since_ms < first_ms ? group->since_ms : first_ms) -
        MARGIN_MS;

    event_write_argument(write, span_of(group->domain));
    event_write_argument(write, span_of(edit->what));
    event_write_argument(write, span_of(edit->key));
    event_write_argument(write, span_of(edit->to));
    event_write_argument(write, span_of(group->rev));
    event_write_argument(write, span_of(arena_printf(arena, "%" PRId64, since_ms)));
    event_write_argument(write,
        is_pin ? span_of(arena_printf(arena, "%spin:%s", prefix, edit->key)) : SPAN(""));
    event_write_event(write, &event);
    (void)plan_store_append(store, arena, write, was_written, edits);
}

static const char *
what_of(enum replica_change_kind kind)
{
    return kind == CHANGE_PIN ? "pin" : kind == CHANGE_UNIT ? "unit" : "list";
}

static void
write_group(struct edits *edits, const struct group *group)
{
    char what[8];
    char any[] = ANY;
    char before[] = "";
    char number[40];
    struct edit all = {what, any, before, number};

    if (group->kind != CHANGE_DOMAIN && group->changes > EDITS_EACH) {
        (void)snprintf(what, sizeof(what), "%s", what_of(group->kind));
        (void)snprintf(number, sizeof(number), "%zu changes", group->changes);
        write_edit(edits, group, &all);
        return;
    }
    for (size_t i = 0; i < group->count; i++) {
        const struct edit *edit = &group->edits[i];

        if (group->kind == CHANGE_MEMBER || strcmp(edit->from, edit->to) != 0)
            write_edit(edits, group, edit);
    }
}

void
edits_tick(struct edits *edits)
{
    uint64_t now = clock_now_ms();
    size_t kept = 0;

    if (!plan_store_is_up(edits->context->store))
        return;
    for (size_t i = 0; i < edits->count; i++) {
        struct group *group = edits->groups[i];

        if (now < group->last_ms + EDITS_QUIET_MS &&
            now < group->first_ms + EDITS_LONGEST_MS) {
            edits->groups[kept++] = group;
            continue;
        }
        write_group(edits, group);
        free_group(group);
    }
    edits->count = kept;
    edits->is_full = false;
}
