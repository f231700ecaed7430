#include "policyd/terminal/ctl_arguments.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/allocate.h"
#include "shared/base/span.h"

struct option {
    const char *name;  /* long, without its dashes */
    char letter;       /* short, or '\0' */
    const char *value; /* what the value is, NULL for a flag */
};

static const struct option options[CTL_OPTION_COUNT] = {
    [CTL_CONFIG] = {"config",       'c',  "FILE"    },
    [CTL_DIRECTORY] = {"directory",    '\0', "DIR"     },
    [CTL_CHECK] = {"check",        't',  NULL      },
    [CTL_DEBUG] = {"verbose",      'v',  NULL      },
    [CTL_VERSION] = {"version",      'V',  NULL      },
    [CTL_HELP] = {"help",         'h',  NULL      },
    [CTL_JSON] = {"json",         '\0', NULL      },
    [CTL_FORCE] = {"force",        '\0', NULL      },
    [CTL_LOCAL] = {"local",        '\0', NULL      },
    [CTL_WHY] = {"why",          '\0', "TEXT"    },
    [CTL_IF_REV] = {"if-rev",       '\0', "N"       },
    [CTL_FILE] = {"file",         '\0', "FILE"    },
    [CTL_UNTIL] = {"until",        '\0', "TIME"    },
    [CTL_NOTE] = {"note",         '\0', "TEXT"    },
    [CTL_TO] = {"to",           '\0', "WEIGHT"  },
    [CTL_FORMAT] = {"format",       '\0', "NAME"    },
    [CTL_ALL] = {"all",          '\0', NULL      },
    [CTL_WATCH] = {"watch",        '\0', NULL      },
    [CTL_DOMAIN] = {"domain",       '\0', "DOMAIN"  },
    [CTL_LIMIT] = {"limit",        '\0', "N"       },
    [CTL_FOLLOW] = {"follow",       '\0', NULL      },
    [CTL_APPLY] = {"apply",        '\0', NULL      },
    [CTL_REMOVE] = {"remove",       '\0', NULL      },
    [CTL_LIST] = {"list",         '\0', NULL      },
    [CTL_FROM] = {"from",         '\0', "ADDRESS" },
    [CTL_IP] = {"ip",           '\0', "ADDRESS" },
    [CTL_QUEUE_ID] = {"queue-id",     '\0', "ID"      },
    [CTL_MESSAGE_ID] = {"message-id",   '\0', "ID"      },
    [CTL_SINCE] = {"since",        '\0', "TIME"    },
    [CTL_UNKNOWN] = {"unknown",      '\0', NULL      },
    [CTL_PERIOD] = {"period",       '\0', "DURATION"},
    [CTL_HTML] = {"html",         '\0', "FILE"    },
    [CTL_COMPARE] = {"compare",      '\0', NULL      },
    [CTL_OFF] = {"off",          '\0', NULL      },
    [CTL_LIKE] = {"like",         '\0', "SERVICE" },
    [CTL_STAGES] = {"stages",       '\0', "STAGES"  },
    [CTL_STAYS] = {"stays",        '\0', "STAYS"   },
    [CTL_PAST] = {"past",         '\0', "GATE"    },
    [CTL_LOG] = {"log",          '\0', "FILE"    },
    [CTL_ONLY] = {"only",         '\0', "NAME"    },
    [CTL_GROUP] = {"group",        '\0', "NAME"    },
    [CTL_LOAD] = {"load",         '\0', NULL      },
    [CTL_BLOCKING] = {"blocking",     '\0', NULL      },
    [CTL_AS_CUTOVER] = {"as-cutover",   '\0', NULL      },
    [CTL_SAVE] = {"save",         '\0', NULL      },
    [CTL_DIFF] = {"diff",         '\0', NULL      },
    [CTL_OLD] = {"old",          '\0', "BACKEND" },
    [CTL_NEW] = {"new",          '\0', "BACKEND" },
    [CTL_YES] = {"yes",          '\0', NULL      },
    [CTL_HEAD] = {"head",         '\0', "HEAD"    },
    [CTL_BODY] = {"body",         '\0', NULL      },
    [CTL_ANY] = {"any",          '\0', NULL      },
    [CTL_OLDER] = {"older",        '\0', "DURATION"},
    [CTL_VERDICT] = {"verdict",      '\0', "TEXT"    },
    [CTL_PIN_REFUSED] = {"pin-refused",  '\0', NULL      },
    [CTL_DRY_RUN] = {"dry-run",      '\0', NULL      },
    [CTL_MAYBE] = {"maybe",        '\0', NULL      },
    [CTL_GATEWAYS] = {"gateways",     '\0', NULL      },
    [CTL_ALL_GATEWAYS] = {"all-gateways", '\0', NULL      },
};

