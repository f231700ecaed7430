#include "policyd/ctl/ctl_commands.h"

#include <string.h>

#include "policyd/ctl/ctl_verbs.h"

#define BIT CTL_OPTION_BIT

static const struct ctl_verb verbs[] = {
    {"postfix-setup", "[--apply|--remove] [-c DIR]",
     "wire the suite into Postfix, or out of it", "Without option it prints the commands that --apply would run, and says whether\n"
        "transport_maps of main.cf has changed since.  --apply copies main.cf and "
        "master.cf\n"
        "first; a second one has nothing to do.  --remove restores what was there.\n"
        "-c DIR names another configuration directory of Postfix (an absolute path).\n", BIT(CTL_APPLY) | BIT(CTL_REMOVE) | BIT(CTL_DIRECTORY) | BIT(CTL_FORCE) |
            BIT(CTL_JSON),
     0, 0, false, ctl_setup_run},
};

const struct ctl_verb *
ctl_commands_find(const char *name, bool local)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (strcmp(verbs[i].name, name) == 0 && verbs[i].local == local)
            return &verbs[i];
    }
    return NULL;
}

void
ctl_commands_names(struct buffer *out)
{
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        if (!verbs[i].local)
            buffer_printf(out, "%s%s", i > 0 ? " " : "", verbs[i].name);
    }
}

static void
write_synopsis(struct buffer *out, const struct ctl_verb *verb)
{
    buffer_printf(out, "%s%s%s%s", verb->local ? "--local " : "", verb->name,
        verb->arguments[0] == '\0' ? "" : " ", verb->arguments);
}

void
ctl_commands_help(struct buffer *out)
{
    buffer_append_text(out,
        "usage: postshiftctl [-c FILE] VERB ...\n\n"
        "Weights, pins and units of a mail cutover, what decides and why.\n\n");
    for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++) {
        buffer_append_text(out, "  ");
        write_synopsis(out, &verbs[i]);
        buffer_printf(out, "\n        %s\n", verbs[i].summary);
    }
    buffer_append_text(out,
        "\n  -c FILE   configuration (/etc/postshift/postshift.conf)\n"
        "  -t        check the configuration and exit\n"
        "  -V        versions\n"
        "  -h        this help; after a verb, what that verb does\n\n"
        "Exit codes: 0 done, 1 the answer is no or bad, 2 usage, 3 Redis can't be "
        "reached,\n"
        "4 refused by a guard (--force overrides), 78 error in the configuration.\n"
        "The manual page is postshiftctl(1).\n");
}

void
ctl_commands_usage(struct buffer *out, const struct ctl_verb *verb)
{
    buffer_append_text(out, "usage: postshiftctl ");
    write_synopsis(out, verb);
}

void
ctl_commands_help_of(struct buffer *out, const struct ctl_verb *verb)
{
    ctl_commands_usage(out, verb);
    buffer_printf(out, "\n\n%s\n", verb->summary);
    if (verb->more != NULL)
        buffer_printf(out, "\n%s", verb->more);
}
