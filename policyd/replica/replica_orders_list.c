#include <stdlib.h>
#include <string.h>

#include "policyd/replica/replica_orders_inside.h"

/* A list as Redis has it, put in force: members that are no longer there go, new ones
 * come. */

enum { SEVERAL = 2 };

static struct replica *
target_of(struct replica_orders *orders)
{
    return (orders->list.targets & REPLICA_ANSWERING) != 0 ? orders->answering
                                                           : orders->loading;
}

static void
next_target(struct replica_orders *orders)
{
    struct replica_list_job *job = &orders->list;

    job->targets &= job->targets - 1; /* the lowest one is done */
    job->adding = false;
    job->cursor = 0;
    if (job->targets == 0)
        replica_orders_drop_list(orders);
}

/* A list of several members that vanishes is no order, neither for a load that goes on.
 */
static bool
vanished(struct replica_orders *orders)
{
    struct replica_list_job *job = &orders->list;
    struct span domain = replica_name_span(&job->domain);
    struct span list = replica_name_span(&job->list);

    if ((job->targets & REPLICA_ANSWERING) == 0 ||
        replica_list_count(job->members, domain, list) > 0 ||
        replica_list_count(orders->answering, domain, list) < SEVERAL ||
        !replica_rules_allow(&orders->rules, domain) || orders_is_waived(orders, domain))
        return false;
    orders_problem_text(orders, PROBLEM_GONE, span_make(job->key, job->key_length),
        "list", list, "the whole list is gone from Redis; kept until accept-state", "");
    return true;
}

/* False after the last. */
static bool
drop_next_member(struct replica_orders *orders, struct replica *target)
{
    struct replica_list_job *job = &orders->list;
    struct span domain = replica_name_span(&job->domain);
    struct span list = replica_name_span(&job->list);
    struct span unit;
    struct replica_name copy;

    if (!replica_next_member(target, domain, list, &job->cursor, &unit))
        return false;
    if (replica_list_has(job->members, domain, list, unit) ||
        !replica_name_set(&copy, unit))
        return true;
    replica_remove_member(target, domain, list, replica_name_span(&copy));
    if (target == orders->answering)
        orders_tell(
            orders, CHANGE_MEMBER, domain, list, replica_name_span(&copy), span_of(""));
    return true;
}

static bool
put_next_member(struct replica_orders *orders, struct replica *target)
{
    struct replica_list_job *job = &orders->list;
    struct span domain = replica_name_span(&job->domain);
    struct span list = replica_name_span(&job->list);
    struct span unit;

    if (!replica_next_member(job->members, domain, list, &job->cursor, &unit))
        return false;
    if (replica_list_has(target, domain, list, unit))
        return true;
    if (replica_put_member(target, domain, list, unit) && target == orders->answering)
        orders_tell(orders, CHANGE_MEMBER, domain, list, span_of(""), unit);
    return true;
}

void
replica_orders_begin_list(struct replica_orders *orders, unsigned targets,
    struct span key, const struct replica_key *about)
{
    struct replica_list_job *job = &orders->list;

    replica_orders_drop_list(orders);
    job->targets = targets;
    job->members = replica_new();
    job->domain = about->name;
    (void)replica_name_set(&job->list, about->list);
    job->key_length = key.length < sizeof(job->key) ? key.length : sizeof(job->key);
    memcpy(job->key, key.data, job->key_length);
    if ((targets & REPLICA_ANSWERING) != 0)
        replica_problems_begin_key(orders->problems, key);
}

void
replica_orders_take_member(struct replica_orders *orders, struct span unit)
{
    struct replica_list_job *job = &orders->list;
    struct replica_name name;

    if (job->targets == 0)
        return;
    if (replica_name_read(unit, &orders->rules.recipient, &name))
        replica_put_member(job->members, replica_name_span(&job->domain),
            replica_name_span(&job->list), replica_name_span(&name));
    else
        orders_problem_text(orders, PROBLEM_INVALID, span_make(job->key, job->key_length),
            "member", unit,
            "a member is a name of 1 to 1024 octets without control characters, and no "
            "pattern",
            "");
}

void
replica_orders_end_list(struct replica_orders *orders, enum replica_list_result result)
{
    static const char *const texts[] = {
        [LIST_OF_OTHER_TYPE] = "is not a set",
        [LIST_TOO_LARGE] = "has too many members, or too large ones",
    };
    struct replica_list_job *job = &orders->list;
    struct span key = span_make(job->key, job->key_length);

    if (job->targets == 0)
        return;
    if (result != LIST_READ)
        orders_problem_text(
            orders, PROBLEM_INVALID, key, "list", span_of(""), texts[result], "");
    if ((job->targets & REPLICA_ANSWERING) != 0) {
        orders->changed_since_load = true;
        replica_problems_end_key(orders->problems, key);
    }
    job->complete = true;
    job->adding = false;
    job->cursor = 0;
    if (result != LIST_READ)
        replica_orders_drop_list(orders);
}

bool
replica_orders_step_list(struct replica_orders *orders, size_t entries)
{
    struct replica_list_job *job = &orders->list;

    while (entries-- > 0 && job->targets != 0) {
        struct replica *target = target_of(orders);

        if (!job->adding && job->cursor == 0 && vanished(orders))
            replica_orders_drop_list(orders);
        else if (target == NULL || (job->adding && !put_next_member(orders, target)))
            next_target(orders);
        else if (!job->adding && !drop_next_member(orders, target)) {
            job->adding = true;
            job->cursor = 0;
        }
    }
    return job->targets != 0;
}

void
replica_orders_drop_list(struct replica_orders *orders)
{
    replica_free(orders->list.members);
    memset(&orders->list, 0, sizeof(orders->list));
}
