/*
 * --local set, rollback and clear: the override file of this gateway, which wins over
 * Redis and works without it.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/replica/override_text.h"
#include "policyd/setup/setup_file.h"
#include "shared/base/number.h"
#include "shared/service/config.h"

enum { TRIES = 40, PAUSE_MS = 50 };

/* The file as it is, and what it says of one domain. */
struct local {
    struct ctl *ctl;
    const char *path;
    const char *domain;
    struct buffer text;
    struct replica_override now;
    struct replica_override next;
};

static bool
read_file(struct local *local, struct error *error)
{
    struct override_text overrides;

    buffer_init(&local->text, OVERRIDE_TEXT_MAX);
    if (access(local->path, F_OK) == 0 &&
        !setup_file_read(local->path, &local->text, error))
        return false;
    (void)override_text_parse(buffer_span(&local->text), &overrides);
    for (size_t i = 0; i < overrides.count; i++) {
        if (strcmp(overrides.entries[i].domain, local->domain) == 0)
            local->now = overrides.entries[i].override;
    }
    for (size_t i = 0; i < overrides.problem_count; i++)
        ctl_output_warn("%s:%zu: %s", local->path, overrides.problems[i].line,
            overrides.problems[i].error.text);
    override_text_clear(&overrides);
    local->next = local->now;
    return true;
}

static bool
write_file(struct local *local, struct error *error)
{
    struct buffer out;
    bool done;

    buffer_init(&out, OVERRIDE_TEXT_MAX);
    (void)override_text_replace(
        buffer_span(&local->text), span_of(local->domain), &local->next, &out);
    done = buffer_ok(&out)
               ? setup_file_replace(local->path, buffer_span(&out), error)
               : error_permanent(error, "%s has grown too large", local->path);
    buffer_clear(&out);
    return done;
}

static const char *
describe(struct local *local, const struct replica_override *override)
{
    char weight[8] = "";

    if (override->has_weight)
        domain_weight_write(override->weight, weight);
    if (!override->has_weight && !override->has_mode)
        return "nothing";
    return arena_printf(local->ctl->arena, "%s%s%s%s%s",
        override->has_weight ? "weight=" : "", weight,
        override->has_weight && override->has_mode ? " " : "",
        override->has_mode ? "mode=" : "",
        override->has_mode ? domain_mode_name(override->mode) : "");
}

static bool
agrees(const struct ctl_json *domain, const struct replica_override *wanted)
{
    const struct ctl_json *its = ctl_json_get(domain, "override");
    unsigned weight = 0;

    if (ctl_json_is_null(its, "weight") == wanted->has_weight ||
        ctl_json_is_null(its, "mode") == wanted->has_mode)
        return false;
    if (wanted->has_weight && (!number_percent(ctl_json_text(its, "weight"), &weight) ||
                                  weight != wanted->weight))
        return false;
    return !wanted->has_mode ||
           span_is(ctl_json_text(its, "mode"), domain_mode_name(wanted->mode));
}

/* policyd follows the file by itself; says whether it has. */
static void
confirm(struct local *local)
{
    const struct timespec moment = {0, PAUSE_MS * 1000000L};
    struct error error;

    for (int i = 0; i < TRIES; i++) {
        const struct ctl_json *domain;
        const struct ctl_json *status =
            ctl_policyd_document(local->ctl, "/status.json", NULL, &error);

        if (status == NULL) {
            ctl_output_say("policyd not asked: %s", error.text);
            return;
        }
        domain = ctl_policyd_find_domain(status, local->domain);
        if (domain == NULL && !local->next.has_weight && !local->next.has_mode)
            break;
        if (domain != NULL && agrees(domain, &local->next)) {
            ctl_output_say("policyd answers so");
            return;
        }
        (void)nanosleep(&moment, NULL);
    }
    ctl_output_say("policyd does not answer so yet");
}

/* In a hurry a misspelt domain is soon written, and the right one stays where it is. */
static bool
is_ours(struct local *local)
{
    const struct route_rules *rules = &local->ctl->config->serve->route_rules;
    const char *near;

    if ((!local->next.has_weight && !local->next.has_mode) || rules->domain_count == 0 ||
        route_rules_list(rules, span_of(local->domain)))
        return true;
    near = config_nearest(span_of(local->domain), rules->domains, rules->domain_count);
    (void)ctl_output_fail(CTL_NO,
        "%s is not among [policyd] domains%s%s%s; nothing was changed", local->domain,
        near != NULL ? " (did you mean " : "", near != NULL ? near : "",
        near != NULL ? "?)" : "");
    return false;
}

