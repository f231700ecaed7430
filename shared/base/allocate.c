#include "shared/base/allocate.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 16 };

void *
allocated(void *made)
{
    if (made == NULL)
        abort();
    return made;
}

void *
allocate(size_t size)
{
    return allocated(calloc(1, size));
}

void *
allocate_array(size_t count, size_t size)
{
    return allocated(calloc(count, size));
}

void *
allocate_grow(void *array, size_t count, size_t size)
{
    return allocated(reallocarray(array, count, size));
}

void *
allocate_more(void *array, size_t count, size_t *room, size_t size)
{
    if (array != NULL && count < *room)
        return array;
    *room = *room == 0 ? FIRST_ROOM : 2 * *room;
    return allocate_grow(array, *room, size);
}

char *
allocate_text(struct span text)
{
    char *copy = allocated(malloc(text.length + 1));

    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return copy;
}
