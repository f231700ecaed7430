#include "policyd/events/event_chain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

/* An entry's place, and the hash that its text gives. */
struct link {
    struct event_head own;
    char computed[EVENT_HASH_SIZE];
    bool is_changed;
};

struct event_chain {
    struct link *links;
    size_t count;
    size_t room;
    bool is_sorted;
    char first_prev[EVENT_HASH_SIZE];
    struct event_head cut;    /* the highest that a checkpoint names */
    struct event_head copied; /* the highest copy beyond the last entry */
    char copied_from[64];
    struct event_chain_counts counts;
    struct event_fault faults[EVENT_FAULTS_MAX];
    size_t fault_count;
};

struct event_chain *
event_chain_new(void)
{
    struct event_chain *chain = allocate(sizeof(*chain));

    event_head_init(&chain->cut);
    event_head_init(&chain->copied);
    return chain;
}

void
event_chain_free(struct event_chain *chain)
{
    if (chain == NULL)
        return;
    free(chain->links);
    free(chain);
}

const char *
event_fault_name(enum event_fault_kind kind)
{
    static const char *const names[] = {"changed", "gap", "cut-start", "cut-tail",
        "deleted", "fork", "head-moved", "head-unknown"};

    return names[kind];
}

/* --- faults --- */

static void ATTRIBUTE_PRINTF(5, 6) find_fault(struct event_chain *chain,
    enum event_fault_kind kind, uint64_t seq, struct span id, const char *format, ...)
{
    struct event_fault *fault;
    va_list arguments;

    if (chain->fault_count == EVENT_FAULTS_MAX)
        return;
    fault = &chain->faults[chain->fault_count++];
    *fault = (struct event_fault){.kind = kind, .seq = seq};
    (void)span_copy(span_first(id, EVENT_ID_SIZE - 1), fault->id, sizeof(fault->id));
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
}

/* "entry 5 is missing", "entries 5 to 9 are missing" */
static void
find_missing(struct event_chain *chain, enum event_fault_kind kind, uint64_t from,
    uint64_t to, const char *how)
{
    if (from == to)
        find_fault(
            chain, kind, from, SPAN(""), "entry %" PRIu64 " is missing%s", from, how);
    else
        find_fault(chain, kind, from, SPAN(""),
            "entries %" PRIu64 " to %" PRIu64 " are missing%s", from, to, how);
}

/* --- the stream --- */

/* One of what stands before the first that is there. */
static void
take_checkpoint(struct event_chain *chain, const struct event_entry *entry)
{
    struct event_head cut;

    if (span_is(event_entry_value(entry, "what"), "checkpoint") &&
        event_head_parse(event_entry_value(entry, "to"), &cut) &&
        cut.seq > chain->cut.seq && cut.seq < chain->links[0].own.seq)
        chain->cut = cut;
}

/* Behind one that lost its hash anything follows. */
static bool
follows(const struct link *last, const char *prev)
{
    return strcmp(prev, last->own.hash) == 0 || strcmp(prev, last->computed) == 0 ||
           strspn(last->own.hash, "0") == EVENT_HASH_SIZE - 1;
}

/* Where it stands: what is between, and whether it goes on from the last one.  Of what
 * was changed, the number is not believed where its neighbours know better. */
static void
compare_with_last(struct event_chain *chain, const struct event_entry *entry,
    struct link *link, const char *prev)
{
    struct link *last = &chain->links[chain->count - 1];
    uint64_t next = last->own.seq + 1;

    if (link->is_changed && (follows(last, prev) || link->own.seq == 0))
        link->own.seq = next;
    else if (last->is_changed && !link->is_changed && follows(last, prev))
        last->own.seq = (next = link->own.seq) - 1;
    if (link->own.seq > next)
        find_missing(
            chain, EVENT_GAP, next, link->own.seq - 1, " in the midst: deleted (XDEL)");
    else if (link->own.seq < next)
        find_fault(chain, EVENT_FORK, link->own.seq, entry->id,
            "a second entry %" PRIu64 ": two writers went on from the same place, or it "
            "was put in by hand",
            link->own.seq);
    else if (!link->is_changed && !follows(last, prev))
        find_fault(chain, EVENT_FORK, link->own.seq, entry->id,
            "entry %" PRIu64 " goes on from another %" PRIu64 " than the one before it",
            link->own.seq, last->own.seq);
}

