/*
 * scan_milter - the milter's handler: collect the message, have it scanned, decide,
 * reply.
 */
#ifndef MILTERS_SCAN_SCAN_MILTER_H
#define MILTERS_SCAN_SCAN_MILTER_H

#include "milters/scan/scan_config.h"
#include "milters/scan/scan_metrics.h"
#include "milters/scan/scan_run.h"

struct scan_service {
    const struct scan_config *config;
    struct scan_pool pool;
    struct scan_metrics *metrics;
    char host[256];
};

/* Serves on `fd` until the supervisor says otherwise (milter_run.h). */
int scan_milter_serve(struct scan_service *service, int fd, int control);

#endif
