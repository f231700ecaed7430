/*
 * postfix-setup: prints, applies or takes back what wires the suite into Postfix.
 */
#include "policyd/ctl/ctl_setup.h"

#include <string.h>

#include "policyd/ctl/ctl_leave.h"
#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_setup_guard.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/setup/setup_run.h"
#include "policyd/terminal/shell_word.h"
#include "policyd/wiring/postfix_line.h"
#include "shared/base/json.h"

enum { TEXT_MAX = 4 << 20 };

/* What one run of the verb works on. */
struct setup {
    struct ctl *ctl;
    struct setup_site site;
    struct setup_plan plan;
    enum setup_want want;
};

static struct setup_sockets
sockets_of(const struct ctl_config *config)
{
    return (struct setup_sockets){
        .route = &config->serve->route,
        .policy = &config->serve->policy,
        .milters =
            {
                      [SETUP_MILTER_AUTH] = &config->auth_listen,
                      [SETUP_MILTER_SCAN] = &config->scan_listen,
                      },
        .undo = strcmp(config->undo, "no") == 0 ? NULL : &config->undo_listen,
        .by_filter = config->serve->routing == ROUTING_FILTER,
    };
}

static bool
make_plan(struct setup *setup, struct error *error)
{
    return setup_plan_make(
        &setup->plan, setup->want, &setup->site.facts, setup->ctl->arena, error);
}

static const char *
directory_of(const struct ctl *ctl)
{
    return setup_site_directory(
        ctl->arguments.values[CTL_DIRECTORY], ctl->config->postfix);
}

static bool
gather(struct setup *setup, struct error *error)
{
    struct setup_sockets sockets = sockets_of(setup->ctl->config);

    return setup_site_read(&setup->site, directory_of(setup->ctl), &sockets,
               setup->ctl->arena, error) &&
           (setup->want != SETUP_APPLY ||
               ctl_setup_look(setup->ctl, &setup->site, error)) &&
           make_plan(setup, error);
}

static const char *
command_text(const struct setup *setup, const struct setup_step *step)
{
    const char *words[SETUP_WORDS_MAX];
    struct buffer out;
    const char *text;

    setup_site_words(&setup->site, step, 1, words);
    buffer_init(&out, TEXT_MAX);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0)
            buffer_append_octet(&out, ' ');
        shell_word_write(&out, words[i]);
    }
    text = ctl_output_text(setup->ctl->arena, buffer_span(&out));
    buffer_clear(&out);
    return text;
}

static void
print_json(const struct setup *setup)
{
    const struct setup_plan *plan = &setup->plan;
    struct buffer out;
    struct json json;

    buffer_init(&out, TEXT_MAX);
    json = json_on(&out);
    json_object_begin(&json, NULL);
    json_text(&json, "directory", setup->site.directory);
    json_bool(&json, "wired", plan->wired);
    json_array_begin(&json, "commands");
    for (size_t i = 0; i < plan->count; i++)
        json_text(&json, NULL, command_text(setup, &plan->steps[i]));
    json_array_end(&json);
    json_object_begin(&json, "transport_maps");
    json_bool(&json, "changed", plan->maps_changed);
    json_text(&json, "copy", plan->maps_copy);
    json_text(&json, "now", plan->maps_now);
    json_object_end(&json);
    json_text(&json, "copied", plan->copied);
    if (setup->site.facts.refusal != NULL)
        json_text(&json, "refused", setup->site.facts.refusal);
    json_array_begin(&json, "notes");
    for (size_t i = 0; i < plan->note_count; i++)
        json_text(&json, NULL, plan->notes[i]);
    json_array_end(&json);
    json_object_end(&json);
    ctl_output_document(&out);
}

static void
print_notes(const struct setup_plan *plan, const char *before)
{
    for (size_t i = 0; i < plan->note_count; i++)
        ctl_output_say("%snote: %s", before, plan->notes[i]);
}

static void
print_changed_maps(const struct setup *setup, const char *before)
{
    struct arena *arena = setup->ctl->arena;

    ctl_output_alarm("%stransport_maps has changed since the last --apply:", before);
    ctl_output_say("%s  the copy behind ours: %s", before,
        ctl_output_text(arena, span_of(setup->plan.maps_copy)));
    ctl_output_say("%s  main.cf says now:     %s", before,
        ctl_output_text(arena, span_of(setup->plan.maps_now)));
}

