/*
 * ctl_preflight - one domain looked at before it is moved: which checks are wanted, and
 * what they found.
 *
 * What could not be asked of DNS or a backend is asked three times over 30 seconds, in
 * rounds.  Nothing is changed anywhere, but for --save.
 */
#ifndef POLICYD_CTL_CTL_PREFLIGHT_H
#define POLICYD_CTL_CTL_PREFLIGHT_H

#include "policyd/checks/check.h"
#include "policyd/ctl/ctl_store.h"
#include "shared/base/json.h"

struct ctl_preflight {
    struct ctl *ctl;
    const char *name; /* canonical domain */
    bool wanted[CHECKS];
    bool settled[CHECKS]; /* is not asked again */
    struct check checks[CHECKS];
    unsigned rounds;
    uint64_t started_ms;
    bool loads; /* sessions at once are opened */
    struct ctl_domain domain;
    const char *no_domain; /* why its state is not known; NULL: `domain` has it */
};

bool ctl_preflight_wants(const struct ctl_preflight *preflight, enum check_group group);

/* Those of a group that are wanted and not settled; each begins anew. */
void ctl_preflight_dns(struct ctl_preflight *preflight);
void ctl_preflight_backends(struct ctl_preflight *preflight); /* and CHECK_SIZE */
void ctl_preflight_postfix(struct ctl_preflight *preflight);
void ctl_preflight_state(struct ctl_preflight *preflight);  /* and of people, in part */
void ctl_preflight_people(struct ctl_preflight *preflight); /* the others; and arrival */

/* Checks that are asked once: each that is to be looked at now is, and is final. */
struct ctl_preflight_row {
    enum check_name name;
    void (*look)(struct ctl_preflight *preflight, struct check *check);
};
void ctl_preflight_look(
    struct ctl_preflight *preflight, const struct ctl_preflight_row *rows, size_t count);

/* NULL: it is not to be looked at now. */
struct check *ctl_preflight_begin(struct ctl_preflight *preflight, enum check_name name);

void ctl_preflight_print(const struct ctl_preflight *preflight);
void ctl_preflight_write(const struct ctl_preflight *preflight, struct json *json);
struct check_counts ctl_preflight_counts(const struct ctl_preflight *preflight);
int ctl_preflight_list(struct ctl *ctl);

/* --save: into `preflight:<domain>`; --diff: what is otherwise there; *worse: a blocking
 * one holds up now that did not.  `json` NULL: printed.  False: said so. */
bool ctl_preflight_save(const struct ctl_preflight *preflight);
bool ctl_preflight_diff(
    const struct ctl_preflight *preflight, struct json *json, bool *worse);

/* What the result that was kept last says against more people on new; NULL: nothing, or
 * there is none. */
const char *ctl_preflight_kept(struct ctl *ctl, const char *domain);

#endif
