#include "policyd/setup/setup_run.h"

#include <string.h>

#include "policyd/setup/setup_trial.h"
#include "policyd/wiring/postfix_edit.h"
#include "policyd/wiring/postfix_line.h"

enum { TEXT_MAX = 8 << 20, SAID_MAX = 120 };

/* One run. */
struct run {
    struct setup_site *site;
    enum setup_want want;
    struct setup_plan *plan;
    struct setup_outcome *outcome;
    struct setup_change change;
    struct setup_listing before;
    bool is_reloaded;
};

static bool
is_clean(struct run *run)
{
    struct setup_plan removal;
    struct error ignored;

    return setup_plan_make(
               &removal, SETUP_REMOVE, &run->site->facts, run->site->arena, &ignored) &&
           removal.count == 0;
}

/* The texts after some steps, all of one stage. */
static bool
edit(struct run *run, const struct setup_step *steps, size_t count,
    struct span texts[SETUP_FILES], struct error *error)
{
    struct postfix_files files;
    bool done = true;

    buffer_init(&files.main_cf, TEXT_MAX);
    buffer_init(&files.master_cf, TEXT_MAX);
    buffer_append(&files.main_cf, run->change.now[0]);
    buffer_append(&files.master_cf, run->change.now[1]);
    for (size_t i = 0; i < count && done; i++)
        done = postfix_edit_step(&files, steps[i].flag, steps[i].argument, error);
    texts[0] = arena_span(run->site->arena, buffer_span(&files.main_cf));
    texts[1] = arena_span(run->site->arena, buffer_span(&files.master_cf));
    buffer_clear(&files.main_cf);
    buffer_clear(&files.master_cf);
    return done;
}

/* Where nobody else has changed the file, it becomes what it was before us. */
static void
give_back(struct run *run, struct span texts[SETUP_FILES])
{
    for (size_t i = 0; i < SETUP_FILES; i++)
        run->outcome->given_back[i] = setup_change_original(&run->change, i, &texts[i]);
}

/* What was done must leave nothing to do. */
static bool
check_plan(struct run *run, struct error *error)
{
    struct setup_plan again;

    if (!setup_plan_make(&again, run->want, &run->site->facts, run->site->arena, error))
        return false;
    return again.count == 0 ||
           error_permanent(error, "Postfix's configuration did not take this: %s %s",
               again.steps[0].flag != NULL ? again.steps[0].flag : "reload",
               again.steps[0].argument != NULL ? again.steps[0].argument : "");
}

/* By Postfix's own reading, before it is in anybody's way. */
static bool
try_texts(struct run *run, const struct span texts[SETUP_FILES], struct error *error)
{
    struct setup_listing after;

    return setup_trial_list(run->site, texts, &after, error) &&
           setup_verify(&run->before, &after, run->plan, error);
}

static bool
check(struct run *run, bool is_last, struct error *error)
{
    return setup_site_read_again(run->site, error) &&
           (!is_last || check_plan(run, error));
}

static bool
take_into_use(struct run *run, struct error *error)
{
    if (!setup_site_reload(run->site, &run->outcome->is_stopped, error))
        return false;
    run->is_reloaded = true;
    return true;
}

/* Steps up to the next reload. */
static bool
run_stage(struct run *run, const struct setup_step *steps, size_t count, bool is_last,
    struct error *error)
{
    struct span texts[SETUP_FILES];

    if (!edit(run, steps, count, texts, error))
        return false;
    if (is_last && run->want == SETUP_REMOVE)
        give_back(run, texts);
    return try_texts(run, texts, error) &&
           setup_change_write(&run->change, texts, error) && check(run, is_last, error) &&
           take_into_use(run, error);
}

static bool
run_stages(struct run *run, struct error *error)
{
    const struct setup_plan *plan = run->plan;
    size_t start = 0;

    while (start < plan->count) {
        size_t end = start;

        while (end < plan->count && plan->steps[end].flag != NULL)
            end++;
        if (!run_stage(
                run, &plan->steps[start], end - start, end + 1 >= plan->count, error))
            return false;
        start = end + 1;
    }
    return true;
}

/* Adds to the error how the files are now. */
static void
put_back(struct run *run, struct error *error)
{
    const struct error why = *error;
    bool touched = false;
    struct error again;
    bool skipped;

    for (size_t i = 0; i < SETUP_FILES; i++)
        touched = touched || !span_equal(run->change.now[i], run->change.before[i]);
    if (!setup_change_undo(&run->change, &again)) {
        (void)error_permanent(error,
            "%s; main.cf and master.cf could not be put back (%s): the copies end in %s",
            why.text, again.text, run->change.suffix);
        return;
    }
    if (run->is_reloaded)
        (void)setup_site_reload(run->site, &skipped, &again);
    (void)error_permanent(error, "%s; %s", why.text,
        touched ? "main.cf and master.cf are as they were" : "nothing was changed");
}

static void
look_at_ends(struct run *run)
{
    for (size_t i = 0; i < SETUP_FILES; i++)
        run->outcome->mended[i] =
            run->want == SETUP_APPLY && postfix_line_lacks_end(run->change.before[i]);
}

static bool
carry_out(struct run *run, struct error *error)
{
    const struct error why_not = {ERROR_NONE, ""};

    *error = why_not;
    if (!setup_plan_make(
            run->plan, run->want, &run->site->facts, run->site->arena, error))
        return false;
    if (run->plan->count == 0)
        return true;
    look_at_ends(run);
    if (!setup_trial_list(run->site, run->change.before, &run->before, error) ||
        !setup_change_prepare(&run->change, is_clean(run), error) ||
        !run_stages(run, error)) {
        put_back(run, error);
        return false;
    }
    run->outcome->suffix = run->change.suffix;
    setup_change_finish(&run->change, run->want == SETUP_REMOVE);
    return true;
}

bool
setup_run(struct setup_site *site, enum setup_want want, struct setup_plan *plan,
    struct setup_outcome *outcome, struct error *error)
{
    struct run run = {.site = site, .want = want, .plan = plan, .outcome = outcome};
    bool done;

    *outcome = (struct setup_outcome){.suffix = ""};
    done = setup_change_lock(&run.change, site, error) && carry_out(&run, error);
    setup_change_clear(&run.change);
    return done;
}

const char *
setup_run_left_over(const struct setup_site *site)
{
    const struct span texts[SETUP_FILES] = {site->facts.main_cf, site->master_cf};
    static const char *const words[] = {"postshift_", "rewrite-cutover"};

    for (size_t i = 0; i < SETUP_FILES; i++) {
        struct postfix_line line;
        size_t at = 0;
        const char *found = NULL;

        postfix_line_init(&line, texts[i].length);
        while (found == NULL && postfix_line_next(&line, texts[i], &at)) {
            struct span text = buffer_span(&line.octets);

            for (size_t j = 0; j < ARRAY_LENGTH(words); j++) {
                if (span_find_text(text, span_of(words[j])) != SPAN_NONE)
                    found = arena_printf(site->arena, "%s still says: %s",
                        setup_file_names[i],
                        arena_text(site->arena, span_first(text, SAID_MAX)));
            }
        }
        postfix_line_clear(&line);
        if (found != NULL)
            return found;
    }
    return NULL;
}
