/*
 * preflight: everything that can be looked at before a domain is moved.
 */
#include "policyd/ctl/ctl_preflight.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_policyd.h"
#include "policyd/ctl/ctl_verbs.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { ROUNDS = 3, OUT_MAX = 64 << 20, DOMAINS_MAX = 2000 };

/* --- rounds --- */

/* A line that was begun on the terminal goes, then it is as if nothing had been heard. */
static void
give_up(int number)
{
    static const char clear[] = "\r\033[K";

    if (isatty(STDERR_FILENO))
        (void)!write(STDERR_FILENO, clear, sizeof(clear) - 1);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void
listen_for_the_end(void)
{
    const struct sigaction action = {.sa_handler = give_up};

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

/* On a terminal, to standard error: what is being waited for. */
static void
show_progress(const struct ctl_preflight *preflight, const char *what)
{
    if (what[0] == '\0')
        ctl_output_progress("%s", "");
    else
        ctl_output_progress("%s: %s ...", preflight->name, what);
}

static void
read_domain(struct ctl_preflight *preflight)
{
    struct ctl *ctl = preflight->ctl;
    struct error error;

    preflight->no_domain = NULL;
    if (!ctl_store_domain(ctl, span_of(preflight->name), &preflight->domain, &error))
        preflight->no_domain =
            arena_printf(ctl->arena, "Redis can't be asked: %s", error.text);
    else if (preflight->domain.state == NULL)
        preflight->no_domain = "the domain has no good state in Redis";
}

/* True: all that was asked has an answer. */
static bool
look(struct ctl_preflight *preflight)
{
    bool all = true;

    preflight->rounds++;
    show_progress(preflight, "Postfix and policyd");
    if (ctl_preflight_wants(preflight, CHECK_POSTFIX))
        ctl_preflight_postfix(preflight);
    if (ctl_preflight_wants(preflight, CHECK_STATE) ||
        ctl_preflight_wants(preflight, CHECK_PEOPLE))
        ctl_preflight_state(preflight);
    ctl_preflight_people(preflight);
    show_progress(preflight, "DNS");
    if (ctl_preflight_wants(preflight, CHECK_DNS))
        ctl_preflight_dns(preflight);
    show_progress(preflight, "backends");
    ctl_preflight_backends(preflight);
    show_progress(preflight, "");
    for (int i = 0; i < CHECKS; i++) {
        const struct check *check = &preflight->checks[i];

        preflight->settled[i] =
            !preflight->wanted[i] || check->result != CHECK_UNKNOWN || check->is_final;
        all = all && preflight->settled[i];
    }
    return all;
}

static void
wait_until(const struct ctl_preflight *preflight, uint64_t ms)
{
    uint64_t gone = clock_now_ms() - preflight->started_ms;
    const struct timespec pause = {
        (time_t)((ms - gone) / 1000), (long)((ms - gone) % 1000) * 1000000};

    if (gone >= ms)
        return;
    show_progress(preflight, "some had no answer, they are asked again");
    (void)nanosleep(&pause, NULL);
}

static void
look_in_rounds(struct ctl_preflight *preflight)
{
    preflight->started_ms = clock_now_ms();
    read_domain(preflight);
    for (unsigned round = 0; round < ROUNDS; round++) {
        wait_until(preflight, round * preflight->ctl->config->preflight_pause_ms);
        if (look(preflight))
            return;
    }
    for (int i = 0; i < CHECKS; i++) {
        if (!preflight->settled[i])
            check_add(&preflight->checks[i], CHECK_UNKNOWN, "asked %d times over %u s",
                ROUNDS, (unsigned)((clock_now_ms() - preflight->started_ms) / 1000));
    }
}

/* --- the command line --- */

/* False: said so. */
static bool
choose(struct ctl *ctl, bool wanted[CHECKS])
{
    const char *only = ctl->arguments.values[CTL_ONLY];
    const char *group = ctl->arguments.values[CTL_GROUP];
    enum check_name name = only != NULL ? check_find(span_of(only)) : CHECKS;

    if (only != NULL && name == CHECKS) {
        (void)ctl_output_fail(
            CTL_USAGE, "there is no check %s (preflight --list has all)", only);
        return false;
    }
    if (group != NULL && check_group_find(group) == CHECK_GROUPS) {
        (void)ctl_output_fail(CTL_USAGE,
            "there is no group %s (there are dns postfix state backends people)", group);
        return false;
    }
    for (int i = 0; i < CHECKS; i++)
        wanted[i] =
            (only == NULL || i == (int)name) &&
            (group == NULL || check_rows[i].group == check_group_find(group)) &&
            (check_rows[i].blocks || !ctl_arguments_has(&ctl->arguments, CTL_BLOCKING)) &&
            (i != CHECK_SESSIONS || ctl_arguments_has(&ctl->arguments, CTL_LOAD) ||
                only != NULL);
    return true;
}

/* All domains: of the file, else those that policyd has. */
static size_t
all_domains(struct ctl *ctl, const char *names[DOMAINS_MAX])
{
    const struct route_rules *rules = &ctl->config->serve->route_rules;
    const struct ctl_json *domain;
    struct error error;
    size_t count = 0;

    for (size_t i = 0; i < rules->domain_count && count < DOMAINS_MAX; i++)
        names[count++] = rules->domains[i];
    if (count > 0)
        return count;
    domain = ctl_policyd_document(ctl, "/status.json", NULL, &error);
    domain = domain != NULL ? ctl_json_get(domain, "domains")->first : NULL;
    for (; domain != NULL && count < DOMAINS_MAX; domain = domain->next)
        names[count++] = arena_text(ctl->arena, ctl_json_text(domain, "domain"));
    return count;
}

static bool
is_complete(const struct ctl_preflight *preflight)
{
    for (int i = 0; i < CHECKS; i++) {
        if (preflight->wanted[i] && (preflight->checks[i].result == CHECK_FAIL ||
                                        preflight->checks[i].result == CHECK_UNKNOWN))
            return false;
    }
    return true;
}

/* Looks at one, prints it or writes it. */
static int
run_one(struct ctl_preflight *preflight, struct json *json)
{
    const struct ctl_arguments *arguments = &preflight->ctl->arguments;
    bool worse = false;
    bool done = true;

    look_in_rounds(preflight);
    if (ctl_arguments_has(arguments, CTL_DIFF))
        done = ctl_preflight_diff(preflight, json, &worse);
    else if (json != NULL)
        ctl_preflight_write(preflight, json);
    else
        ctl_preflight_print(preflight);
    if (done && ctl_arguments_has(arguments, CTL_SAVE))
        done = ctl_preflight_save(preflight);
    ctl_domain_clear(&preflight->domain);
    if (!done)
        return CTL_NO_REDIS;
    if (ctl_arguments_has(arguments, CTL_DIFF))
        return worse ? CTL_NO : CTL_DONE;
    return ctl_preflight_counts(preflight).blocking > 0 ? CTL_NO : CTL_DONE;
}

static int
run_all(struct ctl *ctl, const struct ctl_preflight *model, struct json *json)
{
    const char **names = arena_take(ctl->arena, DOMAINS_MAX * sizeof(*names));
    size_t count = all_domains(ctl, names);
    size_t complete = 0;
    int status = CTL_DONE;

    if (count == 0)
        return ctl_output_fail(CTL_NO, "no domain is known: name one");
    if (json != NULL) {
        json_object_begin(json, NULL);
        json_array_begin(json, "domains");
    }
    for (size_t i = 0; i < count; i++) {
        struct ctl_preflight *preflight = arena_take(ctl->arena, sizeof(*preflight));
        int one;

        *preflight = *model;
        preflight->name = names[i];
        one = run_one(preflight, json);
        status = one > status ? one : status;
        complete += is_complete(preflight);
    }
    if (json != NULL) {
        json_array_end(json);
        json_integer(json, "complete", (int64_t)complete);
        json_integer(json, "of", (int64_t)count);
        json_object_end(json);
    } else {
        ctl_output_say(
            "complete: %zu of %zu (%zu %%)", complete, count, complete * 100 / count);
    }
    return status;
}

int
ctl_preflight_run(struct ctl *ctl)
{
    struct ctl_preflight *preflight = arena_take(ctl->arena, sizeof(*preflight));
    bool as_json = ctl_arguments_has(&ctl->arguments, CTL_JSON);
    struct buffer out;
    struct json json;
    int status;

    if (ctl_arguments_has(&ctl->arguments, CTL_LIST))
        return ctl_preflight_list(ctl);
    if (!choose(ctl, preflight->wanted))
        return CTL_USAGE;
    listen_for_the_end();
    preflight->ctl = ctl;
    if (ctl->arguments.count > 0) {
        preflight->name = ctl_store_canonical_domain(ctl, ctl->arguments.words[0]);
        if (preflight->name == NULL)
            return CTL_USAGE;
    }
    buffer_init(&out, OUT_MAX);
    json = json_on(&out);
    status = preflight->name != NULL ? run_one(preflight, as_json ? &json : NULL)
                                     : run_all(ctl, preflight, as_json ? &json : NULL);
    if (as_json && out.length > 0)
        ctl_output_document(&out);
    buffer_clear(&out);
    return status;
}
