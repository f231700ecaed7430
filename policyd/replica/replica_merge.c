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

/* The next pin of `from`, then the next unit. */
static bool
next_named(struct replica_merge *merge, const struct replica *from, struct span *name,
    struct span *value)
{
    while (!replica_next(from, merge->kind, &merge->cursor, name, value)) {
        merge->cursor = 0;
        merge->kind++;
        if (merge->kind == REPLICA_KINDS)
            return false;
    }
    return true;
}

static bool
drop_named(struct replica_merge *merge)
{
    struct span name;
    struct span value;

    if (!next_named(merge, merge->ours, &name, &value))
        return false;
    if (is_its_name(merge, name) &&
        !replica_find(merge->theirs, merge->kind, name, &value))
        replica_remove(merge->ours, merge->kind, name);
    return true;
}

static bool
take_named(struct replica_merge *merge)
{
    struct span name;
    struct span value;

    if (!next_named(merge, merge->theirs, &name, &value))
        return false;
    if (is_its_name(merge, name))
        replica_put(merge->ours, merge->kind, name, value);
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
    merge_state, drop_named, take_named, drop_member, take_member};

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
            merge->kind = REPLICA_PIN;
            merge->cursor = 0;
            merge->in_list = false;
        }
    }
    return merge->stage < ARRAY_LENGTH(stages);
}
