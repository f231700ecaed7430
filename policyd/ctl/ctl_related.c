#include "policyd/ctl/ctl_related.h"

#include <stdlib.h>

#include "policyd/checks/check_people.h"
#include "policyd/ctl/ctl_store.h"
#include "policyd/setup/setup_file.h"
#include "shared/base/allocate.h"

enum { FILE_MAX = 512 << 20, TEXT_MAX = 64 << 10 };

void
ctl_related_add(struct ctl_related *related, struct span address, struct span other)
{
    related->rows = allocate_more(
        related->rows, related->count, &related->room, sizeof(*related->rows));
    related->rows[related->count++] = (struct ctl_related_row){address, other};
}

static void
take(struct ctl_related *related, struct span known, struct span other)
{
    struct arena *arena = related->ctl->arena;
    struct recipient recipient;

    if (ctl_store_canonical_recipient(related->ctl, known, &recipient))
        ctl_related_add(related, arena_span(arena, recipient_address(&recipient)),
            arena_span(arena, other));
}

static int
compare(const void *left, const void *right)
{
    const struct ctl_related_row *a = left;
    const struct ctl_related_row *b = right;
    int order = span_compare(a->address, b->address);

    return order != 0 ? order : span_compare(a->other, b->other);
}

void
ctl_related_sort(struct ctl_related *related)
{
    if (related->count > 0)
        qsort(related->rows, related->count, sizeof(*related->rows), compare);
}

bool
ctl_related_read(struct ctl *ctl, const char *path, bool by_second,
    struct ctl_related *related, struct error *error)
{
    struct buffer text;
    struct span rest;
    struct span line;
    bool done;

    *related = (struct ctl_related){.ctl = ctl};
    if (path[0] == '\0')
        return true;
    buffer_init(&text, FILE_MAX);
    done = setup_file_read(path, &text, error);
    rest = buffer_span(&text);
    while (done && span_split(&rest, '\n', &line)) {
        struct span first;
        struct span second;

        if (check_people_read_alias(line, &first, &second))
            take(related, by_second ? second : first, by_second ? first : second);
    }
    buffer_clear(&text);
    ctl_related_sort(related);
    return done;
}

void
ctl_related_clear(struct ctl_related *related)
{
    free(related->rows);
    *related = (struct ctl_related){.rows = NULL};
}

/* The first row that is not before the address. */
static size_t
find_first(const struct ctl_related *related, struct span address)
{
    size_t low = 0;
    size_t high = related->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (span_compare(related->rows[middle].address, address) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct span
ctl_related_find(
    const struct ctl_related *related, struct arena *arena, struct span address)
{
    struct buffer text = {.ceiling = TEXT_MAX};
    struct span found;

    for (size_t i = find_first(related, address);
         i < related->count && span_equal(related->rows[i].address, address); i++) {
        if (text.length > 0)
            buffer_append_octet(&text, ' ');
        buffer_append(&text, related->rows[i].other);
    }
    found = text.length == 0 ? SPAN("") : arena_span(arena, buffer_span(&text));
    buffer_clear(&text);
    return found;
}
