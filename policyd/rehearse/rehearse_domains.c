#include "policyd/rehearse/rehearse_domains_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "policyd/cutover/plan_entry.h"
#include "policyd/plan/plan_mover.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

enum {
    PLANS_MS = 2000,
    LOOK_MS = 5000,
    AGAIN_MS = 60000,        /* between two readings of the books */
    ALWAYS_MS = 3600 * 1000, /* for the volumes */
    SLOT_MS = 60000,
};

/* --- rows --- */

struct rehearse_domains *
rehearse_domains_new(const struct rehearse_domains_options *options)
{
    struct rehearse_domains *domains = allocate(sizeof(*domains));

    domains->options = *options;
    return domains;
}

void
rehearse_domains_free(struct rehearse_domains *domains)
{
    if (domains == NULL)
        return;
    for (size_t i = 0; i < domains->count; i++) {
        rehearsal_course_free(domains->rows[i]->course);
        plan_entry_free(domains->rows[i]->entry);
        free(domains->rows[i]->route);
        free(domains->rows[i]);
    }
    free(domains->rows);
    free(domains);
}

static struct rehearse_row *
find(const struct rehearse_domains *domains, struct span domain)
{
    for (size_t i = 0; i < domains->count; i++) {
        if (span_is(domain, domains->rows[i]->domain))
            return domains->rows[i];
    }
    return NULL;
}

static struct rehearse_row *
make(struct rehearse_domains *domains, struct span domain)
{
    struct rehearse_row *row = allocate(sizeof(*row));
    struct hash_key key;
    unsigned number = 0;
    struct error error;

    if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key) ||
        getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
        key = (struct hash_key){(uint64_t)(uintptr_t)row, 0};
    row->domains = domains;
    (void)span_copy(domain, row->domain, sizeof(row->domain));
    (void)snprintf(row->invented, sizeof(row->invented), "postshift-rehearsal-%08x@%s",
        number, row->domain);
    row->course = rehearsal_course_new(key);
    row->entry = plan_entry_new(domain, SLOT_MS);
    row->route = allocate_text(SPAN(""));
    domains->rows = allocate_more(
        domains->rows, domains->count, &domains->room, sizeof(struct rehearse_row *));
    domains->rows[domains->count++] = row;
    domains->is_anew = true;
    if (domains->options.memory != NULL &&
        !rehearse_memory_load(domains->options.memory, row->domain, row->course, &error))
        rehearse_tell_memory(domains, &error);
    return row;
}

/* What the replica says of it now. */
static void
take_state(struct rehearse_row *row, const struct replica_domain *found)
{
    const struct domain_state *state = found->state;

    row->is_ours = found->ours && state != NULL && state->complete;
    if (!row->is_ours)
        return;
    row->weight = found->override.has_weight ? found->override.weight : state->weight;
    free(row->route);
    row->route = allocate_text(span_of(state->new_route));
}

static void
take_replica(struct rehearse_domains *domains)
{
    struct replica_domain found;
    struct span name;
    uint64_t cursor = 0;

    for (size_t i = 0; i < domains->count; i++)
        domains->rows[i]->is_ours = false;
    while (replica_next_domain(domains->replica, &cursor, &name, &found)) {
        struct rehearse_row *row = find(domains, name);

        if (row == NULL && found.ours && name.length < sizeof(row->domain) &&
            found.state != NULL && found.state->complete)
            row = make(domains, name);
        if (row != NULL)
            take_state(row, &found);
    }
}

/* --- who moves --- */

static bool
moves(void *argument, struct span recipient)
{
    const struct rehearse_row *row = argument;
    const struct rehearse_domains *domains = row->domains;
    struct route route;

    if (!row->is_ours || !row->has_stage)
        return false;
    route_decide(
        domains->options.rules, domains->replica, recipient, (int64_t)time(NULL), &route);
    return span_is(route.domain, row->domain) &&
           plan_mover_is(&row->stage, domains->replica, &route);
}

/* False: it is the same as before. */
static bool
find_stage(struct rehearse_row *row)
{
    struct plan_stage stage = {.weight = 0};
    bool has_stage = row->is_ours && row->is_read &&
                     plan_mover_next(&row->entry->record, row->weight, &stage);
    bool is_same = has_stage == row->has_stage &&
                   (!has_stage || (stage.weight == row->stage.weight &&
                                      strcmp(stage.list, row->stage.list) == 0));

    row->has_stage = has_stage;
    row->stage = stage;
    row->is_begun = row->is_begun && is_same;
    row->is_found = row->is_found && is_same;
    return !is_same;
}

void
rehearse_domains_changed(struct rehearse_domains *domains, const struct replica *replica)
{
    domains->replica = replica;
    domains->is_changed = true;
}

void
rehearse_domains_plan(void *argument, const char *domain, const struct redis_reply *reply)
{
    struct rehearse_row *row = find(argument, span_of(domain));

    if (row == NULL)
        return;
    plan_entry_take_plan(row->entry, reply);
    if (!row->entry->is_there)
        row->entry->record.state = PLAN_NONE;
    row->is_read = true;
}

void
rehearse_domains_up(void *argument)
{
    struct rehearse_domains *domains = argument;

    domains->is_anew = true;
}

/* --- mail --- */

