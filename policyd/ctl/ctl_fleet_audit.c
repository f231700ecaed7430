#include "policyd/ctl/ctl_fleet_audit.h"

#include "policyd/ctl/ctl_books.h"
#include "shared/base/attributes.h"

enum { GAPS_MAX = 10000 };

/* --- one answer --- */

/* Unix time, or null: 0. */
static bool
read_time(const struct ctl_json *object, const char *name, int64_t *milliseconds)
{
    uint64_t seconds = 0;

    if (!ctl_json_is_null(object, name) && !ctl_json_number(object, name, &seconds))
        return false;
    *milliseconds = (int64_t)seconds * 1000;
    return seconds < (uint64_t)1 << 40;
}

static bool
read_names(struct arena *arena, const struct ctl_json *document, const char *key,
    struct audit_names *names)
{
    const struct ctl_json *list = ctl_json_get(document, key);

    if (list->kind != CTL_JSON_ARRAY)
        return false;
    for (const struct ctl_json *i = list->first; i != NULL; i = i->next)
        names->total++;
    names->ids = arena_take(arena, (names->total + 1) * sizeof(*names->ids));
    for (const struct ctl_json *i = list->first; i != NULL; i = i->next) {
        if (i->kind != CTL_JSON_TEXT || i->text.length > 64 || span_has_control(i->text))
            return false;
        names->ids[names->count++] = arena_text(arena, i->text);
    }
    return true;
}

static bool
read_gaps(struct arena *arena, const struct ctl_json *document, const char *host,
    struct audit *audit)
{
    const struct ctl_json *list = ctl_json_get(document, "gaps");
    size_t count = 0;

    if (list->kind != CTL_JSON_ARRAY)
        return false;
    for (const struct ctl_json *i = list->first; i != NULL; i = i->next)
        count++;
    if (count > GAPS_MAX)
        return false;
    audit->gaps = arena_take(arena, (count + 1) * sizeof(*audit->gaps));
    for (const struct ctl_json *i = list->first; i != NULL; i = i->next) {
        struct audit_gap *gap = &audit->gaps[audit->gap_count++];

        if (!read_time(i, "from", &gap->from_ms) || !read_time(i, "to", &gap->to_ms))
            return false;
        gap->why = arena_printf(arena, "%s: %s", host,
            arena_text(arena, span_first(ctl_json_text(i, "why"), 1000)));
    }
    return true;
}

static bool
read_numbers(const struct ctl_json *document, struct audit *audit)
{
    const struct {
        const char *key;
        uint64_t *number;
    } rows[] = {
        {"accepted",      &audit->accepted     },
        {"probes",        &audit->probes       },
        {"notices",       &audit->notices      },
        {"begun",         &audit->begun        },
        {"messages",      &audit->messages     },
        {"stories",       &audit->stories      },
        {"unknown_forms", &audit->unknown_forms},
    };
    const struct ctl_json *backends = ctl_json_get(document, "backends");
    uint64_t ended = 0;

    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        if (!ctl_json_number(document, rows[i].key, rows[i].number))
            return false;
    }
    for (int end = 0; end < END_LOST; end++) {
        if (!ctl_json_number(
                document, ctl_books_end((enum books_end)end), &audit->ends[end]))
            return false;
        ended += audit->ends[end];
    }
    for (int i = 0; i < BACKEND_COUNT; i++) {
        if (!ctl_json_number(
                backends, ctl_books_backend((enum books_backend)i), &audit->backends[i]))
            return false;
    }
    audit->ends[END_LOST] = audit->accepted > ended ? audit->accepted - ended : 0;
    return true;
}

static const char *
read_text(struct arena *arena, const struct ctl_json *document, const char *key,
    const char *host)
{
    struct span text = ctl_json_text(document, key);

    return text.length == 0 ? NULL
                            : arena_printf(arena, "%s: %s", host,
                                  arena_text(arena, span_first(text, 500)));
}

static bool
read_audit(struct arena *arena, const struct fleet_answer *answer,
    struct audit_findings *findings, bool *balanced)
{
    const struct ctl_json *document = answer->document;
    struct audit *audit = &findings->audit;
    enum ctl_json_kind kind = ctl_json_get(document, "balanced")->kind;

