#include "milters/scan/scan_decide.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/attributes.h"

enum { LEVEL_MAX = 50, FOLD_AT = 70 };

struct judgement {
    bool infected;
    const char *virus;
    const char *doubt;     /* what made it so, where that is no signature */
    const char *unscanned; /* reason, NULL: scanned whole */
    bool fail;             /* do as on_fail says */
    bool final;            /* then for good: it lies in the message */
    bool size;             /* which is too large, or holds too much */
};

/* A doubt in words: with and without a name for what it is about; as a virus. */
static const struct {
    const char *named;
    const char *nameless;
    const char *virus;
} doubts[SCAN_DOUBTS] = {
    [SCAN_LIMITED] = {"limit reached", "limit reached",   "Limits"   },
    [SCAN_DAMAGED] = {NULL,            "damaged part",    "Damaged"  },
    [SCAN_ENCRYPTED] = {"encrypted",     "encrypted part",  "Encrypted"},
    [SCAN_UNOPENED] = {"not opened",    "part not opened", "Unopened" },
    [SCAN_AMBIGUOUS] = {NULL,            "ambiguous MIME",  "Ambiguous"},
};

static const char *
missing_text(enum scan_missing missing)
{
    switch (missing) {
    case SCAN_DONE:
        break;
    case SCAN_TOO_BIG:
        return "too big";
    case SCAN_NOT_READY:
        return "scanner not ready";
    case SCAN_BUSY:
        return "all scanners busy";
    case SCAN_TIMEOUT:
        return "timed out";
    case SCAN_DIED:
        return "scanner died";
    case SCAN_KILLER:
    case SCAN_CRASHER:
        return "scanner died at it twice";
    case SCAN_TROUBLE:
        return "out of memory or descriptors";
    case SCAN_FORGED:
        return "too many forged fields";
    }
    return "";
}

/* The limits that say how much a message holds, not how it is made. */
static bool
is_size(enum scan_doubt doubt, const char *what)
{
    static const char *const limits[] = {
        "MaxMessage", "MaxFileSize", "MaxScanSize", "MaxTempSpace"};

    for (size_t i = 0; doubt == SCAN_LIMITED && i < ARRAY_LENGTH(limits); i++) {
        if (strcmp(what, limits[i]) == 0)
            return true;
    }
    return false;
}

/* The strictest option has the word; of those alike the first. */
static void
apply_part_rule(struct judgement *judgement, int rule, enum scan_doubt doubt,
    const char *reason, const char *what, struct arena *arena)
{
    if (judgement->infected)
        return;
    if (rule == ON_PART_INFECTED) {
        judgement->infected = true;
        judgement->doubt =
            strcmp(reason, "too big") == 0 ? "limit reached: too big" : reason;
        judgement->virus = arena_printf(
            arena, "%s%s%s", doubts[doubt].virus, what[0] == '\0' ? "" : ".", what);
        return;
    }
    if (judgement->unscanned != NULL && (rule != ON_PART_FAIL || judgement->fail))
        return;
    judgement->unscanned = reason;
    judgement->fail = judgement->final = rule == ON_PART_FAIL;
    judgement->size = is_size(doubt, what);
}

static void
judge_doubts(const struct scan_rules *rules, const struct scan_result *result,
    struct arena *arena, struct judgement *judgement)
{
    for (int i = 0; i < SCAN_DOUBTS; i++) {
        const char *what = result->what[i];
        const char *reason = doubts[i].nameless;

        if (!result->doubted[i])
            continue;
        if (what[0] != '\0' && doubts[i].named != NULL)
            reason = arena_printf(arena, "%s: %s", doubts[i].named, what);
        apply_part_rule(
            judgement, rules->on_part[i], (enum scan_doubt)i, reason, what, arena);
    }
}

static struct judgement
judge(const struct scan_rules *rules, const struct scan_findings *findings,
    struct arena *arena)
{
    const struct scan_result *result = &findings->result;
    struct judgement judgement = {0};

