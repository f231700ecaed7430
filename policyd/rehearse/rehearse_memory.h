/*
 * rehearse_memory - who was asked about, when, and what was said: a small SQLite file of
 * its own, so that a restart asks nobody twice.
 *
 * It is a convenience: what can't be written is told once and asked again some day.
 */
#ifndef POLICYD_REHEARSE_REHEARSE_MEMORY_H
#define POLICYD_REHEARSE_REHEARSE_MEMORY_H

#include "policyd/rehearsal/rehearsal_course.h"

struct rehearse_memory;

/* NULL: *error says why.  What is older than eight days goes. */
struct rehearse_memory *rehearse_memory_open(const char *path, struct error *error);
void rehearse_memory_close(struct rehearse_memory *memory);

bool rehearse_memory_save(struct rehearse_memory *memory, const char *domain,
    const struct rehearsal_kept *kept, struct error *error);

/* All of one recipient. */
bool rehearse_memory_forget(struct rehearse_memory *memory, const char *domain,
    const char *recipient, struct error *error);

/* Into the course, all of the domain. */
bool rehearse_memory_load(struct rehearse_memory *memory, const char *domain,
    struct rehearsal_course *course, struct error *error);

#endif