static int
find_long(struct span name)
{
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        if (span_is(name, options[i].name))
            return i;
    }
    return CTL_OPTION_COUNT;
}

static int
find_letter(char letter)
{
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        if (options[i].letter != '\0' && options[i].letter == letter)
            return i;
    }
    return CTL_OPTION_COUNT;
}

enum ctl_option
ctl_arguments_find(const char *text, const char *verb)
{
    struct span word = span_of(text);
    int option = CTL_OPTION_COUNT;

    if (text[0] == '-' && text[1] == '-')
        option = find_long(span_from(span_first(word, span_find(word, '=')), 2));
    else if (word.length == 2)
        option = find_letter(text[1]);
    if (option == CTL_CONFIG && text[1] != '-' && verb != NULL &&
        strcmp(verb, "postfix-setup") == 0)
        option = CTL_DIRECTORY;
    return (enum ctl_option)option;
}

const char *
ctl_arguments_name_of(enum ctl_option option)
{
    return options[option].name;
}

const char *
ctl_arguments_value_of(enum ctl_option option)
{
    return option < CTL_OPTION_COUNT ? options[option].value : NULL;
}

/* Takes the option at *i; its value may be the next argument. */
static bool
take_option(
    struct ctl_arguments *arguments, int argc, char **argv, int *i, struct error *error)
{
    const char *text = argv[*i];
    const char *equals = text[1] == '-' ? strchr(text, '=') : NULL;
    enum ctl_option option = ctl_arguments_find(text, arguments->verb);

    if (option == CTL_OPTION_COUNT)
        return error_permanent(error, "unknown option %s", text);
    if (arguments->values[option] != NULL)
        return error_permanent(error, "%s is given twice", text);
    if (options[option].value == NULL) {
        if (equals != NULL)
            return error_permanent(error, "--%s takes no value", options[option].name);
        arguments->values[option] = "";
    } else if (equals != NULL) {
        arguments->values[option] = equals + 1;
    } else if (*i + 1 < argc) {
        arguments->values[option] = argv[++*i];
    } else {
        return error_permanent(
            error, "%s needs a value (%s)", text, options[option].value);
    }
    arguments->given |= CTL_OPTION_BIT(option);
    return true;
}

bool
ctl_arguments_parse(
    struct ctl_arguments *arguments, int argc, char **argv, struct error *error)
{
    bool options_end = false;

    *arguments = (struct ctl_arguments){NULL};
    arguments->words = allocate_array((size_t)argc + 1, sizeof(*arguments->words));
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];

        if (!options_end && strcmp(text, "--") == 0)
            options_end = true;
        else if (!options_end && text[0] == '-' && text[1] != '\0') {
            if (!take_option(arguments, argc, argv, &i, error))
                return false;
        } else if (arguments->verb == NULL)
            arguments->verb = text;
        else
            arguments->words[arguments->count++] = text;
    }
    return true;
}

void
ctl_arguments_clear(struct ctl_arguments *arguments)
{
    free(arguments->words);
    *arguments = (struct ctl_arguments){NULL};
}

bool
ctl_arguments_has(const struct ctl_arguments *arguments, enum ctl_option option)
{
    return arguments->values[option] != NULL;
}

const char *
ctl_arguments_stray(const struct ctl_arguments *arguments, uint64_t allowed)
{
    for (int i = 0; i < CTL_OPTION_COUNT; i++) {
        if ((arguments->given & ~allowed & CTL_OPTION_BIT(i)) != 0)
            return options[i].name;
    }
    return NULL;
}
