#include "shared/service/sandbox.h"

#include "shared/base/span.h"
#include "shared/service/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#ifndef POSTSHIFT_SANITIZED

#include <asm/termbits.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Calls by what they are for, parted by blanks; an architecture that doesn't have one
 * passes it over. */
struct calls {
    const char *why;
    const char *names;
};

/* clang-format off */
static const struct calls common[] = {
    {"malloc", "brk madvise mremap munmap"},
    {"clocks, where the vDSO has none", "clock_getres clock_gettime gettimeofday time"},
    {"ends of threads and of the process", "exit exit_group"},
    {"raise and abort", "gettid getpid rt_sigprocmask"},
    {"the way back from a handler", "sigreturn rt_sigreturn"},
    {"reading and writing", "close lseek pread64 read write writev"},
    {"what a descriptor is", "fstat fstat64 fstatat64 newfstatat statx"},
    {"older names of the same", "stat lstat stat64 lstat64"},
    {"random numbers: libcrypto, malloc", "getrandom"},
    {"locks", "futex futex_time64"},
    {NULL, NULL},
};

static const struct calls serving[] = {
    {"evbuffer", "readv preadv pwrite64 pwritev"},
    {"descriptors", "fcntl fcntl64 dup dup2 dup3 close_range"},
    {"files by path",
        "open openat access faccessat faccessat2 readlink readlinkat umask"},
    {"folders", "getcwd getdents getdents64 mkdir mkdirat rmdir statfs fstatfs"},
    {"a snapshot: write, sync, rename",
        "rename renameat renameat2 unlink unlinkat chmod fchmod fchmodat "
        "ftruncate fsync fdatasync"},
    {"a file that is touched, one that is locked", "utimensat flock"},
    {"a message in memory", "memfd_create"},
    {"connections", "connect accept accept4 bind listen shutdown socketpair"},
    {"what goes over them", "sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg"},
    {"their options", "getsockname getpeername getsockopt setsockopt"},
    {"waiting", "poll ppoll ppoll_time64 select pselect6 nanosleep clock_nanosleep"},
    {"libevent",
        "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait "
        "epoll_pwait2 eventfd eventfd2 pipe pipe2"},
    {"timers", "timerfd_create timerfd_settime timerfd_gettime alarm setitimer"},
    {"files that change",
        "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch"},
    {"signals",
        "rt_sigaction rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack "
        "restart_syscall kill"},
    {"children", "wait4 waitid getppid getpgrp getpgid setpriority"},
    {"who we are", "getuid geteuid getgid getegid getresuid getresgid getgroups"},
    {"threads",
        "set_robust_list set_tid_address rseq sched_yield sched_getaffinity "
        "membarrier getcpu"},
    {"metrics", "getrlimit getrusage times sysinfo uname"},
    {NULL, NULL},
};

/* As seen with libclamav on all kinds of archives: files in its own folder, and the
 * descriptors that come to it.  chmod is for members of archives. */
static const struct calls scanning[] = {
    {"its folder",
        "open openat access faccessat faccessat2 getdents64 unlink unlinkat "
        "mkdir mkdirat rmdir chmod fchmodat ftruncate ftruncate64"},
    {"messages and answers", "poll ppoll ppoll_time64 recvmsg sendmsg sendto"},
    {"waiting for them", "epoll_ctl epoll_wait epoll_pwait epoll_pwait2"},
    {"other ways to read and write", "readv preadv pwrite64 pwritev fsync fdatasync"},
    {"other ways to keep its files", "dup fchmod rename renameat renameat2"},
    {"a moment's rest", "sched_yield nanosleep clock_nanosleep"},
    {NULL, NULL},
};

/* What a library may ask without harm, and goes on without an answer: an error is enough
 * (libxml2 asks getcwd for each document).  Death is for what an attacker needs: sockets,
 * programs, code, processes. */
static const struct calls refused[] = {
    {"where it is", "getcwd readlink readlinkat chdir fchdir"},
    {"what machine it is on", "uname sysinfo statfs fstatfs"},
    {"who it is", "getuid geteuid getgid getegid getresuid getresgid getgroups "
        "getppid getpgrp getpgid getsid"},
    {"what it may use, has used",
        "getrlimit prlimit64 getrusage times sched_getaffinity getcpu getpriority"},
    {"threads that are not there",
        "set_robust_list set_tid_address rseq membarrier sched_setaffinity"},
    {"signals", "rt_sigaction rt_sigpending sigaltstack alarm setitimer"},
    {"a terminal", "ioctl"},
    {"links, owners, times of files",
        "link linkat symlink symlinkat mknod mknodat chown fchown lchown fchownat "
        "utime utimes utimensat futimesat umask"},
    {"room, locks, advice", "fallocate flock fadvise64 readahead sync syncfs msync mincore"},
    {"attributes of files", "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr"},
    {"copies within the kernel", "copy_file_range sendfile splice tee"},
    {"more descriptors", "dup2 dup3 pipe pipe2 eventfd2 memfd_create inotify_init1"},
    {NULL, NULL},
};

/* clang-format on */

/* A call that is allowed for some values of one argument. */
struct rule {
    const char *name;
    struct scmp_arg_cmp compare;
};

#define RULE(name, argument, compare, ...)                                               \
    {                                                                                    \
        name,                                                                            \
        {                                                                                \
            argument, compare, __VA_ARGS__                                               \
        }                                                                                \
    }

enum {
    NEW_NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                     CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
};

