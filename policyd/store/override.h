/*
 * override - the local file that wins over Redis, followed by inotify.
 *
 * The file need not exist, may be replaced by rename or written in place, and its folder
 * may come later.  A file that can't be read leaves in force what it said last; one that
 * is gone says nothing any more.  Bad lines are logged with their numbers; a domain that
 * has nothing else keeps what the file said of it before.  At start nothing is known of
 * what it said before: then what can't be read is unclear, and mail waits.
 */
#ifndef POLICYD_STORE_OVERRIDE_H
#define POLICYD_STORE_OVERRIDE_H

#include "policyd/replica/override_text.h"

struct event_base;
struct override;

/* Called once before override_watch returns, then after each change of what the file
 * says.  `unclear`: of a domain without an entry it may say something as well. */
typedef void override_changed(
    void *argument, const struct override_entry *entries, size_t count, bool unclear);

struct override *override_watch(struct event_base *base, const char *path,
    override_changed *callback, void *argument);
void override_free(struct override *override);

size_t override_count(const struct override *override); /* domains named */
size_t override_bad_lines(
    const struct override *override); /* of the file as it was read last */
const char *override_trouble(
    const struct override *override); /* why it can't be read; "": it can */

#endif