    *findings = (struct audit_findings){.is_read = true};
    *balanced = kind == CTL_JSON_TRUE;
    findings->queue_silent = read_text(arena, document, "queue_silent", answer->host);
    findings->log_trouble = read_text(arena, document, "log_trouble", answer->host);
    findings->log_silent = read_text(arena, document, "log_silent", answer->host);
    findings->controller_silent =
        read_text(arena, document, "controller_not_asked", answer->host);
    return (kind == CTL_JSON_TRUE || kind == CTL_JSON_FALSE) &&
           read_numbers(document, audit) &&
           read_time(document, "since", &audit->since_ms) &&
           read_time(document, "until", &audit->until_ms) &&
           read_time(document, "oldest_waiting", &audit->oldest_waiting_ms) &&
           read_names(arena, document, "lost", &audit->lost) &&
           read_names(arena, document, "double", &audit->twice) &&
           read_names(arena, document, "misrouted", &audit->misrouted) &&
           read_names(arena, document, "queue_only", &findings->queue_only) &&
           read_names(arena, document, "books_only", &findings->books_only) &&
           read_gaps(arena, document, answer->host, audit);
}

/* --- all of them --- */

static void
add_names(struct arena *arena, struct audit_names *sum, const struct audit_names *more)
{
    size_t room = AUDIT_NAMED_MAX - sum->count;
    size_t some = more->count < room ? more->count : room;
    const char **ids = arena_take(arena, (sum->count + some + 1) * sizeof(*ids));

    for (size_t i = 0; i < sum->count; i++)
        ids[i] = sum->ids[i];
    for (size_t i = 0; i < some; i++)
        ids[sum->count + i] = more->ids[i];
    *sum = (struct audit_names){ids, sum->count + some, sum->total + more->total};
}

static void
add_gaps(struct arena *arena, struct audit *sum, const struct audit *more)
{
    struct audit_gap *gaps =
        arena_take(arena, (sum->gap_count + more->gap_count + 1) * sizeof(*gaps));

    for (size_t i = 0; i < sum->gap_count; i++)
        gaps[i] = sum->gaps[i];
    for (size_t i = 0; i < more->gap_count; i++)
        gaps[sum->gap_count + i] = more->gaps[i];
    sum->gaps = gaps;
    sum->gap_count += more->gap_count;
}

/* The earliest that is known. */
static int64_t
earlier(int64_t left, int64_t right)
{
    return left == 0 || (right != 0 && right < left) ? right : left;
}

static void
add_numbers(struct audit *sum, const struct audit *more)
{
    sum->accepted += more->accepted;
    sum->probes += more->probes;
    sum->notices += more->notices;
    sum->begun += more->begun;
    sum->messages += more->messages;
    sum->stories += more->stories;
    sum->unknown_forms += more->unknown_forms;
    for (int end = 0; end < END_COUNT; end++)
        sum->ends[end] += more->ends[end];
    for (int i = 0; i < BACKEND_COUNT; i++)
        sum->backends[i] += more->backends[i];
    sum->oldest_waiting_ms = earlier(sum->oldest_waiting_ms, more->oldest_waiting_ms);
    sum->since_ms = earlier(sum->since_ms, more->since_ms);
    sum->until_ms = more->until_ms > sum->until_ms ? more->until_ms : sum->until_ms;
}

static const char *
join(struct arena *arena, const char *left, const char *right)
{
    if (left == NULL || right == NULL)
        return left != NULL ? left : right;
    return arena_printf(arena, "%s; %s", left, right);
}

static void
add(struct arena *arena, struct audit_findings *sum, const struct audit_findings *more)
{
    add_numbers(&sum->audit, &more->audit);
    add_names(arena, &sum->audit.lost, &more->audit.lost);
    add_names(arena, &sum->audit.twice, &more->audit.twice);
    add_names(arena, &sum->audit.misrouted, &more->audit.misrouted);
    add_names(arena, &sum->queue_only, &more->queue_only);
    add_names(arena, &sum->books_only, &more->books_only);
    add_gaps(arena, &sum->audit, &more->audit);
    sum->queue_silent = join(arena, sum->queue_silent, more->queue_silent);
    sum->log_trouble = join(arena, sum->log_trouble, more->log_trouble);
    sum->log_silent = join(arena, sum->log_silent, more->log_silent);
    sum->controller_silent = join(arena, sum->controller_silent, more->controller_silent);
}

bool
ctl_fleet_audit(struct arena *arena, struct fleet *fleet, struct audit_findings *findings)
{
    bool all_balance = true;

    *findings = (struct audit_findings){.is_read = true};
    for (size_t i = 0; i < fleet->count; i++) {
        struct audit_findings more;
        bool balanced;

        if (fleet->answers[i].document == NULL)
            continue;
        if (!read_audit(arena, &fleet->answers[i], &more, &balanced)) {
            ctl_fleet_refuse(fleet, i, "its answer is no audit");
            continue;
        }
        add(arena, findings, &more);
        all_balance = all_balance && balanced;
    }
    if (findings->audit.until_ms == 0)
        findings->audit.until_ms = INT64_MAX;
    findings->silent = fleet->silent;
    findings->silent_count = fleet->silent_count;
    return all_balance && fleet->silent_count == 0;
}
