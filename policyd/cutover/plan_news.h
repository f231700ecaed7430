/*
 * plan_news - follows the stream of events, and does once over all gateways what follows
 * from one: the hooks after_transition, after_rollback and notify.
 *
 * Whoever sets the key `claim:ID:KIND` (plan_tasks.h) first does it, so a controller that
 * dies after a transition, or an operator's own `rollback`, lacks no hook.  `notify` gets
 * the event as JSON on standard input:
 *
 *     {"id": "1764000000000-0", "time": 1764000000, "domain": "example.com",
 *      "what": "rollback", "who": "slow-trigger", "host": "gw1", "from": "70", "to": "0",
 *      "why": "availability of new 43.10 % for 2 h (below 95 %)", "escalated": false,
 *      "command": "postshiftctl events ack 1764000000000-0"}
 *
 * and is tried three times.  What stopped a plan without a person (a freeze or rollback
 * by a trigger or the guard, a pause because a hook failed or something was changed by
 * hand), and a new side that refuses us where there is no plan, is told once more with
 * "escalated": true where nobody has acknowledged it after `[cutover] escalate`.  It is
 * acknowledged by the key `acked:ID` (`postshiftctl events ack ID` sets it, for eight
 * days), or by a later plan-start, plan-resume, plan-abort of the domain.
 *
 * Limits: events from before our start are looked at for `escalate` and five minutes
 * alone; hooks are only run for those of the last five minutes.
 */
#ifndef POLICYD_CUTOVER_PLAN_NEWS_H
#define POLICYD_CUTOVER_PLAN_NEWS_H

#include "policyd/cutover/plan_tasks.h"
#include "policyd/plan/plan_page.h"

struct plan_news;

enum { PLAN_NEWS_KEPT = 200 };

/* `heard`: each event, as it is read. */
struct plan_news *plan_news_new(const struct plan_context *context,
    struct plan_hooks *hooks,
    void (*heard)(void *argument, const struct plan_news_event *event), void *argument);
void plan_news_free(struct plan_news *news);

/* Once a second: what is new is asked for, what is due is done. */
void plan_news_tick(struct plan_news *news);

/* The last ones of a domain, newest first, for its page; borrowed until the next turn of
 * the loop.  Gives how many. */
size_t plan_news_of(const struct plan_news *news, const char *domain,
    struct plan_page_event *events, size_t room);

#endif
