#include "policyd/ctl/ctl_fleet_report.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/attributes.h"
#include "shared/base/number.h"

/* --- one answer --- */

/* Or null: `absent`. */
static bool
read_or(const struct ctl_json *object, const char *name, int64_t absent, int64_t *number)
{
    uint64_t found;

    *number = absent;
    if (ctl_json_is_null(object, name))
        return true;
    if (!ctl_json_number(object, name, &found))
        return false;
    *number = (int64_t)found;
    return true;
}

static bool
read_time(const struct ctl_json *object, const char *name, int64_t *milliseconds)
{
    if (!read_or(object, name, 0, milliseconds) || *milliseconds >= INT64_C(1) << 40)
        return false;
    *milliseconds *= 1000;
    return true;
}

static const char *
read_text(struct arena *arena, const struct ctl_json *object, const char *name)
{
    return arena_text(arena, span_first(ctl_json_text(object, name), 1000));
}

static bool
read_sides(const struct ctl_json *object, struct report_attempts sides[REPORT_SIDES])
{
    for (int i = 0; i < REPORT_SIDES; i++) {
        const struct ctl_json *side =
            ctl_json_get(object, report_side_name((enum report_side)i));

        if (!ctl_json_number(side, "ok", &sides[i].ok) ||
            !ctl_json_number(side, "fail", &sides[i].fail) ||
            !ctl_json_number(side, "other", &sides[i].other) ||
            !read_or(side, "p50_ms", -1, &sides[i].p50_ms) ||
            !read_or(side, "p95_ms", -1, &sides[i].p95_ms))
            return false;
    }
    return true;
}

static bool
read_tls(struct arena *arena, const struct ctl_json *object, struct report *report)
{
    for (int side = 0; side < REPORT_SIDES; side++) {
        const struct ctl_json *i =
            ctl_json_get(object, report_side_name((enum report_side)side))->first;

        for (; i != NULL && report->tls_count[side] < REPORT_TLS_MAX; i = i->next) {
            struct report_tls *tls = &report->tls[side][report->tls_count[side]++];

            tls->version = span_is(i->name, "unknown") ? "" : arena_text(arena, i->name);
            if (i->kind != CTL_JSON_NUMBER ||
                !number_unsigned(i->text, (uint64_t)1 << 53, &tls->count))
                return false;
        }
    }
    return true;
}

static bool
read_changes(struct arena *arena, const struct ctl_json *list, struct report *report)
{
    const struct ctl_json *i = list->first;

    for (; i != NULL && report->change_count < REPORT_CHANGES_MAX; i = i->next) {
        struct report_change *change = &report->changes[report->change_count++];

        *change = (struct report_change){
            .domain = read_text(arena, i, "domain"),
            .what = read_text(arena, i, "what"),
            .from = read_text(arena, i, "from"),
            .to = read_text(arena, i, "to"),
        };
        if (!read_time(i, "time", &change->at_ms) ||
            !read_sides(ctl_json_get(i, "before"), change->before) ||
            !read_sides(ctl_json_get(i, "after"), change->after))
            return false;
    }
    return list->kind == CTL_JSON_ARRAY;
}

static bool
read_causes(struct arena *arena, const struct ctl_json *list, struct report *report)
{
    const struct ctl_json *i = list->first;

    for (; i != NULL && report->cause_count < REPORT_CAUSES_MAX; i = i->next) {
        struct report_cause *cause = &report->causes[report->cause_count++];

        cause->class = read_text(arena, i, "class");
        cause->side = read_text(arena, i, "backend");
        cause->reply = read_text(arena, i, "reply");
        if (!ctl_json_number(i, "recipients", &cause->recipients))
            return false;
    }
    return list->kind == CTL_JSON_ARRAY;
}

static bool
read_slices(const struct ctl_json *list, struct report *report)
{
    const struct ctl_json *i = list->first;
    size_t count = 0;

    for (; i != NULL && count < REPORT_SLICES; i = i->next) {
        struct report_slice *slice = &report->slices[count++];

        if (!read_time(i, "time", &slice->at_ms) ||
            !ctl_json_number(i, "seen", &slice->seen) ||
            !ctl_json_number(i, "dmarc_fail", &slice->dmarc_fail) ||
            !ctl_json_number(i, "infected", &slice->infected) ||
            !ctl_json_number(i, "spam", &slice->spam) ||
            !ctl_json_number(i, "refused", &slice->refused) ||
            !read_sides(ctl_json_get(i, "sides"), slice->sides))
            return false;
    }
    return count == REPORT_SLICES && i == NULL;
}

