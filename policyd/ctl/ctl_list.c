/*
 * list: the named lists of a domain, whose units are on new (or, exclude, stay on old;
 * or, known, are all that has a mailbox).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/ctl/ctl_write.h"
#include "shared/base/allocate.h"
#include "shared/base/json.h"

enum { OUT_MAX = 512 << 20 };

/* One run: a domain, and most of the time one of its lists. */
struct list {
    struct ctl *ctl;
    struct ctl_domain domain;
    const char *name; /* NULL: all of them are shown */
    struct span key;
    struct span *members;
    size_t count;
    size_t room;
};

static bool
take(void *argument, struct span member, struct error *error)
{
    struct list *list = argument;

    (void)error;
    list->members =
        allocate_more(list->members, list->count, &list->room, sizeof(*list->members));
    list->members[list->count++] = arena_span(list->ctl->arena, member);
    return true;
}

static int
compare(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;

    return span_compare(*a, *b);
}

/* In order, each once: SCAN may give one twice. */
static void
sort(struct list *list)
{
    size_t kept = 0;

    if (list->count == 0)
        return;
    qsort(list->members, list->count, sizeof(*list->members), compare);
    for (size_t i = 1; i < list->count; i++) {
        if (!span_equal(list->members[i], list->members[kept]))
            list->members[++kept] = list->members[i];
    }
    list->count = kept + 1;
}

/* What being on it means as things stand. */
static const char *
describe(const struct list *list, const char *name)
{
    const struct domain_state *state = list->domain.state;

    if (strcmp(name, "exclude") == 0)
        return "stay on old until the weight is 100";
    if (strcmp(name, "known") == 0)
        return "are all that has a mailbox; others stay on old until the weight is 100";
    for (size_t i = 0; state != NULL && i < state->list_count; i++) {
        if (strcmp(state->lists[i], name) == 0)
            return "are on new";
    }
    return "decide nothing: the domain's field `lists` does not name it";
}

/* What follows where nobody is on it any more. */
static const char *
describe_empty(const char *name)
{
    if (strcmp(name, "exclude") == 0)
        return "it keeps nobody on old";
    if (strcmp(name, "known") == 0)
        return "no address stays on old for not being on it";
    return "it puts nobody on new";
}

