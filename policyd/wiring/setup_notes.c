#include "policyd/wiring/setup_notes.h"

#include "policyd/wiring/postfix_text.h"

struct notebook {
    struct setup_plan *plan;
    const struct setup_facts *facts;
    struct arena *arena;
};

/* What a service of smtpd's that has a list of its own goes without. */
static const struct {
    const char *parameter;
    const char *word;
    const char *loss;
} own_lists[] = {
    {"smtpd_recipient_restrictions", "$postshift_policy",
     "policyd is not asked there (no gate, no loop guard; routes go on)"                           },
    {"smtpd_milters",                "$postshift_milters", "our milters don't see mail taken there"},
};

static void
note(struct notebook *book, const char *text)
{
    if (book->plan->note_count < SETUP_NOTES_MAX)
        book->plan->notes[book->plan->note_count++] = text;
}

static const char *
value_of(struct notebook *book, const char *name)
{
    struct buffer value;
    const char *copy;

    buffer_init(&value, book->facts->main_cf.length + 1);
    (void)postfix_text_value(book->facts->main_cf, name, &value);
    copy = arena_text(book->arena, buffer_span(&value));
    buffer_clear(&value);
    return copy;
}

static bool
has_milters(const struct setup_facts *facts)
{
    for (size_t i = 0; i < facts->milter_count; i++) {
        if (facts->milters[i].present)
            return true;
    }
    return false;
}

static void
note_own_lists(struct notebook *book)
{
    struct span services = book->facts->services;
    struct postfix_service service;
    struct span value;

    while (postfix_text_next_service(&services, &service)) {
        if (!span_is(service.command, "smtpd"))
            continue;
        for (size_t i = 0; i < ARRAY_LENGTH(own_lists); i++) {
            if (!postfix_text_override(
                    service.arguments, own_lists[i].parameter, &value) ||
                postfix_text_list_has(value, own_lists[i].word) ||
                (i == 1 && !has_milters(book->facts)))
                continue;
            note(book, arena_printf(book->arena, "%s/%s in master.cf has its own %s: %s",
                           arena_text(book->arena, service.name),
                           arena_text(book->arena, service.type), own_lists[i].parameter,
                           own_lists[i].loss));
        }
    }
}

static void
note_order(struct notebook *book, const char *parameter, const char *word)
{
    struct span list = span_of(value_of(book, parameter));

    if (postfix_text_list_has(list, word) && !postfix_text_list_starts(list, word))
        note(book,
            arena_printf(book->arena,
                "%s does not stand first in %s: what stands before it may hide clients, "
                "the backends among them",
                word, parameter));
}

/* Our stamp is made of the Return-Path that delivery adds, so none may be there before.
 */
static void
note_return_path(struct notebook *book)
{
    struct buffer value;

    buffer_init(&value, book->facts->main_cf.length + 1);
    if (postfix_text_value(book->facts->main_cf, "message_drop_headers", &value) &&
        span_find_text_nocase(buffer_span(&value), SPAN("return-path")) == SPAN_NONE)
        note(book, "message_drop_headers leaves Return-Path in mail that comes with one: "
                   "its copies carry X-Cutover-Backend twice; put return-path back");
    buffer_clear(&value);
}

static void
note_lifetime(
    struct notebook *book, const char *name, uint64_t seconds, const char *whose)
{
    struct postfix_service queue_manager;
    struct span own;
    uint64_t own_seconds;

    if (postfix_text_find_service(
            book->facts->services, SPAN("qmgr"), NULL, &queue_manager) &&
        postfix_text_override(queue_manager.arguments, name, &own)) {
        if (postfix_text_time(own, 'd', &own_seconds) && own_seconds < SETUP_LIFETIME_S)
            note(book, arena_printf(book->arena,
                           "qmgr in master.cf has %s=%s: mail that waits longer bounces; "
                           "make it " SETUP_LIFETIME,
                           name, arena_text(book->arena, own)));
    } else if (seconds < SETUP_LIFETIME_S) {
        note(book, arena_printf(book->arena,
                       "%s becomes " SETUP_LIFETIME " for all %s, so that none %s while "
                       "it waits for a mailbox",
                       name, whose, name[0] == 'm' ? "bounces" : "is dropped"));
    }
}

static void
note_lifetimes(struct notebook *book)
{
    const char *warning = value_of(book, "delay_warning_time");

    note_lifetime(book, "maximal_queue_lifetime", book->facts->queue_lifetime, "mail");
    note_lifetime(book, "bounce_queue_lifetime", book->facts->bounce_lifetime,
        "bounces and reports");
    if (book->facts->queue_lifetime < SETUP_LIFETIME_S &&
        (warning[0] == '\0' || span_starts(span_of(warning), SPAN("0"))))
        note(book, "delay_warning_time = 4h would tell senders that their mail waits");
}

static void
note_milters(struct notebook *book)
{
    struct span wired = span_of(value_of(book, "postshift_milters"));

    for (size_t i = 0; i < book->facts->milter_count; i++) {
        const struct setup_milter *milter = &book->facts->milters[i];

        if (!milter->present && milter->address[0] != '\0' &&
            span_find_text(wired, span_of(milter->address)) != SPAN_NONE)
            note(book,
                arena_printf(book->arena,
                    "%s is wired, but its socket is not there; if it was uninstalled, "
                    "--remove and --apply",
                    milter->name));
    }
}

static void
note_verification(struct notebook *book)
{
    const char *code = value_of(book, "unverified_recipient_reject_code");

    if (!book->plan->verifies)
        return;
    if (value_of(book, "address_verify_transport_maps")[0] != '\0')
        note(book,
            "reject_unverified_recipient: probes go by address_verify_transport_maps "
            "of main.cf, not to the routed backend");
    else
        note(book,
            "reject_unverified_recipient: probes ask the routed backend, whose "
            "answer is kept by address until the drain (postshift-flush) removes the "
            "file of address_verify_map");
    if (code[0] == '5')
        note(book, arena_printf(book->arena,
                       "unverified_recipient_reject_code = %s refuses for good whom new "
                       "does not "
                       "know yet: make it 450 while mail moves",
                       code));
}

void
setup_notes_make(
    struct setup_plan *plan, const struct setup_facts *facts, struct arena *arena)
{
    struct notebook book = {plan, facts, arena};

    for (size_t i = 0; i < facts->note_count; i++)
        note(&book, facts->notes[i]);
    note_lifetimes(&book);
    note_milters(&book);
    if (facts->open_folder != NULL && facts->open_folder[0] != '\0')
        note(&book, facts->open_folder);
    note_order(&book, "smtpd_recipient_restrictions", "$postshift_policy");
    note_own_lists(&book);
    note_return_path(&book);
    note_verification(&book);
    if (facts->by_filter && facts->undo != NULL && facts->undo[0] != '\0')
        note(&book, "undo is set and not wired: with routing = filter no copies are "
                    "made");
    if (!facts->by_filter &&
        span_find_text(span_of(plan->maps_now),
            span_of(arena_printf(arena, "socketmap:%s", facts->route))) != SPAN_NONE)
        note(&book, "transport_maps asks policyd too: smtpd, which keeps answers, then "
                    "does as well; take it out of transport_maps");
}
