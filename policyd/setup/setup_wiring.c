#include "policyd/setup/setup_wiring.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "policyd/setup/setup_change.h"
#include "policyd/setup/setup_file.h"
#include "policyd/wiring/postfix_text.h"
#include "shared/base/number.h"

/* A tick of the clock, which is how exactly the start of a process is known, and one
 * more. */
enum { GROUPS_MAX = 64, STAT_MAX = 4096, NANO = 1000000000, SLACK_NS = 20000000 };

/* A word of /proc/PID/stat, counted from 1; those from the third on stand behind the
 * name, which may hold anything. */
static bool
process_number(struct span stat_line, int word, uint64_t *number)
{
    struct span rest = span_from(stat_line, span_find_last(stat_line, ')') + 1);
    struct span found = SPAN("");

    for (int i = 3; i <= word; i++) {
        if (!span_word(&rest, &found))
            return false;
    }
    return number_unsigned(span_trim(found), INT64_MAX, number);
}

static bool
read_small(const char *path, char text[STAT_MAX], struct span *span)
{
    FILE *file = fopen(path, "re");
    size_t got;

    if (file == NULL)
        return false;
    got = fread(text, 1, STAT_MAX, file);
    (void)fclose(file);
    *span = span_make(text, got);
    return got > 0;
}

/* When a queue manager that is a child of the master began, in nanoseconds of real time;
 * 0: it is none. */
static int64_t
began_as_manager(struct arena *arena, const char *pid, uint64_t master)
{
    char text[STAT_MAX];
    struct span line;
    uint64_t parent;
    uint64_t ticks;
    struct timespec real;
    struct timespec boot;

    if (!read_small(arena_printf(arena, "/proc/%s/stat", pid), text, &line) ||
        span_find_text(span_first(line, span_find_last(line, ')') + 1), SPAN("qmgr)")) ==
            SPAN_NONE ||
        !process_number(line, 4, &parent) || parent != master ||
        !process_number(line, 22, &ticks) || clock_gettime(CLOCK_REALTIME, &real) != 0 ||
        clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        return 0;
    return (real.tv_sec - boot.tv_sec) * NANO + real.tv_nsec - boot.tv_nsec +
           (int64_t)ticks * (NANO / sysconf(_SC_CLK_TCK));
}

/* The queue manager begins anew at each reload: what it was started by is what runs. */
static int64_t
find_last_reload(const struct setup_site *site)
{
    char text[STAT_MAX];
    struct span number;
    uint64_t master;
    struct dirent *entry;
    int64_t began = 0;
    DIR *processes;

    if (!read_small(
            arena_printf(site->arena, "%s/pid/master.pid", site->queue), text, &number) ||
        !number_unsigned(span_trim(number), INT32_MAX, &master))
        return 0;
    processes = opendir("/proc");
    while (processes != NULL && began == 0 && (entry = readdir(processes)) != NULL) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            began = began_as_manager(site->arena, entry->d_name, master);
    }
    if (processes != NULL)
        (void)closedir(processes);
    return began;
}

static const char *
find_newer(const struct setup_site *site)
{
    int64_t began = setup_site_is_running(site) ? find_last_reload(site) : 0;

    for (size_t i = 0; i < SETUP_FILES && began != 0; i++) {
        const char *path =
            arena_printf(site->arena, "%s/%s", site->directory, setup_file_names[i]);
        struct stat status;

        if (stat(path, &status) == 0 &&
            status.st_mtim.tv_sec * NANO + status.st_mtim.tv_nsec > began + SLACK_NS)
            return path;
    }
    return NULL;
}

/* Whether the mode lets Postfix's user do what `bit` says (of rwx, for others). */
static bool
lets(const struct stat *status, const struct passwd *user, mode_t bit)
{
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;

    if (status->st_uid == user->pw_uid)
        return (status->st_mode & (bit << 6)) != 0;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        count = GROUPS_MAX;
    for (int i = 0; i < count; i++) {
        if (groups[i] == status->st_gid)
            return (status->st_mode & (bit << 3)) != 0;
    }
    return (status->st_mode & bit) != 0;
}

