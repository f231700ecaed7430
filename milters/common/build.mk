# What both milters are made of besides their own folder.
MILTER_COMMON := $(wildcard milters/common/*.c)
