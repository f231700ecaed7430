BASE             += $(wildcard shared/base/*.c)
SERVICE          += $(wildcard shared/service/*.c)
SERVICE_PACKAGES += libevent libevent_pthreads libseccomp

# The resolver's client: what a question and an answer are is pure, what asks goes with those who ask.
DNS_SOURCES      := shared/dns/dns.c shared/dns/dns_channels.c
DNS_PACKAGES     := libcares resolv
PURE             += $(filter-out $(DNS_SOURCES),$(wildcard shared/dns/*.c)) $(wildcard shared/records/*.c)
