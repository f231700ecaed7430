/*
 * ctl_commands - the verbs of postshiftctl, a row each.
 */
#ifndef POLICYD_CTL_CTL_COMMANDS_H
#define POLICYD_CTL_CTL_COMMANDS_H

#include "policyd/ctl/ctl.h"

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): in the order of reading */
struct ctl_verb {
    const char *name;
    const char *arguments; /* "DOMAIN field=value..." */
    const char *summary;   /* one line */
    const char *more;      /* what --help says besides, lines, or NULL */
    uint64_t options;      /* CTL_OPTION_BIT of those it takes */
    bool local;            /* goes with --local, and only with it */
    size_t least;          /* words that follow it */
    size_t most;
    int (*run)(struct ctl *ctl); /* gives the exit code */
    enum ctl_needs needs;        /* what of the configuration has to be right */
};

/* NULL: there is no such verb. */
const struct ctl_verb *ctl_commands_find(const char *name, bool local);

/* The verb that was meant by a misspelt one, or NULL when none is near. */
const char *ctl_commands_nearest(const char *name, bool local);

/* What goes with every verb, or with none. */
#define CTL_COMMANDS_COMMON                                                              \
    (CTL_OPTION_BIT(CTL_CONFIG) | CTL_OPTION_BIT(CTL_CHECK) |                            \
        CTL_OPTION_BIT(CTL_DEBUG) | CTL_OPTION_BIT(CTL_VERSION) |                        \
        CTL_OPTION_BIT(CTL_HELP) | CTL_OPTION_BIT(CTL_LOCAL))

/* All rows. */
const struct ctl_verb *ctl_commands_all(size_t *count);

/* All names, by blanks. */
void ctl_commands_names(struct buffer *out);

/* What --help prints: all verbs, or one. */
void ctl_commands_help(struct buffer *out);
void ctl_commands_help_of(struct buffer *out, const struct ctl_verb *verb);

/* "usage: postshiftctl set DOMAIN ..." */
void ctl_commands_usage(struct buffer *out, const struct ctl_verb *verb);

#endif
