/*
 * metrics_process - what every daemon tells of its own process, from /proc.
 */
#ifndef SHARED_SERVICE_METRICS_PROCESS_H
#define SHARED_SERVICE_METRICS_PROCESS_H

#include "shared/base/buffer.h"

/* The families process_cpu_seconds_total, process_resident_memory_bytes,
 * process_open_fds, process_max_fds, process_start_time_seconds; what can't be found out
 * is left out. */
void metrics_process_write(struct buffer *out);

#endif
