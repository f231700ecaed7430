#include "shared/service/access_check.h"

#include "shared/service/log.h"
#include "shared/service/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_LENGTH_MAX = 4096 };

static const char unit_group[] = "postshift";

/* What a unit makes before it starts the daemon, and lets it write in. */
static const char *const unit_folders[] = {
    "/var/spool/postfix/postshift", "/var/lib/postshift", "/run/postshift"};
/* What it hides from the daemon. */
static const char *const hidden_folders[] = {"/home", "/root", "/run/user"};

/* How the daemon will be started. */
enum start { START_AS_IS, START_BY_UNIT, START_AND_BECOME };

struct look {
    const struct config *config;
    const char *file;
    const struct access_daemon *daemon;
    enum start start;
    const char *user; /* for the words */
    struct buffer *errors;
};

static bool
is_below(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    return strncmp(path, folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0');
}

static bool
is_below_any(const char *path, const char *const *folders, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_below(path, folders[i]))
            return true;
    }
    return false;
}

static void
complain(const struct look *look, const char *key, const char *what)
{
    const char *point = key == NULL ? NULL : strchr(key, '.');
    char section[32];

    if (key == NULL) {
        buffer_printf(look->errors, "%s: %s\n", look->file, what);
        return;
    }
    if (point == NULL) {
        config_complain(
            look->config, look->errors, look->daemon->section, key, "%s", what);
        return;
    }
    (void)span_copy(span_make(key, (size_t)(point - key)), section, sizeof(section));
    config_complain(look->config, look->errors, section, point + 1, "%s", what);
}

/* `hint` tells what the administrator types. */
static void
refuse(const struct look *look, const struct access_want *want, const char *verb,
    const char *path, const char *hint)
{
    char text[PATH_LENGTH_MAX + 300];

    (void)snprintf(text, sizeof(text), "user %s can't %s %s: %s%s%s%s", look->user, verb,
        path, strerror(errno), hint[0] == '\0' ? "" : " (", hint,
        hint[0] == '\0' ? "" : ")");
    complain(look, want->key, text);
}

static bool
folder_of(const char *path, char folder[PATH_LENGTH_MAX])
{
    size_t length = span_find_last(span_of(path), '/');

    return length > 0 && length < strlen(path) &&
           span_copy(span_first(span_of(path), length), folder, PATH_LENGTH_MAX);
}

static void
look_readable(const struct look *look, const struct access_want *want)
{
    char hint[PATH_LENGTH_MAX + 100] = "";

    if (access(want->path, R_OK) == 0)
        return;
    if (errno == ENOENT && want->kind == ACCESS_READ_FOUND)
        return;
    if (want->hint != NULL)
        (void)snprintf(hint, sizeof(hint), "%s", want->hint);
    else if (want->key == NULL)
        (void)snprintf(hint, sizeof(hint), "chgrp %s %s; chmod 0640 %s", unit_group,
            want->path, want->path);
    refuse(look, want, "read", want->path, hint);
}

static void
look_changeable(const struct look *look, const struct access_want *want)
{
    char folder[PATH_LENGTH_MAX];

    if (!folder_of(want->path, folder) || access(folder, X_OK) != 0)
        return;
    if (access(want->path, R_OK | W_OK) != 0 && errno != ENOENT)
        refuse(look, want, "write", want->path, want->hint != NULL ? want->hint : "");
}

/* What it says is nobody's business here. */
static int
run_quietly(const char *const *words)
{
    char **argv; /* execve doesn't change them; its type is older than const */
    posix_spawn_file_actions_t actions;
    int status = 0;
    pid_t child;
    int failed;

    memcpy(&argv, &words, sizeof(argv));
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, 1, 2);
    failed = posix_spawnp(&child, words[0], &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (failed != 0)
        return failed;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return errno;
    }
    return status == 0 ? 0 : EACCES;
}

static void
look_runnable(const struct look *look, const struct access_want *want)
{
    int failed = run_quietly(want->words);

    if (failed == 0)
        return;
    errno = failed;
    refuse(look, want, failed == EACCES ? "read by" : "run", want->path,
        want->hint != NULL ? want->hint : "");
}

static void
look_connectable(const struct look *look, const struct access_want *want)
{
    char hint[PATH_LENGTH_MAX + 200];

    if (access(want->path, R_OK | W_OK) == 0 || errno == ENOENT)
        return;
    (void)snprintf(hint, sizeof(hint),
        "ls -l %s; usermod -aG with its group, then restart the daemon", want->path);
    errno = EACCES;
    refuse(look, want, "connect to", want->path, hint);
}

