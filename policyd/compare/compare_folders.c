#include "policyd/compare/compare_folders.h"

#include <string.h>

/* "INBOX.a.b" and "a/b" are "a\1b"; INBOX itself stays. */
static void
path_of(const struct imap_list *folder, char out[IMAP_NAME_MAX])
{
    struct span name = span_of(folder->name);

    if (folder->separator != '\0' && name.length > 6 &&
        span_starts_nocase(name, SPAN("INBOX")) && name.data[5] == folder->separator)
        name = span_from(name, 6);
    memcpy(out, name.data, name.length + 1);
    for (size_t i = 0; i < name.length; i++) {
        if (out[i] == folder->separator)
            out[i] = '\1';
    }
    if (span_is_nocase(name, "INBOX"))
        memcpy(out, "INBOX", 6);
}

static size_t
count_use(const struct imap_list *folders, size_t count, const char *use, size_t *last)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(folders[i].use, use) == 0) {
            *last = i;
            found++;
        }
    }
    return found;
}

size_t
compare_folders_find(const struct imap_list *old_folders, size_t old_count, size_t folder,
    const struct imap_list *new_folders, size_t count)
{
    const struct imap_list *old = &old_folders[folder];
    char wanted[IMAP_NAME_MAX];
    size_t place = count;

    if (old->use[0] != '\0' && count_use(old_folders, old_count, old->use, &place) == 1 &&
        count_use(new_folders, count, old->use, &place) == 1)
        return place;
    path_of(old, wanted);
    for (size_t i = 0; i < count; i++) {
        char path[IMAP_NAME_MAX];

        path_of(&new_folders[i], path);
        if (new_folders[i].can_select && strcmp(path, wanted) == 0)
            return i;
    }
    return count;
}
