/*
 * metrics_domains - which domains may stand as a label of one family: so many at a time.
 *
 * Pure.  A domain holds its place as long as one of its series shows; what comes when all
 * places are taken is counted under the domain "other".
 */
#ifndef SHARED_SERVICE_METRICS_DOMAINS_H
#define SHARED_SERVICE_METRICS_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>

enum { METRICS_DOMAINS_MAX = 200 };

/* Begins as zeroes. */
struct metrics_domains {
    struct {
        char *name;
        size_t series; /* of it that show */
    } rows[METRICS_DOMAINS_MAX];
    size_t count;
};

/* For one more series of the domain; false where there is no place for it. */
bool metrics_domains_enter(struct metrics_domains *domains, const char *name);
/* For one less. */
void metrics_domains_leave(struct metrics_domains *domains, const char *name);

void metrics_domains_clear(struct metrics_domains *domains);

#endif