static bool
read_oldest(struct arena *arena, const struct ctl_json *object, struct report *report)
{
    if (object->kind == CTL_JSON_NULL)
        return true;
    report->oldest_id = read_text(arena, object, "queue_id");
    report->oldest_to = read_text(arena, object, "to");
    report->oldest_reply = read_text(arena, object, "reply");
    return read_time(object, "since", &report->oldest_ms) &&
           read_time(object, "expires", &report->expires_ms);
}

static bool
read_numbers(const struct ctl_json *document, struct report *report)
{
    const struct ctl_json *held = ctl_json_get(document, "quarantine");
    const struct {
        const char *key;
        uint64_t *number;
    } rows[] = {
        {"mails",             &report->mails            },
        {"recipients",        &report->recipients       },
        {"delivered",         &report->delivered        },
        {"bounced",           &report->bounced          },
        {"expired",           &report->expired          },
        {"removed",           &report->removed          },
        {"waiting",           &report->waiting          },
        {"lost",              &report->lost             },
        {"double",            &report->maybe            },
        {"units_moved",       &report->units_moved      },
        {"units_pinned_back", &report->units_pinned_back},
        {"rollbacks",         &report->rollbacks        },
    };

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (!ctl_json_number(document, rows[i].key, rows[i].number))
            return false;
    }
    return ctl_json_number(held, "held", &report->held.held) &&
           ctl_json_number(held, "waiting", &report->held.waiting) &&
           ctl_json_number(held, "released", &report->held.released) &&
           ctl_json_number(held, "deleted", &report->held.deleted);
}

static bool
read_report(struct arena *arena, const struct ctl_json *document, struct report *report)
{
    *report = (struct report){.oldest_id = "", .oldest_to = "", .oldest_reply = ""};
    return read_numbers(document, report) &&
           read_time(document, "since", &report->since_ms) &&
           read_time(document, "until", &report->until_ms) &&
           read_time(document, "started", &report->start_ms) &&
           read_sides(ctl_json_get(document, "sides"), report->sides) &&
           read_tls(arena, ctl_json_get(document, "tls"), report) &&
           read_oldest(arena, ctl_json_get(document, "oldest_waiting"), report) &&
           read_changes(arena, ctl_json_get(document, "changes"), report) &&
           read_causes(arena, ctl_json_get(document, "deferrals"), report) &&
           read_slices(ctl_json_get(document, "slices"), report);
}

/* --- all of them --- */

