/*
 * postfix-setup: prints, applies or takes back what wires the suite into Postfix.
 */
#include "policyd/ctl/ctl_setup.h"

#include <stdio.h>
#include <unistd.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_setup_guard.h"
#include "policyd/ctl/ctl_verbs.h"
#include "policyd/setup/setup_file.h"
#include "policyd/setup/setup_site.h"
#include "shared/base/json.h"

#define POSTFIX_FOLDER "/etc/postfix"

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
        .by_filter = config->serve->routing == ROUTING_FILTER,
    };
}

static bool
make_plan(struct setup *setup, struct error *error)
{
    return setup_plan_make(
        &setup->plan, setup->want, &setup->site.facts, setup->ctl->arena, error);
}

static bool
gather(struct setup *setup, struct error *error)
{
    struct setup_sockets sockets = sockets_of(setup->ctl->config);

    return setup_site_read(&setup->site, setup->ctl->arguments.values[CTL_DIRECTORY],
               &sockets, setup->ctl->arena, error) &&
           make_plan(setup, error);
}

/* As one would type it: quoted where the shell would see more than a word. */
static void
write_word(struct buffer *out, const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:";
    struct span text = span_of(word);
    bool is_plain = text.length > 0;

    for (size_t i = 0; i < text.length; i++)
        is_plain = is_plain && span_find(span_of(plain), text.data[i]) != SPAN_NONE;
    if (is_plain) {
        buffer_append(out, text);
        return;
    }
    buffer_append_octet(out, '\'');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\'')
            buffer_append_text(out, "'\\''");
        else
            buffer_append_octet(out, text.data[i]);
    }
    buffer_append_octet(out, '\'');
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
        write_word(&out, words[i]);
    }
    text = ctl_output_text(setup->ctl->arena, buffer_span(&out));
    buffer_clear(&out);
    return text;
}

static const char *
off_text(const struct setup *setup)
{
    /* A service of another type is very old; --remove knows it. */
    const struct setup_step off = {"-PX", "qmgr/unix/rewrite_service_name"};
    const struct setup_step reload = {NULL, NULL};

    return arena_printf(setup->ctl->arena, "%s && %s", command_text(setup, &off),
        command_text(setup, &reload));
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
    json_array_begin(&json, "notes");
    for (size_t i = 0; i < plan->note_count; i++)
        json_text(&json, NULL, plan->notes[i]);
    json_array_end(&json);
    json_object_end(&json);
    buffer_append_octet(&out, '\n');
    ctl_output_raw(buffer_span(&out));
    buffer_clear(&out);
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
    for (size_t i = 0; i < plan->count; i++)
        ctl_output_say("%s", command_text(setup, &plan->steps[i]));
    print_notes(plan, "# ");
    return CTL_DONE;
}

static bool
run_steps(const struct setup *setup, struct error *error)
{
    const struct setup_step *steps = setup->plan.steps;
    size_t left = setup->plan.count;
    bool skipped;

    while (left > 0) {
        size_t bunch = setup_site_bunch(steps, left);

        if (!setup_site_run(&setup->site, steps, bunch, &skipped, error))
            return false;
        if (skipped)
            ctl_output_say("(Postfix isn't running, so nothing is reloaded)");
        for (size_t i = 0; i < bunch && !skipped; i++)
            ctl_output_say("%s", command_text(setup, &steps[i]));
        steps += bunch;
        left -= bunch;
    }
    return true;
}

/* Runs the plan; what it changed is put back when a step fails. */
static int
carry_out(struct setup *setup, const char **suffix)
{
    struct error error;
    struct error again;

    if (!setup_site_save(&setup->site, suffix, &error))
        return ctl_output_fail(CTL_NO, "%s; nothing was changed", error.text);
    if (run_steps(setup, &error))
        return CTL_DONE;
    if (!setup_site_restore(&setup->site, *suffix, &again))
        return ctl_output_fail(CTL_NO,
            "%s; main.cf and master.cf could not be put back (%s): the copies end in %s",
            error.text, again.text, *suffix);
    return ctl_output_fail(
        CTL_NO, "%s; main.cf and master.cf are as they were", error.text);
}

