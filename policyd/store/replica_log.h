/*
 * replica_log - what the log says of changes, of values that are no order, and of alarms.
 *
 * Changes of domains are told field by field, up to 500 lines a second.  Of pins, units
 * and list members up to 20 a second are told one by one, the others as a number: a bulk
 * load of a million pins is not a million lines.
 */
#ifndef POLICYD_STORE_REPLICA_LOG_H
#define POLICYD_STORE_REPLICA_LOG_H

#include "policyd/redis/redis.h"
#include "policyd/replica/replica_orders.h"

struct event_base;
struct replica_log;

struct replica_log *replica_log_new(struct event_base *base);
void replica_log_free(struct replica_log *log); /* tells what is still to be told */

void replica_log_change(struct replica_log *log, const struct replica_change *change);
void replica_log_problem(const struct replica_problem *problem, const char *kept);
void replica_log_alarm(const char *text);

/* Redis is there and doesn't let us read what it holds: told once, until it does. */
void replica_log_unreadable(struct replica_log *log, const struct redis *redis,
    enum redis_trouble trouble, const char *why);
void replica_log_readable(struct replica_log *log, const struct redis *redis);

/* A problem as one line of status. */
void replica_log_problem_line(
    const struct replica_problem *problem, char *out, size_t size);

#endif
