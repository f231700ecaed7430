/*
 * setup_planner - a plan in the making: what setup_plan and setup_apply share.
 */
#ifndef POLICYD_WIRING_SETUP_PLANNER_H
#define POLICYD_WIRING_SETUP_PLANNER_H

#include "policyd/wiring/postfix_text.h"
#include "policyd/wiring/setup_plan.h"

#define SETUP_REWRITE "rewrite-cutover"

/* What a plan is made from, and the plan. */
struct setup_planner {
    const struct setup_facts *facts;
    struct arena *arena;
    struct setup_plan *plan;
    struct postfix_service queue_manager;
    struct postfix_service rewrite; /* the site's own */
    struct span site_maps;          /* transport_maps as the site's rewrite has them */
    struct postfix_service like;    /* that ours begin as copies of; name empty: none */
};

/* One of the site's lists and our word in it. */
struct setup_list {
    const char *parameter;
    const char *word;
    bool first;   /* behind permit_mynetworks the policy would never see a backend */
    bool retired; /* of earlier versions: taken out */
};

/* One of our delivery services. */
struct setup_delivery {
    const char *backend;
    const char *service;
    const char *command; /* also the prefix of its parameters */
};

enum { SETUP_LISTS = 5, SETUP_DELIVERIES = 6, SETUP_PROBES = 2 };
extern const struct setup_list setup_lists[SETUP_LISTS];
extern const struct setup_delivery setup_deliveries[SETUP_DELIVERIES];
extern const struct setup_delivery setup_probes[SETUP_PROBES]; /* of recipients */

/* `flag` NULL: reload Postfix. */
void setup_planner_add(
    struct setup_planner *planner, const char *flag, const char *argument);

/* The value in main.cf; the empty span where it isn't set. */
struct span setup_planner_value(
    struct setup_planner *planner, const char *name, bool *is_set);

/* A step where it isn't so already.  `service` is "name/type", `arguments` what its entry
 * has now. */
void setup_planner_want_parameter(
    struct setup_planner *planner, const char *name, const char *value);
void setup_planner_want_override(struct setup_planner *planner, const char *service,
    struct span arguments, const char *name, const char *value);

/* The entry of ours there is; false where there is none that is run by this command. */
bool setup_planner_find_ours(struct setup_planner *planner, const char *name,
    const char *command, struct postfix_service *service);

/* The whole entry: columns of `base`, run by `command`. */
void setup_planner_write_service(struct setup_planner *planner, const char *name,
    const struct postfix_service *base, const char *command, const char *arguments);

void setup_planner_drop_override(
    struct setup_planner *planner, const char *service, const char *name);
void setup_planner_drop_service(struct setup_planner *planner, const char *name);

/* "qmgr/unix" */
const char *setup_planner_queue_manager(struct setup_planner *planner);

/* Whether the queue manager asks our rewrite service; and what ends that. */
bool setup_planner_is_on(const struct setup_planner *planner);
void setup_planner_switch_off(struct setup_planner *planner);

/* In setup_apply: all that wires us in. */
void setup_apply_plan(struct setup_planner *planner);

/* In setup_delivery: our delivery services, and what is said of them. */
void setup_delivery_plan(struct setup_planner *planner);
void setup_delivery_drop_limits(struct setup_planner *planner);
const char *setup_delivery_copied(struct setup_planner *planner);

/* Words of ours out of the site's lists; parameters out of main.cf. */
void setup_planner_drop_words(struct setup_planner *planner, bool retired_only);
void setup_planner_drop_parameters(struct setup_planner *planner, bool retired_only);

#endif
