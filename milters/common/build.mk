# What both milters stand on: the protocol is pure.
MILTER_PURE      := $(addprefix milters/common/,milter_client.c milter_macros.c milter_reply.c milter_wire.c)
MILTER_SOURCES   := $(filter-out $(MILTER_PURE),$(wildcard milters/common/*.c))
PURE             += $(MILTER_PURE)
