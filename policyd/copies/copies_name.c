#include "policyd/copies/copies_name.h"

#include <stdio.h>
#include <string.h>

#include "shared/base/number.h"

enum { NAME_LENGTH = sizeof("20261129T210000Z-0001.undo") - 1 };

void
copies_name_write(const struct copies_name *name, char out[COPIES_NAME_SIZE])
{
    char stamp[21];

    number_rfc3339_write(name->hour, stamp);
    (void)snprintf(out, COPIES_NAME_SIZE, "%.4s%.2s%.2sT%.2s%.2s%.2sZ-%04u.undo", stamp,
        stamp + 5, stamp + 8, stamp + 11, stamp + 14, stamp + 17, name->part);
}

bool
copies_name_read(struct span text, struct copies_name *name)
{
    char again[COPIES_NAME_SIZE];
    char stamp[40];
    uint64_t part = 0;

    if (text.length != NAME_LENGTH)
        return false;
    for (size_t i = NAME_LENGTH - sizeof("0001.undo") + 1; i < NAME_LENGTH - 5; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        part = 10 * part + (uint64_t)(text.data[i] - '0');
    }
    (void)snprintf(stamp, sizeof(stamp), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text.data,
        text.data + 4, text.data + 6, text.data + 9, text.data + 11, text.data + 13);
    if (!number_rfc3339(span_of(stamp), &name->hour))
        return false;
    name->part = (unsigned)part;
    copies_name_write(name, again);
    return span_is(text, again);
}

int
copies_file_compare(const void *left, const void *right)
{
    const struct copies_file *a = left;
    const struct copies_file *b = right;

    if (a->name.hour != b->name.hour)
        return a->name.hour < b->name.hour ? -1 : 1;
    return a->name.part < b->name.part ? -1 : a->name.part > b->name.part;
}

size_t
copies_name_surplus(const struct copies_file *files, size_t count,
    const struct copies_limits *limits, uint64_t coming, int64_t now)
{
    uint64_t octets = coming;
    size_t surplus = 0;

    for (size_t i = 0; i < count; i++)
        octets += files[i].size;
    while (surplus + 1 < count &&
           (octets > limits->octets ||
               files[surplus].name.hour + COPIES_HOUR_S < now - limits->keep_s))
        octets -= files[surplus++].size;
    return surplus;
}
