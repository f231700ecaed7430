#include "policyd/ctl/ctl_pairs.h"

#include <stdlib.h>

#include "policyd/books/books_between.h"
#include "policyd/ctl/ctl_store.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

#define DAY_MS INT64_C(86400000)

static struct ctl_pair
pair_of(struct span from, struct span to)
{
    bool turned = span_compare(from, to) > 0;

    return (struct ctl_pair){
        .left = turned ? to : from,
        .right = turned ? from : to,
    };
}

static void
take(void *argument, const struct books_between *row)
{
    struct ctl_pairs *pairs = argument;
    struct arena *arena = pairs->ctl->arena;
    struct recipient from;
    struct recipient to;
    struct ctl_pair pair;

    if (!ctl_store_canonical_recipient(pairs->ctl, row->from, &from) ||
        !ctl_store_canonical_recipient(pairs->ctl, row->to, &to) ||
        span_equal(recipient_address(&from), recipient_address(&to)))
        return;
    pair = pair_of(recipient_address(&from), recipient_address(&to));
    if (span_equal(pair.left, recipient_address(&from)))
        pair.forth = row->mails;
    else
        pair.back = row->mails;
    pair.left = arena_span(arena, pair.left);
    pair.right = arena_span(arena, pair.right);
    pairs->pairs =
        allocate_more(pairs->pairs, pairs->count, &pairs->room, sizeof(*pairs->pairs));
    pairs->pairs[pairs->count++] = pair;
}

static int
compare(const void *left, const void *right)
{
    const struct ctl_pair *a = left;
    const struct ctl_pair *b = right;
    int order = span_compare(a->left, b->left);

    return order != 0 ? order : span_compare(a->right, b->right);
}

static void
add_up(struct ctl_pairs *pairs)
{
    size_t kept = 0;

    if (pairs->count > 0)
        qsort(pairs->pairs, pairs->count, sizeof(*pairs->pairs), compare);
    for (size_t i = 0; i < pairs->count; i++) {
        if (kept > 0 && compare(&pairs->pairs[kept - 1], &pairs->pairs[i]) == 0) {
            pairs->pairs[kept - 1].forth += pairs->pairs[i].forth;
            pairs->pairs[kept - 1].back += pairs->pairs[i].back;
        } else {
            pairs->pairs[kept++] = pairs->pairs[i];
        }
    }
    pairs->count = kept;
}

bool
ctl_pairs_read(
    struct ctl *ctl, const char *domain, struct ctl_pairs *pairs, struct error *error)
{
    int64_t since = clock_wall_ms() - CTL_PAIRS_DAYS * DAY_MS;
    struct books *books = books_open(ctl->config->books, BOOKS_READ, error);
    bool done;

    *pairs = (struct ctl_pairs){.ctl = ctl};
    if (books == NULL)
        return false;
    done = books_between(books, span_of(domain), since, take, pairs, error);
    books_close(books);
    add_up(pairs);
    return done;
}

void
ctl_pairs_clear(struct ctl_pairs *pairs)
{
    free(pairs->pairs);
    *pairs = (struct ctl_pairs){.pairs = NULL};
}

const struct ctl_pair *
ctl_pairs_find(const struct ctl_pairs *pairs, struct span a, struct span b)
{
    struct ctl_pair wanted = pair_of(a, b);

    return pairs->count == 0
               ? NULL
               : bsearch(&wanted, pairs->pairs, pairs->count, sizeof(wanted), compare);
}
