#include "policyd/checks/check_talk.h"

#include <inttypes.h>

enum { DAY = 86400, DAYS_LEAST = 21, SIDES = 2 };

static const char *const side_names[SIDES] = {"old", "new"};

static const char *
side_of(const struct check_talk *talk)
{
    return side_names[talk->is_new];
}

/* Lines for what could not be asked at all. */
static void
add_missing(const struct check_talks *talks, struct check *check)
{
    for (size_t i = 0; i < SIDES; i++) {
        if (talks->missing[i] != NULL)
            check_add(check, CHECK_SKIPPED, "%s: %s", side_names[i], talks->missing[i]);
    }
}

static void
add(struct check *check, const struct check_talk *talk, enum check_result result,
    const char *what)
{
    check_add(
        check, result, "%s %s, %s: %s", side_of(talk), talk->place, talk->family, what);
}

/* True with a line: nobody is asked there. */
static bool
passes_over(const struct check_talk *talk, struct check *check)
{
    if (talk->is_out_of_reach)
        add(check, talk, CHECK_SKIPPED, "this host has no way there, Postfix neither");
    return talk->is_out_of_reach;
}

static const char *
said(const struct check_talk *talk, struct arena *arena, const struct smtp_reply *reply)
{
    char written[SMTP_REPLY_WRITTEN_MAX + 1];

    if (reply->code == 0)
        return arena_printf(arena, "no answer%s%s", talk->trouble != NULL ? ": " : "",
            talk->trouble != NULL ? talk->trouble : "");
    smtp_reply_write(reply, written);
    return arena_printf(arena, "%.160s", written);
}

/* --- each check --- */

static void
look_at_tls(
    const struct check_talks *talks, const struct check_talk *talk, struct check *check)
{
    int64_t days = (talk->not_after - talks->now) / DAY;

    if (!talk->has_greeted)
        add(check, talk, CHECK_UNKNOWN,
            arena_printf(check->arena, "could not be asked: %s", talk->trouble));
    else if (!talk->extensions.starttls && !talk->is_encrypted)
        add(check, talk, CHECK_FAIL, "STARTTLS is not offered");
    else if (!talk->is_encrypted)
        add(check, talk, CHECK_FAIL,
            arena_printf(check->arena, "no TLS came about: %s",
                talk->trouble != NULL ? talk->trouble : ""));
    else if (!talk->is_trusted)
        add(check, talk, CHECK_FAIL,
            arena_printf(
                check->arena, "the certificate is not good: %s", talk->untrusted));
    else if (talk->not_after != 0 && days < DAYS_LEAST)
        add(check, talk, CHECK_FAIL,
            arena_printf(check->arena,
                "the certificate ends in %" PRId64 " days (at least %d)", days,
                DAYS_LEAST));
    else
        add(check, talk, CHECK_PASS,
            arena_printf(
                check->arena, "a good certificate, for %" PRId64 " days more", days));
}

/* 2xx, 5xx, or neither. */
static enum check_result
judged(const struct smtp_reply *reply, enum check_result taken, enum check_result refused)
{
    if (reply->code / 100 == 2)
        return taken;
    return reply->code / 100 == 5 ? refused : CHECK_UNKNOWN;
}

static void
look_at_probe(
    const struct check_talks *talks, const struct check_talk *talk, struct check *check)
{
    struct arena *arena = check->arena;

    if (talks->probe_address == NULL)
        add(check, talk, CHECK_SKIPPED, "needs [cutover] probe_recipient");
    else
        add(check, talk, judged(&talk->probe, CHECK_PASS, CHECK_FAIL),
            arena_printf(
                arena, "%s: %s", talks->probe_address, said(talk, arena, &talk->probe)));
    add(check, talk, judged(&talk->invented, CHECK_FAIL, CHECK_PASS),
        arena_printf(arena, "an invented address: %s%s",
            talk->invented.code / 100 == 2 ? "taken, a catch-all: " : "",
            said(talk, arena, &talk->invented)));
}

