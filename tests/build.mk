# What a unit test or fuzzer needs beyond the pure floors: test_NAME_SOURCES, test_NAME_PACKAGES.

# Tests of shared/service link its archive and the libraries that come with it.
SERVICE_TESTS := test_config test_daemon test_http_request test_listen test_listen_given test_log test_metrics \
                 test_metrics_http test_privs test_zone test_sandbox test_server_client test_socket_address fuzz_config fuzz_http_request fuzz_log fuzz_socket_address
$(foreach t,$(SERVICE_TESTS),$(eval $t_PACKAGES := libevent))

test_scan_board_SOURCES  := milters/scan/scan_board.c
test_scan_folder_SOURCES := milters/scan/scan_folder.c milters/scan/scan_memory.c milters/scan/scan_temp.c
test_scan_lane_SOURCES   := milters/scan/scan_lane.c
test_scan_turn_SOURCES   := milters/scan/scan_turn.c
test_scan_session_SOURCES := milters/scan/scan_session.c milters/scan/scan_store.c shared/service/clock.c
test_scan_store_SOURCES  := milters/scan/scan_store.c
test_scan_lock_SOURCES   := milters/scan/scan_lock.c milters/scan/scan_memory.c

# The reader of JSON.
$(foreach t,test_ctl_json test_plan_page test_route_page,$(eval $t_SOURCES := policyd/ctl/ctl_json.c) $(eval $t_PACKAGES := jansson))

# DKIM through libopendkim.
dkim_SOURCES := milters/dkim/dkim_check.c milters/dkim/dkim_own_check.c milters/dkim/dkim_key_cache.c tests/fakes/dkim_message.c tests/fakes/dns_table.c
test_dkim_check_SOURCES     := $(dkim_SOURCES) tests/fakes/dkim_signer.c
test_dkim_check_PACKAGES    := opendkim
test_dkim_key_cache_SOURCES  := milters/dkim/dkim_key_cache.c
test_dkim_key_cache_PACKAGES := libcrypto
test_dkim_messages_SOURCES  := $(dkim_SOURCES) tests/fakes/dkim_signer.c
test_dkim_messages_PACKAGES := opendkim
fuzz_dkim_check_SOURCES     := $(dkim_SOURCES)
fuzz_dkim_check_PACKAGES    := opendkim
test_dmarc_fetch_SOURCES  := milters/dmarc/dmarc_fetch.c tests/fakes/dns_table.c
test_dmarc_fetch_PACKAGES := libpsl
test_auth_attacks_SOURCES  := milters/dmarc/dmarc_fetch.c tests/fakes/dns_table.c
test_auth_attacks_PACKAGES := libpsl

test_dns_SOURCES  := $(DNS_SOURCES)
test_dns_PACKAGES := $(DNS_PACKAGES)
test_dns_channels_SOURCES  := $(test_dns_SOURCES)
test_dns_channels_PACKAGES := $(test_dns_PACKAGES)

# SPF through libspf2, whose compiler sees nothing but texts of ours.
spf_SOURCES := $(addprefix milters/spf/,spf_check.c spf_dns.c spf_library.c) \
               tests/fakes/dns_table.c tests/fakes/spf_guard.c
spf_LINK    := -Wl,--wrap=SPF_record_compile
test_spf_check_SOURCES  := $(spf_SOURCES)
test_spf_check_PACKAGES := spf2
test_spf_check_LINK     := $(spf_LINK)
fuzz_spf_check_SOURCES  := $(spf_SOURCES)
fuzz_spf_check_PACKAGES := spf2
fuzz_spf_check_LINK     := $(spf_LINK)

