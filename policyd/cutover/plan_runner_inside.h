/*
 * plan_runner_inside - what the files of plan_runner share.
 */
#ifndef POLICYD_CUTOVER_PLAN_RUNNER_INSIDE_H
#define POLICYD_CUTOVER_PLAN_RUNNER_INSIDE_H

#include "policyd/cutover/edits.h"
#include "policyd/cutover/gateway_watch.h"
#include "policyd/cutover/guards.h"
#include "policyd/cutover/plan_rto.h"
#include "policyd/cutover/plan_runner.h"
#include "policyd/cutover/preflights.h"
#include "policyd/cutover/refusals.h"

struct event;

struct plan_runner {
    struct plan_context context;
    struct plan_owner owner;
    struct gateway_watch *gateways;
    char gateway[PLAN_NAME_MAX];
    struct event *tick;
    struct guards *guards;
    struct edits *edits;
    struct plan_hooks *hooks;
    struct preflights *preflights;
    struct plan_news *news;
    struct plan_rto *rto;
    struct plan_hearing hearing;
    struct refusals refusals;
    struct smtp_tls *tls; /* NULL: it can't be had */
    struct plan_clock clock;
    bool is_odd; /* tick */
    struct plan_self self;
};

/* Does what was decided. */
void plan_act(struct plan_run *run, const struct plan_view *view);

/* What we run for it ends: a stop came, or the plan is no longer there. */
void plan_act_call_off(struct plan_run *run);

/* A transition that we made: line and count. */
void plan_tell_done(const struct plan_run *run, const struct plan_decision *decision,
    const struct plan_write *write);

/* Its plan can't be used: one line for each text. */
void plan_tell_bad(struct plan_run *run, const char *problem);

/* Whether this machine knows its time zone: one line for each that it doesn't. */
void plan_tell_zone(struct plan_run *run, bool no_zone);

/* What its preflight says against it: one line when that is otherwise than told. */
void plan_tell_preflight(struct plan_run *run);

/* The gauges of a plan that is no longer there. */
void plan_tell_gone(struct plan_runner *runner, const char *domain);

#endif