static void
look_at_callout(
    const struct check_talks *talks, const struct check_talk *talk, struct check *check)
{
    (void)talks;
    add(check, talk, judged(&talk->mail, CHECK_PASS, CHECK_FAIL),
        arena_printf(
            check->arena, "MAIL FROM:<>: %s", said(talk, check->arena, &talk->mail)));
}

/* Greylisting says so, mostly. */
static bool
is_greylisted(const struct smtp_reply *reply)
{
    struct span text = span_of(reply->text);

    return reply->code / 100 == 4 && reply->code != 421 &&
           (span_find_text_nocase(text, SPAN("greylist")) != SPAN_NONE ||
               span_find_text_nocase(text, SPAN("graylist")) != SPAN_NONE);
}

/* The null sender was asked for the same recipient just before. */
static void
look_at_judging(
    const struct check_talks *talks, const struct check_talk *talk, struct check *check)
{
    const struct smtp_reply *reply =
        talk->foreign.code != 0 ? &talk->foreign : &talk->foreign_mail;
    const char *what;

    if (!talk->is_new)
        return;
    if (talks->foreign == NULL || talks->probe_address == NULL) {
        add(check, talk, CHECK_SKIPPED,
            talks->foreign == NULL ? "needs [ctl] foreign_sender"
                                   : "needs [cutover] probe_recipient");
        return;
    }
    what = arena_printf(check->arena, "mail from %s: %s", talks->foreign,
        said(talk, check->arena, reply));
    if (is_greylisted(reply))
        add(check, talk, CHECK_FAIL, arena_printf(check->arena, "%s: greylisting", what));
    else if (reply->code / 100 == 5 && talk->probe.code / 100 != 2)
        add(check, talk, CHECK_UNKNOWN,
            arena_printf(
                check->arena, "%s, but the null sender is not taken either", what));
    else
        add(check, talk, judged(reply, CHECK_PASS, CHECK_FAIL), what);
}

static void
look_at_source(
    const struct check_talks *talks, const struct check_talk *talk, struct check *check)
{
    const char *from = talk->source[0] == '\0'
                           ? ""
                           : arena_printf(check->arena, " from %s", talk->source);

    (void)talks;
    if (talk->source_fault != NULL)
        add(check, talk, CHECK_FAIL, talk->source_fault);
    if (talk->has_greeted)
        add(check, talk, CHECK_PASS, arena_printf(check->arena, "takes us%s", from));
    else
        add(check, talk, talk->is_refused ? CHECK_FAIL : CHECK_UNKNOWN,
            arena_printf(check->arena, "%s us%s: %s",
                talk->is_refused ? "refuses" : "did not answer", from, talk->trouble));
}

static const struct check_talk *
first_of_old(const struct check_talks *talks)
{
    for (size_t i = 0; i < talks->count; i++) {
        if (!talks->items[i].is_new && talks->items[i].has_greeted)
            return &talks->items[i];
    }
    return NULL;
}

static void
look_at_extensions(
    const struct check_talks *talks, const struct check_talk *talk, struct check *check)
{
    const struct check_talk *reference = first_of_old(talks);
    const struct smtp_extensions *new = &talk->extensions;
    struct smtp_extensions old = {.eight_bit_mime = true};
    const char *lacks;

    if (!talk->is_new)
        return;
    if (!talk->has_greeted) {
        add(check, talk, CHECK_UNKNOWN, talk->trouble);
        return;
    }
    if (reference != NULL)
        old = reference->extensions;
    else if (talks->missing[0] == NULL)
        check_add(check, CHECK_UNKNOWN, "old could not be asked");
    lacks = arena_printf(check->arena, "%s%s%s",
        old.eight_bit_mime && !new->eight_bit_mime ? " 8BITMIME" : "",
        old.smtputf8 && !new->smtputf8 ? " SMTPUTF8" : "",
        old.dsn && !new->dsn ? " DSN" : "");
    if (lacks[0] != '\0')
        add(check, talk, CHECK_FAIL, arena_printf(check->arena, "lacks%s", lacks));
    else if (new->size_max != 0 && old.size &&
             (old.size_max == 0 || old.size_max > new->size_max))
        add(check, talk, CHECK_FAIL,
            arena_printf(check->arena, "SIZE %" PRIu64 ", old has %" PRIu64 "%s",
                new->size_max, old.size_max, old.size_max == 0 ? " (no limit)" : ""));
    else
        add(check, talk, CHECK_PASS, "has what old has");
}

