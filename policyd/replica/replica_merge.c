#include "policyd/replica/replica_merge.h"

#include <stdio.h>

#include "policyd/state/domain_fields.h"
#include "shared/base/attributes.h"

static bool
is_its_name(const struct replica_merge *merge, struct span name)
{
    return span_is(replica_name_domain(name), merge->domain);
}

static bool
merge_state(struct replica_merge *merge)
{
    struct span name = span_of(merge->domain);
    struct replica_domain theirs = {.ours = false};
    struct replica_domain ours = {.ours = false};

    if (replica_find_domain(merge->theirs, name, &theirs) && theirs.state != NULL)
        replica_put_domain(
            merge->ours, name, domain_fields_copy(theirs.state), theirs.rev);
    else if (replica_find_domain(merge->ours, name, &ours) && ours.ours)
        replica_put_domain(merge->ours, name, NULL, 0);
    replica_set_suspect(merge->ours, name, theirs.suspect ? theirs.why : NULL);
    return false;
}

static bool
drop_pin(struct replica_merge *merge)
{
    struct span name;
    struct pin pin;
    struct replica_name copy;

    if (!replica_next_pin(merge->ours, &merge->cursor, &name, &pin))
        return false;
    if (is_its_name(merge, name) && !replica_find_pin(merge->theirs, name, &pin) &&
        replica_name_set(&copy, name))
        replica_remove_pin(merge->ours, replica_name_span(&copy));
    return true;
}

static bool
take_pin(struct replica_merge *merge)
{
    struct span name;
    struct pin pin;

    if (!replica_next_pin(merge->theirs, &merge->cursor, &name, &pin))
        return false;
    if (is_its_name(merge, name))
        replica_put_pin(merge->ours, name, pin.place, pin.until);
    return true;
}

static bool
drop_unit(struct replica_merge *merge)
{
    struct span recipient;
    struct span unit;
    struct replica_name copy;

    if (!replica_next_unit(merge->ours, &merge->cursor, &recipient, &unit))
        return false;
    if (is_its_name(merge, recipient) &&
        replica_find_unit(merge->theirs, recipient).length == 0 &&
        replica_name_set(&copy, recipient))
        replica_remove_unit(merge->ours, replica_name_span(&copy));
    return true;
}

static bool
take_unit(struct replica_merge *merge)
{
    struct span recipient;
    struct span unit;

    if (!replica_next_unit(merge->theirs, &merge->cursor, &recipient, &unit))
        return false;
    if (is_its_name(merge, recipient))
        replica_put_unit(merge->ours, recipient, unit);
    return true;
}

/* The domain's next list in `from` is the one to go through. */
static bool
next_list(struct replica_merge *merge, const struct replica *from)
{
    struct span domain;
    struct span list;
    size_t count;

    if (!replica_next_list(from, &merge->cursor, &domain, &list, &count))
        return false;
    merge->in_list =
        span_is(domain, merge->domain) && replica_name_set(&merge->list, list);
    merge->member_cursor = 0;
    return true;
}

static bool
drop_member(struct replica_merge *merge)
{
    struct span domain = span_of(merge->domain);
    struct span list = replica_name_span(&merge->list);
    struct span unit;
    struct replica_name copy;

    if (!merge->in_list)
        return next_list(merge, merge->ours);
    merge->in_list =
        replica_next_member(merge->ours, domain, list, &merge->member_cursor, &unit);
    if (merge->in_list && !replica_list_has(merge->theirs, domain, list, unit) &&
        replica_name_set(&copy, unit))
        replica_remove_member(merge->ours, domain, list, replica_name_span(&copy));
    return true;
}

static bool
take_member(struct replica_merge *merge)
{
    struct span domain = span_of(merge->domain);
    struct span list = replica_name_span(&merge->list);
    struct span unit;

    if (!merge->in_list)
        return next_list(merge, merge->theirs);
    merge->in_list =
        replica_next_member(merge->theirs, domain, list, &merge->member_cursor, &unit);
    if (merge->in_list)
        replica_put_member(merge->ours, domain, list, unit);
    return true;
}

static bool (*const stages[])(struct replica_merge *merge) = {
    merge_state, drop_pin, take_pin, drop_unit, take_unit, drop_member, take_member};

void
replica_merge_start(struct replica_merge *merge, struct replica *ours,
    const struct replica *theirs, const char *domain)
{
    *merge = (struct replica_merge){.ours = ours, .theirs = theirs};
    snprintf(merge->domain, sizeof(merge->domain), "%s", domain);
}

bool
replica_merge_step(struct replica_merge *merge, size_t entries)
{
    for (; entries > 0; entries--) {
        if (merge->stage == ARRAY_LENGTH(stages))
            return false;
        if (!stages[merge->stage](merge)) {
            merge->stage++;
            merge->cursor = 0;
            merge->in_list = false;
        }
    }
    return merge->stage < ARRAY_LENGTH(stages);
}