/* A missing folder that the unit makes, or that nobody asked for by name, is no fault. */
static void
look_writable(const struct look *look, const struct access_want *want, const char *folder)
{
    bool unit_makes = look->start == START_BY_UNIT &&
                      is_below_any(folder, unit_folders, ARRAY_LENGTH(unit_folders));

    if (access(folder, W_OK | X_OK) == 0)
        return;
    if (errno == ENOENT &&
        (unit_makes || !config_has(look->config, look->daemon->section, want->key)))
        return;
    refuse(look, want, "write in", folder, "");
}

/* A user who may not look into a socket's folder sees it in this list all the same. */
static bool
is_listened_at(const char *path)
{
    FILE *list = fopen("/proc/self/net/unix", "re");
    char line[512];
    bool found = false;

    while (list != NULL && !found && fgets(line, sizeof(line), list) != NULL) {
        const char *bound = strchr(line, '/');

        found = bound != NULL && strncmp(bound, path, strlen(path)) == 0 &&
                bound[strlen(path)] == '\n';
    }
    if (list != NULL)
        (void)fclose(list);
    return found;
}

/* By systemd, as its unit says as shipped, or already. */
static bool
is_opened_for_us(const struct look *look, const struct access_want *want)
{
    return (strcmp(look->user, look->daemon->unit_user) == 0 &&
               strcmp(want->path, want->preset) == 0) ||
           is_listened_at(want->path);
}

static void
look_bindable(const struct look *look, const struct access_want *want, const char *folder)
{
    char hint[PATH_LENGTH_MAX + 100];

    /* Root opens it first, and makes the folder. */
    if (look->start == START_AND_BECOME || geteuid() == 0)
        return;
    if (want->kind == ACCESS_BIND_GIVEN) {
        if (is_opened_for_us(look, want))
            return;
        (void)snprintf(hint, sizeof(hint),
            "systemd opens it where ListenStream= in %s.socket says so",
            look->daemon->program);
    } else {
        (void)snprintf(hint, sizeof(hint), "install -d -o %s -g postfix -m 2710 %s",
            look->user, folder);
    }
    if (access(folder, W_OK | X_OK) == 0)
        return;
    if (errno == ENOENT && look->start == START_BY_UNIT &&
        is_below_any(folder, unit_folders, ARRAY_LENGTH(unit_folders)))
        return;
    refuse(look, want, "make a socket in", folder, hint);
}

static void
look_at(const struct look *look, const struct access_want *want)
{
    char folder[PATH_LENGTH_MAX];

    if (want->path[0] == '\0')
        return;
    switch (want->kind) {
    case ACCESS_READ:
    case ACCESS_READ_FOUND:
        look_readable(look, want);
        break;
    case ACCESS_WRITE_FOUND:
        look_changeable(look, want);
        break;
    case ACCESS_RUN:
        look_runnable(look, want);
        break;
    case ACCESS_WRITE_IN:
        look_writable(look, want, want->path);
        break;
    case ACCESS_CONNECT:
        look_connectable(look, want);
        break;
    case ACCESS_REPLACE:
        if (folder_of(want->path, folder))
            look_writable(look, want, folder);
        break;
    case ACCESS_BIND:
    case ACCESS_BIND_GIVEN:
        if (folder_of(want->path, folder))
            look_bindable(look, want, folder);
        break;
    }
}

/* What the unit's ProtectSystem= and ProtectHome= forbid by themselves. */
static void
warn_of_walls(const struct look *look, const struct access_want *want)
{
    bool writes = want->kind == ACCESS_REPLACE || want->kind == ACCESS_WRITE_IN ||
                  want->kind == ACCESS_WRITE_FOUND || want->kind == ACCESS_BIND;

    if (want->path[0] != '/' || want->key == NULL)
        return;
    if (writes && !is_below_any(want->path, unit_folders, ARRAY_LENGTH(unit_folders)))
        log_say(LOG_LEVEL_WARNING,
            "%s: %s lies where %s.service may not write unless a drop-in says so "
            "(systemctl edit %s; [Service] ReadWritePaths=)",
            want->key, want->path, look->daemon->program, look->daemon->program);
    else if (is_below_any(want->path, hidden_folders, ARRAY_LENGTH(hidden_folders)))
        log_say(LOG_LEVEL_WARNING,
            "%s: %s is hidden from %s.service by ProtectHome= (put it elsewhere)",
            want->key, want->path, look->daemon->program);
}

