# postshift: how anything is built and checked.  What a program is made of stands in its folder's build.mk.
#
#   make            the programs, in build/bin/
#   make test       installs what is missing, builds, runs all tests
#   make demo       a private gateway on loopback, real mail, a cutover (KEEP=1 leaves it running)
#   make help       all targets

BUILD    ?= build
SANITIZE ?=
MILTER   ?=
prefix   ?= /usr/local
sysconfdir ?= /etc
unitdir  ?= /lib/systemd/system
Q        := $(if $(V),,@)
VERSION  := $(shell cat shared/version 2>/dev/null || echo 0.0)

CC       ?= gcc
CLANG    ?= clang
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Wvla \
            -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
            -Wwrite-strings -Wcast-qual -Wcast-align -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum \
            -Wnull-dereference -Wno-missing-field-initializers -Wno-missing-braces
HARDEN   := -O2 -g -fstack-protector-strong -fPIE
ifeq ($(shell uname -m),x86_64)
HARDEN   += -fcf-protection -fstack-clash-protection
endif
# Names of our archives stay ours: libraries have functions that are called the same.
LINK     := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed -Wl,--exclude-libs,ALL

ifeq ($(SANITIZE),)
FLAVOUR  := plain
# Unless the packager has a level of his own; an older one in CPPFLAGS gives way without a word.
HARDEN   += $(if $(findstring _FORTIFY_SOURCE,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
else
comma    := ,
FLAVOUR  := $(subst $(comma),-,$(SANITIZE))
HARDEN   += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -DPOSTSHIFT_SANITIZED=1
LINK     += -fsanitize=$(SANITIZE)
endif
OBJ      := $(BUILD)/obj-$(FLAVOUR)
# The milters on the reference library instead of our own reader: one file more, the objects are the same.
ifneq ($(MILTER),)
$(if $(filter libmilter,$(MILTER)),,$(error MILTER=$(MILTER): libmilter, or nothing for our own reader))
FLAVOUR  := $(FLAVOUR)-libmilter
endif
# CFLAGS, CPPFLAGS and LDFLAGS stay the packager's.
BASE_CFLAGS = -std=c11 -D_GNU_SOURCE -I. -I$(MADE) -DPOSTSHIFT_VERSION='"$(VERSION)"' -MMD -MP $(WARNINGS) $(HARDEN)

MADE     := $(BUILD)/made
FUZZ_OBJ := $(BUILD)/fuzz/obj
BIN      ?= $(BUILD)/bin

# Filled by the build.mk files: data alone.
BASE     :=
PURE     :=
SERVICE  :=
SERVICE_PACKAGES :=
PROGRAMS :=
MANUALS  :=
UNIT_TESTS := $(wildcard tests/unit/test_*.c)
FUZZERS    := $(wildcard tests/fuzz/fuzz_*.c)

include $(sort $(wildcard shared/build.mk milters/build.mk policyd/build.mk tests/build.mk))

# A program is built once its main file is there.
PROGRAMS := $(foreach p,$(PROGRAMS),$(if $(filter %_main.c,$($p_SOURCES)),$p))

# Libraries by pkg-config, their headers as system headers, so that our warnings stay ours.
package_name   = $(if $(filter $1,spf2 resolv m opendkim),,$1)
package_cflags = $(patsubst -I%,-isystem %,$(if $(strip $(foreach p,$1,$(call package_name,$p))),$(shell pkg-config --cflags $(foreach p,$1,$(call package_name,$p)) 2>/dev/null)))
package_libs   = $(if $(strip $(foreach p,$1,$(call package_name,$p))),$(shell pkg-config --libs $(foreach p,$1,$(call package_name,$p)) 2>/dev/null)) \
                 $(foreach p,$1,$(if $(call package_name,$p),,-l$p))
BASE_PACKAGES := libidn2 libcrypto m
# One list for all compilations: the flags of -dev packages hardly ever differ from none.
ALL_PACKAGES  := $(sort $(BASE_PACKAGES) $(SERVICE_PACKAGES) $(foreach p,$(PROGRAMS),$($p_PACKAGES)))
ALL_CFLAGS    := $(call package_cflags,$(ALL_PACKAGES))

objects = $(patsubst %.c,$(OBJ)/%.o,$1)
program_name = $(or $($1_NAME),postshift-$1)
PROGRAM_FILES := $(foreach p,$(PROGRAMS),$(BIN)/$(call program_name,$p))
UNIT_FILES    := $(patsubst tests/unit/%.c,$(OBJ)/unit/%,$(UNIT_TESTS))
REPLAY_FILES  := $(patsubst tests/fuzz/%.c,$(OBJ)/replay/%,$(FUZZERS))
FUZZ_FILES    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZERS))