void
rehearse_domains_mail(void *argument, const struct books_mail *mail)
{
    struct rehearse_domains *domains = argument;
    struct rehearsal_mail own;
    struct route route;
    struct rehearse_row *row;

    if (domains->replica == NULL)
        return;
    route_decide(domains->options.rules, domains->replica, mail->recipient,
        (int64_t)time(NULL), &route);
    row = find(domains, route.domain);
    if (row == NULL || !row->is_ours || !row->has_stage ||
        !plan_mover_is(&row->stage, domains->replica, &route))
        return;
    own = (struct rehearsal_mail){
        .recipient = recipient_address(&route.recipient),
        .sender = mail->sender,
        .size = mail->size,
        .time_ms = mail->begun_ms,
        .number = mail->number,
    };
    rehearsal_course_mail(row->course, &own, clock_wall_ms());
}

void
rehearse_domains_mail_begins(void *argument, int64_t number)
{
    struct rehearse_domains *domains = argument;

    for (size_t i = 0; i < domains->count; i++) {
        domains->rows[i]->is_begun = true;
        rehearsal_course_count_begin(domains->rows[i]->course, number);
    }
}

void
rehearse_domains_mail_ends(void *argument)
{
    struct rehearse_domains *domains = argument;

    for (size_t i = 0; i < domains->count; i++) {
        struct rehearse_row *row = domains->rows[i];

        row->is_found = row->is_found || row->is_begun;
        rehearsal_course_count_end(row->course);
    }
    domains->summed_ms = 0;
}

/* --- questions --- */

bool
rehearse_domains_next(void *argument, struct rehearse_task *task)
{
    struct rehearse_domains *domains = argument;

    for (size_t i = 0; i < domains->count; i++) {
        struct rehearse_row *row = domains->rows[domains->turn++ % domains->count];

        if (!row->is_ours || !row->has_stage || row->route[0] == '\0' ||
            !rehearsal_course_next(row->course, clock_wall_ms(), &task->question))
            continue;
        task->recipient =
            task->question.recipient != NULL ? task->question.recipient : row->invented;
        task->route = row->route;
        task->owner = row;
        return true;
    }
    return false;
}

void
rehearse_domains_answered(void *argument, void *owner,
    const struct rehearsal_question *question, const struct rehearsal_reply *reply)
{
    struct rehearse_domains *domains = argument;
    struct rehearse_row *row = owner;
    struct rehearsal_kept kept;
    struct error error;

    rehearsal_course_answered(row->course, question, reply, clock_wall_ms());
    if (question->pair == NULL)
        return;
    kept = rehearsal_course_keep(question->pair);
    rehearse_tell_answer(&kept, question->sender, reply);
    if (domains->options.memory != NULL &&
        !rehearse_memory_save(domains->options.memory, row->domain, &kept, &error))
        rehearse_tell_memory(domains, &error);
}

/* --- some times a second --- */

static void
ask_plans(struct rehearse_domains *domains, struct rehearse_share *share, uint64_t now)
{
    if (now < domains->asked_ms + PLANS_MS)
        return;
    domains->asked_ms = now;
    for (size_t i = 0; i < domains->count; i++)
        rehearse_share_ask_plan(share, domains->rows[i]->domain);
}

/* Who moves may have changed: those that are known are looked at, and the books are read
 * for others. */
static bool
sort(struct rehearse_domains *domains, uint64_t now)
{
    bool is_late = now >= domains->read_ms + ALWAYS_MS; /* pins run out, volumes age */
    bool is_other = false;
    bool is_read = domains->count > 0;

    for (size_t i = 0; i < domains->count; i++) {
        is_other = find_stage(domains->rows[i]) || is_other;
        is_read = is_read && domains->rows[i]->is_read;
    }
    if (is_other || is_late || domains->is_changed) {
        for (size_t i = 0; i < domains->count; i++)
            rehearsal_course_sort(domains->rows[i]->course, moves, domains->rows[i]);
        domains->is_unread = true;
        domains->summed_ms = 0; /* told at once: a gate waits for it */
    }
    domains->is_changed = false;
    if (!is_read || !(is_other || is_late || domains->read_ms == 0 ||
                        (domains->is_unread && now >= domains->read_ms + AGAIN_MS)))
        return false;
    domains->is_unread = false;
    domains->read_ms = now;
    return true;
}

void
rehearse_domains_tick(struct rehearse_domains *domains, struct rehearse_share *share,
    const char *trouble, bool *again)
{
    uint64_t now = clock_now_ms();

    *again = false;
    if (domains->replica == NULL || !replica_is_loaded(domains->replica))
        return;
    if (domains->is_changed)
        take_replica(domains);
    if (rehearse_share_is_up(share))
        ask_plans(domains, share, now);
    *again = sort(domains, now);
    if (now >= domains->looked_ms + LOOK_MS) {
        domains->looked_ms = now;
        for (size_t i = 0; i < domains->count; i++)
            rehearsal_course_look(domains->rows[i]->course, clock_wall_ms());
    }
    if (rehearse_share_is_up(share))
        rehearse_tell_redis(domains, share, trouble);
}

void
rehearse_domains_movers(
    const struct rehearse_domains *domains, rehearse_domains_take *take, void *argument)
{
    for (size_t i = 0; i < domains->count; i++) {
        const struct rehearse_row *row = domains->rows[i];
        struct rehearsal_sum sum;

        rehearsal_course_sum(row->course, clock_wall_ms(), &sum);
        take(argument, row->domain, row->is_ours && row->is_read, sum.movers);
    }
}
