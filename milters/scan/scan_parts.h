/*
 * scan_parts - a message as a whole, then each part of it that the library did not see.
 *
 * libclamav reads mail by its own lights; what mail programs show of it besides is found
 * by mime_read and given to it as a file.  What it never opened, and what has two
 * readings, is doubted and not called clean.
 */
#ifndef MILTERS_SCAN_SCAN_PARTS_H
#define MILTERS_SCAN_SCAN_PARTS_H

#include "milters/scan/clam_engine.h"

/* False: as of clam_engine_scan. */
bool scan_parts_run(const struct clam_engine *engine, struct span message,
    const struct config_list *allowed, struct scan_result *result);

#endif
