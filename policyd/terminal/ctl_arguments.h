/*
 * ctl_arguments - a command line to a verb, its words and its options.
 *
 * Options may stand anywhere, `--name=value` or `--name value`; `--` ends them.  `-c` is
 * the configuration file, but behind `postfix-setup` it is Postfix's directory.  Pure.
 */
#ifndef POLICYD_TERMINAL_CTL_ARGUMENTS_H
#define POLICYD_TERMINAL_CTL_ARGUMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/base/error.h"

enum ctl_option {
    CTL_CONFIG,
    CTL_DIRECTORY,
    CTL_CHECK,
    CTL_DEBUG,
    CTL_VERSION,
    CTL_HELP,
    CTL_JSON,
    CTL_FORCE,
    CTL_LOCAL,
    CTL_WHY,
    CTL_IF_REV,
    CTL_FILE,
    CTL_UNTIL,
    CTL_NOTE,
    CTL_TO,
    CTL_FORMAT,
    CTL_ALL,
    CTL_WATCH,
    CTL_DOMAIN,
    CTL_LIMIT,
    CTL_FOLLOW,
    CTL_APPLY,
    CTL_REMOVE,
    CTL_LIST,
    CTL_FROM,
    CTL_IP,
    CTL_QUEUE_ID,
    CTL_MESSAGE_ID,
    CTL_SINCE,
    CTL_UNKNOWN,
    CTL_PERIOD,
    CTL_HTML,
    CTL_COMPARE,
    CTL_OFF,
    CTL_LIKE,
    CTL_STAGES,
    CTL_STAYS,
    CTL_PAST,
    CTL_LOG,
    CTL_ONLY,
    CTL_GROUP,
    CTL_LOAD,
    CTL_BLOCKING,
    CTL_AS_CUTOVER,
    CTL_SAVE,
    CTL_DIFF,
    CTL_OLD,
    CTL_NEW,
    CTL_YES,
    CTL_HEAD,
    CTL_BODY,
    CTL_ANY,
    CTL_OLDER,
    CTL_VERDICT,
    CTL_PIN_REFUSED,
    CTL_DRY_RUN,
    CTL_MAYBE,
    CTL_GATEWAYS,
    CTL_ALL_GATEWAYS,
    CTL_OPTION_COUNT
};

_Static_assert(CTL_OPTION_COUNT <= 64, "options are bits of a uint64_t: `given` and what "
                                       "a verb allows are too small for more");

#define CTL_OPTION_BIT(option) (UINT64_C(1) << (option))

struct ctl_arguments {
    const char *verb;   /* NULL: none was given */
    const char **words; /* what follows it; on the heap */
    size_t count;
    const char *values[CTL_OPTION_COUNT]; /* NULL: not given; "" for a flag */
    uint64_t given;                       /* a bit for each */
};

/* False: unknown option, a value too many or too few, an option given twice. */
bool ctl_arguments_parse(
    struct ctl_arguments *arguments, int argc, char **argv, struct error *error);
void ctl_arguments_clear(struct ctl_arguments *arguments);

bool ctl_arguments_has(const struct ctl_arguments *arguments, enum ctl_option option);

/* The option that a word is, "-c", "--name" or "--name=value", behind a verb (NULL:
 * before one); CTL_OPTION_COUNT: none. */
enum ctl_option ctl_arguments_find(const char *text, const char *verb);
/* Its long name; and what its value is, NULL of a flag. */
const char *ctl_arguments_name_of(enum ctl_option option);
const char *ctl_arguments_value_of(enum ctl_option option);

/* The first option given that is not among those allowed; NULL: none. */
const char *ctl_arguments_stray(const struct ctl_arguments *arguments, uint64_t allowed);

#endif
