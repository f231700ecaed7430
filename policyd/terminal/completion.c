#include "policyd/terminal/completion.h"

#include <string.h>

#include "shared/base/attributes.h"

/* The place of a word behind its verb, from 1; EACH: there and after. */
enum { EACH = 100 };

#define QUARANTINE_WORDS "list show release delete expire"

/* The first that fits counts. */
/* clang-format off */
static const struct {
    const char *verb;
    size_t place;
    const char *first; /* the first word behind the verb; NULL: any */
    uint64_t given;    /* with one of these options; 0: whatever they are */
    enum completion_kind kind;
    const char *words;
} places[] = {
    {"set",          1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"set",          2 + EACH, NULL,    0,                        COMPLETION_FIELDS,      NULL                  },
    {"rollback",     1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"clear",        1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"pin",          1,        NULL,    CTL_OPTION_BIT(CTL_LIST), COMPLETION_DOMAINS,     NULL                  },
    {"pin",          1,        NULL,    CTL_OPTION_BIT(CTL_FILE), COMPLETION_WORDS,       "old new standby hold"},
    {"pin",          2,        NULL,    0,                        COMPLETION_WORDS,       "old new standby hold"},
    {"list",         1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"list",         2,        NULL,    0,                        COMPLETION_LISTS,       NULL                  },
    {"list",         3,        NULL,    0,                        COMPLETION_WORDS,       "add remove"          },
    {"unit",         1,        NULL,    0,                        COMPLETION_WORDS,       "set load delete show why suggest"},
    {"unit",         2 + EACH, "load",  0,                        COMPLETION_FILES,       NULL                  },
    {"unit",         2,        "suggest", 0,                      COMPLETION_DOMAINS,     NULL                  },
    {"moves",        1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"plan",         1,        NULL,    0,                        COMPLETION_WORDS,
     "start advance pause resume abort show simulate"                                                           },
    {"plan",         2,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"plan",         3 + EACH, "start", 0,                        COMPLETION_PLAN_FIELDS, NULL                  },
    {"probe",        1,        NULL,    0,                        COMPLETION_WORDS,       "accept"              },
    {"probe",        2,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"probe",        3,        NULL,    0,                        COMPLETION_WORDS,       "old new"             },
    {"finish",       1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"forget",       1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"accept-state", 1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"events",       1,        NULL,    0,                        COMPLETION_WORDS,       "ack verify"          },
    {"quarantine",   1,        NULL,    0,                        COMPLETION_WORDS,       QUARANTINE_WORDS      },
    {"ledger",       1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"undo",         1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"rehearsal",    1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
    {"preflight",    1,        NULL,    0,                        COMPLETION_DOMAINS,     NULL                  },
};
/* clang-format on */

static const struct {
    enum ctl_option option;
    enum completion_kind kind;
    const char *words;
} values[] = {
    {CTL_CONFIG,    COMPLETION_FILES,   NULL                                },
    {CTL_DIRECTORY, COMPLETION_FILES,   NULL                                },
    {CTL_FILE,      COMPLETION_FILES,   NULL                                },
    {CTL_HTML,      COMPLETION_FILES,   NULL                                },
    {CTL_LOG,       COMPLETION_FILES,   NULL                                },
    {CTL_DOMAIN,    COMPLETION_DOMAINS, NULL                                },
    {CTL_PAST,      COMPLETION_GATES,   NULL                                },
    {CTL_ONLY,      COMPLETION_CHECKS,  NULL                                },
    {CTL_GROUP,     COMPLETION_GROUPS,  NULL                                },
    {CTL_FORMAT,    COMPLETION_WORDS,   "lines csv ldif sieve units virtual"},
    {CTL_OLD,       COMPLETION_WORDS,   "site"                              },
};

/* What has been read of the line. */
struct reading {
    struct completion *to;
    const char *first;       /* the first word behind the verb */
    size_t count;            /* of words behind it */
    enum ctl_option awaited; /* whose value comes next */
};

static void
take_option(struct reading *reading, const char *text)
{
    enum ctl_option option = ctl_arguments_find(text, reading->to->verb);

    if (option == CTL_OPTION_COUNT)
        return;
    reading->to->given |= CTL_OPTION_BIT(option);
    if (ctl_arguments_value_of(option) != NULL && strchr(text, '=') == NULL)
        reading->awaited = option;
}

static void
take_word(struct reading *reading, const char *text)
{
    struct completion *to = reading->to;

    if (reading->awaited != CTL_OPTION_COUNT) {
        if (reading->awaited == CTL_CONFIG)
            to->config = text;
        reading->awaited = CTL_OPTION_COUNT;
        return;
    }
    if (text[0] == '-' && text[1] != '\0') {
        take_option(reading, text);
        return;
    }
    if (to->verb == NULL) {
        to->verb = text;
        return;
    }
    if (reading->count++ == 0)
        reading->first = text;
    to->domain = text;
}

static void
await_value(struct completion *to, enum ctl_option option)
{
    to->kind = COMPLETION_NOTHING;
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
        if (values[i].option != option)
            continue;
        to->kind = values[i].kind;
        to->words = values[i].words;
    }
}

static bool
fits(size_t row, const struct reading *reading)
{
    size_t place = reading->count + 1;

    return strcmp(places[row].verb, reading->to->verb) == 0 &&
           (places[row].place > EACH ? place >= places[row].place - EACH
                                     : place == places[row].place) &&
           (places[row].first == NULL ||
               (reading->first != NULL &&
                   strcmp(places[row].first, reading->first) == 0)) &&
           (places[row].given == 0 || (places[row].given & reading->to->given) != 0);
}

static void
await_word(const struct reading *reading)
{
    struct completion *to = reading->to;

    to->kind = to->begun.length == 0 ? COMPLETION_OPTIONS : COMPLETION_NOTHING;
    for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
        if (!fits(i, reading))
            continue;
        to->kind = places[i].kind;
        to->words = places[i].words;
        return;
    }
}

/* The word under the cursor. */
static void
await(const struct reading *reading, const char *text)
{
    struct completion *to = reading->to;
    size_t equals = span_find(span_of(text), '=');

    to->begun = span_of(text);
    if (reading->awaited != CTL_OPTION_COUNT)
        await_value(to, reading->awaited);
    else if (text[0] == '-' && equals != SPAN_NONE) {
        to->stem = span_make(text, equals + 1);
        to->begun = span_of(text + equals + 1);
        await_value(to, ctl_arguments_find(text, to->verb));
    } else if (text[0] == '-')
        to->kind = COMPLETION_OPTIONS;
    else if (to->verb == NULL)
        to->kind = COMPLETION_VERBS;
    else
        await_word(reading);
}

void
completion_read(struct completion *completion, const char *const *words, size_t count)
{
    struct reading reading = {.to = completion, .awaited = CTL_OPTION_COUNT};

    *completion = (struct completion){.kind = COMPLETION_VERBS, .stem = SPAN("")};
    completion->begun = SPAN("");
    if (count == 0)
        return;
    for (size_t i = 0; i + 1 < count; i++)
        take_word(&reading, words[i]);
    await(&reading, words[count - 1]);
}
