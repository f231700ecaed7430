/* What becomes of answers: a part of ctl_fleet. */
#include "policyd/ctl/ctl_fleet.h"

void
ctl_fleet_clear(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++)
        arena_free(fleet->answers[i].arena);
}

void
ctl_fleet_refuse(struct fleet *fleet, size_t i, const char *why)
{
    fleet->answers[i].document = NULL;
    fleet->answers[i].why = why;
    fleet->silent[fleet->silent_count++] = fleet->answers[i].host;
}