/* postconf would glue what it adds to a last line without end. */
static void
print_ends(const struct setup *setup)
{
    const struct span texts[SETUP_FILES] = {
        setup->site.facts.main_cf, setup->site.master_cf};

    for (size_t i = 0; i < SETUP_FILES && setup->plan.count > 0; i++) {
        if (postfix_line_lacks_end(texts[i]))
            ctl_output_say("echo >> %s/%s", setup->site.directory, setup_file_names[i]);
    }
}

/* Lines that a shell could be fed. */
static int
print_plan(const struct setup *setup)
{
    const struct setup_plan *plan = &setup->plan;

    if (ctl_arguments_has(&setup->ctl->arguments, CTL_JSON)) {
        print_json(setup);
        return CTL_DONE;
    }
    ctl_output_say("# %s: %s", setup->site.directory,
        plan->wired ? "mail is routed by policyd" : "mail is not routed by policyd");
    if (plan->maps_changed)
        print_changed_maps(setup, "# ");
    if (plan->count == 0)
        ctl_output_say("# nothing to do");
    else
        ctl_output_say("# --apply would run, in this order:");
    print_ends(setup);
    for (size_t i = 0; i < plan->count; i++)
        ctl_output_say("%s", command_text(setup, &plan->steps[i]));
    if (plan->copied[0] != '\0')
        ctl_output_say("# cutover-* begin as copies of %s", plan->copied);
    if (setup->site.facts.refusal != NULL)
        ctl_output_alarm("# --apply is refused: %s", setup->site.facts.refusal);
    print_notes(plan, "# ");
    return CTL_DONE;
}

/* What was done, as one would have typed it. */
static void
tell_steps(const struct setup *setup, const struct setup_outcome *outcome)
{
    for (size_t i = 0; i < SETUP_FILES; i++) {
        if (outcome->mended[i])
            ctl_output_say(
                "(the last line of %s had no end: it has got one)", setup_file_names[i]);
    }
    for (size_t i = 0; i < setup->plan.count; i++) {
        const struct setup_step *step = &setup->plan.steps[i];

        if (step->flag != NULL || !outcome->is_stopped)
            ctl_output_say("%s", command_text(setup, step));
    }
    if (outcome->is_stopped)
        ctl_output_say("(Postfix isn't running, so nothing is reloaded)");
}

static void
tell_copies(const struct setup *setup, const struct setup_outcome *outcome)
{
    ctl_output_say("copies   %s/main.cf%s and master.cf%s", setup->site.directory,
        outcome->suffix, outcome->suffix);
}

static void
tell_applied(const struct setup *setup, const struct setup_outcome *outcome)
{
    const struct route_rules *rules = &setup->ctl->config->serve->route_rules;
    const struct setup_facts *facts = &setup->site.facts;

    if (facts->by_filter)
        ctl_output_say(
            "changed  smtpd asks policyd at %s and filters by its answer", facts->policy);
    else
        ctl_output_say("changed  the queue manager asks policyd at %s", facts->route);
    tell_copies(setup, outcome);
    ctl_output_say("off      %s", ctl_setup_command(setup->ctl, "--off"));
    ctl_output_say("if policyd dies now: %s",
        facts->by_filter
            ? "smtpd answers 450, clients try again"
            : "mail is taken in and waits in the queue; none bounces before its lifetime "
              "ends");
    if (setup->plan.copied[0] != '\0')
        ctl_output_say("copied   %s", setup->plan.copied);
    print_notes(&setup->plan, "");
    ctl_output_say("try      swaks --server 127.0.0.1 --from you@example.net --to %s%s",
        rules->domain_count > 0 ? "postmaster@" : "postmaster@example.com",
        rules->domain_count > 0 ? rules->domains[0] : "");
}

static void
tell_off(const struct setup *setup, const struct setup_outcome *outcome)
{
    ctl_output_say("changed  the queue manager no longer asks policyd: mail goes where "
                   "main.cf says");
    tell_copies(setup, outcome);
    ctl_output_say("on again %s", ctl_setup_command(setup->ctl, "--apply"));
}

static void
tell_removed(const struct setup *setup, const struct setup_outcome *outcome)
{
    ctl_output_say(
        "changed  nothing of ours is left, main.cf alone says where mail goes");
    for (size_t i = 0; i < SETUP_FILES; i++)
        ctl_output_say("         %s: %s", setup_file_names[i],
            outcome->given_back[i]
                ? "octet for octet as it was before"
                : "changed by others since, so only what is ours was taken out");
    tell_copies(setup, outcome);
}

