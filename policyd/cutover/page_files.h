/*
 * page_files - the status page's own files, as the build took them into the program:
 * `/`, /page.css and /page.js.
 *
 * The page is read-only and draws what /status.json says (plan_page.h).
 */
#ifndef POLICYD_CUTOVER_PAGE_FILES_H
#define POLICYD_CUTOVER_PAGE_FILES_H

#include "shared/base/buffer.h"

/* False: there is no such file, and nothing was changed. */
bool page_files_write(const char *path, struct buffer *body, const char **content_type);

#endif
