#include "policyd/ctl/ctl_leave.h"

#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_walk.h"
#include "policyd/ctl/ctl_world.h"
#include "policyd/state/pin.h"

enum { PAGE_MAX = 64 << 20 };

bool
ctl_leave_pin_counts(struct span value)
{
    struct error ignored;
    struct pin pin;

    return pin_parse(value, &pin, &ignored) && pin_counts(&pin, (int64_t)time(NULL)) &&
           pin.place != PIN_OLD;
}

static void
count_pin(void *argument, struct span name, struct span value)
{
    size_t *count = argument;

    (void)name;
    *count += ctl_leave_pin_counts(value) ? 1 : 0;
}

/* What is in force: the override's, or the state's. */
static struct span
in_force(const struct ctl_json *domain, const char *name)
{
    const struct ctl_json *override = ctl_json_get(domain, "override");

    return ctl_json_is_null(override, name) ? ctl_json_text(domain, name)
                                            : ctl_json_text(override, name);
}

const char *
ctl_leave_reason(struct ctl *ctl, const struct ctl_json *domain)
{
    struct span mode = in_force(domain, "mode");
    struct span weight = in_force(domain, "weight");
    const struct ctl_json *list = ctl_json_get(domain, "lists")->first;

    if (!ctl_json_is_true(domain, "good") || !ctl_json_is_true(domain, "ours"))
        return NULL;
    if (span_is(mode, "new") || span_is(mode, "standby") || span_is(mode, "hold"))
        return arena_printf(ctl->arena, "mode=%s", ctl_output_text(ctl->arena, mode));
    if (!span_is(mode, "split"))
        return NULL;
    if (weight.length > 0 && !span_is(weight, "0"))
        return arena_printf(ctl->arena, "about %s %% of its people are on new",
            ctl_output_text(ctl->arena, weight));
    return list == NULL ? NULL
                        : arena_printf(ctl->arena, "list %s is on new",
                              ctl_output_text(ctl->arena, list->text));
}

/* The page of policyd, or as Redis has it; NULL: nobody could be asked. */
static const struct ctl_json *
find_status(struct ctl *ctl, struct buffer *page)
{
    struct error error;
    const struct ctl_json *status =
        ctl_policyd_document(ctl, "/status.json", page, &error);

    if (status != NULL)
        return status;
    buffer_reset(page);
    if (!ctl_world_status_page(ctl, page, &error))
        return NULL;
    return ctl_json_parse(ctl->arena, arena_span(ctl->arena, buffer_span(page)), &error);
}

static const char *
name_domains(struct ctl *ctl, const struct ctl_json *status)
{
    const struct ctl_json *domain = ctl_json_get(status, "domains")->first;
    const char *first = NULL;
    size_t count = 0;

    for (; domain != NULL; domain = domain->next) {
        const char *why = ctl_leave_reason(ctl, domain);

        if (why != NULL && count++ == 0)
            first = arena_printf(ctl->arena, "%s: %s",
                ctl_output_text(ctl->arena, ctl_json_text(domain, "domain")), why);
    }
    return count < 2
               ? first
               : arena_printf(ctl->arena, "%s, and %zu more domains", first, count - 1);
}

/* How many pins would no longer count, in words; NULL: none. */
static const char *
name_pins(struct ctl *ctl, const struct ctl_json *status)
{
    size_t pins = 0;
    struct span told = ctl_json_text(status, "pins");
    struct error error;

    if (ctl_walk(ctl, "pin:", count_pin, &pins, &error))
        return pins == 0
                   ? NULL
                   : arena_printf(ctl->arena, "pins to new, standby or hold: %zu", pins);
    return told.length == 0 || span_is(told, "0")
               ? NULL
               : arena_printf(ctl->arena,
                     "%s pins, whose side can't be told with Redis away",
                     ctl_output_text(ctl->arena, told));
}

/* NULL: nobody would be sent elsewhere. */
static const char *
find_people(struct ctl *ctl)
{
    const char *snapshot = ctl->config->serve->snapshot;
    struct buffer page;
    const struct ctl_json *status;
    const char *domains = NULL;
    const char *pins = NULL;

    buffer_init(&page, PAGE_MAX);
    status = find_status(ctl, &page);
    if (status != NULL) {
        domains = name_domains(ctl, status);
        pins = name_pins(ctl, status);
    }
    buffer_clear(&page);
    /* Where there never was a snapshot policyd never had a state. */
    if (status == NULL && access(snapshot, F_OK) == 0)
        return arena_printf(ctl->arena,
            "neither policyd nor Redis can be asked who has been moved, and %s says that "
            "there is a state",
            snapshot);
    if (domains == NULL || pins == NULL)
        return domains != NULL ? domains : pins;
    return arena_printf(ctl->arena, "%s; %s", domains, pins);
}

bool
ctl_leave_pass(struct ctl *ctl, const char *what, const char *people)
{
    if (people == NULL)
        return true;
    if (ctl_arguments_has(&ctl->arguments, CTL_FORCE)) {
        ctl_output_warn("%s; forced", people);
        return true;
    }
    (void)ctl_output_fail(CTL_REFUSED,
        "%s sends their mail where the site's own maps say, which may not be where their "
        "mailboxes are: %s; bring them back first (rollback DOMAIN --all, unpin), or "
        "make "
        "the site's own transport_maps lead where they are; nothing was changed (--force "
        "overrides)",
        what, people);
    return false;
}

bool
ctl_leave_guard(struct ctl *ctl, const char *what)
{
    return ctl_leave_pass(ctl, what, find_people(ctl));
}
