# The milters.  Pure folders are taken whole; in those of one check what talks to a library, to DNS or keeps a cache
# has it in its name, and all else is pure.
milter_outside := %_check.c %_fetch.c %_library.c %_cache.c %/spf_dns.c
milter_mixed   := $(wildcard milters/spf/*.c milters/dkim/*.c milters/dmarc/*.c)
PURE           += $(wildcard milters/protocol/*.c milters/message/*.c milters/authres/*.c milters/mime/*.c) \
                  $(filter-out $(milter_outside),$(milter_mixed)) \
                  $(wildcard milters/auth/*_decide.c milters/scan/*_decide.c milters/scan/*_wire.c)

# Two engines behind milter_run.h: our own reader, or make MILTER=libmilter.
milter_engine  := $(if $(filter libmilter,$(MILTER)),%/milter_run.c %/milter_session.c,%/milter_run_libmilter.c)
MILTER_SOURCES := $(filter-out $(milter_engine),$(wildcard milters/common/*.c))
MILTER_PACKAGE := $(filter libmilter,$(MILTER))

PROGRAMS      += auth
auth_SOURCES   = $(filter-out $(PURE),$(wildcard milters/auth/*.c) $(milter_mixed)) $(DNS_SOURCES) $(MILTER_SOURCES)
auth_PACKAGES  = opendkim spf2 libpsl $(DNS_PACKAGES) libcrypto libevent $(MILTER_PACKAGE:lib%=%)

PROGRAMS      += scan
scan_SOURCES   = $(filter-out $(PURE),$(wildcard milters/scan/*.c)) $(MILTER_SOURCES)
scan_PACKAGES := libclamav libevent libseccomp $(MILTER_PACKAGE:lib%=%)

MANUALS       += $(wildcard milters/*/*.8)