static void
print_json(const struct list *list)
{
    struct buffer out;
    struct json json;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_span(&json, "domain", list->domain.name);
    json_text(&json, "list", list->name);
    json_array_begin(&json, "members");
    for (size_t i = 0; i < list->count; i++)
        json_span(&json, NULL, list->members[i]);
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

static int
show(struct list *list)
{
    struct error error;

    if (!ctl_store_members(list->ctl, list->key, take, list, &error))
        return ctl_store_fail(list->ctl, &error);
    sort(list);
    if (ctl_arguments_has(&list->ctl->arguments, CTL_JSON)) {
        print_json(list);
        return CTL_DONE;
    }
    if (list->count == 0)
        ctl_output_say("%s is empty: %s", list->name, describe_empty(list->name));
    else
        ctl_output_say("%s, %zu unit%s, which %s", list->name, list->count,
            list->count == 1 ? "" : "s", describe(list, list->name));
    for (size_t i = 0; i < list->count; i++)
        ctl_output_say("  %s", ctl_output_text(list->ctl->arena, list->members[i]));
    return CTL_DONE;
}

static bool
change_one(struct list *list, const char *word, bool removes, int *status)
{
    struct ctl *ctl = list->ctl;
    struct span member = ctl_store_canonical_unit(ctl, ctl->arena, span_of(word));
    struct ctl_event event = {
        .domain = arena_text(ctl->arena, list->domain.name),
        .what = "list",
        .from = removes ? list->name : "",
        .to = removes ? "" : list->name,
        .why = ctl->arguments.values[CTL_WHY],
    };
    struct error error;
    bool changed;

    if (!ctl_store_follow(ctl, &member, &error)) {
        *status = ctl_store_fail(ctl, &error);
        return false;
    }
    event.key = arena_text(ctl->arena, member);
    if (!ctl_write_member(ctl, list->key, member, removes, &event, &changed, &error)) {
        *status = ctl_store_fail(ctl, &error);
        return false;
    }
    ctl_output_say("%s %s %s", event.key,
        changed ? (removes ? "is off" : "is on") : (removes ? "was not on" : "was on"),
        list->name);
    if (removes && !changed)
        *status = CTL_NO;
    return true;
}

static int
tell_rest(struct list *list, int status)
{
    struct error error;
    uint64_t count;

    if (!ctl_store_member_count(list->ctl, list->key, &count, &error))
        return ctl_store_fail(list->ctl, &error);
    if (count == 0)
        ctl_output_say("%s is now empty: %s", list->name, describe_empty(list->name));
    else
        ctl_output_say("its units %s", describe(list, list->name));
    return status;
}

/* All words are good, or nothing is written. */
static int
change(struct list *list, bool removes)
{
    const struct ctl_arguments *words = &list->ctl->arguments;
    int status = CTL_DONE;

    if (words->count < 4)
        return ctl_output_fail(CTL_USAGE,
            "addresses or units are wanted: list %s %s %s "
            "ADDRESS...",
            words->words[0], words->words[1], words->words[2]);
    for (size_t i = 3; i < words->count; i++) {
        if (ctl_store_canonical_unit(
                list->ctl, list->ctl->arena, span_of(words->words[i]))
                .data == NULL)
            return ctl_output_fail(CTL_USAGE,
                "%s is neither an address nor a unit; nothing was changed",
                words->words[i]);
    }
    for (size_t i = 3; i < words->count; i++) {
        if (!change_one(list, words->words[i], removes, &status))
            return status;
    }
    return tell_rest(list, status);
}

/* The names of the lists there are, and how many are on each. */
static bool
take_name(void *argument, struct span key, struct error *error)
{
    struct list *list = argument;

    return take(
        list, span_from(key, sizeof("list::") - 1 + list->domain.name.length), error);
}

static void
tell_list(const struct list *list, struct json *json, const char *name, uint64_t count)
{
    if (json == NULL) {
        ctl_output_say("%s, %" PRIu64 " unit%s, which %s",
            ctl_output_text(list->ctl->arena, span_of(name)), count,
            count == 1 ? "" : "s", describe(list, name));
        return;
    }
    json_object_begin(json, NULL);
    json_text(json, "list", name);
    json_integer(json, "units", (int64_t)count);
    json_object_end(json);
}

static bool
tell_lists(const struct list *list, struct json *json, struct error *error)
{
    struct arena *arena = list->ctl->arena;
    const char *kind =
        arena_printf(arena, "list:%s:", arena_text(arena, list->domain.name));

    for (size_t i = 0; i < list->count; i++) {
        uint64_t count;

        if (!ctl_store_member_count(list->ctl,
                ctl_store_key(list->ctl, arena, kind, list->members[i]), &count, error))
            return false;
        tell_list(list, json, arena_text(arena, list->members[i]), count);
    }
    return true;
}

static bool
tell_lists_json(const struct list *list, struct error *error)
{
    struct buffer out;
    struct json json;
    bool done;

    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_span(&json, "domain", list->domain.name);
    json_array_begin(&json, "lists");
    done = tell_lists(list, &json, error);
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_octet(&out, '\n');
    if (done)
        ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
    return done;
}

static int
show_all(struct list *list)
{
    struct arena *arena = list->ctl->arena;
    bool as_json = ctl_arguments_has(&list->ctl->arguments, CTL_JSON);
    struct error error;

    if (!ctl_store_scan(list->ctl,
            arena_printf(arena, "list:%s:*", arena_text(arena, list->domain.name)),
            take_name, list, &error))
        return ctl_store_fail(list->ctl, &error);
    sort(list);
    if (as_json ? !tell_lists_json(list, &error) : !tell_lists(list, NULL, &error))
        return ctl_store_fail(list->ctl, &error);
    if (list->count == 0 && !as_json)
        ctl_output_say("no lists");
    return CTL_DONE;
}

static int
run(struct list *list)
{
    const struct ctl_arguments *words = &list->ctl->arguments;
    struct arena *arena = list->ctl->arena;

    if (list->domain.state != NULL && list->domain.state->same_as[0] != '\0')
        return ctl_output_fail(CTL_NO, "it is same_as %s: its lists are looked up there",
            list->domain.state->same_as);
    if (words->count == 1)
        return show_all(list);
    list->name = words->words[1];
    if (!domain_list_is_name(span_of(list->name)))
        return ctl_output_fail(CTL_USAGE,
            "%s is no list's name (letters, digits, dots, underscores, hyphens)",
            list->name);
    list->key = ctl_store_key(list->ctl, arena,
        arena_printf(arena, "list:%s:", arena_text(arena, list->domain.name)),
        span_of(list->name));
    if (words->count == 2)
        return show(list);
    if (strcmp(words->words[2], "add") == 0)
        return change(list, false);
    if (strcmp(words->words[2], "remove") == 0)
        return change(list, true);
    return ctl_output_fail(CTL_USAGE, "list %s %s %s: there are add and remove",
        words->words[0], list->name, words->words[2]);
}

int
ctl_list_run(struct ctl *ctl)
{
    const char *name = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
    struct list list = {.ctl = ctl};
    struct error error;
    int status;

    if (name == NULL)
        return CTL_USAGE;
    if (!ctl_store_domain(ctl, span_of(name), &list.domain, &error))
        return ctl_store_fail(ctl, &error);
    if (list.domain.count == 0)
        status = ctl_output_fail(
            CTL_NO, "there is no domain %s in Redis (postshiftctl set makes one)", name);
    else
        status = run(&list);
    ctl_domain_clear(&list.domain);
    free(list.members);
    return status;
}
