/*
 * milter_session_libmilter - milter_session.h on libmilter.
 */
#ifndef MILTERS_COMMON_MILTER_SESSION_LIBMILTER_H
#define MILTERS_COMMON_MILTER_SESSION_LIBMILTER_H

#include "milters/common/milter_run.h"

#include <libmilter/mfapi.h>

/* What to register; both are borrowed for good.  Once a process. */
struct smfiDesc milter_session_callbacks(
    const struct milter_run *run, struct milter_counts *counts);

#endif
