#include "policyd/preflight/preflight_talks.h"

#include <event2/event.h>
#include <string.h>

#include "policyd/preflight/preflight_trouble.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum { APART_MS = 1000, STEP_MS = 5000, TALK_MS = 7000 };

/* The last envelope, where the probe address is given: of a sender elsewhere. */
enum { FOREIGN = 2 };

struct run;

/* One side: its places one after the other. */
struct side {
    struct run *run;
    const struct preflight_places *places;
    bool is_new;
    size_t next;
    struct event *turn;
    struct smtp_talk *talk;
    struct check_talk *current;
};

struct run {
    const struct preflight_talks *talks;
    struct event_base *base;
    struct smtp_tls *tls;
    struct arena *arena;
    uint64_t started_ms;
    struct check_talk *out;
    size_t count;
    struct side sides[PREFLIGHT_SIDES];
    size_t busy;
};

/* --- one place --- */

static void
answered(void *argument, enum smtp_phase phase, size_t envelope, size_t recipient,
    const struct smtp_reply *reply)
{
    struct side *side = argument;
    bool has_probe = side->run->talks->probe != NULL;

    (void)recipient;
    if (envelope == FOREIGN && phase == SMTP_MAIL)
        side->current->foreign_mail = *reply;
    else if (envelope == FOREIGN && phase == SMTP_RCPT)
        side->current->foreign = *reply;
    else if (phase == SMTP_MAIL && (envelope == 0 || side->current->mail.code == 0))
        side->current->mail = *reply;
    else if (phase == SMTP_RCPT && envelope == 0 && has_probe)
        side->current->probe = *reply;
    else if (phase == SMTP_RCPT)
        side->current->invented = *reply;
}

static void
ended(void *argument, const struct smtp_talk_result *result)
{
    struct side *side = argument;
    struct check_talk *talk = side->current;
    struct arena *arena = side->run->arena;
    /* What a connection is told by another server than the one that answered is no
     * answer. */
    bool is_again = result->reply.code == 421;

    talk->trouble = preflight_trouble(arena, result);
    talk->has_greeted = result->duration_us[SMTP_HELLO] >= 0 &&
                        (result->phase > SMTP_HELLO || talk->trouble == NULL) &&
                        !(is_again && result->phase <= SMTP_HELLO);
    talk->is_refused = result->trouble == SMTP_TROUBLE_REFUSED &&
                       result->reply.code / 100 == 5 && result->phase <= SMTP_HELLO;
    talk->extensions = result->extensions;
    talk->extensions.starttls = result->tls.is_offered;
    talk->is_encrypted = result->tls.is_in_use;
    talk->is_trusted = result->tls.is_verified;
    talk->untrusted = arena_text(arena, span_of(result->tls.why));
    talk->not_after = result->tls.not_after;
    smtp_talk_free(side->talk);
    side->talk = NULL;
    side->run->busy--;
}

static uint64_t
left_ms(const struct run *run)
{
    uint64_t gone = clock_now_ms() - run->started_ms;

    return gone < run->talks->budget_ms ? run->talks->budget_ms - gone : 0;
}

static void
start(struct side *side, const struct preflight_place *place)
{
    static const struct smtp_talk_events events = {answered, ended};
    struct run *run = side->run;
    const struct preflight_talks *talks = run->talks;
    const char *const first[] = {talks->probe != NULL ? talks->probe : talks->invented};
    const char *const second[] = {talks->invented};
    bool asks_foreign = side->is_new && talks->foreign != NULL;
    const struct smtp_envelope envelopes[] = {
        {"",                                 first,  1, 0},
        {"",                                 second, 1, 0},
        {asks_foreign ? talks->foreign : "", first,  1, 0},
    };
    uint64_t left = left_ms(run);
    const struct smtp_talk_options options = {
        .route = place->route,
        .hello = talks->hello,
        .tls_name = place->name,
        .tls = run->tls,
        .timeout_ms = left < TALK_MS ? (unsigned)left : TALK_MS,
        .step_timeout_ms = left < STEP_MS ? (unsigned)left : STEP_MS,
        .envelopes = envelopes,
        .envelope_count = talks->probe == NULL ? 1
                          : asks_foreign       ? 3
                                               : 2,
        .source4 = talks->source4[side->is_new],
        .source6 = talks->source6[side->is_new],
    };
    struct error error = {.text = ""};

    side->current->trouble = place->trouble;
    if (place->trouble != NULL || place->is_out_of_reach)
        return;
    if (left == 0) {
        side->current->trouble = "no time was left for it";
        return;
    }
    side->talk = smtp_talk_start(run->base, &options, &events, side, &error);
    if (side->talk != NULL)
        run->busy++;
    else
        side->current->trouble = arena_text(run->arena, span_of(error.text));
}

static const char *
source_of(const struct side *side, const struct preflight_place *place)
{
    const struct preflight_talks *talks = side->run->talks;
    const char *source = strcmp(place->family, "IPv4") == 0 ? talks->source4[side->is_new]
                         : strcmp(place->family, "IPv6") == 0
                             ? talks->source6[side->is_new]
                             : NULL;

    return source != NULL ? source : "";
}

/* Once a second, where the one before has ended. */
static void
on_turn(evutil_socket_t fd, short what, void *argument)
{
    static const struct timeval pause = {APART_MS / 1000, 0};
    static const struct timeval soon = {0, 50000};
    struct side *side = argument;
    struct run *run = side->run;
    const struct preflight_place *place;

    (void)fd;
    (void)what;
    if (side->talk != NULL) {
        (void)event_add(side->turn, &soon);
        return;
    }
    if (side->places == NULL || side->next == side->places->count)
        return;
    place = &side->places->items[side->next++];
    side->current = &run->out[run->count++];
    *side->current = (struct check_talk){.is_new = side->is_new,
        .place = place->shown,
        .family = place->family,
        .is_out_of_reach = place->is_out_of_reach,
        .source = source_of(side, place)};
    start(side, place);
    if (side->next < side->places->count)
        (void)event_add(side->turn, &pause);
}

size_t
preflight_talks_run(const struct preflight_talks *talks,
    struct check_talk out[PREFLIGHT_SIDES * CHECK_PLACES_MAX], struct arena *arena)
{
    static const struct timeval at_once = {0, 0};
    struct error error = {.text = ""};
    struct run run = {
        .talks = talks, .arena = arena, .out = out, .started_ms = clock_now_ms()};

    run.base = allocated(event_base_new());
    run.tls = smtp_tls_new(&error);
    for (size_t i = 0; i < PREFLIGHT_SIDES; i++) {
        struct side *side = &run.sides[i];

        *side = (struct side){
            .run = &run, .places = talks->sides[i], .is_new = i == PREFLIGHT_NEW};
        side->turn = allocated(event_new(run.base, -1, 0, on_turn, side));
        (void)event_add(side->turn, &at_once);
    }
    (void)event_base_dispatch(run.base);
    for (size_t i = 0; i < PREFLIGHT_SIDES; i++)
        event_free(run.sides[i].turn);
    smtp_tls_free(run.tls);
    event_base_free(run.base);
    return run.count;
}
