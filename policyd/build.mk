# Pure ones of serve: decisions that the linker keeps apart from its sockets.
serve_pure       := $(addprefix policyd/serve/,policy_decide.c policy_instances.c)
PURE             += $(wildcard policyd/wire/*.c policyd/routing/*.c) $(wildcard $(serve_pure))

PROGRAMS         += policyd
policyd_SOURCES  := $(filter-out $(serve_pure),$(wildcard policyd/serve/*.c policyd/store/*.c))
policyd_PACKAGES := libevent hiredis

PROGRAMS         += ctl
ctl_NAME         := postshiftctl
ctl_SOURCES      := $(wildcard policyd/ctl/*.c)
ctl_PACKAGES     := libevent hiredis

MANUALS          += policyd/serve/postshift-policyd.8 policyd/ctl/postshiftctl.1 postfix-conf/postshift.conf.5
