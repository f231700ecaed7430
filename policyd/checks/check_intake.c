#include "policyd/checks/check_intake.h"

#include <inttypes.h>

#include "policyd/wiring/postfix_text.h"
#include "policyd/wiring/service_options.h"

/* What a sender waits for after the end of a mail (RFC 5321, 4.5.3.2.6). */
enum { SENDER_WAITS = 600, NOT_OURS = 2, MILTERS_MAX = 20 };

/* --- milters --- */

/* One word of smtpd_milters: an address, or in braces an address and its settings. */
struct milter {
    struct span address;
    struct span action;
    uint64_t timeout;
    unsigned own; /* which of ours; NOT_OURS */
};

static struct span
without_braces(struct span word)
{
    return word.length >= 2 && word.data[0] == '{'
               ? span_trim(span_first(span_from(word, 1), word.length - 2))
               : word;
}

/* "name=value", or "{name = value}" */
static void
read_setting(struct span setting, struct milter *milter)
{
    struct span name = span_first(setting, span_find(setting, '='));
    struct span value = span_trim(span_from(setting, name.length + 1));

    name = span_trim(name);
    if (span_is(name, "default_action"))
        milter->action = value;
    else if (span_is(name, "content_timeout"))
        (void)postfix_text_time(value, 's', &milter->timeout);
}

static void
read_milter(const struct check_intake *intake, struct span word, struct milter *milter)
{
    struct span rest = word;
    struct span part;

    *milter = (struct milter){.address = word,
        .action = span_trim(intake->milter_action),
        .timeout = intake->milter_timeout,
        .own = NOT_OURS};
    if (word.length >= 2 && word.data[0] == '{') {
        rest = without_braces(word);
        if (postfix_text_next_item(&rest, &part))
            milter->address = part;
        while (postfix_text_next_item(&rest, &part)) {
            if (span_find(part, '=') != SPAN_NONE)
                read_setting(without_braces(part), milter);
        }
    }
    for (unsigned i = 0; i < NOT_OURS; i++) {
        if (intake->own[i][0] != '\0' && span_is(milter->address, intake->own[i]))
            milter->own = i;
    }
}

static void
look_at_milter(
    const struct check_intake *intake, const struct milter *milter, struct check *check)
{
    int length = milter->address.length > 200 ? 200 : (int)milter->address.length;
    const char *address = milter->address.data;

    if (span_is(milter->action, "accept"))
        check_add(check, CHECK_FAIL,
            "%.*s: default_action=accept: unlooked at while it "
            "is away",
            length, address);
    else if (span_is(milter->action, "reject"))
        check_add(check, CHECK_FAIL,
            "%.*s: default_action=reject: mail is refused for "
            "good while it is away",
            length, address);
    else if (milter->own == 1 && milter->timeout < intake->scan_deadline)
        check_add(check, CHECK_FAIL,
            "%.*s: content_timeout %" PRIu64 " s is less than [scan] deadline, %" PRIu64
            " s",
            length, address, milter->timeout, intake->scan_deadline);
    else
        check_add(check, CHECK_PASS, "%.*s: %.*s while it is away, at most %" PRIu64 " s",
            length, address, (int)milter->action.length, milter->action.data,
            milter->timeout);
}

static void
look_at_milters(const struct check_intake *intake, struct check *check)
{
    struct span rest = intake->milters;
    struct span word;
    uint64_t all = 0;
    unsigned last = 0; /* of ours, one above it */
    bool has_foreign = false;
    bool is_ordered = true;
    bool has_own = false;
    size_t count = 0;

    while (count < MILTERS_MAX && postfix_text_next_item(&rest, &word)) {
        struct milter milter;

        read_milter(intake, word, &milter);
        look_at_milter(intake, &milter, check);
        all += milter.timeout;
        count++;
        has_own = has_own || milter.own != NOT_OURS;
        if (milter.own == NOT_OURS)
            has_foreign = true;
        else if (has_foreign || milter.own + 1 < last)
            is_ordered = false;
        else
            last = milter.own + 1;
    }
    if (count == 0) {
        check_add(check, CHECK_PASS, "smtpd_milters is empty");
        return;
    }
    check_add(check, is_ordered ? CHECK_PASS : CHECK_FAIL, "%s",
        !has_own ? "none of ours is among them"
        : is_ordered
            ? "ours come first, postshift-auth before postshift-scan"
            : "ours are not the first, or not in their order: one before them may "
              "change what they judge");
    check_add(check, all <= SENDER_WAITS ? CHECK_PASS : CHECK_FAIL,
        "together they may take %" PRIu64 " s after the end of a mail (at most %d)", all,
        SENDER_WAITS);
}

