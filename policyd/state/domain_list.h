/*
 * domain_list - the domains of a site: canonical names in order, each once.
 *
 * Names are added one by one or as the text of a file with one a line (`#` begins a
 * comment line, blank lines count for nothing), then the list is closed and can be asked,
 * in time that grows with the logarithm of its length.  Pure.
 */
#ifndef POLICYD_STATE_DOMAIN_LIST_H
#define POLICYD_STATE_DOMAIN_LIST_H

#include "shared/base/error.h"
#include "shared/base/span.h"

enum { DOMAIN_LIST_MAX = 10000 };

struct domain_list {
    char **names; /* in the order of strcmp once closed */
    size_t count;
    size_t room;
};

/* False: no domain name, or one too many; nothing is added. */
bool domain_list_add(struct domain_list *list, struct span name, struct error *error);
/* The first line that is wrong is named; then nothing behind it is read. */
bool domain_list_add_text(
    struct domain_list *list, struct span text, struct error *error);
void domain_list_close(struct domain_list *list);
void domain_list_clear(struct domain_list *list);

/* Whether a closed list has it. */
bool domain_list_has(const char *const *names, size_t count, struct span name);

#endif