static int
carry_out(struct local *local)
{
    struct error error;

    if (!is_ours(local))
        return CTL_NO;
    if (!write_file(local, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    ctl_output_say("%s in %s: %s -> %s", local->domain, local->path,
        describe(local, &local->now), describe(local, &local->next));
    confirm(local);
    ctl_output_say("this gateway alone: do the same on each of the others");
    return CTL_DONE;
}

/* `weight=...` or `mode=...`; an empty value takes it out. */
static bool
read_word(struct local *local, const char *word)
{
    struct span text = span_of(word);
    struct span value;

    if (span_starts(text, SPAN("weight="))) {
        value = span_from(text, sizeof("weight=") - 1);
        local->next.has_weight = value.length > 0;
        return value.length == 0 || number_percent(value, &local->next.weight);
    }
    if (span_starts(text, SPAN("mode="))) {
        value = span_from(text, sizeof("mode=") - 1);
        local->next.has_mode = value.length > 0;
        return value.length == 0 || (domain_mode_parse(value, &local->next.mode) &&
                                        local->next.mode != DOMAIN_MODE_FORGOTTEN);
    }
    return false;
}

/* Opens the file for the domain of the command line; else *status. */
static bool
begin(struct local *local, struct ctl *ctl, int *status)
{
    struct error error;

    *local = (struct local){.ctl = ctl, .path = ctl->config->serve->override};
    local->domain = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
    *status = CTL_USAGE;
    if (local->domain == NULL)
        return false;
    *status = CTL_NO;
    if (local->path[0] == '\0')
        (void)ctl_output_fail(CTL_NO, "[policyd] override is none");
    else if (read_file(local, &error))
        return true;
    else
        (void)ctl_output_fail(CTL_NO, "%s", error.text);
    return false;
}

static int
finish(struct local *local, int status)
{
    buffer_clear(&local->text);
    return status;
}

int
ctl_local_set(struct ctl *ctl)
{
    struct local local;
    int status;

    if (!begin(&local, ctl, &status))
        return finish(&local, status);
    for (size_t i = 1; i < ctl->arguments.count; i++) {
        if (!read_word(&local, ctl->arguments.words[i]))
            return finish(&local,
                ctl_output_fail(CTL_USAGE,
                    "%s: what can be overridden is weight=0..100 and "
                    "mode=split|old|new|standby|hold",
                    ctl_output_text(ctl->arena, span_of(ctl->arguments.words[i]))));
    }
    return finish(&local, carry_out(&local));
}

int
ctl_local_clear(struct ctl *ctl)
{
    struct local local;
    int status;

    if (!begin(&local, ctl, &status))
        return finish(&local, status);
    local.next = (struct replica_override){.has_weight = false};
    return finish(&local, carry_out(&local));
}

/* Weight 0 does nothing where the mode is new; policyd knows that, if it can be asked. */
static bool
is_mode_new(struct ctl *ctl, const char *name)
{
    struct error error;
    const struct ctl_json *status =
        ctl_policyd_document(ctl, "/status.json", NULL, &error);
    const struct ctl_json *domain =
        status != NULL ? ctl_policyd_find_domain(status, name) : NULL;

    return domain != NULL && span_is(ctl_json_text(domain, "mode"), "new");
}

int
ctl_local_rollback(struct ctl *ctl)
{
    bool all = ctl_arguments_has(&ctl->arguments, CTL_ALL);
    struct local local;
    int status;

    if (!begin(&local, ctl, &status))
        return finish(&local, status);
    local.next.has_weight = true;
    local.next.weight = 0;
    if (all || is_mode_new(ctl, local.domain) ||
        (local.next.has_mode && local.next.mode == DOMAIN_MODE_NEW)) {
        local.next.has_mode = true;
        local.next.mode = all ? DOMAIN_MODE_OLD : DOMAIN_MODE_SPLIT;
    }
    status = carry_out(&local);
    if (status == CTL_DONE)
        ctl_output_say(
            "now: postfix reload && sleep 2 && postqueue -f   (mail that waits is asked "
            "anew)");
    return finish(&local, status);
}
