PURE             += $(wildcard policyd/wire/*.c policyd/routing/*.c)

PROGRAMS         += policyd
policyd_SOURCES  := $(wildcard policyd/serve/*.c policyd/store/*.c)
policyd_PACKAGES := libevent hiredis

PROGRAMS         += ctl
ctl_NAME         := postshiftctl
ctl_SOURCES      := $(wildcard policyd/ctl/*.c)
ctl_PACKAGES     := libevent hiredis

MANUALS          += policyd/serve/postshift-policyd.8 policyd/ctl/postshiftctl.1 postfix-conf/postshift.conf.5
