#include "shared/service/privs.h"

#include "shared/service/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { GROUPS_MAX = 256, GROUP_NAME_SIZE = 256 };

static bool
is_given(const char *name)
{
    return name != NULL && name[0] != '\0';
}

/* Those that a later exec could give back, too. */
static void
drop_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0;
         capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static bool
add_groups(const char *names)
{
    gid_t groups[GROUPS_MAX];
    int count = getgroups(GROUPS_MAX, groups);
    struct span rest = span_of(names);
    struct span word;
    char name[GROUP_NAME_SIZE];

    while (count >= 0 && count < GROUPS_MAX && span_word(&rest, &word)) {
        const struct group *found =
            span_copy(word, name, sizeof(name)) ? getgrnam(name) : NULL;

        if (found != NULL)
            groups[count++] = found->gr_gid;
    }
    return count >= 0 && setgroups((size_t)count, groups) == 0;
}

/* Groups before the user, while we may; the kernel drops the capabilities with uid 0. */
static bool
change_ids(
    const char *user, uid_t uid, gid_t gid, const char *more_groups, struct error *error)
{
    drop_bounding_set();
    if (initgroups(user, gid) != 0 ||
        (is_given(more_groups) && !add_groups(more_groups)) ||
        setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return error_permanent(error, "can't become user %s: %s", user, strerror(errno));
    if (uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
        return error_permanent(error, "root could be had back from user %s", user);
    return true;
}

static bool
become(const char *user, const char *group, const char *more_groups, struct error *error)
{
    const struct passwd *entry = getpwnam(user);
    uid_t uid;
    gid_t gid;

    if (entry == NULL)
        return error_permanent(error, "there is no user %s", user);
    uid = entry->pw_uid;
    gid = entry->pw_gid;
    if (is_given(group)) {
        const struct group *found = getgrnam(group);

        if (found == NULL)
            return error_permanent(error, "there is no group %s", group);
        gid = found->gr_gid;
    }
    if (geteuid() == 0)
        return change_ids(user, uid, gid, more_groups, error);
    return uid == geteuid() ||
           error_permanent(error,
               "can't become user %s: not started as root (user = leaves it as it is)",
               user);
}

bool
privs_become(const char *user, const char *group, struct error *error)
{
    return privs_become_with(user, group, NULL, error);
}

bool
privs_become_with(
    const char *user, const char *group, const char *more_groups, struct error *error)
{
    if (is_given(user) && !become(user, group, more_groups, error))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_permanent(error, "no_new_privs: %s", strerror(errno));
    return true;
}

bool
privs_check_user(const void *field, struct error *error)
{
    const char *name = *(const char *const *)field;

    return !is_given(name) || getpwnam(name) != NULL ||
           error_permanent(error, "there is no user %s", name);
}

bool
privs_check_group(const void *field, struct error *error)
{
    const char *name = *(const char *const *)field;

    return !is_given(name) || getgrnam(name) != NULL ||
           error_permanent(error, "there is no group %s", name);
}

void
privs_warn_of_root(const char *user)
{
    if (!is_given(user) && geteuid() == 0)
        log_say(LOG_LEVEL_WARNING, "serving as root: set user = in the configuration");
}

void
privs_limits(void)
{
    struct rlimit none = {0, 0};
    struct rlimit files;

    (void)setrlimit(RLIMIT_CORE, &none);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}