.PHONY: all test unit system test-libmilter test-packages test-debian13 demo bench bench-peers crash simulate soak mutants fuzz floors format lint install uninstall packages clean help
.DELETE_ON_ERROR:
.SECONDARY:
all: $(PROGRAM_FILES)

# The programs of one flavour replace those of another; what a sanitizer compiled lives apart.
BIN_FLAVOUR := $(dir $(BIN))flavour
$(BIN_FLAVOUR): $(if $(filter $(FLAVOUR),$(shell cat $(BIN_FLAVOUR) 2>/dev/null)),,force)
	@mkdir -p $(BIN)
	@echo $(FLAVOUR) > $@
.PHONY: force
force:

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CC $<')
	$(Q)$(CC) $(CPPFLAGS) $(BASE_CFLAGS) $(CFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(OBJ)/%.o: %.S
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CC $<')
	$(Q)$(CC) $(CPPFLAGS) $(BASE_CFLAGS) $(CFLAGS) -c -o $@ $<

# The names of all keys, as the example has them.
$(MADE)/config_keys.h: postfix-conf/postshift.conf
	@mkdir -p $(@D)
	@awk '/^\[/ { section = substr($$0, 2, length($$0) - 2); sections = sections " " section } \
	     /^#[a-z_]+ =/ { keys[section] = keys[section] "\"" substr($$1, 2) "\", " } \
	     END { count = split(sections, names, " "); \
	           for (i = 1; i <= count; i++) \
	               printf "static const char *const %s_keys[] = {%s};\n", names[i], keys[names[i]]; \
	           print "static const struct config_section sections[] = {"; \
	           for (i = 1; i <= count; i++) \
	               printf "    {\"%s\", %s_keys, ARRAY_LENGTH(%s_keys)},\n", names[i], names[i], names[i]; \
	           print "};" }' $< > $@
$(OBJ)/shared/service/config_names.o $(FUZZ_OBJ)/shared/service/config_names.o: $(MADE)/config_keys.h
# What the assembler takes in, the compiler doesn't tell make of.
$(OBJ)/policyd/cutover/page_files.o: $(addprefix policyd/cutover/page.,html css js)

$(OBJ)/libbase.a: $(call objects,$(BASE))
$(OBJ)/libpure.a: $(call objects,$(PURE))
$(OBJ)/libservice.a: $(call objects,$(SERVICE))
$(OBJ)/lib%.a:
	@rm -f $@
	@mkdir -p $(@D)
	$(Q)ar rcs $@ $^

PROGRAM_OBJECTS := $(sort $(foreach p,$(PROGRAMS),$(call objects,$($p_SOURCES))))
ARCHIVES := $(OBJ)/libservice.a $(OBJ)/libpure.a $(OBJ)/libbase.a
FLOORS   := $(OBJ)/libpure.a $(OBJ)/libbase.a

define program_rule
$(BIN)/$(call program_name,$1): $(call objects,$($1_SOURCES)) $(ARCHIVES) $(BIN_FLAVOUR)
	@mkdir -p $$(@D)
	$(if $(Q),@echo '  LINK $$@')
	$(Q)$$(CC) $(BASE_CFLAGS) $$(CFLAGS) $(LINK) $$(LDFLAGS) -o $$@ $(call objects,$($1_SOURCES)) $(ARCHIVES) \
	    $(call package_libs,$(BASE_PACKAGES) $(SERVICE_PACKAGES) $($1_PACKAGES)) -lpthread
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$p)))

