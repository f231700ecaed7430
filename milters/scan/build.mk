PURE          += milters/scan/scan_wire.c milters/scan/spamd_wire.c milters/scan/scan_decide.c

PROGRAMS      += scan
scan_SOURCES   = $(filter-out $(PURE),$(wildcard milters/scan/*.c)) $(MILTER_SOURCES)
scan_PACKAGES := libclamav libevent libseccomp
MANUALS       += $(wildcard milters/scan/*.8)
