#include "policyd/cutover/cutover_access.h"

#include <stdio.h>
#include <string.h>

#include "policyd/follow/log_source.h"
#include "policyd/redis/redis_access.h"
#include "shared/base/attributes.h"

/* Paths and texts made for the wants, which borrow them. */
struct made {
    char snapshot[CUTOVER_PATH_SIZE];
    char log[CUTOVER_PATH_SIZE];
    char log_folder[CUTOVER_PATH_SIZE];
    char log_hint[2 * CUTOVER_PATH_SIZE];
    char wal[CUTOVER_PATH_SIZE];
    char shared[CUTOVER_PATH_SIZE];
};

/* A file that is not there yet is waited for; its folder is looked through for rotated
 * ones. */
static size_t
want_log(const struct cutover_config *config, struct made *made, struct access_want *want)
{
    static const char *const words[] = {
        "journalctl", "-q", "-n", "1", "--no-pager", "-o", "export", NULL};
    const char *name = log_source_name(config->log);
    size_t folder;

    if (strcmp(name, "journal") == 0) {
        want[0] = (struct access_want){"log", ACCESS_RUN, words[0],
            .hint = "is this user in group systemd-journal?", .words = words};
        return 1;
    }
    if (strncmp(name, "file:", 5) != 0)
        return 0;
    (void)snprintf(made->log, sizeof(made->log), "%s", name + 5);
    folder = span_find_last(span_of(made->log), '/');
    (void)snprintf(made->log_folder, sizeof(made->log_folder), "%.*s",
        (int)(folder == 0 ? 1 : folder), made->log);
    (void)snprintf(made->log_hint, sizeof(made->log_hint),
        "setfacl -m g:adm:r %s, and a default ACL on its folder", made->log);
    want[0] =
        (struct access_want){"log", ACCESS_READ_FOUND, made->log, .hint = made->log_hint};
    want[1] = (struct access_want){"log", ACCESS_READ_FOUND, made->log_folder};
    return 2;
}

void
cutover_access_check(const struct cutover_config *config,
    const struct daemon_options *options, struct buffer *errors)
{
    const struct access_daemon daemon = {
        "postshift-cutover",
        "cutover",
        "postshift-cutover",
        config->user,
        config->group,
        .unit_groups = "adm systemd-journal postdrop",
    };
    enum access_kind read_file = options->config_given ? ACCESS_READ : ACCESS_READ_FOUND;
    static struct made made;
    struct access_want wants[ACCESS_WANTS_MAX] = {
        {NULL,       read_file,          options->config_file   },
        {"override", ACCESS_READ_FOUND,  config->served.override},
        {"books",    ACCESS_REPLACE,     config->books          },
        {"books",    ACCESS_WRITE_FOUND, config->books          },
        {"books",    ACCESS_WRITE_FOUND, made.wal               },
        {"books",    ACCESS_WRITE_FOUND, made.shared            },
        {"books",    ACCESS_READ_FOUND,  made.snapshot          },
    };
    size_t count = 7;

    (void)snprintf(made.wal, sizeof(made.wal), "%s-wal", config->books);
    (void)snprintf(made.shared, sizeof(made.shared), "%s-shm", config->books);
    cutover_config_snapshot(config, made.snapshot);
    count += want_log(config, &made, wants + count);
    count += redis_access_wants(&config->served.redis, wants + count);
    access_check(config->file, options, &daemon, wants, count, errors);
}