static void
tell_applied(const struct setup *setup, const char *suffix)
{
    const struct route_rules *rules = &setup->ctl->config->serve->route_rules;
    const struct setup_facts *facts = &setup->site.facts;

    ctl_output_say("%s", "");
    if (facts->by_filter)
        ctl_output_say(
            "changed  smtpd asks policyd at %s and filters by its answer", facts->policy);
    else
        ctl_output_say("changed  the queue manager asks policyd at %s", facts->route);
    ctl_output_say(
        "copies   %s/main.cf%s and master.cf%s", setup->site.directory, suffix, suffix);
    ctl_output_say("off      %s",
        facts->by_filter ? "postshiftctl postfix-setup --remove" : off_text(setup));
    ctl_output_say("if policyd dies now: %s",
        facts->by_filter
            ? "smtpd answers 450, clients try again"
            : "mail is taken in and waits in the queue; none bounces before its lifetime "
              "ends");
    print_notes(&setup->plan, "");
    ctl_output_say("try      swaks --server 127.0.0.1 --from you@example.net --to %s%s",
        rules->domain_count > 0 ? "postmaster@" : "postmaster@example.com",
        rules->domain_count > 0 ? rules->domains[0] : "");
}

static void
tell_removed(const struct setup *setup, const char *suffix)
{
    ctl_output_say("%s", "");
    ctl_output_say(
        "changed  nothing of ours is left, main.cf alone says where mail goes");
    ctl_output_say(
        "copies   %s/main.cf%s and master.cf%s", setup->site.directory, suffix, suffix);
}

/* What was done must leave nothing to do. */
static int
check_done(struct setup *setup)
{
    struct error error;

    if (!setup_site_read_again(&setup->site, &error) || !make_plan(setup, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    if (setup->plan.count == 0)
        return CTL_DONE;
    return ctl_output_fail(CTL_NO, "Postfix's configuration did not take this: %s",
        command_text(setup, &setup->plan.steps[0]));
}

static int
change(struct setup *setup)
{
    const struct setup_plan first = setup->plan;
    const char *suffix;
    int status;

    if (first.count == 0) {
        ctl_output_say("nothing to do");
        return CTL_DONE;
    }
    if (setup->want == SETUP_APPLY && !ctl_setup_guard(setup->ctl))
        return CTL_REFUSED;
    status = carry_out(setup, &suffix);
    if (status == CTL_DONE)
        status = check_done(setup);
    if (status != CTL_DONE)
        return status;
    setup->plan = first;
    if (setup->want == SETUP_APPLY)
        tell_applied(setup, suffix);
    else
        tell_removed(setup, suffix);
    return CTL_DONE;
}

int
ctl_setup_run(struct ctl *ctl)
{
    bool apply = ctl_arguments_has(&ctl->arguments, CTL_APPLY);
    bool remove = ctl_arguments_has(&ctl->arguments, CTL_REMOVE);
    struct setup setup = {.ctl = ctl, .want = remove ? SETUP_REMOVE : SETUP_APPLY};
    struct error error;

    if (apply && remove)
        return ctl_output_fail(CTL_USAGE, "--apply and --remove: only one of them");
    if (!gather(&setup, &error))
        return ctl_output_fail(CTL_NO, "%s", error.text);
    return apply || remove ? change(&setup) : print_plan(&setup);
}

/* postconf is run only where our word is found: --watch looks often. */
static bool
is_wired(const char *directory)
{
    char path[4096];
    struct buffer text;
    struct error error;
    bool found;

    (void)snprintf(path, sizeof(path), "%s/master.cf", directory);
    if (access(path, R_OK) != 0)
        return false;
    buffer_init(&text, TEXT_MAX);
    found =
        setup_file_read(path, &text, &error) &&
        span_find_text(buffer_span(&text), SPAN("rewrite-cutover")) != SPAN_NONE;
    buffer_clear(&text);
    return found;
}

void
ctl_setup_tell_change(struct ctl *ctl)
{
    const char *directory = ctl->arguments.values[CTL_DIRECTORY];
    /* Of the two plans, the one that always can be made. */
    struct setup setup = {.ctl = ctl, .want = SETUP_REMOVE};
    struct error error;

    if (!is_wired(directory != NULL ? directory : POSTFIX_FOLDER))
        return;
    if (!gather(&setup, &error)) {
        ctl_output_warn("Postfix's wiring was not compared: %s", error.text);
        return;
    }
    if (setup.plan.maps_changed) {
        print_changed_maps(&setup, "");
        ctl_output_say("  postshiftctl postfix-setup --apply takes it over");
    }
}
