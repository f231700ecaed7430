#include "shared/service/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/allocate.h"
#include "shared/base/span.h"

enum { PATH_ROOM = 512 };

/* tzset takes a name that it doesn't know for UTC. */
static bool
is_zone(const char *zone)
{
    char path[PATH_ROOM];

    if (strcmp(zone, "UTC") == 0)
        return true;
    if (zone[0] == '\0' || zone[0] == '/' || strstr(zone, "..") != NULL ||
        snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone) >= PATH_ROOM)
        return false;
    return access(path, R_OK) == 0;
}

static void
set_zone(const char *zone)
{
    if (zone != NULL)
        (void)setenv("TZ", zone, 1);
    else
        (void)unsetenv("TZ");
    tzset();
}

bool
zone_local(const char *zone, int64_t unix_time, unsigned *weekday, unsigned *minute)
{
    const char *own = getenv("TZ");
    char *before = own != NULL ? allocate_text(span_of(own)) : NULL;
    time_t seconds = (time_t)unix_time;
    char name[PATH_ROOM];
    struct tm local;
    bool found = is_zone(zone);

    if (found) {
        (void)snprintf(name, sizeof(name), ":%s", zone);
        set_zone(strcmp(zone, "UTC") == 0 ? "UTC0" : name);
        found = localtime_r(&seconds, &local) != NULL;
        set_zone(before);
    }
    free(before);
    if (!found)
        return false;
    *weekday = (unsigned)local.tm_wday;
    *minute = (unsigned)(local.tm_hour * 60 + local.tm_min);
    return true;
}