/* --- content filter --- */

static void
look_at_filter(const struct check_intake *intake, struct check *check)
{
    struct span rest = intake->services;
    bool has_filter = span_trim(intake->content_filter).length > 0;
    const char *way_back = NULL;
    bool is_plain = false;
    struct postfix_service service;
    struct span value;

    while (postfix_text_next_service(&rest, &service)) {
        bool is_intake =
            span_is(service.command, "smtpd") || span_is(service.command, "pickup");

        if (!is_intake)
            continue;
        if (!service_options_find(service.arguments, "content_filter", &value)) {
            is_plain = is_plain || span_trim(intake->content_filter).length == 0;
        } else if (span_trim(value).length > 0) {
            has_filter = true;
        } else {
            way_back = arena_printf(
                check->arena, "%.*s", (int)service.name.length, service.name.data);
        }
    }
    if (!has_filter)
        check_add(check, CHECK_PASS, "no content_filter is set");
    else if (intake->by_filter)
        check_add(check, CHECK_FAIL,
            "with routing = filter policyd's FILTER takes the place of content_filter: "
            "mail goes unfiltered");
    else if (way_back != NULL || is_plain)
        check_add(check, CHECK_PASS, "what it gives back to %s is routed",
            way_back != NULL ? way_back : "the entries without content_filter");
    else
        check_add(check, CHECK_FAIL,
            "no entry of master.cf takes mail without it: what it gives back is filtered "
            "again, and never routed");
}

/* --- aliases --- */

static bool
stays(struct span target, struct span domain)
{
    size_t at = span_find_last(target, '@');

    /* A bare name gets $myorigin: not of this domain. */
    return at != SPAN_NONE && span_equal_nocase(span_from(target, at + 1), domain);
}

static void
look_at_aliases(const struct check_intake *intake, struct check *check)
{
    if (intake->alias_fault != NULL)
        check_add(check, CHECK_UNKNOWN, "%s", intake->alias_fault);
    for (size_t i = 0; i < intake->alias_count; i++) {
        const struct check_alias *alias = &intake->aliases[i];
        struct span rest = span_of(alias->targets);
        struct span target;
        bool all = true;

        while (postfix_text_next_item(&rest, &target))
            all = all && stays(target, intake->domain);
        check_add(check, all ? CHECK_PASS : CHECK_FAIL, "%.200s becomes %.200s%s",
            alias->address, alias->targets,
            all ? "" : ": that is not routed by this domain's weight");
    }
    if (!intake->has_addresses)
        check_add(check, CHECK_SKIPPED, "needs [ctl] addresses");
    else if (intake->alias_fault == NULL)
        check_add(check, CHECK_PASS, "%zu of [ctl] addresses are expanded",
            intake->alias_count);
}

/* --- by hand --- */

static void
look_at_hand(const struct check_intake *intake, struct check *check)
{
    if (intake->by_hand_fault != NULL)
        check_add(check, CHECK_UNKNOWN, "%s", intake->by_hand_fault);
    for (size_t i = 0; i < intake->by_hand_count; i++) {
        const struct check_by_hand *hand = &intake->by_hand[i];

        if (hand->is_first && hand->is_moving)
            check_add(check, CHECK_FAIL,
                "%.200s: is to move next, but %.150s is asked before policyd",
                hand->address, hand->table);
        else if (hand->is_first)
            check_add(check, CHECK_PASS, "%.200s: %.150s is asked first: it stays",
                hand->address, hand->table);
        else
            check_add(check, CHECK_FAIL,
                "%.200s: policyd is asked before %.150s: it moves like all others",
                hand->address, hand->table);
    }
    if (intake->by_hand_count == 0 && intake->by_hand_fault == NULL)
        check_add(
            check, CHECK_PASS, "transport_maps has no single address of the domain");
}

void
check_intake_look(
    const struct check_intake *intake, enum check_name name, struct check *check)
{
    check->is_final = true;
    if (intake->obstacle != NULL)
        check_add(check, CHECK_UNKNOWN, "%s", intake->obstacle);
    else if (name == CHECK_MILTERS)
        look_at_milters(intake, check);
    else if (name == CHECK_CONTENT_FILTER)
        look_at_filter(intake, check);
    else if (name == CHECK_ALIASES)
        look_at_aliases(intake, check);
    else
        look_at_hand(intake, check);
}