void
check_talk_look(
    const struct check_talks *talks, enum check_name name, struct check *check)
{
    static void (*const parts[CHECKS])(
        const struct check_talks *, const struct check_talk *, struct check *) = {
        [CHECK_TLS] = look_at_tls,
        [CHECK_PROBE] = look_at_probe,
        [CHECK_CALLOUT] = look_at_callout,
        [CHECK_EXTENSIONS] = look_at_extensions,
        [CHECK_JUDGES_US] = look_at_judging,
        [CHECK_SOURCE_ADDRESS] = look_at_source,
    };

    for (size_t i = 0; i < talks->count; i++) {
        if (!passes_over(&talks->items[i], check))
            parts[name](talks, &talks->items[i], check);
    }
    add_missing(talks, check);
}

void
check_talk_size(const struct check_talks *talks, uint64_t limit, struct check *check)
{
    for (size_t i = 0; i < talks->count; i++) {
        const struct check_talk *talk = &talks->items[i];
        uint64_t most = talk->extensions.size_max;

        if (passes_over(talk, check))
            continue;
        if (!talk->has_greeted)
            add(check, talk, CHECK_UNKNOWN,
                arena_printf(check->arena, "could not be asked: %s", talk->trouble));
        else if (most == 0)
            add(check, talk, CHECK_PASS, "names no limit");
        else
            add(check, talk, limit != 0 && limit <= most ? CHECK_PASS : CHECK_FAIL,
                arena_printf(check->arena,
                    "SIZE %" PRIu64 ", message_size_limit is %" PRIu64 "%s", most, limit,
                    limit == 0 ? " (none)" : ""));
    }
    add_missing(talks, check);
}

void
check_talk_sessions(const struct check_sessions *sessions, struct check *check)
{
    if (sessions->turned_away > 0)
        check_add(check, CHECK_FAIL, "new: %u of %u sessions turned away by 421",
            sessions->turned_away, sessions->wanted);
    else if (sessions->greeted < sessions->wanted)
        check_add(check, CHECK_UNKNOWN, "new: %u of %u sessions answered; %s",
            sessions->greeted, sessions->wanted, sessions->trouble);
    else
        check_add(check, CHECK_PASS, "new: %u sessions at once", sessions->wanted);
}

void
check_talk_movers(const struct check_mover *movers, size_t count, const char *trouble,
    struct check *check)
{
    size_t taken = 0;
    size_t unasked = 0;

    for (size_t i = 0; i < count; i++) {
        const struct smtp_reply *reply = &movers[i].reply;
        char written[SMTP_REPLY_WRITTEN_MAX + 1];

        if (reply->code / 100 == 2) {
            taken++;
        } else if (reply->code == 0 || reply->code == 421) {
            unasked++;
        } else {
            smtp_reply_write(reply, written);
            check_add(check, judged(reply, CHECK_PASS, CHECK_FAIL), "%.200s: %.160s",
                movers[i].address, written);
        }
    }
    if (unasked > 0)
        check_add(check, CHECK_UNKNOWN, "%zu of %zu have no answer%s%s", unasked, count,
            trouble != NULL ? ": " : "", trouble != NULL ? trouble : "");
    check_add(check, CHECK_PASS, "new takes %zu of %zu", taken, count);
}