    if (findings->missing == SCAN_TOO_BIG) {
        apply_part_rule(&judgement, rules->on_part[SCAN_LIMITED], SCAN_LIMITED, "too big",
            "MaxMessage", arena);
        return judgement;
    }
    if (findings->missing == SCAN_CRASHER) {
        apply_part_rule(&judgement, rules->on_part[SCAN_DAMAGED], SCAN_DAMAGED,
            missing_text(SCAN_CRASHER), "", arena);
        return judgement;
    }
    if (findings->missing != SCAN_DONE) {
        judgement.unscanned = missing_text(findings->missing);
        judgement.fail = true;
        return judgement;
    }
    if (result->status == SCAN_STATUS_INFECTED) {
        judgement.infected = true;
        judgement.virus = result->virus;
        return judgement;
    }
    if (result->status == SCAN_STATUS_LATE) {
        judgement.unscanned = missing_text(SCAN_TIMEOUT);
        judgement.fail = true;
        return judgement;
    }
    if (result->status == SCAN_STATUS_FAILED) {
        judgement.unscanned = arena_printf(arena, "scan failed: %s", result->problem);
        judgement.fail = true;
        return judgement;
    }
    judge_doubts(rules, result, arena, &judgement);
    return judgement;
}

static void
refuse(struct verdict *verdict, enum verdict_action action, const char *code,
    const char *enhanced, const char *text, const char *reason)
{
    verdict->action = action;
    verdict->code = code;
    verdict->enhanced = enhanced;
    verdict->text = text;
    verdict->reason = reason;
}

static void
decide_infected(const struct scan_rules *rules, const struct judgement *judgement,
    struct arena *arena, struct verdict *verdict)
{
    const char *text =
        arena_printf(arena, "message refused: it contains %s", judgement->virus);
    const char *reason = arena_printf(arena, "virus %s", judgement->virus);

    if (judgement->doubt != NULL) {
        text = arena_printf(arena, "message refused: %s", judgement->doubt);
        reason = judgement->doubt;
    }

    verdict->reason = reason;
    switch (rules->on_infected) {
    case ON_INFECTED_REJECT:
        refuse(verdict, VERDICT_REJECT, "550", "5.7.1", text, reason);
        break;
    case ON_INFECTED_HOLD:
        verdict->action = VERDICT_QUARANTINE;
        break;
    case ON_INFECTED_DISCARD:
        verdict->action = VERDICT_DISCARD;
        break;
    default:
        break;
    }
}

static const char *
decimal(struct arena *arena, int64_t thousandths)
{
    int64_t size = thousandths < 0 ? -thousandths : thousandths;

    return arena_printf(arena, "%s%" PRId64 ".%" PRId64, thousandths < 0 ? "-" : "",
        size / 1000, size % 1000 / 100);
}

static void
decide_spam(const struct scan_rules *rules, const struct spamd_reply *spam,
    struct arena *arena, struct verdict *verdict)
{
    int64_t threshold =
        rules->on_spam == ON_SPAM_HOLD ? rules->spam_hold : rules->spam_reject;
    bool over = threshold == INT64_MAX ? spam->spam : spam->score >= threshold;

    if (rules->on_spam == ON_SPAM_TAG || !over)
        return;
    verdict->reason = arena_printf(arena, "spam, score %s", decimal(arena, spam->score));
    if (rules->on_spam == ON_SPAM_HOLD)
        verdict->action = VERDICT_QUARANTINE;
    else
        refuse(verdict, VERDICT_REJECT, "550", "5.7.1", "message refused as spam",
            verdict->reason);
}

/* "A,B,C" with line ends, so that no line gets long. */
static const char *
folded_tests(struct arena *arena, const char *tests)
{
    struct span rest = span_of(tests);
    struct span name;
    struct buffer out;
    const char *text;
    size_t line = FOLD_AT / 2;

    buffer_init(&out, (size_t)4 * SPAMD_TESTS_MAX);
    while (span_split(&rest, ',', &name)) {
        if (out.length > 0)
            buffer_append_octet(&out, ',');
        if (line + name.length > FOLD_AT) {
            buffer_append_text(&out, "\n\t");
            line = 8;
        }
        buffer_append(&out, name);
        line += name.length + 1;
    }
    text = arena_text(arena, out.length == 0 ? SPAN("none") : buffer_span(&out));
    buffer_clear(&out);
    return text;
}

static void
add_spam_fields(
    const struct spamd_reply *spam, struct arena *arena, struct verdict *verdict)
{
    static const char stars[] = "**************************************************";
    int64_t points = spam->score < 0 ? 0 : spam->score / 1000;
    int level = points > LEVEL_MAX ? LEVEL_MAX : (int)points;

    verdict_append(verdict, "X-Spam-Status",
        arena_printf(arena, "%s, score=%s required=%s tests=%s",
            spam->spam ? "Yes" : "No", decimal(arena, spam->score),
            decimal(arena, spam->required), folded_tests(arena, spam->tests)));
    verdict_append(verdict, "X-Spam-Score", decimal(arena, spam->score));
    if (level > 0)
        verdict_append(
            verdict, "X-Spam-Level", arena_printf(arena, "%.*s", level, stars));
    if (spam->spam)
        verdict_append(verdict, "X-Spam-Flag", "YES");
}

