/*
 * daemon - what all daemons share: command line, readiness, signals on an event loop,
 * watchdog, orderly stop.
 */
#ifndef SHARED_SERVICE_DAEMON_H
#define SHARED_SERVICE_DAEMON_H

#include <stdbool.h>

#include "shared/service/config.h"

#define DAEMON_CONFIG_FILE "/etc/postshift/postshift.conf"

enum { EXIT_CONFIG = 78 };

struct event_base;

struct daemon_usage {
    const char *program;  /* "postshift-policyd" */
    const char *summary;  /* one line for -h */
    const char *manual;   /* "postshift-policyd(8)" */
    const char *versions; /* libraries, for -V, or NULL; lines */
};

struct daemon_options {
    const char *config_file;
    bool config_given; /* by -c: then it must exist */
    bool check_only;   /* -t */
    bool debug;        /* -v */
};

/*
 * -c FILE -t -V -h -v.  -h and -V print and exit 0; bad usage prints one line and
 * exits 78. From its return until daemon_run TERM, INT and HUP wait (but with -t): a
 * child forked in between clears its signal mask.
 */
struct daemon_options daemon_options_read(
    int argc, char **argv, const struct daemon_usage *usage);

/* The options of [log] and their place in a struct daemon_log that a program's config
 * struct embeds. */
struct daemon_log {
    int target; /* 0 stderr, 1 syslog */
    int level;  /* enum log_level, in the order error warning info debug */
    int format; /* 0 text, 1 json */
};
/* NOLINTBEGIN(bugprone-macro-parentheses): a member has none */
#define DAEMON_LOG_OPTIONS(type_of_struct, field)                                        \
    {"log", "target", CONFIG_CHOICE, offsetof(type_of_struct, field.target), "stderr",   \
        "stderr|syslog"},                                                                \
        {"log", "level", CONFIG_CHOICE, offsetof(type_of_struct, field.level), "info",   \
            "error|warning|info|debug"},                                                 \
    {                                                                                    \
        "log", "format", CONFIG_CHOICE, offsetof(type_of_struct, field.format), "text",  \
            "text|json"                                                                  \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

/* Opens the log as the file says; -v makes it debug, -t speaks to people. */
void daemon_log_open(const char *program, const struct daemon_log *log,
    const struct daemon_options *options);

/* sd_notify: "READY=1", "STOPPING=1", "WATCHDOG=1", ...; nothing without NOTIFY_SOCKET.
 */
void daemon_notify(const char *state);

/* Becomes the user that serves, with one line where that is root; else the process ends,
 * its line beginning with the option's name. */
void daemon_drop_privileges(const char *option, const char *user, const char *group);

/* Collected configuration errors, one log line each: at a reload that is refused. */
void daemon_config_report(const struct buffer *errors);

/* The same at start, each line beginning with the file's name; exits 78. */
void daemon_config_failed(const struct buffer *errors) ATTRIBUTE_NO_RETURN;

/* What -t says of a file that is right; gives the exit code. */
int daemon_config_right(const struct daemon_options *options);

/*
 * Runs an event loop until TERM or INT; calls `reload` on HUP.  Says READY first,
 * STOPPING at the end, feeds the systemd watchdog at half its interval.  A turn of the
 * loop that takes more than `stuck_seconds` ends the process by SIGALRM with one line to
 * stderr (0: no such guard).  Ignores SIGPIPE.  `stop` is called once on TERM and may
 * arrange for the loop to end later by event_base_loopexit; NULL ends it at once;
 * `stop_seconds` (0: 5) after TERM it is ended anyway.
 */
struct daemon_run {
    struct event_base *base;
    void (*reload)(void *argument);
    void (*stop)(void *argument);
    void *argument;
    unsigned stuck_seconds;
    unsigned stop_seconds;
};
void daemon_run(const struct daemon_run *run);

#endif
