/* What Redis has of a rehearsal. */
#include <stdlib.h>
#include <time.h>

#include "policyd/ctl/ctl_rehearsal.h"
#include "shared/base/allocate.h"

static void
take_sum(void *argument, struct span name, struct span value)
{
    struct ctl_rehearsal *rehearsal = argument;

    if (rehearsal->gateway_count == PLAN_FIELDS_MAX ||
        !rehearsal_view_add(&rehearsal->view, name, value, rehearsal->now)) {
        rehearsal->bad++;
        return;
    }
    rehearsal->gateways[rehearsal->gateway_count++] =
        arena_text(rehearsal->ctl->arena, name);
}

static void
take_person(void *argument, struct span name, struct span value)
{
    struct ctl_rehearsal *rehearsal = argument;
    struct rehearsal_result result;

    if (!rehearsal_result_parse(value, &result)) {
        rehearsal->bad++;
        return;
    }
    rehearsal->people = allocate_more(rehearsal->people, rehearsal->count,
        &rehearsal->room, sizeof(*rehearsal->people));
    rehearsal->people[rehearsal->count++] =
        (struct ctl_rehearsal_person){arena_span(rehearsal->ctl->arena, name), result};
}

static int
by_address(const void *left, const void *right)
{
    const struct ctl_rehearsal_person *a = left;
    const struct ctl_rehearsal_person *b = right;

    return span_compare(a->address, b->address);
}

static int
by_volume(const void *left, const void *right)
{
    const struct ctl_rehearsal_person *a = left;
    const struct ctl_rehearsal_person *b = right;

    if (a->result.volume != b->result.volume)
        return a->result.volume > b->result.volume ? -1 : 1;
    return by_address(left, right);
}

/* A recipient of several gateways is one person. */
static void
merge(struct ctl_rehearsal *rehearsal)
{
    struct ctl_rehearsal_person *people = rehearsal->people;
    size_t kept = 0;

    if (rehearsal->count == 0)
        return;
    qsort(people, rehearsal->count, sizeof(*people), by_address);
    for (size_t i = 1; i < rehearsal->count; i++) {
        if (span_equal(people[i].address, people[kept].address))
            rehearsal_result_merge(&people[kept].result, &people[i].result);
        else
            people[++kept] = people[i];
    }
    rehearsal->count = kept + 1;
    qsort(people, rehearsal->count, sizeof(*people), by_volume);
    for (size_t i = 0; i < rehearsal->count; i++)
        rehearsal->answers[people[i].result.answer]++;
}

static bool
read_gateways(struct ctl_rehearsal *rehearsal, struct ctl *ctl, const char *domain,
    struct error *error)
{
    *rehearsal =
        (struct ctl_rehearsal){.ctl = ctl, .domain = domain, .now = (int64_t)time(NULL)};
    rehearsal->gateways =
        arena_take(ctl->arena, PLAN_FIELDS_MAX * sizeof(*rehearsal->gateways));
    return ctl_store_fields(ctl,
        ctl_store_key(ctl, ctl->arena, "rehearsal:", span_of(domain)), take_sum,
        rehearsal, error);
}

/* What that gateway said of people. */
static struct span
key_of(struct ctl *ctl, const char *domain, const char *gateway)
{
    return ctl_store_key(ctl, ctl->arena,
        "rehearsal:", span_of(arena_printf(ctl->arena, "%s:%s", domain, gateway)));
}

bool
ctl_rehearsal_read(struct ctl_rehearsal *rehearsal, struct ctl *ctl, const char *domain,
    struct error *error)
{
    if (!read_gateways(rehearsal, ctl, domain, error))
        return false;
    for (size_t i = 0; i < rehearsal->gateway_count; i++) {
        if (!ctl_store_fields(ctl, key_of(ctl, domain, rehearsal->gateways[i]),
                take_person, rehearsal, error))
            return false;
    }
    merge(rehearsal);
    return true;
}

void
ctl_rehearsal_clear(struct ctl_rehearsal *rehearsal)
{
    free(rehearsal->people);
}

bool
ctl_rehearsal_is_problem(const struct ctl_rehearsal_person *person)
{
    return person->result.answer == REHEARSAL_REFUSED ||
           person->result.answer == REHEARSAL_DEFERS ||
           person->result.answer == REHEARSAL_CANT_TELL;
}

bool
ctl_rehearsal_erase(struct ctl *ctl, const char *domain, struct span address,
    uint64_t *count, struct error *error)
{
    struct ctl_rehearsal rehearsal;

    *count = 0;
    if (!read_gateways(&rehearsal, ctl, domain, error))
        return false;
    for (size_t i = 0; i < rehearsal.gateway_count; i++) {
        const struct redis_reply *reply;

        if (!redis_call_words(ctl->redis, &reply, error, SPAN("HDEL"),
                key_of(ctl, domain, rehearsal.gateways[i]), address))
            return false;
        if (reply->kind == REDIS_INTEGER && reply->integer > 0)
            (*count)++;
    }
    return true;
}