/* A line that is ours in part, or that somebody moved: what no plan takes out is said. */
static int
check_left_over(const struct setup *setup)
{
    const char *line = setup_run_left_over(&setup->site);

    if (setup->want != SETUP_REMOVE || line == NULL)
        return CTL_DONE;
    return ctl_output_fail(CTL_NO, "%s; take it out by hand",
        ctl_output_text(setup->ctl->arena, span_of(line)));
}

static int
change(struct setup *setup)
{
    static void (*const tell[])(const struct setup *, const struct setup_outcome *) = {
        [SETUP_APPLY] = tell_applied,
        [SETUP_OFF] = tell_off,
        [SETUP_REMOVE] = tell_removed,
    };
    struct setup_outcome outcome;
    struct error error;
    int status;

    if (setup->plan.count > 0 && setup->want == SETUP_APPLY &&
        (!ctl_setup_pass(setup->ctl, setup->site.facts.refusal) ||
            !ctl_setup_guard(setup->ctl, setup->site.route)))
        return CTL_REFUSED;
    /* What is not asked any more already can be taken out without fear. */
    if (setup->plan.count > 0 && setup->plan.wired && setup->want != SETUP_APPLY &&
        !ctl_leave_guard(setup->ctl, setup->want == SETUP_OFF ? "--off" : "--remove"))
        return CTL_REFUSED;
    if (setup->plan.count > 0 &&
        !setup_run(&setup->site, setup->want, &setup->plan, &outcome, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    status = check_left_over(setup);
    if (setup->plan.count == 0) {
        if (status == CTL_DONE)
            ctl_output_say("nothing to do");
        return status;
    }
    tell_steps(setup, &outcome);
    ctl_output_say("%s", "");
    if (status == CTL_DONE)
        tell[setup->want](setup, &outcome);
    else
        tell_copies(setup, &outcome);
    return status;
}

int
ctl_setup_run(struct ctl *ctl)
{
    static const struct {
        enum ctl_option option;
        enum setup_want want;
    } wants[] = {
        {CTL_APPLY,  SETUP_APPLY },
        {CTL_OFF,    SETUP_OFF   },
        {CTL_REMOVE, SETUP_REMOVE},
    };
    struct setup setup = {.ctl = ctl, .want = SETUP_APPLY};
    struct error error;
    size_t given = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(wants); i++) {
        if (!ctl_arguments_has(&ctl->arguments, wants[i].option))
            continue;
        setup.want = wants[i].want;
        given++;
    }
    if (given > 1)
        return ctl_output_fail(CTL_USAGE, "--apply, --off, --remove: only one of them");
    if (!gather(&setup, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    return given > 0 ? change(&setup) : print_plan(&setup);
}

bool
ctl_setup_gather(struct ctl *ctl, struct setup_site *site, struct setup_plan *plan,
    const char **refusal, struct error *error)
{
    struct setup setup = {.ctl = ctl, .want = SETUP_APPLY};
    struct error why;
    bool done = true;

    *refusal = NULL;
    if (!gather(&setup, &why)) {
        /* The one that always can be made, where there is a Postfix. */
        *refusal = arena_text(ctl->arena, span_of(why.text));
        setup.want = SETUP_REMOVE;
        done = gather(&setup, error);
    }
    *site = setup.site;
    *plan = setup.plan;
    return done;
}

const char *
ctl_setup_command(struct ctl *ctl, const char *option)
{
    const char *config = ctl->arguments.values[CTL_CONFIG];
    const char *directory = directory_of(ctl);
    struct buffer out;
    const char *text;

    buffer_init(&out, TEXT_MAX);
    buffer_append_text(&out, "postshiftctl ");
    if (config != NULL) {
        buffer_append_text(&out, "-c ");
        shell_word_write(&out, config);
        buffer_append_octet(&out, ' ');
    }
    buffer_printf(&out, "postfix-setup %s", option);
    /* What the file says needs no words. */
    if (directory != NULL && directory != ctl->config->postfix) {
        buffer_append_text(&out, " -c ");
        shell_word_write(&out, directory);
    }
    text = ctl_output_text(ctl->arena, buffer_span(&out));
    buffer_clear(&out);
    return text;
}