# A unit test links the pure floors; one that needs more names it: test_NAME_SOURCES, test_NAME_PACKAGES.
define unit_rule
$(OBJ)/unit/$1: $(OBJ)/tests/unit/$1.o $(call objects,$($1_SOURCES)) $(if $($1_SOURCES)$($1_PACKAGES),$(ARCHIVES),$(FLOORS))
	@mkdir -p $$(@D)
	$(if $(Q),@echo '  LINK $$@')
	$(Q)$$(CC) $(BASE_CFLAGS) $(LINK) -o $$@ $$^ -lcmocka $(call package_libs,$(BASE_PACKAGES) $(if $($1_SOURCES)$($1_PACKAGES),$(SERVICE_PACKAGES)) $($1_PACKAGES)) $($1_LINK) -lpthread
$(OBJ)/replay/$1: $(OBJ)/tests/fuzz/$1.o $(OBJ)/tests/fuzz/replay.o $(call objects,$($1_SOURCES)) $(if $($1_SOURCES)$($1_PACKAGES),$(ARCHIVES),$(FLOORS))
	@mkdir -p $$(@D)
	$(if $(Q),@echo '  LINK $$@')
	$(Q)$$(CC) $(BASE_CFLAGS) $(LINK) -o $$@ $$^ $(call package_libs,$(BASE_PACKAGES) $(if $($1_SOURCES)$($1_PACKAGES),$(SERVICE_PACKAGES)) $($1_PACKAGES)) $($1_LINK) -lpthread
endef
$(foreach t,$(notdir $(basename $(UNIT_TESTS) $(FUZZERS))),$(eval $(call unit_rule,$t)))

# For a system test: a scan whose calls fail one after the other, by a library between the program and libc.
FAILING := $(if $(SANITIZE),,$(OBJ)/fakes/scan_with_failures)
$(OBJ)/fakes/libfailing_calls.so: tests/fakes/failing_calls.c
	@mkdir -p $(@D)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -I. -g -O1 -fPIC -fno-builtin -shared -Wl,-soname,$(@F) -o $@ $<
$(OBJ)/fakes/scan_with_failures: $(call objects,tests/fakes/scan_with_failures.c milters/scan/scan_parts.c $(wildcard milters/scan/clam_*.c)) $(OBJ)/fakes/libfailing_calls.so $(ARCHIVES)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CC) $(BASE_CFLAGS) $(LINK) -Wl,-rpath,'$$ORIGIN' -o $@ $^ $(call package_libs,$(BASE_PACKAGES) $(SERVICE_PACKAGES) libclamav) -lpthread

# For a system test: one dialog with a mail server.
ASKING := $(OBJ)/fakes/ask_backend
$(OBJ)/fakes/ask_backend: $(call objects,tests/fakes/ask_backend.c $(filter-out tests/%,$(smtp_SOURCES))) $(ARCHIVES)
	@mkdir -p $(@D)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CC) $(BASE_CFLAGS) $(LINK) -o $@ $^ $(call package_libs,$(BASE_PACKAGES) $(SERVICE_PACKAGES) $(test_smtp_talk_PACKAGES)) -lpthread

# And a clock that another one sets.
SHIFTED := $(OBJ)/fakes/libshifted_clock.so
$(SHIFTED): tests/fakes/shifted_clock.c
	@mkdir -p $(@D)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE -g -O1 -fPIC -shared -o $@ $<

