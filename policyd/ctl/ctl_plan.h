/*
 * ctl_plan - a domain's plan as Redis has it, and one change of it, from an operator's
 * word to the answer.
 */
#ifndef POLICYD_CTL_CTL_PLAN_H
#define POLICYD_CTL_CTL_PLAN_H

#include "policyd/ctl/ctl_store.h"
#include "policyd/plan/plan_order.h"

struct ctl_plan {
    const char *name;
    struct ctl_hash hash;
    struct plan_record
        record; /* of a bad one the state alone, as far as it can be told */
    bool is_bad;
    struct domain_problem problem;
};

bool ctl_plan_read(
    struct ctl *ctl, const char *name, struct ctl_plan *plan, struct error *error);

/* "stays: "3d": one duration a stage", in the arena. */
const char *ctl_plan_problem(struct ctl *ctl, const struct domain_problem *problem);

enum { CTL_PLAN_FIELDS_MAX = 16, CTL_PLAN_ALL_MAX = 128 };

/* The fields that an operator sets: those of the command line, --stages and --stays among
 * them; false: said so. */
struct ctl_plan_fields {
    struct domain_field items[CTL_PLAN_FIELDS_MAX];
    size_t count;
};
/* The i-th that an operator sets, from 0; NULL behind the last. */
const char *ctl_plan_field_name(size_t i);
bool ctl_plan_words(struct ctl *ctl, size_t first, struct ctl_plan_fields *fields);

/* A hash with others laid over it, an empty value takes a field out; gives how many. */
size_t ctl_plan_lay_over(const struct ctl_hash *hash, const struct domain_field *fields,
    size_t count, struct domain_field next[CTL_PLAN_ALL_MAX]);

struct ctl_plan_order {
    const char *name; /* canonical */
    enum plan_order order;
    const struct ctl_plan_fields *fields; /* of start; else NULL */
    const char *past;                     /* of advance; else "" */
};

/* Gives the exit code; everything is said. */
int ctl_plan_change(struct ctl *ctl, const struct ctl_plan_order *order);

/* The verbs behind `plan`. */
int ctl_plan_show(struct ctl *ctl);
int ctl_plan_simulate(struct ctl *ctl);

#endif
