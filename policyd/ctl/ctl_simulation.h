/*
 * ctl_simulation - what a plan would have decided on a log of the past.
 *
 * Time is that of the log's lines; at the end of each slot the plan is asked as a
 * controller would ask it, until it stands.  The domain begins at weight 0 with nobody on
 * lists; what the plan decides changes the simulated weight, not the deliveries of the
 * log, which went where they went.  Nothing but lines goes in, so the same log gives the
 * same decisions.
 *
 * Limits: probes, preflight, rehearsal, hooks and the misprovision guard say nothing.  A
 * recipient whose first attempt was throttled mail (by error(8)) is not counted.
 */
#ifndef POLICYD_CTL_CTL_SIMULATION_H
#define POLICYD_CTL_CTL_SIMULATION_H

#include "policyd/plan/plan_page.h"
#include "policyd/plan/plan_write.h"

struct ctl_simulation;

struct ctl_simulation_options {
    const char *domain; /* canonical */
    /* The plan's: good ones. */
    const struct domain_field *fields;
    size_t field_count;
    int64_t slot_ms;
    uint64_t min_samples;
    bool old_is_site;      /* what other services deliver counts as old */
    const char *instances; /* syslog names of Postfix, by blanks */
    int64_t near_ms;       /* a time near the first line, for stamps without a year */
    /* The weekday and minute at a unix time by the plan's time zone. */
    struct plan_local (*local)(const char *zone, int64_t unix_time);
    int (*offset)(int64_t unix_time); /* of this host's zone, seconds east */
    void (*decided)(void *argument, int64_t unix_time, const struct plan_write *write);
    void *argument;
};

struct ctl_simulation *ctl_simulation_new(const struct ctl_simulation_options *options);
void ctl_simulation_free(struct ctl_simulation *simulation);

/* The next line of the log. */
void ctl_simulation_line(struct ctl_simulation *simulation, struct span text);

/* How it stood at the last line; valid until it is freed. */
struct ctl_simulation_end {
    int64_t first; /* unix time of the first line; 0: there was none */
    int64_t last;
    uint64_t delivered[DOMAIN_SIDES];
    struct plan_page page;
};
void ctl_simulation_end(
    struct ctl_simulation *simulation, struct ctl_simulation_end *end);

#endif
