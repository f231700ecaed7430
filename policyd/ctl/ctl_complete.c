/*
 * complete: what the last word of a command line may be, for the shells.
 *
 * Says nothing of what is wrong: who types is not disturbed by a Redis that is away.
 */
#include <string.h>

#include "policyd/checks/check.h"
#include "policyd/ctl/ctl_commands.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_plan.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/plan/plan_gates.h"
#include "policyd/state/domain_fields.h"
#include "policyd/state/domain_list.h"
#include "policyd/terminal/completion.h"
#include "shared/base/domain.h"
#include "shared/service/daemon.h"

enum { LINE_MAX_OCTETS = 4096 };

struct complete {
    struct ctl *ctl;
    struct completion word;
};

static void
offer(const struct complete *complete, const char *text, const char *means)
{
    struct buffer line;

    if (!span_starts(span_of(text), complete->word.begun))
        return;
    buffer_init(&line, LINE_MAX_OCTETS);
    buffer_append(&line, complete->word.stem);
    buffer_printf(&line, "%s\t%s\n", text, means);
    ctl_output_raw(buffer_span(&line));
    buffer_clear(&line);
}

static void
offer_words(const struct complete *complete, const char *words)
{
    struct span rest = span_of(words);
    struct span word;

    while (span_split(&rest, ' ', &word))
        offer(complete, arena_text(complete->ctl->arena, word), "");
}

static bool
is_local(const struct complete *complete)
{
    return (complete->word.given & CTL_OPTION_BIT(CTL_LOCAL)) != 0;
}

static void
offer_verbs(const struct complete *complete)
{
    for (size_t i = 0; i < complete->ctl->verb_count; i++) {
        const struct ctl_verb *verb = &complete->ctl->verbs[i];

        if (verb->local == is_local(complete) && verb->run != ctl_complete_run)
            offer(complete, verb->name, verb->summary);
    }
}

/* Those of the verb; before one, those that go with each. */
static void
offer_options(const struct complete *complete)
{
    const char *typed = complete->word.verb;
    uint64_t taken = CTL_COMMANDS_COMMON;

    for (size_t i = 0; typed != NULL && i < complete->ctl->verb_count; i++) {
        const struct ctl_verb *verb = &complete->ctl->verbs[i];

        if (verb->local == is_local(complete) && strcmp(verb->name, typed) == 0)
            taken = verb->options;
    }
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        const char *value = ctl_arguments_value_of((enum ctl_option)i);

        if ((taken & ~complete->word.given & CTL_OPTION_BIT(i)) != 0)
            offer(complete,
                arena_printf(complete->ctl->arena, "--%s",
                    ctl_arguments_name_of((enum ctl_option)i)),
                value != NULL ? value : "");
    }
}

static bool
is_offered(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* Those that policyd knows; where it is silent, those of the file. */
static void
offer_domains(const struct complete *complete)
{
    const struct route_rules *rules = &complete->ctl->config->serve->route_rules;
    struct error error;
    const struct ctl_json *status =
        ctl_policyd_document(complete->ctl, "/status.json", NULL, &error);

    for (size_t i = 0; i < rules->domain_count; i++)
        offer(complete, rules->domains[i], "");
    if (status == NULL)
        return;
    for (const struct ctl_json *i = ctl_json_get(status, "domains")->first; i != NULL;
         i = i->next) {
        const char *name = arena_text(complete->ctl->arena, ctl_json_text(i, "domain"));

        if (!is_offered(rules->domains, rules->domain_count, name) &&
            domain_is_valid(span_of(name)))
            offer(complete, name, "");
    }
}

static bool
offer_list(void *argument, struct span name, struct error *error)
{
    const struct complete *complete = argument;
    struct span list = span_from(name, span_find_last(name, ':') + 1);

    (void)error;
    if (domain_list_is_name(list))
        offer(complete, arena_text(complete->ctl->arena, list), "");
    return true;
}

/* SCAN may give one twice, which shells take for one. */
static void
offer_lists(struct complete *complete)
{
    struct error error;

    if (complete->word.domain == NULL || !ctl_store_open(complete->ctl, &error))
        return;
    (void)ctl_store_scan(complete->ctl,
        arena_printf(complete->ctl->arena, "list:%s:*", complete->word.domain),
        offer_list, complete, &error);
}

static void
offer_field(const struct complete *complete, const char *name)
{
    offer(complete, arena_printf(complete->ctl->arena, "%s=", name), "");
}

/* Of a field that is typed already, its values. */
static void
offer_fields(const struct complete *complete)
{
    static const char *const values =
        "mode=split mode=old mode=new mode=standby mode=hold inside=relay inside=forward "
        "inside=map inside=accept old=site";

    if (span_find(complete->word.begun, '=') != SPAN_NONE) {
        offer_words(complete, values);
        return;
    }
    /* The last one, rev, is counted. */
    for (size_t i = 0; i + 1 < DOMAIN_FIELDS_COUNT; i++)
        offer_field(complete, domain_field_names[i]);
}

static void
offer_plan_fields(const struct complete *complete)
{
    const char *name;

    for (size_t i = 0; (name = ctl_plan_field_name(i)) != NULL; i++)
        offer_field(complete, name);
}

static void
offer_gates(const struct complete *complete)
{
    for (int i = 0; i < PLAN_GATES; i++)
        offer(complete, plan_gate_name((enum plan_gate_kind)i), "");
}

static void
offer_checks(const struct complete *complete)
{
    for (size_t i = 0; i < CHECKS; i++)
        offer(complete, check_rows[i].name, check_rows[i].looks);
}

static void
offer_groups(const struct complete *complete)
{
    for (int i = 0; i < CHECK_GROUPS; i++)
        offer(complete, check_group_name((enum check_group)i), "");
}

/* By the file of the line that is typed, if it is right. */
static void
read_file(const struct complete *complete)
{
    const char *given = complete->word.config;
    struct ctl_config *config =
        ctl_config_read(given != NULL ? given : DAEMON_CONFIG_FILE, false, "ctl");

    if (!ctl_config_serves(config, CTL_NEEDS_REDIS)) {
        ctl_config_free(config);
        return;
    }
    ctl_config_free(complete->ctl->config);
    complete->ctl->config = config;
}

int
ctl_complete_run(struct ctl *ctl)
{
    struct complete complete = {.ctl = ctl};

    completion_read(&complete.word, ctl->arguments.words, ctl->arguments.count);
    if (complete.word.kind == COMPLETION_DOMAINS ||
        complete.word.kind == COMPLETION_LISTS)
        read_file(&complete);
    switch (complete.word.kind) {
    case COMPLETION_NOTHING:
        break;
    case COMPLETION_VERBS:
        offer_verbs(&complete);
        break;
    case COMPLETION_OPTIONS:
        offer_options(&complete);
        break;
    case COMPLETION_WORDS:
        offer_words(&complete, complete.word.words);
        break;
    case COMPLETION_DOMAINS:
        offer_domains(&complete);
        break;
    case COMPLETION_LISTS:
        offer_lists(&complete);
        break;
    case COMPLETION_FIELDS:
        offer_fields(&complete);
        break;
    case COMPLETION_PLAN_FIELDS:
        offer_plan_fields(&complete);
        break;
    case COMPLETION_GATES:
        offer_gates(&complete);
        break;
    case COMPLETION_CHECKS:
        offer_checks(&complete);
        break;
    case COMPLETION_GROUPS:
        offer_groups(&complete);
        break;
    case COMPLETION_FILES:
        ctl_output_say(":files");
        break;
    }
    return CTL_DONE;
}
