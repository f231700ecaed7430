/*
 * postshift-auth - a milter that checks SPF, DKIM and DMARC and says so in one header.
 *
 * The order of start-up; see milter_daemon.h for its processes.
 */
#include <ares.h>
#include <event2/event.h>
#include <opendkim/dkim.h>
#include <stdio.h>
#include <stdlib.h>

#include "milters/auth/auth_milter.h"
#include "milters/common/milter_daemon.h"
#include "milters/common/milter_run.h"
#include "shared/service/log.h"

/* The supervisor's; children inherit it as it was when they were forked. */
struct auth {
    const char *file;
    bool file_given;
    struct auth_config *config;
    struct auth_config *proven; /* the last one that a process served with */
    struct auth_metrics *metrics;
    struct milter_daemon daemon;
};

static int
serve(void *argument, int fd, int control)
{
    const struct auth *auth = argument;

    return auth_milter_serve(auth->config, auth->metrics, fd, control);
}

static bool
reload(void *argument)
{
    struct auth *auth = argument;
    struct auth_config *config;
    struct buffer errors;

    buffer_init(&errors, 1 << 20);
    config = auth_config_load(auth->file, auth->file_given, &errors);
    if (config == NULL) {
        daemon_config_report(&errors);
    } else {
        config->former = auth->config;
        auth->config = config;
    }
    buffer_clear(&errors);
    return config != NULL;
}

static void
settle(void *argument, bool good)
{
    struct auth *auth = argument;

    if (good)
        auth->proven = auth->config;
    else
        auth->config = auth->proven;
}

static struct milter_settings
settings(void *argument)
{
    const struct auth *auth = argument;

    return (struct milter_settings){&auth->config->listen, &auth->config->metrics,
        auth->config->user, auth->config->group};
}

static void
on_died(void *argument, const struct supervise_role *role, int status)
{
    struct auth *auth = argument;

    (void)status;
    auth_metrics_died(auth->metrics, role->name);
}

static void
on_stopped(void *argument)
{
    struct auth *auth = argument;

    (void)event_base_loopexit(auth->daemon.base, NULL);
}

static void
configure(struct auth *auth, const struct daemon_options *given)
{
    struct buffer errors;

    auth->file = given->config_file;
    auth->file_given = given->config_given;
    buffer_init(&errors, 1 << 20);
    auth->config = auth_config_load(auth->file, auth->file_given, &errors);
    if (auth->config == NULL)
        daemon_config_failed(&errors);
    daemon_log_open("postshift-auth", &auth->config->log, given);
}

static int
checked(const struct auth *auth, const struct daemon_options *given)
{
    struct buffer errors;

    buffer_init(&errors, 1 << 20);
    auth_config_check_access(auth->config, given, &errors);
    if (errors.length > 0)
        daemon_config_failed(&errors);
    buffer_clear(&errors);
    return daemon_config_right(given);
}

/* An administrator who has set nothing yet should know what to expect. */
static void
tell_what_it_leaves(const struct auth_config *config)
{
    if (config->spf_reject == 0 && !config->wishes.dmarc_enforce)
        log_say(LOG_LEVEL_INFO,
            "results are written into the mail, none is acted on (spf_reject = no, "
            "dmarc_enforce = no)");
}

int
main(int argc, char **argv)
{
    static char versions[160];
    static struct auth auth;
    const struct daemon_usage usage = {"postshift-auth",
        "Checks SPF, DKIM and DMARC of mail from outside, as a milter.",
        "postshift-auth(8)", versions};
    const struct supervise_hooks hooks = {
        .died = on_died, .stopped = on_stopped, .argument = &auth};
    struct daemon_options given;

    (void)snprintf(versions, sizeof(versions),
        "c-ares %s\nlibopendkim %#lx\nlibspf2 1.2.10\nmilter protocol: %s",
        ares_version(NULL), (unsigned long)dkim_libversion(), milter_run_engine);
    given = daemon_options_read(argc, argv, &usage);
    configure(&auth, &given);
    if (given.check_only)
        return checked(&auth, &given);

    auth.proven = auth.config;
    auth.metrics = auth_metrics_new();
    auth.daemon = (struct milter_daemon){
        .program = "postshift-auth",
        .section = "auth",
        .registry = auth_metrics_registry(auth.metrics),
        .sessions = auth_metrics_sessions(auth.metrics),
        .serve = serve,
        .reload = reload,
        .settle = settle,
        .settings = settings,
        .argument = &auth,
    };
    milter_daemon_listen(&auth.daemon);
    tell_what_it_leaves(auth.config);
    milter_daemon_start(&auth.daemon, &hooks);
    milter_daemon_run(&auth.daemon);
    return EXIT_SUCCESS;
}