void
event_chain_add(struct event_chain *chain, const struct event_entry *entry)
{
    char prev[EVENT_HASH_SIZE];
    struct link link;
    enum event_link kind = event_entry_link(entry, &link.own, prev);

    if (kind == EVENT_PLAIN) {
        if (chain->count == 0)
            chain->counts.earlier++;
        else
            chain->counts.beside++;
        return;
    }
    event_entry_hash(entry, prev, link.computed);
    link.is_changed = kind == EVENT_DAMAGED || strcmp(link.computed, link.own.hash) != 0;
    if (chain->count == 0)
        memcpy(chain->first_prev, prev, sizeof(prev));
    else
        compare_with_last(chain, entry, &link, prev);
    if (link.is_changed)
        find_fault(chain, EVENT_CHANGED, link.own.seq, entry->id,
            "entry %" PRIu64 " was changed: its hash is not that of its text",
            link.own.seq);
    chain->links =
        allocate_more(chain->links, chain->count, &chain->room, sizeof(*chain->links));
    chain->links[chain->count++] = link;
    chain->counts.chained++;
    if (!link.is_changed)
        take_checkpoint(chain, entry);
}

/* --- copies --- */

static int
by_seq(const void *left, const void *right)
{
    uint64_t a = ((const struct link *)left)->own.seq;
    uint64_t b = ((const struct link *)right)->own.seq;

    return a < b ? -1 : a > b;
}

static void
sort(struct event_chain *chain)
{
    if (!chain->is_sorted && chain->count > 0)
        qsort(chain->links, chain->count, sizeof(*chain->links), by_seq);
    chain->is_sorted = true;
}

