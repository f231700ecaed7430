/*
 * quarantine: which mails are meant.
 */
#include <stdlib.h>
#include <time.h>

#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_quarantine.h"
#include "shared/base/attributes.h"
#include "shared/base/number.h"

const char *
ctl_quarantine_verdict(struct ctl *ctl, const struct hold_mail *mail)
{
    if (mail->held == NULL)
        return mail->is_another ? "another mail by now" : "not by us";
    return arena_printf(ctl->arena, "%s: %s", ctl_output_text(ctl->arena, mail->held->by),
        ctl_output_text(ctl->arena, mail->held->verdict));
}

static const enum ctl_option narrowing[] = {
    CTL_VERDICT, CTL_FROM, CTL_TO, CTL_DOMAIN, CTL_OLDER};

static bool
is_narrowed(const struct ctl *ctl)
{
    for (size_t i = 0; i < ARRAY_LENGTH(narrowing); i++) {
        if (ctl_arguments_has(&ctl->arguments, narrowing[i]))
            return true;
    }
    return false;
}

static struct span
option(const struct ctl *ctl, enum ctl_option option)
{
    return span_of(ctl->arguments.values[option]);
}

static bool
is_of_domain(struct span address, struct span domain)
{
    size_t at = span_find_last(address, '@');

    return at != SPAN_NONE && span_equal_nocase(span_from(address, at + 1), domain);
}

static bool
has_recipient(const struct ctl *ctl, const struct hold_mail *mail)
{
    struct span to = option(ctl, CTL_TO);
    struct span domain = option(ctl, CTL_DOMAIN);

    for (size_t i = 0; i < mail->to_count; i++) {
        if ((to.length == 0 || span_equal_nocase(mail->to[i], to)) &&
            (domain.length == 0 || is_of_domain(mail->to[i], domain)))
            return true;
    }
    return to.length == 0 && domain.length == 0;
}

bool
ctl_quarantine_matches(struct ctl *ctl, const struct hold_mail *mail)
{
    struct span verdict = option(ctl, CTL_VERDICT);
    uint64_t age_ms = 0;

    if (mail->held == NULL && !ctl_arguments_has(&ctl->arguments, CTL_ANY))
        return false;
    if (ctl_arguments_has(&ctl->arguments, CTL_OLDER)) {
        (void)number_duration(option(ctl, CTL_OLDER), &age_ms);
        if (mail->arrival_s > (int64_t)time(NULL) - (int64_t)(age_ms / 1000))
            return false;
    }
    if (ctl_arguments_has(&ctl->arguments, CTL_FROM) &&
        !span_equal_nocase(mail->from, option(ctl, CTL_FROM)))
        return false;
    if (verdict.length > 0 &&
        span_find_text_nocase(span_of(ctl_quarantine_verdict(ctl, mail)), verdict) ==
            SPAN_NONE)
        return false;
    return has_recipient(ctl, mail);
}

/* --- by their ids --- */

/* False: said why it is none that may be taken; *status gets the exit code. */
static bool
may_take(struct ctl *ctl, const struct hold_queue *queue, struct span id,
    const struct hold_mail **mail, int *status)
{
    const char *name = ctl_output_text(ctl->arena, span_first(id, 64));
    bool any = ctl_arguments_has(&ctl->arguments, CTL_ANY);

    *mail = ctl_hold_find(queue, id);
    if (*mail == NULL)
        *status = ctl_output_fail(*status == CTL_DONE ? CTL_NO : *status,
            "%s is not on hold (quarantine list shows what is)", name);
    else if (!any && (*mail)->held == NULL && !(*mail)->is_another)
        *status = ctl_output_fail(CTL_REFUSED,
            "%s was not put on hold by us, or the books do not have it yet (--any takes "
            "it all the same)",
            name);
    else if (!any && ((*mail)->is_another || !ctl_hold_is_same(ctl, *mail)))
        *status = ctl_output_fail(CTL_REFUSED,
            "%s is another mail by now than the one that we put on hold: its id was used "
            "again",
            name);
    else
        return true;
    return false;
}

static int
compare(const void *left, const void *right)
{
    const struct hold_mail *const *a = left;
    const struct hold_mail *const *b = right;

    return (*a > *b) - (*a < *b);
}

/* A mail that is named twice is meant once. */
static void
sort(struct quarantine_choice *choice)
{
    size_t kept = 0;

    if (choice->count == 0)
        return;
    qsort(choice->mails, choice->count, sizeof(struct hold_mail *), compare);
    for (size_t i = 1; i < choice->count; i++) {
        if (choice->mails[i] != choice->mails[kept])
            choice->mails[++kept] = choice->mails[i];
    }
    choice->count = kept + 1;
}

static int
choose_named(
    struct ctl *ctl, const struct hold_queue *queue, struct quarantine_choice *choice)
{
    size_t count = ctl->arguments.count - 1;
    int status = CTL_DONE;

    if (count > CTL_QUARANTINE_MAX)
        return ctl_output_fail(
            CTL_USAGE, "more than %d ids in one call", CTL_QUARANTINE_MAX);
    choice->mails = arena_take(ctl->arena, count * sizeof(struct hold_mail *));
    for (size_t i = 0; i < count; i++) {
        if (may_take(ctl, queue, span_of(ctl->arguments.words[i + 1]),
                &choice->mails[choice->count], &status))
            choice->count++;
    }
    sort(choice);
    if (status != CTL_DONE && count > 1)
        (void)ctl_output_fail(status, "nothing was done");
    return status;
}

/* --- by what they are --- */

static int
choose_matching(
    struct ctl *ctl, const struct hold_queue *queue, struct quarantine_choice *choice)
{
    choice->mails =
        arena_take(ctl->arena, CTL_QUARANTINE_MAX * sizeof(struct hold_mail *));
    for (size_t i = 0; i < queue->count; i++) {
        const struct hold_mail *mail = &queue->mails[i];

        if (!ctl_quarantine_matches(ctl, mail))
            continue;
        if (choice->count == CTL_QUARANTINE_MAX)
            choice->left++;
        else if (ctl_arguments_has(&ctl->arguments, CTL_ANY) ||
                 ctl_hold_is_same(ctl, mail))
            choice->mails[choice->count++] = mail;
        else
            ctl_output_warn("%s is another mail by now than the one that we put on hold: "
                            "left alone",
                arena_text(ctl->arena, mail->id));
    }
    return CTL_DONE;
}

int
ctl_quarantine_choose(
    struct ctl *ctl, const struct hold_queue *queue, struct quarantine_choice *choice)
{
    bool named = ctl->arguments.count > 1;
    bool all = ctl_arguments_has(&ctl->arguments, CTL_ALL);

    *choice = (struct quarantine_choice){.count = 0};
    if (named && (all || is_narrowed(ctl)))
        return ctl_output_fail(CTL_USAGE,
            "ids, or what the mails are (--verdict, --from, --to, --domain, --older, "
            "--all), not both");
    if (!named && !all && !is_narrowed(ctl))
        return ctl_output_fail(CTL_USAGE,
            "which? ids, or --verdict, --from, --to, --domain, --older, or --all");
    return named ? choose_named(ctl, queue, choice) : choose_matching(ctl, queue, choice);
}
