/*
 * ctl_verbs - what each verb does; gives the exit code.  The files are named after the
 * first word of each group.
 */
#ifndef POLICYD_CTL_CTL_VERBS_H
#define POLICYD_CTL_CTL_VERBS_H

#include "policyd/ctl/ctl.h"

int ctl_init_run(struct ctl *ctl);
int ctl_complete_run(struct ctl *ctl);
int ctl_status_run(struct ctl *ctl);
int ctl_route_run(struct ctl *ctl);
int ctl_set_run(struct ctl *ctl);
int ctl_rollback_run(struct ctl *ctl);
int ctl_pin_run(struct ctl *ctl);
int ctl_pin_list(struct ctl *ctl); /* pin --list */
int ctl_pin_remove(struct ctl *ctl);
int ctl_list_run(struct ctl *ctl);
int ctl_unit_run(struct ctl *ctl);
int ctl_moves_run(struct ctl *ctl);
int ctl_state_forget(struct ctl *ctl);
int ctl_state_accept(struct ctl *ctl);
int ctl_local_set(struct ctl *ctl);
int ctl_local_rollback(struct ctl *ctl);
int ctl_local_clear(struct ctl *ctl);
int ctl_plan_run(struct ctl *ctl);
int ctl_probe_run(struct ctl *ctl);
int ctl_finish_run(struct ctl *ctl);
int ctl_events_run(struct ctl *ctl);
int ctl_classify_run(struct ctl *ctl);
int ctl_trace_run(struct ctl *ctl);
int ctl_audit_run(struct ctl *ctl);
int ctl_report_run(struct ctl *ctl);
int ctl_healthy_run(struct ctl *ctl);
int ctl_ledger_run(struct ctl *ctl);
int ctl_erase_run(struct ctl *ctl);
int ctl_quarantine_run(struct ctl *ctl);
int ctl_compare_run(struct ctl *ctl);
int ctl_setup_run(struct ctl *ctl);
int ctl_preflight_run(struct ctl *ctl);
int ctl_rehearsal_run(struct ctl *ctl);
int ctl_undo_run(struct ctl *ctl);

#endif
