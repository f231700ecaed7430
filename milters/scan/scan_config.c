#include "milters/scan/scan_config.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milters/scan/scan_board.h"
#include "shared/base/allocate.h"
#include "shared/service/access_check.h"
#include "shared/service/log.h"
#include "shared/service/privs.h"

/* postshift-scan.socket has it, too. */
#define SCAN_SOCKET "/var/spool/postfix/postshift/scan.sock"
#define SCAN(field, ...) CONFIG_OPTION(struct scan_config, "scan", field, __VA_ARGS__)
#define RULE(field, ...)                                                                 \
    CONFIG_OPTION_AS(struct scan_config, "scan", #field, rules.field, __VA_ARGS__)
#define PART(name, doubt)                                                                \
    CONFIG_OPTION_AS(struct scan_config, "scan", #name, rules.on_part[doubt],            \
        CONFIG_CHOICE, "tag", "tag|fail|infected")

static const struct config_option options[] = {
    DAEMON_LOG_OPTIONS(struct scan_config, log),
    SCAN(listen, CONFIG_SOCKETS, "unix:" SCAN_SOCKET),
    SCAN(metrics, CONFIG_SOCKET, "inet:127.0.0.1:8792", NULL, 0, 0, true),
    SCAN(databases, CONFIG_PATH, "/var/lib/clamav"),
    SCAN(workers, CONFIG_NUMBER, "", NULL, 1, SCAN_WORKERS_MAX / 4, true),
    SCAN(user, CONFIG_TEXT, "postshift-scan", NULL, 0, 0, true),
    SCAN(group, CONFIG_TEXT, "", .may_be_empty = true, .check = privs_check_group),
    SCAN(deadline, CONFIG_DURATION, "25s", NULL, 1000, 280000),
    SCAN(max_message, CONFIG_SIZE, "64M", NULL, 1024, UINT64_C(1) << 30),
    SCAN(max_scan, CONFIG_SIZE, "200M", NULL, 1024, UINT64_C(1) << 31),
    SCAN(max_file, CONFIG_SIZE, "64M", NULL, 1024, UINT64_C(1) << 30),
    SCAN(max_files, CONFIG_NUMBER, "5000", NULL, 1, 1000000),
    SCAN(max_recursion, CONFIG_NUMBER, "12", NULL, 1, 100),
    SCAN(reload, CONFIG_CHOICE, "overlap", "overlap|replace"),
    SCAN(reload_check, CONFIG_DURATION, "60s", NULL, 100, 86400000),
    SCAN(reload_quiet, CONFIG_DURATION, "10s", NULL, 0, 3600000),
    RULE(on_infected, CONFIG_CHOICE, "reject", "reject|hold|tag|discard"),
    RULE(on_fail, CONFIG_CHOICE, "tempfail", "tempfail|accept"),
    PART(on_limits, SCAN_LIMITED),
    PART(on_damaged, SCAN_DAMAGED),
    PART(on_encrypted, SCAN_ENCRYPTED),
    PART(on_unopened, SCAN_UNOPENED),
    PART(on_ambiguous, SCAN_AMBIGUOUS),
    SCAN(allow_signatures, CONFIG_LIST, "", NULL, 0, 0, true),
    SCAN(temp, CONFIG_TEXT, "", NULL, 0, 0, true),
    SCAN(temp_in_memory, CONFIG_YES_NO, "yes"),
    SCAN(require_sandbox, CONFIG_YES_NO, "yes"),
    SCAN(spamd, CONFIG_SOCKET, "none", NULL, 0, 0, true),
    SCAN(spamd_timeout, CONFIG_DURATION, "20s", NULL, 100, 280000),
    SCAN(spamd_connections, CONFIG_NUMBER, "5", NULL, 1, SCAN_SPAMD_PLACES_MAX),
    SCAN(spamd_max_message, CONFIG_SIZE, "500k", NULL, 1024, UINT64_C(1) << 28),
    SCAN(spamd_user, CONFIG_TEXT, "", NULL, 0, 0, true),
    RULE(on_spam, CONFIG_CHOICE, "tag", "tag|hold|reject"),
    RULE(spam_hold, CONFIG_SCORE, "", NULL, 0, 0, true),
    RULE(spam_reject, CONFIG_SCORE, "", NULL, 0, 0, true),
    RULE(on_spamd_fail, CONFIG_CHOICE, "accept", "accept|tempfail"),
};

static bool
is_numeric(const char *host)
{
    unsigned char address[16];

    return inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

static void
check(struct scan_config *config, struct buffer *errors)
{
    const struct config *file = config->config;

    if (config->temp[0] != '\0' && config->temp[0] != '/')
        config_complain(file, errors, "scan", "temp", "no absolute path (/ first)");
    if (config->spamd.kind == SOCKET_INET && strcmp(config->spamd.host, "localhost") == 0)
        (void)span_copy(
            SPAN("127.0.0.1"), config->spamd.host, sizeof(config->spamd.host));
    if (config->spamd.kind == SOCKET_INET && !is_numeric(config->spamd.host))
        config_complain(file, errors, "scan", "spamd",
            "no numeric address (a name would be looked up while a mail waits)");
    if (config->max_file > config->max_scan && config_has(file, "scan", "max_file"))
        config_complain(file, errors, "scan", "max_file",
            "larger than max_scan (at most that, 200M unless set)");
    else if (config->max_file > config->max_scan)
        config_complain(file, errors, "scan", "max_scan",
            "less than max_file (at least that, 64M unless set)");
    if (span_has_control(span_of(config->spamd_user)))
        config_complain(file, errors, "scan", "spamd_user", "control characters");
}

/*
 * The preset user need not be there on a machine that runs from a clone: then nobody
 * stands in.  One that the file names must be.
 */
static void
find_user(struct scan_config *config, struct buffer *errors)
{
    const struct passwd *user;

    if (config->user[0] == '\0')
        return;
    user = getpwnam(config->user);
    if (user == NULL && config_has(config->config, "scan", "user")) {
        config_complain(
            config->config, errors, "scan", "user", "there is no user %s", config->user);
        return;
    }
    if (getuid() != 0)
        return;
    if (user == NULL) {
        log_say(LOG_LEVEL_WARNING,
            "there is no user %s: nobody stands in (adduser --system %s)", config->user,
            config->user);
        config->user = "nobody";
        user = getpwnam(config->user);
    }
    if (user != NULL) {
        config->uid = user->pw_uid;
        config->gid = user->pw_gid;
    }
}

struct scan_config *
scan_config_load(const char *file, bool must_exist, struct buffer *errors)
{
    struct scan_config *config = allocate(sizeof(*config));
    size_t before = errors->length;

    config->config =
        config_read(file, must_exist, options, ARRAY_LENGTH(options), config, errors);
    if (config->config == NULL) {
        free(config);
        return NULL;
    }
    if (config->workers == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);

        config->workers = cores < 1                      ? 1
                          : cores > SCAN_WORKERS_MAX / 4 ? SCAN_WORKERS_MAX / 4
                                                         : (uint64_t)cores;
    }
    check(config, errors);
    find_user(config, errors);
    if (errors->length > before) {
        scan_config_free(config);
        return NULL;
    }
    return config;
}

void
scan_config_check_access(const struct scan_config *config,
    const struct daemon_options *given, struct buffer *errors)
{
    const struct access_daemon daemon = {
        "postshift-scan", "scan", "postshift-scan", config->user, config->group};
    const char *spamd = config->spamd.kind == SOCKET_UNIX ? config->spamd.path : "";
    struct access_want wants[ACCESS_WANTS_MAX] = {
        {NULL,        ACCESS_READ_FOUND, given->config_file},
        {"databases", ACCESS_READ_FOUND, config->databases },
        {"spamd",     ACCESS_CONNECT,    spamd             },
        {"temp",      ACCESS_WRITE_IN,   config->temp      },
    };
    size_t count = 4;

    count += access_want_sockets(
        wants + count, "listen", ACCESS_BIND_GIVEN, &config->listen, SCAN_SOCKET);
    access_check(config->config, given, &daemon, wants, count, errors);
}

void
scan_config_free(struct scan_config *config)
{
    while (config != NULL) {
        struct scan_config *former = config->former;

        config_free(config->config);
        free(config);
        config = former;
    }
}
