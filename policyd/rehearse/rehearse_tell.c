#include <stdio.h>
#include <time.h>

#include "policyd/rehearsal/rehearsal_gate.h"
#include "policyd/rehearse/rehearse_domains_inside.h"
#include "shared/service/clock.h"
#include "shared/service/log.h"

enum {
    CHANGES_A_TICK = 2000,
    SUM_MS = 5000,
    TOLD_MS = 3600 * 1000, /* between two lines of the memory's trouble */
};

void
rehearse_tell_memory(struct rehearse_domains *domains, const struct error *error)
{
    uint64_t now = clock_now_ms();

    if (domains->told_ms != 0 && now < domains->told_ms + TOLD_MS)
        return;
    domains->told_ms = now;
    log_say(
        LOG_LEVEL_WARNING, "%s: after a restart all are asked about again", error->text);
}

void
rehearse_tell_answer(const struct rehearsal_kept *kept, const char *sender,
    const struct rehearsal_reply *reply)
{
    bool is_good = kept->answer == REHEARSAL_FINE;
    const struct log_field fields[] = {
        log_address("to", span_of(kept->recipient)),
        log_address("from", span_of(sender)),
        log_text("answer", rehearsal_answer_name(kept->answer)),
        is_good ? log_nothing() : log_text("class", rehearsal_class_name(kept->class)),
        log_note(reply->text),
        {0},
    };

    log_write(is_good ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, NULL, "rehearsal", fields);
}

/* Who is pinned is no mover, and one day may be again; whose mail is no more in the books
 * was erased, or has none: forgotten, too. */
static void
drop(struct rehearse_row *row, struct rehearse_share *share, const char *recipient)
{
    struct rehearse_domains *domains = row->domains;
    struct error error;

    rehearse_share_drop(share, row->domain, recipient);
    if (domains->options.memory != NULL &&
        rehearsal_course_is_gone(row->course, span_of(recipient)) &&
        !rehearse_memory_forget(domains->options.memory, row->domain, recipient, &error))
        rehearse_tell_memory(domains, &error);
}

static void
tell_changes(struct rehearse_row *row, struct rehearse_share *share)
{
    char value[REHEARSAL_TEXT_MAX];
    struct rehearsal_result result;
    const char *recipient;
    bool is_there;

    for (int i = 0; i < CHANGES_A_TICK && rehearse_share_room(share) > 10; i++) {
        if (!rehearsal_course_change(
                row->course, clock_wall_ms(), &recipient, &is_there, &result))
            break;
        rehearsal_result_write(&result, value);
        if (is_there)
            rehearse_share_put(share, row->domain, recipient, value);
        else
            drop(row, share, recipient);
    }
}

static void
tell_sum(
    const struct rehearse_row *row, struct rehearse_share *share, const char *trouble)
{
    struct rehearsal_sum sum = {.time = (int64_t)time(NULL)};
    char value[REHEARSAL_TEXT_MAX];

    rehearsal_course_sum(row->course, clock_wall_ms(), &sum);
    rehearsal_stage_write(row->has_stage ? &row->stage : NULL, sum.stage);
    if (row->has_stage && !row->is_found)
        (void)snprintf(sum.stage, sizeof(sum.stage), "%s", REHEARSAL_UNREAD);
    if (trouble[0] != '\0')
        rehearsal_line(span_of(trouble), sum.why, sizeof(sum.why));
    rehearsal_sum_write(&sum, value);
    rehearse_share_sum(share, row->domain, value);
}

void
rehearse_tell_redis(
    struct rehearse_domains *domains, struct rehearse_share *share, const char *trouble)
{
    uint64_t now = clock_now_ms();
    bool sums = now >= domains->summed_ms + SUM_MS;

    for (size_t i = 0; i < domains->count; i++) {
        struct rehearse_row *row = domains->rows[i];

        if (!row->is_ours || !row->is_read)
            continue;
        if (domains->is_anew) {
            rehearse_share_clear(share, row->domain);
            rehearsal_course_tell_all(row->course);
        }
        tell_changes(row, share);
        if (sums) {
            tell_sum(row, share, trouble);
            domains->summed_ms = now;
        }
    }
    domains->is_anew = false;
}