static const struct rule no_new_code[] = {
    RULE("mmap", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
    RULE("mmap2", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
    RULE("mprotect", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
    {NULL},
};

static const struct rule serving_rules[] = {
    RULE("socket", 0, SCMP_CMP_EQ, AF_UNIX, 0),
    RULE("socket", 0, SCMP_CMP_EQ, AF_INET, 0),
    RULE("socket", 0, SCMP_CMP_EQ, AF_INET6, 0),
    RULE("socket", 0, SCMP_CMP_EQ, AF_NETLINK, 0), /* our own addresses: getifaddrs */
    RULE("ioctl", 1, SCMP_CMP_EQ, FIONREAD, 0),    /* evbuffer_read */
    RULE("ioctl", 1, SCMP_CMP_EQ, FIONBIO, 0),
    RULE("ioctl", 1, SCMP_CMP_EQ, TCGETS, 0), /* isatty, of stdio */
    RULE("prctl", 0, SCMP_CMP_EQ, PR_SET_NAME, 0),
    RULE("prctl", 0, SCMP_CMP_EQ, PR_SET_PDEATHSIG, 0),
    RULE("prlimit64", 2, SCMP_CMP_EQ, 0, 0), /* to look, not to set */
    {NULL},
};

/* The child that writes a snapshot; no namespaces. */
static const struct rule may_fork[] = {
    RULE("clone", 0, SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0),
    {NULL},
};

static const struct rule may_thread[] = {
    RULE("clone", 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD),
    {NULL},
};

static const struct rule scanning_rules[] = {
    RULE("fcntl", 1, SCMP_CMP_EQ, F_GETFL, 0),
    RULE("fcntl", 1, SCMP_CMP_EQ, F_GET_SEALS, 0),
    RULE("fcntl64", 1, SCMP_CMP_EQ, F_GETFL, 0),
    RULE("fcntl64", 1, SCMP_CMP_EQ, F_GET_SEALS, 0),
    {NULL},
};

/* Arrays that end where their items have no name. */
struct list {
    const char *name;
    const struct calls *calls[2];
    const struct rule *rules[3];
    const struct calls *refused; /* of one that kills: what is no reason to */
};

static const struct list lists[] = {
    [SANDBOX_EVENT_DAEMON] = {"event daemon", {common, serving},
                              {no_new_code, serving_rules, may_fork},   NULL   },
    [SANDBOX_MILTER] = {"milter",       {common, serving},
                              {no_new_code, serving_rules, may_thread}, NULL   },
    [SANDBOX_SCAN_WORKER] = {"scan worker",  {common, scanning},
                              {no_new_code, scanning_rules, NULL},      refused},
};

/* Gives a negative errno, or 0; as all that follow. */
static int
allow(scmp_filter_ctx filter, struct span name, const struct scmp_arg_cmp *compare)
{
    char text[32];
    int number;

    if (!span_copy(name, text, sizeof(text)))
        return -EINVAL;
    number = seccomp_syscall_resolve_name(text);
    if (number < 0)
        return 0;
    return seccomp_rule_add_exact_array(
        filter, SCMP_ACT_ALLOW, number, compare == NULL ? 0 : 1, compare);
}

static int
refuse(scmp_filter_ctx filter, struct span name)
{
    char text[32];
    int number;

    if (!span_copy(name, text, sizeof(text)))
        return -EINVAL;
    number = seccomp_syscall_resolve_name(text);
    return number < 0 ? 0 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), number, 0);
}

static int
refuse_calls(scmp_filter_ctx filter, const struct calls *calls)
{
    int result = 0;

    for (; calls != NULL && calls->names != NULL && result == 0; calls++) {
        struct span rest = span_of(calls->names);
        struct span name;

        while (result == 0 && span_word(&rest, &name))
            result = refuse(filter, name);
    }
    return result;
}

static int
allow_calls(scmp_filter_ctx filter, const struct calls *calls)
{
    int result = 0;

    for (; calls->names != NULL; calls++) {
        struct span rest = span_of(calls->names);
        struct span name;

        while (result == 0 && span_word(&rest, &name))
            result = allow(filter, name, NULL);
    }
    return result;
}

static int
allow_rules(scmp_filter_ctx filter, const struct rule *rule)
{
    int result = 0;

    for (; rule != NULL && rule->name != NULL && result == 0; rule++)
        result = allow(filter, span_of(rule->name), &rule->compare);
    return result;
}

/* A raise of one's own; and the one call glibc must hear ENOSYS of, to take another. */
static int
allow_own(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid());
    int result = allow(filter, SPAN("tgkill"), &self);

    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return result;
}

static int
fill(scmp_filter_ctx filter, const struct list *list)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    for (size_t i = 0; i < ARRAY_LENGTH(list->calls) && result == 0; i++)
        result = allow_calls(filter, list->calls[i]);
    for (size_t i = 0; i < ARRAY_LENGTH(list->rules) && result == 0; i++)
        result = allow_rules(filter, list->rules[i]);
    if (result == 0)
        result = refuse_calls(filter, list->refused);
    return result == 0 ? allow_own(filter) : result;
}

bool
sandbox_enter(enum sandbox_list list, struct error *error)
{
    scmp_filter_ctx filter = seccomp_init(
        lists[list].refused != NULL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));
    int result = filter == NULL ? -ENOMEM : fill(filter, &lists[list]);

    /* A binary tree instead of a row of comparisons; a library that has none goes on. */
    if (result == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (result == 0)
        result = seccomp_load(filter);
    if (filter != NULL)
        seccomp_release(filter);
    if (result != 0)
        return error_permanent(
            error, "sandbox (%s): %s", lists[list].name, strerror(-result));
    return true;
}

#else

bool
sandbox_enter(enum sandbox_list list, struct error *error)
{
    (void)list;
    (void)error;
    log_say(LOG_LEVEL_DEBUG, "no sandbox: built with a sanitizer");
    return true;
}

#endif