static void
add_fields(const struct judgement *judgement, const struct scan_findings *findings,
    const char *scanned_by, struct arena *arena, struct verdict *verdict)
{
    const char *status = "Clean";

    if (judgement->infected)
        status = arena_printf(arena, "Infected (%s)", judgement->virus);
    else if (judgement->unscanned != NULL)
        status = arena_printf(arena, "Unscanned (%s)", judgement->unscanned);
    verdict_append(verdict, "X-Virus-Scanned", scanned_by);
    verdict_append(verdict, "X-Virus-Status", status);
    if (findings->spamd == SPAMD_DONE)
        add_spam_fields(&findings->spam, arena, verdict);
    else if (findings->spamd == SPAMD_UNKNOWN)
        verdict_append(verdict, "X-Spam-Status", "Unknown");
}

static struct scan_words
words_of(const struct judgement *judgement, const struct scan_findings *findings)
{
    struct scan_words words = {.clamav = "clean", .virus = judgement->virus};

    if (findings->missing == SCAN_DONE && findings->result.doubted[SCAN_AMBIGUOUS])
        words.ambiguous = findings->result.what[SCAN_AMBIGUOUS];
    if (judgement->infected)
        words.clamav = "infected";
    else if (judgement->unscanned != NULL)
        words.clamav = judgement->fail ? "failed" : "unscanned";
    if (findings->spamd == SPAMD_DONE)
        words.spamd = findings->spam.spam ? "spam" : "ham";
    else if (findings->spamd == SPAMD_UNKNOWN)
        words.spamd = "unknown";
    return words;
}

bool
scan_is_ours(struct span name, bool spamd)
{
    if (span_is_nocase(name, "X-Virus-Status") || span_is_nocase(name, "X-Virus-Scanned"))
        return true;
    return spamd && span_starts_nocase(name, SPAN("X-Spam-"));
}

void
scan_decide(const struct scan_rules *rules, const struct scan_findings *findings,
    const char *scanned_by, struct arena *arena, struct verdict *verdict,
    struct scan_words *words)
{
    struct judgement judgement = judge(rules, findings, arena);

    *words = words_of(&judgement, findings);
    add_fields(&judgement, findings, scanned_by, arena, verdict);
    if (judgement.infected) {
        decide_infected(rules, &judgement, arena, verdict);
        return;
    }
    if (judgement.unscanned != NULL)
        verdict->reason = judgement.unscanned;
    /* Whatever the options say: what could not be removed would be believed. */
    if (findings->missing == SCAN_FORGED) {
        refuse(verdict, VERDICT_REJECT, "550", "5.7.1",
            "message refused: too many X-Virus or X-Spam fields", judgement.unscanned);
        return;
    }
    if (judgement.fail && judgement.final && rules->on_fail == ON_FAIL_TEMPFAIL) {
        refuse(verdict, VERDICT_REJECT, judgement.size ? "552" : "554",
            judgement.size ? "5.3.4" : "5.7.1",
            arena_printf(
                arena, "message refused, it can't be scanned: %s", judgement.unscanned),
            judgement.unscanned);
        return;
    }
    if (judgement.fail && rules->on_fail == ON_FAIL_TEMPFAIL) {
        refuse(verdict, VERDICT_TEMPFAIL, "451", "4.7.1",
            arena_printf(
                arena, "message not scanned (%s), try again later", judgement.unscanned),
            judgement.unscanned);
        return;
    }
    /* What is too large now is so when it comes again. */
    if (findings->spamd == SPAMD_UNKNOWN && !findings->too_large_for_spamd &&
        rules->on_spamd_fail == ON_SPAMD_FAIL_TEMPFAIL) {
        refuse(verdict, VERDICT_TEMPFAIL, "451", "4.7.1",
            "message not checked for spam, try again later", findings->spamd_problem);
        return;
    }
    if (findings->spamd == SPAMD_DONE)
        decide_spam(rules, &findings->spam, arena, verdict);
}
