# What routes.  Pure folders are taken whole.
PURE             += $(foreach folder,wire state routing replica wiring terminal maillog events plan checks units rehearsal compare copies,$(wildcard policyd/$(folder)/*.c))
PURE             += $(wildcard policyd/gateways/*.c)

# hiredis has TLS from 1.0 on (Debian 13).
REDIS_PACKAGES   := hiredis $(shell pkg-config --exists hiredis_ssl && echo hiredis_ssl libssl)

PROGRAMS         += policyd
policyd_SOURCES  := $(wildcard policyd/serve/*.c policyd/store/*.c policyd/redis/*.c)
policyd_PACKAGES := libevent $(REDIS_PACKAGES)

PROGRAMS         += cutover
cutover_SOURCES  := $(wildcard policyd/cutover/*.c policyd/follow/*.c policyd/smtp/*.c policyd/books/*.c policyd/store/*.c policyd/redis/*.c) \
                    policyd/serve/serve_config.c policyd/serve/serve_domains.c
cutover_PACKAGES := libevent libevent_openssl openssl $(REDIS_PACKAGES) jansson sqlite3 zlib

PROGRAMS         += rehearsal
rehearsal_SOURCES  := $(wildcard policyd/rehearse/*.c policyd/smtp/*.c policyd/books/*.c policyd/store/*.c policyd/redis/*.c) \
                      policyd/serve/serve_config.c policyd/serve/serve_domains.c policyd/cutover/plan_entry.c
rehearsal_PACKAGES := libevent libevent_openssl openssl $(REDIS_PACKAGES) jansson sqlite3

# Some checks of preflight ask web servers and mailboxes; without it they say so.
CURL_PACKAGES    := $(shell pkg-config --exists libcurl && echo libcurl)

# The journal's files are read by postshiftctl, too.
undo_shared      := $(addprefix policyd/undo/,undo_folder.c undo_key.c)
PROGRAMS         += undo
undo_SOURCES     := $(undo_shared) $(addprefix policyd/undo/,undo_main.c undo_config.c undo_daemon.c undo_file.c undo_metrics.c undo_session.c undo_store.c undo_told.c)
undo_PACKAGES    := libevent

PROGRAMS         += ctl
ctl_NAME         := postshiftctl
ctl_SOURCES       = $(wildcard policyd/ctl/*.c policyd/setup/*.c policyd/preflight/*.c policyd/smtp/*.c policyd/redis/*.c policyd/books/*.c) \
                    $(undo_shared) policyd/undo/undo_progress.c policyd/undo/undo_read.c policyd/undo/undo_send.c \
                    policyd/serve/serve_config.c policyd/serve/serve_domains.c $(DNS_SOURCES)
ctl_PACKAGES      = libevent libevent_openssl openssl $(REDIS_PACKAGES) jansson sqlite3 $(DNS_PACKAGES) $(CURL_PACKAGES)

MANUALS          += $(wildcard policyd/*/*.[178] postfix-conf/*.[57])
