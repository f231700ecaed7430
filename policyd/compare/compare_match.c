#include "policyd/compare/compare_match.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"

enum { FIRST_ROOM = 64 };

/* One side. */
struct side {
    struct compare_mail *mails;
    size_t count;
};

struct matching {
    struct side old;
    struct side new;
    struct compare_result *result;
    size_t room;
};

static void
add(struct matching *matching, enum compare_kind kind, const struct compare_mail *old,
    const struct compare_mail *new)
{
    struct compare_result *result = matching->result;

    if (result->count == matching->room) {
        matching->room = matching->room == 0 ? FIRST_ROOM : 2 * matching->room;
        result->differences = allocate_grow(
            result->differences, matching->room, sizeof(*result->differences));
    }
    result->differences[result->count++] = (struct compare_difference){
        .kind = kind,
        .old_uid = old != NULL ? old->uid : 0,
        .new_uid = new != NULL ? new->uid : 0,
        .old_flags = old != NULL ? old->flags : 0,
        .new_flags = new != NULL ? new->flags : 0,
    };
}

static bool
is_same_body(const struct compare_mail *old, const struct compare_mail *new)
{
    return memcmp(old->digest, new->digest, COMPARE_DIGEST) == 0;
}

/* They are one mail. */
static void
pair(struct matching *matching, struct compare_mail *old, struct compare_mail *new)
{
    old->is_matched = new->is_matched = true;
    matching->result->same++;
    if (!is_same_body(old, new))
        add(matching, COMPARE_ALTERED, old, new);
    else if (old->id != new->id)
        add(matching, COMPARE_RENAMED, old, new);
    else if (old->flags != new->flags || old->keywords != new->keywords)
        add(matching, COMPARE_FLAGS, old, new);
}

/* --- in order --- */

static int
order(uint64_t left, uint64_t right)
{
    return (left > right) - (left < right);
}

static int
by_id(const void *left, const void *right)
{
    const struct compare_mail *a = left;
    const struct compare_mail *b = right;

    return a->id != b->id ? order(a->id, b->id) : order(a->uid, b->uid);
}

static int
by_digest(const void *left, const void *right)
{
    const struct compare_mail *a = left;
    const struct compare_mail *b = right;
    int digest = memcmp(a->digest, b->digest, COMPARE_DIGEST);

    return digest != 0 ? digest : by_id(left, right);
}

static void
sort(struct side *side, int (*compare)(const void *, const void *))
{
    if (side->count > 0)
        qsort(side->mails, side->count, sizeof(*side->mails), compare);
}

/* How many from `first` on are the same in that order. */
static size_t
run_of(const struct side *side, size_t first, bool ids)
{
    size_t i = first + 1;

    while (i < side->count && (ids ? side->mails[i].id == side->mails[first].id
                                   : is_same_body(&side->mails[i], &side->mails[first])))
        i++;
    return i - first;
}

/* --- three passes --- */

/* Message-IDs that stand once on each side. */
static void
match_ids(struct matching *matching)
{
    size_t o = 0;
    size_t n = 0;

    sort(&matching->old, by_id);
    sort(&matching->new, by_id);
    while (o < matching->old.count && n < matching->new.count) {
        struct compare_mail *old = &matching->old.mails[o];
        struct compare_mail *new = &matching->new.mails[n];
        size_t old_run = run_of(&matching->old, o, true);
        size_t new_run = run_of(&matching->new, n, true);

        if (old->id == new->id && old->id != 0 && old_run == 1 && new_run == 1)
            pair(matching, old, new);
        o += old->id <= new->id ? old_run : 0;
        n += new->id <= old->id ? new_run : 0;
    }
}

static struct compare_mail *
next_free(const struct side *side, size_t *at, size_t end)
{
    while (*at < end && side->mails[*at].is_matched)
        (*at)++;
    return *at < end ? &side->mails[*at] : NULL;
}

