/*
 * Becoming a user: nothing that root had is left.
 */
#include "tests/unit/unit.h"

#include "shared/service/privs.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `act` in a child, which says by its exit code what was wrong: 0 nothing. */
static int
run(int (*act)(void))
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(act());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Whether all capability sets of this process are empty, but for the line's own name. */
static bool
has_no_capabilities(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    int sets = 0;
    bool none = true;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "Cap", 3) != 0)
            continue;
        sets++;
        none = none && strtoull(line + 7, NULL, 16) == 0;
    }
    if (file != NULL)
        (void)fclose(file);
    return none && sets == 5;
}

static int
become_nobody(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    const struct group *postfix = getgrnam("postfix");
    struct error error = {.text = ""};
    gid_t groups[64];

    if (nobody == NULL || postfix == NULL)
        return 1;
    if (!privs_become("nobody", "postfix", &error))
        return 2;
    if (getuid() != nobody->pw_uid || geteuid() != nobody->pw_uid ||
        getgid() != postfix->gr_gid || getegid() != postfix->gr_gid)
        return 3;
    if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
        return 4;
    for (int i = getgroups(64, groups); i > 0; i--) {
        if (groups[i - 1] == 0)
            return 5;
    }
    if (!has_no_capabilities())
        return 6;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 7;
    /* Once more changes nothing; another user can't be had. */
    if (!privs_become("nobody", NULL, &error))
        return 8;
    if (privs_become("root", NULL, &error) ||
        strstr(error.text, "not started as root") == NULL)
        return 9;
    return 0;
}

static void
leaves_nothing_of_root(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("# only root can become another user\n");
        skip();
    }
    assert_int_equal(run(become_nobody), 0);
}

/* As a unit's SupplementaryGroups= gives them; the unknown one is passed over. */
static int
become_with_groups(void)
{
    const struct group *adm = getgrnam("adm");
    struct error error = {.text = ""};
    gid_t groups[64];

    if (adm == NULL)
        return 1;
    if (!privs_become_with("nobody", NULL, "no-such-group adm", &error))
        return 2;
    for (int i = getgroups(64, groups); i > 0; i--) {
        if (groups[i - 1] == adm->gr_gid)
            return setgid(0) == 0 ? 4 : 0;
    }
    return 3;
}

static void
has_the_groups_of_its_unit(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("# only root can become another user\n");
        skip();
    }
    assert_int_equal(run(become_with_groups), 0);
}

static int
stay(void)
{
    struct error error = {.text = ""};
    uid_t before = geteuid();

    if (!privs_become(NULL, NULL, &error) || !privs_become("", "", &error))
        return 1;
    if (geteuid() != before || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 2;
    return 0;
}

static void
stays_as_started_without_a_user(void **state)
{
    (void)state;
    assert_int_equal(run(stay), 0);
}

static int
become_strangers(void)
{
    struct error error = {.text = ""};

    if (privs_become("no-such-user", NULL, &error) ||
        strcmp(error.text, "there is no user no-such-user") != 0)
        return 1;
    if (privs_become("nobody", "no-such-group", &error) ||
        strcmp(error.text, "there is no group no-such-group") != 0)
        return 2;
    return 0;
}

static void
refuses_names_that_are_unknown(void **state)
{
    (void)state;
    assert_int_equal(run(become_strangers), 0);
}

static int
set_limits(void)
{
    struct rlimit limit = {16, 128};

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    privs_limits();
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur != 128)
        return 2;
    if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || limit.rlim_max != 0)
        return 3;
    return 0;
}

static void
raises_descriptors_and_forbids_cores(void **state)
{
    (void)state;
    assert_int_equal(run(set_limits), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_nothing_of_root),
        cmocka_unit_test(has_the_groups_of_its_unit),
        cmocka_unit_test(stays_as_started_without_a_user),
        cmocka_unit_test(refuses_names_that_are_unknown),
        cmocka_unit_test(raises_descriptors_and_forbids_cores),
    };

    return cmocka_run_group_tests_name("privs", tests, NULL, NULL);
}
