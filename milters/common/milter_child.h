/*
 * milter_child - forks the process of a role.
 *
 * It stands in a process group of its own, has default signal handlers and SIGPIPE
 * ignored, and of all descriptors the standard ones, those of its role and its end of the
 * control socket.
 */
#ifndef MILTERS_COMMON_MILTER_CHILD_H
#define MILTERS_COMMON_MILTER_CHILD_H

#include "milters/common/milter_supervise.h"

/* In the parent: the pid, and the parent's end by `control`; -1 and errno.  The child
 * runs the role and ends with its exit status. */
pid_t milter_child_fork(const struct supervise_role *role, int *control);

#endif
