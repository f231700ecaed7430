/*
 * clam_engine - libclamav: load signatures, scan one message.
 *
 * libclamav fails open: without a usable temporary folder, out of memory, or with its
 * temporary files cut it says "clean".  So its calls to the system are watched
 * (clam_calls), and one that fails makes a failed scan.  What it complains of besides is
 * a part it could not read: damaged.  Limits are asked to be reported, and a scanner must
 * find the EICAR test file before it is believed. One engine a process; loaded before,
 * used after fork (copy on write).  Not thread-safe.
 */
#ifndef MILTERS_SCAN_CLAM_ENGINE_H
#define MILTERS_SCAN_CLAM_ENGINE_H

#include "milters/mime/opened.h"
#include "milters/scan/scan_wire.h"
#include "shared/base/error.h"
#include "shared/service/config.h"

struct clam_engine;

struct clam_limits {
    uint64_t max_scan; /* octets scanned in all of a message */
    uint64_t max_file; /* octets of one part */
    uint64_t max_files;
    uint64_t max_recursion;
    uint64_t max_room; /* octets of its temporary files at a time */
    uint64_t scan_ms;  /* soft: looked at between parts */
};

/*
 * NULL: the folder has no signatures, or a broken file (named in the error).  Temporary
 * files go to the current folder of the process that scans.
 */
struct clam_engine *clam_engine_load(
    const char *folder, const struct clam_limits *limits, struct error *error);

/* What there is of the file system for temporary files; no end until then.  Where that
 * holds a file of the largest size it is a limit like others, else a want. */
void clam_engine_set_room(struct clam_engine *engine, uint64_t octets);

unsigned clam_engine_signatures(const struct clam_engine *engine);
int64_t clam_engine_time(
    const struct clam_engine *engine); /* of the newest database, unix time; 0 unknown */
void clam_engine_version(
    const struct clam_engine *engine, char *out, size_t size); /* "1.4.6/27345" */

/*
 * What libclamav would open by path during a scan, opened now: time zone, character sets,
 * OpenSSL.  Before the sandbox.
 */
void clam_engine_preload(void);

/*
 * Names in `allowed` (with or without .UNOFFICIAL) are no finding; what else is in the
 * mail is still found.  False: a call to the system failed, or time was over, whatever
 * came of it; who goes on scanning here would build on sand.
 */
bool clam_engine_scan(const struct clam_engine *engine, struct span message,
    const struct config_list *allowed, struct scan_result *result);

/* From now on told of each file that is looked at; NULL: nobody is. */
void clam_engine_watch(struct opened *opened);

/* What the scan under way has found so far, "": nothing.  For who is called in its
 * middle.
 */
const char *clam_engine_found(void);

/* Of two mails that have the EICAR test file attached, as it is and in an archive: the
 * whole way, temporary files included.  A permanent error is one of the signatures: they
 * do not find it. */
bool clam_engine_self_test(const struct clam_engine *engine, struct error *error);

#endif
