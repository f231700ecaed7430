#include "policyd/ctl/ctl_health.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "shared/base/number.h"

void
ctl_health_add(struct ctl_health *health, const struct ctl_json *domain, bool is_bad,
    const char *text)
{
    if (health->count < CTL_FINDINGS_MAX)
        health->items[health->count++] = (struct ctl_finding){domain, is_bad, text};
    health->is_bad = health->is_bad || is_bad;
}

static const char *
text_of(struct ctl *ctl, const struct ctl_json *object, const char *name)
{
    return ctl_output_text(ctl->arena, ctl_json_text(object, name));
}

static void
look_at_redis(struct ctl_health *health, struct ctl *ctl, const struct ctl_json *status)
{
    const struct ctl_json *redis = ctl_json_get(status, "redis");

    if (!ctl_json_is_true(redis, "up"))
        ctl_health_add(health, NULL, true,
            arena_printf(ctl->arena, "Redis %s is away: %s",
                text_of(ctl, redis, "address"), text_of(ctl, redis, "error")));
    if (!ctl_json_is_true(status, "loaded"))
        ctl_health_add(health, NULL, true,
            "neither Redis nor a snapshot has been read: all mail waits");
}

/* A file that was changed since is not what counts. */
static void
look_at_file(struct ctl_health *health, struct ctl *ctl, const struct ctl_json *status)
{
    const struct ctl_json *config = ctl_json_get(status, "config");
    const char *file = text_of(ctl, config, "file");
    struct stat now;
    uint64_t modified;

    if (ctl_json_is_true(config, "refused"))
        ctl_health_add(health, NULL, true,
            arena_printf(ctl->arena,
                "policyd has refused to reload %s, what it read before is in force: "
                "postshift-policyd -c %s -t says why",
                file, file));
    else if (number_unsigned(ctl_json_text(config, "modified"), INT64_MAX, &modified) &&
             stat(file, &now) == 0 && now.st_mtime > (time_t)modified)
        ctl_health_add(health, NULL, true,
            arena_printf(ctl->arena,
                "%s is newer than what policyd runs with: systemctl reload "
                "postshift-policyd",
                file));
}

static void
look_at_override(
    struct ctl_health *health, struct ctl *ctl, const struct ctl_json *domain)
{
    const struct ctl_json *override = ctl_json_get(domain, "override");
    const char *file = ctl->config->serve->override;
    bool has_weight = !ctl_json_is_null(override, "weight");
    bool has_mode = !ctl_json_is_null(override, "mode");

    if (override->kind != CTL_JSON_OBJECT)
        return;
    if (ctl_json_is_true(override, "unclear"))
        ctl_health_add(health, domain, true,
            arena_printf(ctl->arena,
                "what the file %s says of it can't be read: its mail waits", file));
    else
        ctl_health_add(health, domain, true,
            arena_printf(ctl->arena, "overridden by the file %s: %s%s%s%s%s", file,
                has_weight ? "weight=" : "",
                has_weight ? text_of(ctl, override, "weight") : "",
                has_weight && has_mode ? " " : "", has_mode ? "mode=" : "",
                has_mode ? text_of(ctl, override, "mode") : ""));
}

static void
look_at_domain(struct ctl_health *health, struct ctl *ctl, const struct ctl_json *domain)
{
    bool good = ctl_json_is_true(domain, "good");
    bool ours = ctl_json_is_true(domain, "ours");
    struct span why = ctl_json_text(domain, "why");
    const char *not_ours = ctl->config->serve->route_rules.domain_count > 0
                               ? "not among [policyd] domains"
                               : "never had a good state";
    const char *what = "no good state: its mail waits in the queue";

    if (!ctl_json_is_true(domain, "suspect") && good && ours)
        return;
    if (!ours && span_is(why, not_ours))
        why = SPAN("");
    if (!ours)
        what = arena_printf(ctl->arena, "%s, its mail goes the site's own way", not_ours);
    else if (good)
        what = "Redis no longer says this, the last good state stays in force";
    ctl_health_add(health, domain, ours,
        arena_printf(ctl->arena, "%s%s%s", what, why.length > 0 ? ": " : "",
            ctl_output_text(ctl->arena, why)));
}

/* Whether a row says it already. */
static bool
is_told(const struct ctl_json *status, struct span note)
{
    const struct ctl_json *domain = ctl_json_get(status, "domains")->first;

    if (span_starts(note, SPAN("the override file is in force")))
        return true;
    for (; domain != NULL; domain = domain->next) {
        struct span why = ctl_json_text(domain, "why");
        struct span name = ctl_json_text(domain, "domain");

        if (why.length > 0 && span_find_text(note, name) != SPAN_NONE &&
            span_find_text(note, why) != SPAN_NONE)
            return true;
    }
    return false;
}

/* A name that ends there: not another one's beginning. */
static bool
names_domain(struct span note, struct span domain)
{
    size_t at;

    while (domain.length > 0 && (at = span_find_text(note, domain)) != SPAN_NONE) {
        struct span before = span_first(note, at);
        struct span behind = span_from(note, at + domain.length);

        note = behind;
        if ((span_ends(before, SPAN("@")) || span_ends(before, SPAN("=")) ||
                span_ends(before, SPAN(":"))) &&
            (behind.length == 0 || strchr(" :,", behind.data[0]) != NULL))
            return true;
    }
    return false;
}

/* The row of the domain whose pin, unit, list or state a note is about; NULL: of none. */
static const struct ctl_json *
row_of(const struct ctl_json *status, struct span note)
{
    const struct ctl_json *domain = ctl_json_get(status, "domains")->first;

    while (domain != NULL && !names_domain(note, ctl_json_text(domain, "domain")))
        domain = domain->next;
    return domain;
}

static void
look_at_notes(struct ctl_health *health, struct ctl *ctl, const struct ctl_json *status)
{
    const struct ctl_json *note = ctl_json_get(status, "notes")->first;
    const struct ctl_json *warning = ctl_json_get(status, "warnings")->first;

    for (; warning != NULL; warning = warning->next)
        ctl_health_add(health, NULL, false, ctl_output_text(ctl->arena, warning->text));
    for (; note != NULL; note = note->next) {
        if (!is_told(status, note->text))
            ctl_health_add(health, row_of(status, note->text),
                !span_starts(note->text, SPAN("warning: ")),
                ctl_output_text(ctl->arena, note->text));
    }
}

void
ctl_health_look(struct ctl_health *health, struct ctl *ctl, const struct ctl_json *status,
    const char *silent)
{
    const struct ctl_json *domain = ctl_json_get(status, "domains")->first;

    *health = (struct ctl_health){.arena = ctl->arena,
        .items = arena_take(ctl->arena, CTL_FINDINGS_MAX * sizeof(*health->items))};
    if (silent != NULL) {
        ctl_health_add(health, NULL, true,
            arena_printf(ctl->arena, "policyd not asked: %s",
                ctl_output_text(ctl->arena, span_of(silent))));
    } else {
        look_at_redis(health, ctl, status);
        look_at_file(health, ctl, status);
    }
    for (; domain != NULL; domain = domain->next) {
        look_at_override(health, ctl, domain);
        if (!span_is(ctl_json_text(status, "source"), CTL_HEALTH_OF_NOBODY))
            look_at_domain(health, ctl, domain);
    }
    look_at_notes(health, ctl, status);
}