static bool
is_usual_file(const struct daemon_options *options)
{
    return strcmp(options->config_file, DAEMON_CONFIG_FILE) == 0;
}

static enum start
start_of(const struct daemon_options *options, const struct access_daemon *daemon)
{
    if (geteuid() != 0)
        return START_AS_IS;
    if (is_usual_file(options) && getpwnam(daemon->unit_user) != NULL)
        return START_BY_UNIT;
    return daemon->user[0] == '\0' ? START_AS_IS : START_AND_BECOME;
}

static const char *
own_name(void)
{
    const struct passwd *user = getpwuid(geteuid());

    return user == NULL ? "(unknown)" : user->pw_name;
}

/* Who is not root can become nobody else. */
static void
look_at_user(const struct look *look)
{
    const char *wanted = look->daemon->user;
    char text[300];

    if (geteuid() == 0 || wanted[0] == '\0' || strcmp(wanted, look->user) == 0)
        return;
    (void)snprintf(text, sizeof(text), "user %s can't become %s: start it as root",
        look->user, wanted);
    complain(look, "user", text);
}

static void
look_at_all(const struct look *look, const struct access_want *wants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        look_at(look, &wants[i]);
}

/* In the child: becomes the user, looks, and writes the lines to `out`. */
static void
look_as_other(struct look *look, const struct access_want *wants, size_t count, int out)
{
    const char *group = look->start == START_BY_UNIT ? unit_group : look->daemon->group;
    struct buffer lines;
    struct error error;

    buffer_init(&lines, 1 << 16);
    look->errors = &lines;
    if (privs_become_with(look->user, group,
            look->start == START_BY_UNIT ? look->daemon->unit_groups : NULL, &error))
        look_at_all(look, wants, count);
    else
        complain(look, "user", error.text);
    for (size_t done = 0; done < lines.length;) {
        ssize_t count_written = write(out, lines.data + done, lines.length - done);

        if (count_written <= 0)
            _exit(EXIT_FAILURE);
        done += (size_t)count_written;
    }
    _exit(EXIT_SUCCESS);
}

static void
read_lines(int from, struct buffer *errors)
{
    char octets[4096];
    ssize_t count;

    while ((count = read(from, octets, sizeof(octets))) > 0)
        buffer_append(errors, span_make(octets, (size_t)count));
}

static void
look_in_child(struct look *look, const struct access_want *wants, size_t count)
{
    int ends[2];
    pid_t child;
    int status = 0;

    if (pipe(ends) != 0 || (child = fork()) < 0) {
        config_complain(look->config, look->errors, look->daemon->section, "user",
            "can't be tried: %s", strerror(errno));
        return;
    }
    if (child == 0)
        look_as_other(look, wants, count, ends[1]);
    (void)close(ends[1]);
    read_lines(ends[0], look->errors);
    (void)close(ends[0]);
    if (waitpid(child, &status, 0) != child || status != 0)
        config_complain(look->config, look->errors, look->daemon->section, "user",
            "what user %s may do could not be tried", look->user);
}

void
access_check(const struct config *config, const struct daemon_options *options,
    const struct access_daemon *daemon, const struct access_want *wants, size_t count,
    struct buffer *errors)
{
    enum start start = start_of(options, daemon);
    struct look look = {config, options->config_file, daemon, start,
        start == START_BY_UNIT      ? daemon->unit_user
        : start == START_AND_BECOME ? daemon->user
                                    : own_name(),
        errors};

    if (start == START_AS_IS) {
        look_at_user(&look);
        look_at_all(&look, wants, count);
    }
    if (start != START_AS_IS)
        look_in_child(&look, wants, count);
    for (size_t i = 0; start == START_BY_UNIT && i < count; i++)
        warn_of_walls(&look, &wants[i]);
}

size_t
access_want_sockets(struct access_want *wants, const char *key, enum access_kind kind,
    const struct config_sockets *sockets, const char *preset)
{
    size_t count = 0;

    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->items[i].kind == SOCKET_UNIX)
            wants[count++] =
                (struct access_want){key, kind, sockets->items[i].path, preset};
    }
    return count;
}