static int64_t
longer(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static int64_t
earlier(int64_t left, int64_t right)
{
    return left == 0 || (right != 0 && right < left) ? right : left;
}

static void
add_sides(struct report_attempts *sum, const struct report_attempts *more)
{
    for (int i = 0; i < REPORT_SIDES; i++) {
        sum[i].ok += more[i].ok;
        sum[i].fail += more[i].fail;
        sum[i].other += more[i].other;
        sum[i].p50_ms = longer(sum[i].p50_ms, more[i].p50_ms);
        sum[i].p95_ms = longer(sum[i].p95_ms, more[i].p95_ms);
    }
}

static void
add_tls(struct report *sum, const struct report *more)
{
    for (int side = 0; side < REPORT_SIDES; side++) {
        for (size_t i = 0; i < more->tls_count[side]; i++) {
            const struct report_tls *tls = &more->tls[side][i];
            size_t n = 0;

            while (n < sum->tls_count[side] &&
                   strcmp(sum->tls[side][n].version, tls->version) != 0)
                n++;
            if (n < sum->tls_count[side])
                sum->tls[side][n].count += tls->count;
            else if (n < REPORT_TLS_MAX)
                sum->tls[side][sum->tls_count[side]++] = *tls;
        }
    }
}

/* The same change is heard of by each within seconds. */
static bool
is_same_change(const struct report_change *left, const struct report_change *right)
{
    return llabs(left->at_ms - right->at_ms) <= 5000 &&
           strcmp(left->domain, right->domain) == 0 &&
           strcmp(left->what, right->what) == 0 && strcmp(left->to, right->to) == 0;
}

static void
add_changes(struct report *sum, const struct report *more)
{
    for (size_t i = 0; i < more->change_count; i++) {
        const struct report_change *change = &more->changes[i];
        size_t n = 0;

        while (n < sum->change_count && !is_same_change(&sum->changes[n], change))
            n++;
        if (n < sum->change_count) {
            add_sides(sum->changes[n].before, change->before);
            add_sides(sum->changes[n].after, change->after);
        } else if (n < REPORT_CHANGES_MAX) {
            sum->changes[sum->change_count++] = *change;
        }
    }
}

static int
by_time(const void *left, const void *right)
{
    int64_t a = ((const struct report_change *)left)->at_ms;
    int64_t b = ((const struct report_change *)right)->at_ms;

    return a < b ? -1 : a > b;
}

static int
by_recipients(const void *left, const void *right)
{
    uint64_t a = ((const struct report_cause *)left)->recipients;
    uint64_t b = ((const struct report_cause *)right)->recipients;

    return a > b ? -1 : a < b;
}

static void
add_causes(struct report *sum, const struct report *more)
{
    for (size_t i = 0; i < more->cause_count; i++) {
        const struct report_cause *cause = &more->causes[i];
        size_t n = 0;

        while (n < sum->cause_count && (strcmp(sum->causes[n].class, cause->class) != 0 ||
                                           strcmp(sum->causes[n].side, cause->side) != 0))
            n++;
        if (n < sum->cause_count)
            sum->causes[n].recipients += cause->recipients;
        else if (n < REPORT_CAUSES_MAX)
            sum->causes[sum->cause_count++] = *cause;
    }
}

static void
add_slices(struct report *sum, const struct report *more)
{
    for (size_t i = 0; i < REPORT_SLICES; i++) {
        struct report_slice *slice = &sum->slices[i];

        slice->seen += more->slices[i].seen;
        slice->dmarc_fail += more->slices[i].dmarc_fail;
        slice->infected += more->slices[i].infected;
        slice->spam += more->slices[i].spam;
        slice->refused += more->slices[i].refused;
        add_sides(slice->sides, more->slices[i].sides);
    }
}

static void
add_oldest(struct report *sum, const struct report *more)
{
    if (more->oldest_ms == 0 ||
        (sum->oldest_ms != 0 && sum->oldest_ms <= more->oldest_ms))
        return;
    sum->oldest_ms = more->oldest_ms;
    sum->expires_ms = more->expires_ms;
    sum->oldest_id = more->oldest_id;
    sum->oldest_to = more->oldest_to;
    sum->oldest_reply = more->oldest_reply;
}

static void
add(struct report *sum, const struct report *more)
{
    sum->since_ms = earlier(sum->since_ms, more->since_ms);
    sum->until_ms = longer(sum->until_ms, more->until_ms);
    sum->start_ms = earlier(sum->start_ms, more->start_ms);
    sum->mails += more->mails;
    sum->recipients += more->recipients;
    sum->delivered += more->delivered;
    sum->bounced += more->bounced;
    sum->expired += more->expired;
    sum->removed += more->removed;
    sum->waiting += more->waiting;
    sum->lost += more->lost;
    sum->maybe += more->maybe;
    sum->units_moved =
        (uint64_t)longer((int64_t)sum->units_moved, (int64_t)more->units_moved);
    sum->units_pinned_back = (uint64_t)longer(
        (int64_t)sum->units_pinned_back, (int64_t)more->units_pinned_back);
    sum->rollbacks = (uint64_t)longer((int64_t)sum->rollbacks, (int64_t)more->rollbacks);
    sum->held.held += more->held.held;
    sum->held.waiting += more->held.waiting;
    sum->held.released += more->held.released;
    sum->held.deleted += more->held.deleted;
    add_sides(sum->sides, more->sides);
    add_tls(sum, more);
    add_changes(sum, more);
    add_causes(sum, more);
    add_slices(sum, more);
    add_oldest(sum, more);
    qsort(sum->changes, sum->change_count, sizeof(sum->changes[0]), by_time);
    qsort(sum->causes, sum->cause_count, sizeof(sum->causes[0]), by_recipients);
}

static bool
read_both(struct arena *arena, const struct ctl_json *document, struct report *more,
    struct report *more_before)
{
    return read_report(arena, document, more) &&
           (more_before == NULL ||
               read_report(arena, ctl_json_get(document, "before"), more_before));
}

bool
ctl_fleet_report(struct arena *arena, struct fleet *fleet, struct report *report,
    struct report *before)
{
    struct report *more = arena_take(arena, sizeof(*more));
    struct report *more_before =
        before == NULL ? NULL : arena_take(arena, sizeof(*more_before));
    bool is_first = true;

    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->answers[i].document == NULL)
            continue;
        if (!read_both(arena, fleet->answers[i].document, more, more_before)) {
            ctl_fleet_refuse(fleet, i, "its answer is no report");
            continue;
        }
        if (is_first)
            *report = *more;
        else
            add(report, more);
        if (before != NULL && is_first)
            *before = *more_before;
        else if (before != NULL)
            add(before, more_before);
        is_first = false;
    }
    report->silent = fleet->silent;
    report->silent_count = fleet->silent_count;
    return !is_first;
}
