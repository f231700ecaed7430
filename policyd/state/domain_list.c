#include "policyd/state/domain_list.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/domain.h"
#include "shared/base/idn.h"

bool
domain_list_add(struct domain_list *list, struct span name, struct error *error)
{
    char ascii[DOMAIN_MAX + 1];
    char *copy;

    if (!idn_to_ascii(name, ascii))
        return error_permanent(error,
            "%.*s: no domain name (example.com, bücher.example)",
            (int)span_first(name, 60).length, name.data);
    if (list->count == DOMAIN_LIST_MAX)
        return error_permanent(error, "more than %d domains", DOMAIN_LIST_MAX);
    copy = allocate_text(span_of(ascii));
    list->names =
        allocate_more(list->names, list->count, &list->room, sizeof(*list->names));
    list->names[list->count++] = copy;
    return true;
}

bool
domain_list_add_text(struct domain_list *list, struct span text, struct error *error)
{
    struct error why;
    struct span line;
    size_t number = 0;

    while (span_split(&text, '\n', &line)) {
        number++;
        line = span_trim(line);
        if (line.length == 0 || line.data[0] == '#')
            continue;
        if (!domain_list_add(list, line, &why))
            return error_permanent(error, "line %zu: %s", number, why.text);
    }
    return true;
}

static int
compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

void
domain_list_close(struct domain_list *list)
{
    size_t kept = 0;

    if (list->count > 1)
        qsort(list->names, list->count, sizeof(*list->names), compare);
    for (size_t i = 0; i < list->count; i++) {
        if (kept > 0 && strcmp(list->names[kept - 1], list->names[i]) == 0)
            free(list->names[i]);
        else
            list->names[kept++] = list->names[i];
    }
    list->count = kept;
}

void
domain_list_clear(struct domain_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct domain_list){.count = 0};
}

bool
domain_list_has(const char *const *names, size_t count, struct span name)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;
        int order = span_compare(name, span_of(names[middle]));

        if (order == 0)
            return true;
        if (order < 0)
            count = middle;
        else
            low = middle + 1;
    }
    return false;
}
