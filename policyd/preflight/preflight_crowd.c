/*
 * Many at once: sessions, and recipients.
 */
#include <event2/event.h>
#include <string.h>

#include "policyd/preflight/preflight_talks.h"
#include "policyd/preflight/preflight_trouble.h"
#include "shared/base/allocate.h"

enum { STEP_MS = 5000, SESSION_MS = 8000, SESSIONS_MAX = 100, AT_ONCE = 5 };

struct crowd {
    struct check_sessions *sessions;
    struct arena *arena;
    struct smtp_talk *talks[SESSIONS_MAX];
};

static void
one_ended(void *argument, const struct smtp_talk_result *result)
{
    struct crowd *crowd = argument;

    if (result->trouble == SMTP_TROUBLE_NONE)
        crowd->sessions->greeted++;
    else if (result->reply.code == 421)
        crowd->sessions->turned_away++;
    else
        crowd->sessions->trouble = preflight_trouble(crowd->arena, result);
}

void
preflight_sessions_run(const struct preflight_place *place, const char *hello,
    unsigned wanted, struct check_sessions *sessions, struct arena *arena)
{
    static const struct smtp_talk_events events = {NULL, one_ended};
    const struct smtp_talk_options options = {.route = place->route,
        .hello = hello,
        .timeout_ms = SESSION_MS,
        .step_timeout_ms = STEP_MS};
    struct crowd crowd = {.sessions = sessions, .arena = arena};
    struct event_base *base = allocated(event_base_new());
    struct error error = {.text = ""};

    *sessions = (struct check_sessions){
        .wanted = wanted < SESSIONS_MAX ? wanted : SESSIONS_MAX, .trouble = ""};
    for (unsigned i = 0; i < sessions->wanted; i++) {
        crowd.talks[i] = smtp_talk_start(base, &options, &events, &crowd, &error);
        if (crowd.talks[i] == NULL)
            sessions->trouble = arena_text(arena, span_of(error.text));
    }
    (void)event_base_dispatch(base);
    for (unsigned i = 0; i < sessions->wanted; i++)
        smtp_talk_free(crowd.talks[i]);
    event_base_free(base);
}

/* --- who moves --- */

/* One connection: some of them. */
struct some {
    struct check_mover *movers;
    size_t count;
    const char *trouble;
    struct arena *arena;
};

static void
one_answered(void *argument, enum smtp_phase phase, size_t envelope, size_t recipient,
    const struct smtp_reply *reply)
{
    struct some *some = argument;

    (void)envelope;
    if (phase == SMTP_RCPT)
        some->movers[recipient].reply = *reply;
}

static void
some_ended(void *argument, const struct smtp_talk_result *result)
{
    struct some *some = argument;

    some->trouble = preflight_trouble(some->arena, result);
}

static void
second_is_over(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument;
}

/* No connection is begun within a second of another. */
static void
let_a_second_pass(struct event_base *base)
{
    static const struct timeval second = {1, 0};

    (void)event_base_once(base, -1, EV_TIMEOUT, second_is_over, NULL, &second);
}

/* Asks them, and lets a second go by. */
static void
ask_some(struct event_base *base, const struct preflight_place *place, const char *hello,
    struct some *some)
{
    static const struct smtp_talk_events events = {one_answered, some_ended};
    const char *recipients[AT_ONCE];
    const struct smtp_envelope envelope = {"", recipients, some->count, 0};
    const struct smtp_talk_options options = {.route = place->route,
        .hello = hello,
        .tls_name = place->name,
        .timeout_ms = SESSION_MS,
        .step_timeout_ms = STEP_MS,
        .envelopes = &envelope,
        .envelope_count = 1};
    struct error error = {.text = ""};
    struct smtp_talk *talk;

    for (size_t i = 0; i < some->count; i++)
        recipients[i] = some->movers[i].address;
    talk = smtp_talk_start(base, &options, &events, some, &error);
    if (talk == NULL) {
        some->trouble = arena_text(some->arena, span_of(error.text));
        return;
    }
    let_a_second_pass(base);
    (void)event_base_dispatch(base);
    smtp_talk_free(talk);
}

const char *
preflight_movers_run(const struct preflight_place *place, const char *hello,
    struct check_mover *movers, size_t count,
    void (*asked)(void *argument, size_t so_far), void *argument, struct arena *arena)
{
    struct event_base *base = allocated(event_base_new());
    struct some some = {.trouble = NULL, .arena = arena};

    let_a_second_pass(base);
    (void)event_base_dispatch(base);
    for (size_t i = 0; i < count && some.trouble == NULL; i += some.count) {
        some.movers = movers + i;
        some.count = count - i < AT_ONCE ? count - i : AT_ONCE;
        ask_some(base, place, hello, &some);
        asked(argument, i + some.count);
    }
    event_base_free(base);
    return some.trouble;
}
