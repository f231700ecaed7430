#include "policyd/ctl/ctl_output.h"
#include "policyd/ctl/ctl_plan.h"

int
ctl_plan_simulate(struct ctl *ctl)
{
    (void)ctl;
    return ctl_output_fail(CTL_USAGE, "not yet");
}
