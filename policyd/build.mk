# Pure ones of serve: decisions that the linker keeps apart from its sockets.
serve_pure       := $(addprefix policyd/serve/,policy_decide.c policy_instances.c)
PURE             += $(wildcard policyd/wire/*.c policyd/routing/*.c) $(wildcard $(serve_pure))

PROGRAMS         += policyd
policyd_SOURCES  := $(filter-out $(serve_pure),$(wildcard policyd/serve/*.c policyd/store/*.c))
policyd_PACKAGES := libevent hiredis

# What of postshiftctl decides and reads, and what does.
CTL_PURE         := $(wildcard policyd/ctl/postfix_*.c $(addprefix policyd/ctl/,setup_plan.c setup_planner.c setup_apply.c setup_notes.c ctl_json.c ctl_arguments.c ctl_table.c moves_format.c))
PURE             += $(CTL_PURE)

PROGRAMS         += ctl
ctl_NAME         := postshiftctl
ctl_SOURCES      := $(filter-out $(CTL_PURE),$(wildcard policyd/ctl/*.c)) policyd/serve/serve_config.c
ctl_PACKAGES     := libevent hiredis

MANUALS          += policyd/serve/postshift-policyd.8 policyd/ctl/postshiftctl.1 postfix-conf/postshift.conf.5
