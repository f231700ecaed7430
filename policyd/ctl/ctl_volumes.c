#include "policyd/ctl/ctl_volumes.h"

#include <stdlib.h>

#include "policyd/books/books_between.h"
#include "policyd/ctl/ctl_store.h"
#include "shared/base/allocate.h"
#include "shared/service/clock.h"

#define DAY_MS INT64_C(86400000)

static void
take(void *argument, const struct books_between *row)
{
    struct ctl_volumes *volumes = argument;
    struct recipient recipient;

    if (!ctl_store_canonical_recipient(volumes->ctl, row->to, &recipient))
        return;
    volumes->rows = allocate_more(
        volumes->rows, volumes->count, &volumes->room, sizeof(*volumes->rows));
    volumes->rows[volumes->count++] = (struct ctl_volume){
        arena_span(volumes->ctl->arena, recipient_address(&recipient)),
        row->mails,
        row->octets,
    };
}

static int
compare(const void *left, const void *right)
{
    return span_compare(((const struct ctl_volume *)left)->address,
        ((const struct ctl_volume *)right)->address);
}

/* Several forms of one address are one. */
static void
add_up(struct ctl_volumes *volumes)
{
    size_t kept = 0;

    if (volumes->count > 0)
        qsort(volumes->rows, volumes->count, sizeof(*volumes->rows), compare);
    for (size_t i = 0; i < volumes->count; i++) {
        struct ctl_volume *row = &volumes->rows[i];

        if (kept > 0 && span_equal(volumes->rows[kept - 1].address, row->address)) {
            volumes->rows[kept - 1].mails += row->mails;
            volumes->rows[kept - 1].octets += row->octets;
        } else {
            volumes->rows[kept++] = *row;
        }
    }
    volumes->count = kept;
}

bool
ctl_volumes_read(
    struct ctl *ctl, const char *domain, struct ctl_volumes *volumes, struct error *error)
{
    int64_t since = clock_wall_ms() - CTL_VOLUMES_DAYS * DAY_MS;
    struct books *books = books_open(ctl->config->books, BOOKS_READ, error);
    bool done;

    *volumes = (struct ctl_volumes){.ctl = ctl};
    if (books == NULL)
        return false;
    done = books_volume(books, span_of(domain), since, take, volumes, error);
    books_close(books);
    add_up(volumes);
    return done;
}

void
ctl_volumes_clear(struct ctl_volumes *volumes)
{
    free(volumes->rows);
    volumes->rows = NULL;
    volumes->count = volumes->room = 0;
}

const struct ctl_volume *
ctl_volumes_find(const struct ctl_volumes *volumes, struct span address)
{
    const struct ctl_volume wanted = {.address = address};

    return volumes->count == 0
               ? NULL
               : bsearch(&wanted, volumes->rows, volumes->count, sizeof(wanted), compare);
}
