/*
 * sandbox - what a program may still ask of the kernel once it serves (libseccomp).
 *
 * Named lists, each an array of syscall names in sandbox.c with the reason beside it.  A
 * call outside the list fails with EPERM (SANDBOX_EVENT_DAEMON, ...) or kills the process
 * (scan workers, but for calls that do no harm, which fail).  Compiled out under
 * sanitizers (POSTSHIFT_SANITIZED), which need more calls; sandbox_enter then says so at
 * debug level.
 */
#ifndef SHARED_SERVICE_SANDBOX_H
#define SHARED_SERVICE_SANDBOX_H

#include "shared/base/error.h"

enum sandbox_list {
    SANDBOX_EVENT_DAEMON, /* policyd: sockets, files below its paths, fork for the
                             snapshot; no exec */
    SANDBOX_MILTER,       /* serving process of a milter: threads, sockets; no exec */
    SANDBOX_SCAN_WORKER,  /* facts of libclamav: no sockets, no exec, no executable pages;
                             kills */
};

bool sandbox_enter(enum sandbox_list list, struct error *error);

#endif
