BASE             += $(wildcard shared/base/*.c)
SERVICE          += $(wildcard shared/service/*.c)
SERVICE_PACKAGES += libevent libevent_pthreads libseccomp
