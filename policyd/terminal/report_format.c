#include "policyd/terminal/report_format.h"

#include <inttypes.h>

const char *
report_format_count(struct arena *arena, uint64_t number)
{
    const char *behind = "";

    for (; number >= 1000; number /= 1000)
        behind = arena_printf(arena, ",%03" PRIu64 "%s", number % 1000, behind);
    return arena_printf(arena, "%" PRIu64 "%s", number, behind);
}

const char *
report_format_delay(struct arena *arena, int64_t milliseconds)
{
    if (milliseconds < 0)
        return "-";
    if (milliseconds < 1000)
        return arena_printf(arena, "%" PRId64 " ms", milliseconds);
    return arena_printf(arena, "%" PRId64 ".%02" PRId64 " s", milliseconds / 1000,
        milliseconds % 1000 / 10);
}

const char *
report_format_hundredths(struct arena *arena, int64_t hundredths)
{
    if (hundredths < 0)
        return "-";
    return arena_printf(
        arena, "%" PRId64 ".%02" PRId64 " %%", hundredths / 100, hundredths % 100);
}

const char *
report_format_time(struct arena *arena, const struct report *report, int64_t milliseconds)
{
    return milliseconds > 0 ? report->stamp(arena, milliseconds) : "-";
}

const char *
report_format_tls(struct arena *arena, const struct report *report, int side)
{
    const char *text = "";
    uint64_t all = 0;

    for (size_t i = 0; i < report->tls_count[side]; i++)
        all += report->tls[side][i].count;
    for (size_t i = 0; i < report->tls_count[side]; i++) {
        const struct report_tls *tls = &report->tls[side][i];

        text = arena_printf(arena, "%s%s%s %s", text, i > 0 ? ", " : "",
            tls->version[0] != '\0' ? tls->version : "not known",
            report_format_hundredths(arena, (int64_t)(tls->count * 10000 / all)));
    }
    return text[0] != '\0' ? text : "-";
}

const char *
report_format_change(struct arena *arena, const struct report_attempts *before,
    const struct report_attempts *after)
{
    return arena_printf(arena, "%s -> %s", report_format_delay(arena, before->p95_ms),
        report_format_delay(arena, after->p95_ms));
}

/* --- the ten lines --- */

static const char *
delays(struct arena *arena, const struct report *report, bool is_p95)
{
    const struct report_attempts *old = &report->sides[REPORT_OLD];
    const struct report_attempts *new = &report->sides[REPORT_NEW];

    return arena_printf(arena, "old %s, new %s",
        report_format_delay(arena, is_p95 ? old->p95_ms : old->p50_ms),
        report_format_delay(arena, is_p95 ? new->p95_ms : new->p50_ms));
}

static const char *
waiting(struct arena *arena, const struct report *report)
{
    if (report->oldest_ms == 0)
        return report_format_count(arena, report->waiting);
    return arena_printf(arena, "%s, the oldest since %s, expires %s",
        report_format_count(arena, report->waiting),
        report_format_time(arena, report, report->oldest_ms),
        report->expires_ms == 0 ? "(not known)"
                                : report_format_time(arena, report, report->expires_ms));
}

/* "", or ", 3 held (1 on hold, 1 released, 1 deleted)". */
static const char *
held(struct arena *arena, const struct report_held *held)
{
    if (held->held == 0)
        return "";
    return arena_printf(arena, ", %s held (%s on hold, %s released, %s deleted)",
        report_format_count(arena, held->held), report_format_count(arena, held->waiting),
        report_format_count(arena, held->released),
        report_format_count(arena, held->deleted));
}

static const char *
verdicts(struct arena *arena, const struct report *report)
{
    struct report_slice sum = report_verdicts(report);

    return arena_printf(arena,
        "%s mails seen: %s DMARC fail, %s infected, %s spam, %s refused%s",
        report_format_count(arena, sum.seen), report_format_count(arena, sum.dmarc_fail),
        report_format_count(arena, sum.infected), report_format_count(arena, sum.spam),
        report_format_count(arena, sum.refused), held(arena, &report->held));
}

void
report_format_lines(struct arena *arena, const struct report *report,
    struct report_line lines[REPORT_LINES])
{
    const struct report_attempts *sides = report->sides;
    int64_t days = report_days(report);
    /* clang-format off */
    const struct report_line all[REPORT_LINES] = {
        {"delivered", arena_printf(arena, "%s of %s recipients, %s mails",
                          report_format_count(arena, report->delivered),
                          report_format_count(arena, report->recipients),
                          report_format_count(arena, report->mails))},
        {"lost", arena_printf(arena, "%s (perhaps double %s)",
                     report_format_count(arena, report->lost),
                     report_format_count(arena, report->maybe))},
        {"delay p50", delays(arena, report, false)},
        {"delay p95", delays(arena, report, true)},
        {"availability",
            arena_printf(arena, "old %s, new %s",
                report_format_hundredths(arena, report_availability(&sides[REPORT_OLD])),
                report_format_hundredths(
                    arena, report_availability(&sides[REPORT_NEW])))},
        {"TLS to new", report_format_tls(arena, report, REPORT_NEW)},
        {"waiting", waiting(arena, report)},
        {"verdicts", verdicts(arena, report)},
        {"units", arena_printf(arena, "%s moved, %s pinned back; %s rollback%s",
                      report_format_count(arena, report->units_moved),
                      report_format_count(arena, report->units_pinned_back),
                      report_format_count(arena, report->rollbacks),
                      report->rollbacks == 1 ? "" : "s")},
        {"since the start",
            days < 0 ? "not started, or before the books"
                     : arena_printf(arena, "%s days (%s)",
                           report_format_count(arena, (uint64_t)days),
                           report_format_time(arena, report, report->start_ms))},
    };
    /* clang-format on */

    for (size_t i = 0; i < REPORT_LINES; i++)
        lines[i] = all[i];
}