# Schedules of mail, faults and orders around a plan, from seeds.
SIMULATE := $(OBJ)/simulate
$(SIMULATE): $(call objects,$(wildcard tests/simulate/*.c)) $(FLOORS)
	$(if $(Q),@echo '  LINK $@')
	$(Q)$(CC) $(BASE_CFLAGS) $(LINK) -o $@ $^ $(call package_libs,$(BASE_PACKAGES)) -lm

# Fuzzers: clang, libFuzzer, all pure code instrumented in one go.
FUZZ_FLAGS := -std=c11 -D_GNU_SOURCE -I. -I$(MADE) -DPOSTSHIFT_VERSION='"$(VERSION)"' -DPOSTSHIFT_SANITIZED=1 -g -O1 -fno-omit-frame-pointer \
              -fsanitize=address,undefined -fno-sanitize-recover=all
$(FUZZ_OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(Q),@echo '  CLANG $<')
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP $(ALL_CFLAGS) -c -o $@ $<
$(FUZZ_OBJ)/libfloors.a: $(patsubst %.c,$(FUZZ_OBJ)/%.o,$(BASE) $(PURE))
	@rm -f $@
	$(Q)ar rcs $@ $^
$(FUZZ_OBJ)/libservice.a: $(patsubst %.c,$(FUZZ_OBJ)/%.o,$(SERVICE))
	@rm -f $@
	$(Q)ar rcs $@ $^
define fuzz_rule
$(BUILD)/fuzz/$1: $(FUZZ_OBJ)/tests/fuzz/$1.o $(patsubst %.c,$(FUZZ_OBJ)/%.o,$($1_SOURCES)) $(if $($1_SOURCES)$($1_PACKAGES),$(FUZZ_OBJ)/libservice.a) $(FUZZ_OBJ)/libfloors.a
	$(if $(Q),@echo '  LINK $$@')
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $$@ $$^ $(call package_libs,$(BASE_PACKAGES) $(if $($1_SOURCES)$($1_PACKAGES),$(SERVICE_PACKAGES)) $($1_PACKAGES)) $($1_LINK) -lpthread
endef
$(foreach t,$(notdir $(basename $(FUZZERS))),$(eval $(call fuzz_rule,$t)))

packages: ## install the Debian packages that building, tests and demo need
	tests/install-packages

unit: $(UNIT_FILES) $(REPLAY_FILES) ## unit tests and replay of the fuzzers' corpora
	tests/run --unit $(OBJ)

system: all $(FAILING) $(ASKING) $(SHIFTED) $(SIMULATE) ## the system tests alone (PYTEST="-k name" narrows)
	tests/run --system $(OBJ) $(BIN)

test: packages ## install what is missing, build, run all tests
	$(MAKE) --no-print-directory test-built

.PHONY: test-built
test-built: all $(FAILING) $(ASKING) $(SHIFTED) $(SIMULATE) $(UNIT_FILES) $(REPLAY_FILES)
	tests/run --unit --system $(OBJ) $(BIN)

test-packages: all ## make install, the .debs, units under a booted systemd; needs root, debootstrap, some minutes
	tests/run --packages $(OBJ) $(BIN)

.PHONY: deb
deb: ## the Debian packages, into build/packages/; needs what `apt-get build-dep .` installs
	debian/make-debs $(BUILD)/packages

test-debian13: ## build, unit tests and demo (DEBIAN13="system ...": other targets) in a root of Debian 13, kept between runs
	tests/in-debian13 $(or $(DEBIAN13),all unit demo-built)

# What starts no milter is the same program, built of the same objects.
test-libmilter: packages ## unit tests and those that start a milter, on libmilter (make MILTER=libmilter)
	$(MAKE) --no-print-directory BIN=$(BUILD)/libmilter/bin MILTER=libmilter test-milters-built

.PHONY: test-milters-built
test-milters-built: all $(FAILING) $(UNIT_FILES) $(REPLAY_FILES)
	tests/run --unit --milters $(OBJ) $(BIN)

demo: packages ## a private gateway, real mail, a cutover; KEEP=1 leaves it running
	$(MAKE) --no-print-directory demo-built

.PHONY: demo-built
demo-built: all
	KEEP=$(KEEP) tests/demo/demo

bench: packages ## ratios against a reference in the same run
	$(MAKE) --no-print-directory all
	tests/bench/bench
	tests/bench/bench_scan
	tests/bench/bench_auth
	tests/bench/bench_books
	tests/bench/bench_keep
	tests/bench/bench_rehearsal

bench-peers: packages ## the same beside clamd, rspamd and others, which it installs; and whole chains of them
	tests/install-packages --peers
	$(MAKE) --no-print-directory all
	tests/bench/bench_chain
	$(MAKE) --no-print-directory bench

crash: $(OBJ)/unit/test_books_crash ## the books, killed at any write, a thousand times (BOOKS_SEEDS)
	BOOKS_SEEDS=$(or $(BOOKS_SEEDS),1000) $(OBJ)/unit/test_books_crash

simulate: $(SIMULATE) ## plans under faults, a million schedules in an hour and a half on one core (SCHEDULES, SEED, GATEWAYS=100); 10,000 are in make test
	$(SIMULATE) --schedules $(or $(SCHEDULES),1000000) --seed $(or $(SEED),1) --gateways $(or $(GATEWAYS),0)

soak: packages ## 10,000 waiting messages of a plan that goes back; a cluster of which each part falls; an evening's load with a fault a minute (SOAK_RATE=120, SOAK_SECONDS=600)
	$(MAKE) --no-print-directory all
	WAITING=10000 PYTEST="-n 0 -s -k thousand_waiting" tests/run --system $(OBJ) $(BIN)
	UNDO_MAILS=1000 UNDO_KILLS=20 PYTEST="-n 0 -s -k landed_on_new_comes_to_old" tests/run --system $(OBJ) $(BIN)
	HELD=1000 COMPARE_MAILS=10000 PYTEST="-n 0 -s -k 'many_are_released or each_fault_is_named'" tests/run --system $(OBJ) $(BIN)
	CLUSTER_RATE=100 CLUSTER_CUT=60 PYTEST="-n 0 -s -k each_part_falls" tests/run --system $(OBJ) $(BIN)
	SOAK_RATE=$(or $(SOAK_RATE),120) SOAK_SECONDS=$(or $(SOAK_SECONDS),600) PYTEST="-n 0 -s -k an_evening_with_faults" tests/run --system $(OBJ) $(BIN)

mutants: $(SIMULATE) $(UNIT_FILES) ## planted faults in the plan's modules: each must be found
	tests/simulate/mutants $(OBJ)

fuzz: $(FUZZ_FILES) ## each fuzzer for FUZZ_SECONDS (600); FUZZ="policy_wire pin" narrows
	tests/fuzz/run $(BUILD)/fuzz $(or $(FUZZ_SECONDS),600) $(FUZZ)

floors: $(ARCHIVES) $(PROGRAM_OBJECTS) ## name system calls that crept into the pure floors, and calls that go up or in a circle
	$(Q)tests/floors $(FLOORS)
	$(Q)tests/circles $(ARCHIVES) $(PROGRAM_OBJECTS) -- $(BASE) $(PURE)

C_FILES = $(shell git ls-files '*.c' '*.h' 2>/dev/null || find shared policyd milters tests -name '*.[ch]')
format: ## clang-format in place
	clang-format -i $(C_FILES)

lint: $(MADE)/config_keys.h ## formatting, clang-tidy, manual pages
	$(Q)clang-format --dry-run -Werror $(C_FILES)
	$(Q)tests/lint $(BASE) $(PURE) $(SERVICE) $(foreach p,$(PROGRAMS),$($p_SOURCES)) -- -std=c11 -D_GNU_SOURCE -I. -I$(MADE) -DPOSTSHIFT_VERSION='"$(VERSION)"' $(ALL_CFLAGS)

# Where systemd looks, also below /usr/local.
UNITS := $(wildcard postfix-conf/*.service postfix-conf/*.socket postfix-conf/*.target postfix-conf/*.path)
SHARED_DATA := $(wildcard postfix-conf/*.acl postfix-conf/*.lua) postfix-conf/postshift.conf postfix-conf/users-and-folders \
               postfix-conf/flush postfix-conf/quarantine postfix-conf/wired postfix-conf/may-go \
               postfix-conf/postshift-dashboard.json postfix-conf/runbook.html postfix-conf/postshift.syslog-ng.conf
ROLE := $(shell find postfix-conf/ansible -type f)
HOOKS := $(wildcard postfix-conf/hooks/*)
CHECKS := $(wildcard postfix-conf/gateways/*)

install: all ## DESTDIR= prefix=/usr; without DESTDIR also users, folders and the rights of the configuration
	$(foreach p,$(PROGRAMS),install -D -m 0755 $(BIN)/$(call program_name,$p) $(DESTDIR)$(prefix)/$(if $(filter ctl,$p),bin,sbin)/$(call program_name,$p) &&) true
	$(foreach m,$(MANUALS),install -D -m 0644 $m $(DESTDIR)$(prefix)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m) &&) true
	install -d $(DESTDIR)$(sysconfdir)/postshift
	test -e $(DESTDIR)$(sysconfdir)/postshift/postshift.conf || install -m 0640 postfix-conf/postshift.conf $(DESTDIR)$(sysconfdir)/postshift/postshift.conf
	install -d $(DESTDIR)$(prefix)/share/postshift
	$(foreach f,$(SHARED_DATA),install -m $(if $(suffix $f),0644,0755) $f $(DESTDIR)$(prefix)/share/postshift/ &&) true
	sed 's|/usr/share|$(prefix)/share|' postfix-conf/postshift-alerts.yml > $(DESTDIR)$(prefix)/share/postshift/postshift-alerts.yml
	chmod 0644 $(DESTDIR)$(prefix)/share/postshift/postshift-alerts.yml
	install -d $(DESTDIR)$(prefix)/share/postshift/gateways
	$(foreach f,$(CHECKS),install -m $(if $(suffix $f),0644,0755) $f $(DESTDIR)$(prefix)/share/postshift/gateways/ &&) true
	install -d $(DESTDIR)$(prefix)/share/postshift/hooks
	$(foreach f,$(HOOKS),install -m $(if $(suffix $f),0644,0755) $f $(DESTDIR)$(prefix)/share/postshift/hooks/ &&) true
	for file in $(ROLE:postfix-conf/ansible/%=%); do \
	    install -d $(DESTDIR)$(prefix)/share/ansible/$$(dirname $$file) && \
	    sed -E 's|/usr/(s?bin/postshift)|$(prefix)/\1|' postfix-conf/ansible/$$file > $(DESTDIR)$(prefix)/share/ansible/$$file && \
	    chmod 0644 $(DESTDIR)$(prefix)/share/ansible/$$file || exit 1; done
	install -D -m 0644 README.md $(DESTDIR)$(prefix)/share/doc/postshift/README.md
	install -D -m 0644 postfix-conf/postshiftctl.bash-completion $(DESTDIR)$(prefix)/share/bash-completion/completions/postshiftctl
	install -D -m 0644 postfix-conf/postshiftctl.zsh-completion $(DESTDIR)$(prefix)/share/zsh/vendor-completions/_postshiftctl
	install -D -m 0644 postfix-conf/postshift.sysusers $(DESTDIR)$(prefix)/lib/sysusers.d/postshift.conf
	install -D -m 0644 postfix-conf/postshift.tmpfiles $(DESTDIR)$(prefix)/lib/tmpfiles.d/postshift.conf
	install -d $(DESTDIR)$(unitdir)
	for unit in $(notdir $(UNITS)); do \
	    sed 's|/usr/s|$(prefix)/s|g' postfix-conf/$$unit > $(DESTDIR)$(unitdir)/$$unit && chmod 0644 $(DESTDIR)$(unitdir)/$$unit || exit 1; done
	$(if $(DESTDIR),,postfix-conf/users-and-folders)

uninstall: ## removes what install put there, but configuration, users and state; refuses while Postfix is wired (FORCE=1)
	$(if $(DESTDIR),,POSTSHIFT_FORCE=$(FORCE) postfix-conf/may-go policyd auth scan)
	$(if $(DESTDIR),,test ! -d /run/systemd/system || systemctl disable --now $(filter %.service %.socket %.path,$(notdir $(UNITS))))
	rm -f $(foreach p,$(PROGRAMS),$(DESTDIR)$(prefix)/$(if $(filter ctl,$p),bin,sbin)/$(call program_name,$p))
	rm -f $(foreach m,$(MANUALS),$(DESTDIR)$(prefix)/share/man/man$(subst .,,$(suffix $m))/$(notdir $m))
	rm -rf $(DESTDIR)$(prefix)/share/postshift $(DESTDIR)$(prefix)/share/ansible/roles/postshift $(DESTDIR)$(prefix)/share/doc/postshift $(DESTDIR)$(prefix)/share/bash-completion/completions/postshiftctl $(DESTDIR)$(prefix)/share/zsh/vendor-completions/_postshiftctl
	rm -f $(DESTDIR)$(prefix)/lib/sysusers.d/postshift.conf $(DESTDIR)$(prefix)/lib/tmpfiles.d/postshift.conf
	rm -f $(foreach u,$(notdir $(UNITS)),$(DESTDIR)$(unitdir)/$u)
	$(if $(DESTDIR),,test ! -d /run/systemd/system || systemctl daemon-reload)

clean:
	rm -rf $(BUILD)

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 14

-include $(shell find $(wildcard $(BUILD)/obj-* $(BUILD)/fuzz) /dev/null -name '*.d' -type f 2>/dev/null)
