#include "milters/scan/scan_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/base/number.h"
#include "shared/service/log.h"
#include "shared/service/sandbox.h"

/* Above what the engine takes: work space of a scan. */
static const rlim_t scan_memory = (rlim_t)1 << 30;

/* Rights that came after the first version of Landlock; a kernel's version masks them. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

static long
landlock_version(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool
scan_lock_has_landlock(void)
{
    return landlock_version() >= 1;
}

static uint64_t
landlock_rights(long version)
{
    uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* all of version 1 */

    if (version >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return rights;
}

/* From here on no path outside the current folder, whatever its mode says. */
static bool
landlock_enter(void)
{
    long version = landlock_version();
    struct landlock_ruleset_attr all = {.handled_access_fs = landlock_rights(version)};
    struct landlock_path_beneath_attr here = {
        .allowed_access = all.handled_access_fs & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE};
    int rules;
    bool done;

    if (version < 1)
        return false;
    rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
    here.parent_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    done = rules >= 0 && here.parent_fd >= 0 &&
           syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &here, 0) ==
               0 &&
           syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    if (here.parent_fd >= 0)
        (void)close(here.parent_fd);
    if (rules >= 0)
        (void)close(rules);
    return done;
}

static rlim_t
address_space(uint64_t max_file)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128] = "";
    struct span rest;
    struct span pages;
    uint64_t count;

    if (file == NULL)
        return RLIM_INFINITY;
    if (fgets(line, sizeof(line), file) == NULL)
        line[0] = '\0';
    (void)fclose(file);
    rest = span_of(line);
    if (!span_word(&rest, &pages) || !number_unsigned(pages, UINT32_MAX, &count))
        return RLIM_INFINITY;
    return (rlim_t)count * (rlim_t)sysconf(_SC_PAGESIZE) + scan_memory + (rlim_t)max_file;
}

static void
limit(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit both = {most, most};

    (void)setrlimit(resource, &both);
}

static void
set_limits(uint64_t max_file)
{
#ifndef POSTSHIFT_SANITIZED
    limit(RLIMIT_AS, address_space(max_file));
    limit(RLIMIT_NPROC, 0);
#else
    (void)address_space;
#endif
    /* A write beyond it fails with EFBIG, which libclamav reports: the scan has failed.
     */
    (void)signal(SIGXFSZ, SIG_IGN);
    limit(RLIMIT_FSIZE, (rlim_t)max_file);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 256);
    limit(RLIMIT_CPU, WORKER_CPU_MAX);
}

static bool
become(const struct scan_worker *worker, struct error *error)
{
    if (getuid() != 0 || worker->user == 0)
        return true;
    if (setgroups(0, NULL) < 0 ||
        setresgid(worker->group, worker->group, worker->group) < 0 ||
        setresuid(worker->user, worker->user, worker->user) < 0)
        return error_permanent(
            error, "a worker can't become its user: %s", strerror(errno));
    return true;
}

static bool
enter(const struct scan_folder *folder, struct error *error)
{
    bool on_disk = folder->memory < 0;

    if ((on_disk ? chdir(folder->path) : fchdir(folder->memory)) < 0)
        return error_permanent(error, "no temporary folder %s: %s",
            on_disk ? folder->path : "in memory", strerror(errno));
    if (!on_disk)
        (void)close(folder->memory);
    return true;
}

bool
scan_lock_enter(const struct scan_worker *worker, struct error *error)
{
    bool shut_in = false;

    if (!enter(worker->folder, error))
        return false;
    set_limits(worker->max_file);
    if (getuid() == 0 && !scan_lock_has_landlock())
        shut_in = chroot(".") == 0 && chdir("/") == 0;
    if (!become(worker, error))
        return false;
    /* Becoming a user clears it: so only now, and asked again whether the keeper is still
     * there. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != worker->keeper)
        return error_permanent(error, "the keeper is gone");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_permanent(error, "no_new_privs: %s", strerror(errno));
    (void)prctl(PR_SET_DUMPABLE, 0);
    shut_in = landlock_enter() || shut_in;
    if (!shut_in && worker->require_sandbox)
        return error_permanent(error,
            "a worker can't be shut in: this kernel has no Landlock and chroot "
            "needs root (require_sandbox = no goes on without)");
    return sandbox_enter(SANDBOX_SCAN_WORKER, error) || !worker->require_sandbox;
}