/* In a run that is in the order of ids. */
static bool
has_id(const struct side *side, size_t first, size_t run, uint64_t id)
{
    size_t low = first;
    size_t high = first + run;

    while (low < high) {
        size_t middle = low + ((high - low) / 2);

        if (side->mails[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < first + run && side->mails[low].id == id;
}

/* Within one body: those of the same Message-ID first, which both orders have. */
static void
match_group(struct matching *matching, size_t o, size_t old_run, size_t n, size_t new_run)
{
    struct compare_mail *old = NULL;
    struct compare_mail *new = NULL;
    size_t i = o;
    size_t j = n;

    while ((old = next_free(&matching->old, &i, o + old_run)) != NULL &&
           (new = next_free(&matching->new, &j, n + new_run)) != NULL) {
        if (old->id == new->id)
            pair(matching, old, new);
        i += old->id <= new->id;
        j += new->id <= old->id;
    }
    for (i = o, j = n; (old = next_free(&matching->old, &i, o + old_run)) != NULL &&
                       (new = next_free(&matching->new, &j, n + new_run)) != NULL;)
        pair(matching, old, new);
    /* Copies that old does not have; one with a Message-ID of its own is another mail. */
    for (; (new = next_free(&matching->new, &j, n + new_run)) != NULL; j++) {
        if (new->id != 0 && !has_id(&matching->old, o, old_run, new->id))
            continue;
        new->is_matched = true;
        add(matching, COMPARE_DOUBLED, NULL, new);
    }
}

static void
match_bodies(struct matching *matching)
{
    size_t o = 0;
    size_t n = 0;

    sort(&matching->old, by_digest);
    sort(&matching->new, by_digest);
    while (o < matching->old.count && n < matching->new.count) {
        int digest = memcmp(
            matching->old.mails[o].digest, matching->new.mails[n].digest, COMPARE_DIGEST);
        size_t old_run = run_of(&matching->old, o, false);
        size_t new_run = run_of(&matching->new, n, false);

        if (digest == 0)
            match_group(matching, o, old_run, n, new_run);
        o += digest <= 0 ? old_run : 0;
        n += digest >= 0 ? new_run : 0;
    }
}

/* What is left: another body under a Message-ID that stands more than once. */
static void
match_rest(struct matching *matching)
{
    size_t o = 0;
    size_t n = 0;

    sort(&matching->old, by_id);
    sort(&matching->new, by_id);
    for (;;) {
        struct compare_mail *old = next_free(&matching->old, &o, matching->old.count);
        struct compare_mail *new = next_free(&matching->new, &n, matching->new.count);

        if (old == NULL || new == NULL)
            return;
        if (old->id == new->id && old->id != 0)
            pair(matching, old, new);
        else if (old->id <= new->id)
            o++;
        else
            n++;
    }
}

static int
by_kind(const void *left, const void *right)
{
    const struct compare_difference *a = left;
    const struct compare_difference *b = right;

    if (a->kind != b->kind)
        return order(a->kind, b->kind);
    return a->old_uid != b->old_uid ? order(a->old_uid, b->old_uid)
                                    : order(a->new_uid, b->new_uid);
}

void
compare_match(struct compare_mail *old, size_t old_count, struct compare_mail *new,
    size_t new_count, struct compare_result *result)
{
    struct matching matching = {
        .old = {old, old_count},
          .new = {new, new_count},
          .result = result
    };

    *result = (struct compare_result){.count = 0};
    match_ids(&matching);
    match_bodies(&matching);
    match_rest(&matching);
    for (size_t i = 0; i < old_count; i++) {
        if (!old[i].is_matched)
            add(&matching, COMPARE_LOST, &old[i], NULL);
    }
    for (size_t i = 0; i < new_count; i++)
        result->only_new += !new[i].is_matched;
    if (result->count > 0)
        qsort(result->differences, result->count, sizeof(*result->differences), by_kind);
}

void
compare_result_clear(struct compare_result *result)
{
    free(result->differences);
    *result = (struct compare_result){.count = 0};
}

const char *
compare_kind_name(enum compare_kind kind)
{
    static const char *const names[COMPARE_KINDS] = {
        "lost", "doubled", "altered", "renamed", "flags"};

    return names[kind];
}