/* The first with that number, and how many there are. */
static const struct link *
find_links(const struct event_chain *chain, uint64_t seq, size_t *count)
{
    size_t low = 0;
    size_t high = chain->count;

    while (low < high) {
        size_t middle = low + ((high - low) / 2);

        if (chain->links[middle].own.seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    *count = 0;
    while (low + *count < chain->count && chain->links[low + *count].own.seq == seq)
        ++*count;
    return *count > 0 ? &chain->links[low] : NULL;
}

/* 1: it is there; 0: another one is; -1: none is. */
static int
compare(const struct event_chain *chain, const struct event_head *head)
{
    size_t count;
    const struct link *links = find_links(chain, head->seq, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(links[i].own.hash, head->hash) == 0 ||
            strcmp(links[i].computed, head->hash) == 0)
            return 1;
    }
    return count > 0 ? 0 : -1;
}

void
event_chain_copy(
    struct event_chain *chain, const struct event_head *copy, const char *from)
{
    sort(chain);
    chain->counts.copies++;
    if (copy->seq > event_chain_last(chain)->seq && copy->seq > chain->copied.seq) {
        chain->copied = *copy;
        (void)snprintf(chain->copied_from, sizeof(chain->copied_from), "%s", from);
    }
    if (compare(chain, copy) == 0)
        find_fault(chain, EVENT_FORK, copy->seq, SPAN(""),
            "%s have another entry %" PRIu64
            " than the stream: two writers went on from the same place, or Redis lost "
            "what it had said",
            from, copy->seq);
}

/* --- both ends --- */

/* Fewer were ever added than were there. */
static bool
was_begun_anew(
    const struct event_chain *chain, const struct event_chain_end *end, uint64_t missing)
{
    const struct event_chain_counts *counts = &chain->counts;

    return end->added > 0 &&
           end->added < counts->chained + counts->earlier + counts->beside + missing;
}

/* It begins with the first of all, or behind what was cut with a checkpoint. */
static void
check_start(struct event_chain *chain, const struct event_chain_end *end)
{
    uint64_t first = chain->links[0].own.seq;
    uint64_t wanted = chain->cut.seq + 1;

    if (first > wanted && was_begun_anew(chain, end, first - wanted))
        find_missing(chain, EVENT_DELETED, wanted, first - 1,
            " at the beginning: the stream was deleted (DEL) and begun anew");
    else if (first > wanted)
        find_missing(chain, EVENT_CUT_START, wanted, first - 1,
            end->added > 0
                ? " at the beginning: cut without a checkpoint (XTRIM)"
                : " at the beginning: cut without a checkpoint (XTRIM), or deleted");
    else if (strcmp(chain->first_prev, chain->cut.hash) != 0 &&
             !chain->links[0].is_changed)
        find_fault(chain, EVENT_FORK, first, SPAN(""),
            "entry %" PRIu64
            " goes on from another entry than the one that was before it",
            first);
}

/* The highest that anybody knows of is the last one. */
static void
check_tail(struct event_chain *chain, const struct event_head *head, const char *who)
{
    const struct event_head *last = event_chain_last(chain);
    char how[160];

    if (head->seq <= last->seq)
        return;
    if (chain->count == 0) {
        find_fault(chain, EVENT_DELETED, 1, SPAN(""),
            "the stream was deleted: %s %" PRIu64 " entries and none is there", who,
            head->seq);
        return;
    }
    (void)snprintf(how, sizeof(how), " at the end: %s %" PRIu64, who, head->seq);
    find_missing(chain, EVENT_CUT_TAIL, last->seq + 1, head->seq, how);
}

static void
check_given(struct event_chain *chain, const struct event_head *given)
{
    int found = given->seq == 0 ? 1 : compare(chain, given);

    if (given->seq == 0 || found == 1)
        return;
    if (given->seq == chain->cut.seq && strcmp(given->hash, chain->cut.hash) == 0)
        return;
    if (found == 0)
        find_fault(chain, EVENT_FORK, given->seq, SPAN(""),
            "entry %" PRIu64 " is another one than that of the head that was given",
            given->seq);
    else if (chain->count > 0 && given->seq < chain->links[0].own.seq)
        find_fault(chain, EVENT_HEAD_UNKNOWN, given->seq, SPAN(""),
            "entry %" PRIu64 " of the head that was given is older than all that are "
            "kept: it can't be compared",
            given->seq);
}

static void
check_head(struct event_chain *chain, const struct event_chain_end *end)
{
    const struct event_head *last = event_chain_last(chain);

    if (last->seq == 0)
        return;
    if (end->after.seq == 0)
        find_fault(chain, EVENT_HEAD_MOVED, last->seq, SPAN(""),
            "events:head is not there, or no head: the last entry is %" PRIu64,
            last->seq);
    else if (end->after.seq < last->seq)
        find_fault(chain, EVENT_HEAD_MOVED, last->seq, SPAN(""),
            "events:head was put back to %" PRIu64 ": the last entry is %" PRIu64,
            end->after.seq, last->seq);
    else if (compare(chain, &end->before) == 0)
        find_fault(chain, EVENT_HEAD_MOVED, end->before.seq, SPAN(""),
            "events:head is of another entry %" PRIu64 " than the one that is there",
            end->before.seq);
}

void
event_chain_end(struct event_chain *chain, const struct event_chain_end *end)
{
    const struct event_head *known = &end->before;
    const char *who = "events:head has counted";
    char copied[100];

    sort(chain);
    if (chain->copied.seq > known->seq) {
        known = &chain->copied;
        (void)snprintf(copied, sizeof(copied), "%s have", chain->copied_from);
        who = copied;
    }
    if (end->given.seq > known->seq) {
        known = &end->given;
        who = "the head that was given has counted";
    }
    check_tail(chain, known, who);
    check_head(chain, end);
    check_given(chain, &end->given);
    if (chain->count > 0)
        check_start(chain, end);
}

size_t
event_chain_faults(const struct event_chain *chain, const struct event_fault **faults)
{
    *faults = chain->faults;
    return chain->fault_count;
}

void
event_chain_counts(const struct event_chain *chain, struct event_chain_counts *counts)
{
    *counts = chain->counts;
}

const struct event_head *
event_chain_last(const struct event_chain *chain)
{
    static const struct event_head none = {
        .hash = "0000000000000000000000000000000000000000000000000000000000000000"};

    return chain->count > 0 ? &chain->links[chain->count - 1].own : &none;
}
