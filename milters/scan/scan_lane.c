#include "milters/scan/scan_lane.h"

#include <poll.h>
#include <time.h>

bool
scan_lane_has_waiting(int jobs)
{
    struct pollfd waiting = {jobs, POLLIN, 0};

    return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

static uint64_t
cpu_ms(pid_t pid)
{
    struct timespec used;
    clockid_t clock;

    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        return 0;
    return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

void
scan_lane_look(struct scan_lane_watch *watch, pid_t pid, uint64_t job)
{
    uint64_t now;

    if (job == 0) {
        *watch = (struct scan_lane_watch){.job = 0};
        return;
    }
    now = cpu_ms(pid);
    if (watch->job != job)
        *watch = (struct scan_lane_watch){.job = job, .began_ms = now};
    watch->used_ms = now < watch->began_ms ? 0 : now - watch->began_ms;
}

int
scan_lane_choose(const struct scan_lane_watch *const *watches, size_t count,
    uint64_t waited_ms, bool gets_on)
{
    uint64_t most_ms =
        waited_ms < SCAN_PATIENCE_MS || gets_on ? SCAN_SHORT_MS : SCAN_SHORTER_MS;
    int chosen = -1;

    if (gets_on && waited_ms < SCAN_QUEUE_MS)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (watches[i]->job != 0 && watches[i]->used_ms >= most_ms &&
            (chosen < 0 || watches[i]->used_ms > watches[chosen]->used_ms))
            chosen = (int)i;
    }
    return chosen;
}

unsigned
scan_lane_most(unsigned workers)
{
    return workers < 2 ? 1 : workers / 2;
}
