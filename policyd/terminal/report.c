#include "policyd/terminal/report.h"

const char *
report_side_name(enum report_side side)
{
    static const char *const names[REPORT_SIDES] = {"old", "new", "standby"};

    return names[side];
}

int64_t
report_availability(const struct report_attempts *attempts)
{
    uint64_t all = attempts->ok + attempts->fail;

    return all == 0 ? -1 : (int64_t)(attempts->ok * 10000 / all);
}

struct report_slice
report_verdicts(const struct report *report)
{
    struct report_slice sum = {.at_ms = report->since_ms};

    for (size_t i = 0; i < REPORT_SLICES; i++) {
        const struct report_slice *slice = &report->slices[i];

        sum.seen += slice->seen;
        sum.dmarc_fail += slice->dmarc_fail;
        sum.infected += slice->infected;
        sum.spam += slice->spam;
        sum.refused += slice->refused;
    }
    return sum;
}

int64_t
report_days(const struct report *report)
{
    return report->start_ms == 0 ? -1 : (report->until_ms - report->start_ms) / 86400000;
}