/* Somebody listens there. */
static const char *
try_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;
    int failed = 0;

    if (!span_copy(span_of(path), address.sun_path, sizeof(address.sun_path)))
        return NULL;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        failed = errno;
    (void)close(fd);
    return failed == ECONNREFUSED ? "nobody listens there" : NULL;
}

static const char *
find_trouble(const struct setup_site *site, const char *path, const struct stat *folder)
{
    struct passwd *user = getpwnam(site->owner);
    struct stat status;

    if (stat(path, &status) != 0)
        return errno == EACCES ? NULL : strerror(errno);
    if (!S_ISSOCK(status.st_mode))
        return "it is no socket";
    if (user != NULL && (!lets(folder, user, S_IXOTH) || !lets(&status, user, S_IWOTH)))
        return arena_printf(site->arena, "its mode keeps user %s out", site->owner);
    return try_socket(path);
}

static const char *
owner_name(const struct setup_site *site, uid_t owner)
{
    struct passwd *user = getpwuid(owner);

    return user != NULL ? arena_text(site->arena, span_of(user->pw_name))
                        : arena_printf(site->arena, "%u", (unsigned)owner);
}

/* Nobody but policyd's user and root may write where the socket lies. */
static const char *
find_threat(const struct setup_site *site, const char *path, const struct stat *folder,
    const char *policyd)
{
    struct passwd *user = policyd[0] != '\0' ? getpwnam(policyd) : NULL;
    struct stat status;

    if ((folder->st_mode & S_IWOTH) != 0)
        return "everybody may write in its folder";
    if ((folder->st_mode & S_IWGRP) != 0 && folder->st_gid != 0)
        return "a group may write in its folder";
    if (folder->st_uid == 0 || (user != NULL && folder->st_uid == user->pw_uid) ||
        (user == NULL && stat(path, &status) == 0 && status.st_uid == folder->st_uid))
        return NULL;
    return arena_printf(
        site->arena, "its folder belongs to %s", owner_name(site, folder->st_uid));
}

static void
look_at_socket(struct wiring_facts *facts, const struct setup_site *site,
    const char *name, const struct socket_address *address, const char *user)
{
    struct wiring_socket *found = &facts->sockets[facts->socket_count++];
    struct stat folder;
    const char *slash;

    *found = (struct wiring_socket){.name = name};
    if (address->kind != SOCKET_UNIX)
        return;
    found->path = address->path;
    slash = strrchr(address->path, '/');
    if (stat(arena_text(site->arena,
                 span_make(address->path, (size_t)(slash - address->path) + 1)),
            &folder) != 0) {
        found->trouble = errno == EACCES ? NULL : strerror(errno);
        return;
    }
    found->trouble = find_trouble(site, address->path, &folder);
    found->threat = find_threat(site, address->path, &folder, user);
}

void
setup_wiring_look(
    struct wiring_facts *facts, const struct setup_site *site, const char *user)
{
    struct postfix_service service;
    struct setup_plan removal;
    struct error ignored;

    facts->by_filter = site->facts.by_filter;
    facts->has_services = postfix_text_find_service(
        site->facts.services, SPAN("rewrite-cutover"), "unix", &service);
    facts->was_wired =
        setup_change_is_recorded(site) ||
        (setup_plan_make(&removal, SETUP_REMOVE, &site->facts, site->arena, &ignored) &&
            removal.count > 0);
    facts->newer = find_newer(site);
    facts->is_stopped = geteuid() == 0 && !setup_site_is_running(site);
    facts->plan_is_sure = geteuid() == 0;
    if (!site->facts.by_filter)
        look_at_socket(facts, site, "route", site->route, user);
    look_at_socket(facts, site, "policy", site->policy, user);
}
