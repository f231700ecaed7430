# The authentication milter; its main file makes it a program.
PURE += $(addprefix milters/auth/,auth_decide.c auth_result.c author.c authres_forged.c authres_write.c base64.c dkim_key.c dkim_length.c \
        dkim_plan.c dkim_signature.c dmarc_decide.c dmarc_record.c dmarc_walk.c rsa_key.c tag_list.c)
PURE += $(addprefix milters/auth/,spf_macro.c spf_received.c spf_record.c spf_token.c)

PROGRAMS      += auth
auth_SOURCES   = $(filter-out $(PURE),$(wildcard milters/auth/*.c)) $(MILTER_SOURCES)
auth_PACKAGES := opendkim spf2 libpsl libcares libcrypto libevent
MANUALS       += $(wildcard milters/auth/*.8)
