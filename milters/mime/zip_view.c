#include "milters/mime/zip_view.h"

enum {
    END_SIZE = 22,
    ENTRY_SIZE = 46,
    COMMENT_MAX = 0xffff,
    ZIP64_SIZE = 56 + 20, /* what a zip64 has between its directory and its end */
    SMALL = 5,            /* octets: libclamav does not look at less */
    ENCRYPTED = 1,
};

static uint32_t
number_at(struct span octets, size_t at, unsigned size)
{
    uint32_t number = 0;

    for (unsigned i = 0; i < size && at + i < octets.length; i++)
        number |= (uint32_t)(unsigned char)octets.data[at + i] << (8 * i);
    return number;
}

static bool
has_at(struct span octets, size_t at, struct span magic)
{
    return octets.length >= at && span_starts(span_from(octets, at), magic);
}

bool
zip_is(struct span file)
{
    return span_starts(file, SPAN("PK\3\4")) || span_starts(file, SPAN("PK\5\6")) ||
           span_starts(file, SPAN("PK\7\x8PK")) || span_starts(file, SPAN("PK00PK")) ||
           span_starts(file, SPAN("PK\1\2"));
}

bool
zip_is_rest(struct span file)
{
    size_t end = file.length - END_SIZE;

    return file.length > END_SIZE && has_at(file, end, SPAN("PK\5\6")) &&
           (uint64_t)number_at(file, end + 12, 4) + number_at(file, end + 16, 4) > end;
}

/* Of the last end record; SPAN_NONE: there is none. */
static size_t
find_end(struct span file)
{
    size_t least =
        file.length > END_SIZE + COMMENT_MAX ? file.length - END_SIZE - COMMENT_MAX : 0;

    for (size_t at = file.length < END_SIZE ? 0 : file.length - END_SIZE; at > least;
         at--) {
        if (has_at(file, at, SPAN("PK\5\6")))
            return at;
    }
    return has_at(file, least, SPAN("PK\5\6")) ? least : SPAN_NONE;
}

/* Stored, imploded, deflated (64 too), bzip2: what libclamav has. */
static bool
is_opened(uint32_t method)
{
    return method == 0 || method == 6 || method == 8 || method == 9 || method == 12;
}

static void
count_members(
    struct span file, size_t at, size_t end, unsigned entries, struct zip_view *view)
{
    unsigned seen = 0;

    for (; at + ENTRY_SIZE <= end && has_at(file, at, SPAN("PK\1\2")); seen++) {
        uint32_t flags = number_at(file, at + 8, 2);

        if ((flags & ENCRYPTED) == 0 && number_at(file, at + 24, 4) > SMALL) {
            view->members++;
            view->odd |= !is_opened(number_at(file, at + 10, 2));
        }
        at += ENTRY_SIZE + number_at(file, at + 28, 2) + number_at(file, at + 30, 2) +
              number_at(file, at + 32, 2);
    }
    /* The number of entries has two octets. */
    if ((seen & 0xffff) != entries)
        view->odd = true;
}

void
zip_look(struct span file, struct zip_view *view)
{
    size_t end = find_end(file);
    uint64_t size;
    uint64_t offset;
    uint64_t start;

    *view = (struct zip_view){.odd = true};
    if (end == SPAN_NONE || end + END_SIZE > file.length)
        return;
    size = number_at(file, end + 12, 4);
    offset = number_at(file, end + 16, 4);
    if (number_at(file, end + 4, 4) != 0 || offset + size > end)
        return;
    start = end - size;
    if (end >= ZIP64_SIZE && has_at(file, end - 20, SPAN("PK\6\7")))
        start -= start >= ZIP64_SIZE ? ZIP64_SIZE : 0;
    view->odd = start != offset;
    count_members(file, (size_t)start, end, number_at(file, end + 10, 2), view);
}

void
zip_look_behind(struct span file, struct zip_view *view)
{
    size_t end = find_end(file);
    uint64_t size;

    *view = (struct zip_view){.members = 0};
    if (end == SPAN_NONE || end + END_SIZE > file.length)
        return;
    size = number_at(file, end + 12, 4);
    if (size == 0 || size > end || number_at(file, end + 4, 4) != 0)
        return;
    count_members(file, (size_t)(end - size), end, number_at(file, end + 10, 2), view);
}