# hiredis' reader, our replies, connections.
redis_SOURCES := $(wildcard policyd/redis/*.c)
fuzz_redis_reply_SOURCES  := $(redis_SOURCES)
fuzz_redis_reply_PACKAGES := $(REDIS_PACKAGES) libevent
test_redis_SOURCES        := $(redis_SOURCES)
test_redis_reply_SOURCES  := $(redis_SOURCES)
test_redis_PACKAGES       := $(REDIS_PACKAGES) libevent
test_redis_reply_PACKAGES := $(REDIS_PACKAGES) libevent
test_redis_sentinel_SOURCES  := $(redis_SOURCES)
test_redis_sentinel_PACKAGES := $(REDIS_PACKAGES) libevent
test_redis_trim_SOURCES  := policyd/redis/redis_trim.c

# Dialogs with a mail server that is told what to answer.
smtp_SOURCES := $(wildcard policyd/smtp/smtp_*.c) policyd/redis/redis_resolve.c policyd/redis/redis_socket.c tests/fakes/smtp_server.c
test_smtp_talk_SOURCES  := $(smtp_SOURCES)
test_smtp_talk_PACKAGES := libevent libevent_openssl openssl
test_probe_SOURCES    := policyd/cutover/probe.c $(smtp_SOURCES)
test_probe_PACKAGES   := $(test_smtp_talk_PACKAGES)
test_callout_SOURCES  := policyd/cutover/callout.c $(smtp_SOURCES)
test_callout_PACKAGES := $(test_smtp_talk_PACKAGES)
test_callout_LINK     := -Wl,--wrap=clock_now_ms

test_override_SOURCES  := policyd/store/override.c
test_override_PACKAGES := libevent
test_snapshot_SOURCES  := policyd/store/snapshot.c policyd/store/snapshot_file.c policyd/store/state_record.c
test_snapshot_PACKAGES := libevent

# One milter connection over a socket pair, with a milter that holds it to its word.
test_milter_counts_SOURCES := milters/common/milter_counts.c
test_milter_supervise_SOURCES  := milters/common/milter_supervise.c milters/common/milter_child.c
test_milter_supervise_PACKAGES := libevent
milter_session_SOURCES := milters/common/milter_session.c milters/common/milter_handling.c tests/fakes/milter_contract.c
test_milter_session_SOURCES := $(milter_session_SOURCES)
fuzz_milter_session_SOURCES := $(milter_session_SOURCES)

# The books: lines in, rows out.
books_SOURCES  := $(wildcard policyd/books/*.c) tests/fakes/books_feed.c
$(foreach t,$(filter test_books_%,$(notdir $(basename $(wildcard tests/unit/test_books_*.c)))),$(eval $t_SOURCES := $(books_SOURCES)) $(eval $t_PACKAGES := sqlite3 jansson libevent))
fuzz_queue_listing_SOURCES  := policyd/books/queue_listing.c
fuzz_queue_listing_PACKAGES := jansson
test_books_crash_SOURCES := $(books_SOURCES) tests/fakes/failing_vfs.c
test_refusals_SOURCES  := policyd/cutover/refusals.c $(books_SOURCES)
test_refusals_PACKAGES := sqlite3 jansson libevent

test_retire_pace_SOURCES := policyd/follow/retire_pace.c

# A program's own parts, with the libraries that they need.
test_serve_config_SOURCES  := policyd/serve/serve_config.c policyd/serve/serve_domains.c $(redis_SOURCES)
test_serve_config_PACKAGES := $(REDIS_PACKAGES) libevent
test_auth_report_SOURCES   := $(addprefix milters/auth/,auth_report.c auth_metrics.c auth_session.c) $(DNS_SOURCES) $(dkim_SOURCES)
test_auth_report_PACKAGES  := opendkim $(DNS_PACKAGES) libevent

# Programs of the site's, run on a loop.
test_hook_SOURCES  := policyd/cutover/hook.c policyd/cutover/hook_check.c
test_hook_PACKAGES := libevent
fuzz_plan_entry_SOURCES := policyd/cutover/plan_entry.c

# A look-up that answers from a table.
test_check_dns_SOURCES := tests/fakes/dns_table.c

# Answers of several gateways, added up.
test_ctl_fleet_SOURCES  := $(addprefix policyd/ctl/,ctl_json.c ctl_books.c ctl_output.c ctl_fleet_answer.c ctl_fleet_trace.c ctl_fleet_audit.c ctl_fleet_report.c) $(wildcard policyd/books/*.c)
test_ctl_fleet_PACKAGES := jansson sqlite3 libevent
