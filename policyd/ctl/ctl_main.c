/*
 * postshiftctl - the operator's tool: reads the command line and the configuration, runs
 * one verb.
 */
#include <ares.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policyd/ctl/ctl_commands.h"
#include "policyd/ctl/ctl_output.h"
#include "shared/base/attributes.h"
#include "shared/service/daemon.h"
#include "shared/service/log.h"

enum { HELP_MAX = 1 << 20, ARENA_MAX = 1 << 30, ERRORS_MAX = 4 << 20, NAME_SIZE = 256 };

static int
print_help(const struct ctl_verb *verb)
{
    struct buffer help;

    buffer_init(&help, HELP_MAX);
    if (verb != NULL)
        ctl_commands_help_of(&help, verb);
    else
        ctl_commands_help(&help);
    ctl_output_raw(buffer_span(&help));
    buffer_clear(&help);
    return CTL_DONE;
}

static int
print_version(void)
{
    ctl_output_say("postshiftctl %s", POSTSHIFT_VERSION);
    ctl_output_say("hiredis %d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    ctl_output_say("jansson %s", JANSSON_VERSION);
    ctl_output_say("c-ares %s", ares_version(NULL));
    ctl_output_say("OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
    return CTL_DONE;
}

static int
fail_unknown(const struct ctl_arguments *arguments)
{
    const char *local = ctl_arguments_has(arguments, CTL_LOCAL) ? "--local " : "";
    const char *nearest =
        ctl_commands_nearest(arguments->verb, ctl_arguments_has(arguments, CTL_LOCAL));
    struct buffer names;

    if (nearest != NULL)
        return ctl_output_fail(CTL_USAGE, "there is no verb %s%s (did you mean %s%s?)",
            local, arguments->verb, local, nearest);
    buffer_init(&names, HELP_MAX);
    ctl_commands_names(&names);
    (void)ctl_output_fail(CTL_USAGE, "there is no verb %s%s (there are: %s)", local,
        arguments->verb, buffer_text(&names));
    buffer_clear(&names);
    return CTL_USAGE;
}

static int
fail_usage(const struct ctl_verb *verb, const char *what, const char *detail)
{
    struct buffer usage;

    buffer_init(&usage, HELP_MAX);
    ctl_commands_usage(&usage, verb);
    (void)ctl_output_fail(CTL_USAGE, "%s%s; %s", what, detail, buffer_text(&usage));
    buffer_clear(&usage);
    return CTL_USAGE;
}

/* Whether the command line is one that the verb takes; says so if not. */
static bool
is_usable(const struct ctl_verb *verb, const struct ctl_arguments *arguments)
{
    const char *stray =
        ctl_arguments_stray(arguments, verb->options | CTL_COMMANDS_COMMON);

    if (stray != NULL) {
        (void)fail_usage(verb, "it takes no --", stray);
        return false;
    }
    if (arguments->count < verb->least || arguments->count > verb->most) {
        (void)fail_usage(verb,
            arguments->count < verb->least ? "something is missing" : "too many words",
            "");
        return false;
    }
    return true;
}

/* Who does it, for the stream of events: the person behind sudo where there is one. */
static const char *
find_who(struct arena *arena)
{
    const char *behind = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
    const struct passwd *user = getpwuid(getuid());

    if (behind != NULL && behind[0] != '\0')
        return ctl_output_text(arena, span_of(behind));
    return user != NULL ? arena_text(arena, span_of(user->pw_name))
                        : arena_printf(arena, "uid %u", (unsigned)getuid());
}

static const char *
find_host(struct arena *arena)
{
    char name[NAME_SIZE] = "";

    (void)gethostname(name, sizeof(name) - 1);
    return arena_text(arena, span_of(name));
}

static int
tell_right(const struct ctl_arguments *arguments)
{
    const char *given = arguments->values[CTL_CONFIG];
    const struct daemon_options options = {
        .config_file = given != NULL ? given : DAEMON_CONFIG_FILE};

    return daemon_config_right(&options);
}

/* A person without the rights of an administrator should know that this is it. */
static void
tell_rights(const char *file)
{
    if (geteuid() != 0 && access(file, R_OK) != 0 && errno == EACCES)
        (void)ctl_output_fail(EXIT_CONFIG,
            "only root and the group of %s may read it: run this with sudo, or as a "
            "member of that group",
            file);
}

/* What the verb needs has to be right, or 78 is the end; of the rest is warned. */
static struct ctl_config *
read_config(const struct ctl_arguments *arguments, enum ctl_needs needs)
{
    const char *given = arguments->values[CTL_CONFIG];
    const char *file = given != NULL ? given : DAEMON_CONFIG_FILE;
    struct ctl_config *config = ctl_config_read(file, given != NULL,
        ctl_arguments_has(arguments, CTL_AS_CUTOVER) ? "cutover" : "ctl");
    struct span rest = buffer_span(&config->wrong);
    struct span line;

    if (!ctl_config_serves(config, needs)) {
        tell_rights(file);
        daemon_config_failed(&config->wrong);
    }
    while (span_split(&rest, '\n', &line)) {
        if (line.length > 0)
            ctl_output_warn("%.*s", (int)line.length, line.data);
    }
    return config;
}

static int
run_verb(struct ctl *ctl, const struct ctl_verb *verb)
{
    bool is_check = verb == NULL || ctl_arguments_has(&ctl->arguments, CTL_CHECK);
    int status;

    if (!is_check && verb->needs == CTL_NEEDS_NOTHING)
        ctl->config = ctl_config_read("/dev/null", false, "ctl");
    else
        ctl->config =
            read_config(&ctl->arguments, is_check ? CTL_NEEDS_ALL : verb->needs);
    if (is_check)
        return tell_right(&ctl->arguments);
    ctl->verbs = ctl_commands_all(&ctl->verb_count);
    ctl->who = find_who(ctl->arena);
    ctl->host = find_host(ctl->arena);
    status = verb->run(ctl);
    if (fflush(stdout) != 0 && status == CTL_DONE)
        status = CTL_NO;
    return status;
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
    struct ctl_arguments *arguments = &ctl->arguments;
    const struct ctl_verb *verb = NULL;
    struct error error;
    bool parsed = ctl_arguments_parse(arguments, argc, argv, &error);

    if (arguments->verb != NULL) {
        verb =
            ctl_commands_find(arguments->verb, ctl_arguments_has(arguments, CTL_LOCAL));
        if (verb == NULL)
            return fail_unknown(arguments);
    }
    if (!parsed)
        return verb != NULL ? fail_usage(verb, error.text, "")
                            : ctl_output_fail(CTL_USAGE, "%s; see --help", error.text);
    if (ctl_arguments_has(arguments, CTL_VERSION))
        return print_version();
    if (ctl_arguments_has(arguments, CTL_HELP))
        return print_help(verb);
    if (verb == NULL && !ctl_arguments_has(arguments, CTL_CHECK))
        return ctl_output_fail(CTL_USAGE, "a verb is missing; see --help");
    if (verb != NULL && !is_usable(verb, arguments))
        return CTL_USAGE;
    return run_verb(ctl, verb);
}

int
main(int argc, char **argv)
{
    struct ctl ctl = {.arena = arena_new(ARENA_MAX)};
    int status;

    /* A reader that goes, and a Redis that goes, show as errors of write. */
    (void)signal(SIGPIPE, SIG_IGN);
    log_open("postshiftctl", false, LOG_LEVEL_WARNING);
    status = run(&ctl, argc, argv);
    redis_sync_close(ctl.redis);
    ctl_config_free(ctl.config);
    ctl_arguments_clear(&ctl.arguments);
    arena_free(ctl.arena);
    return status;
}
