/*
 * log_journal - the mail lines of the journal, by a child journalctl that follows it.
 */
#ifndef POLICYD_FOLLOW_LOG_JOURNAL_H
#define POLICYD_FOLLOW_LOG_JOURNAL_H

#include "shared/base/buffer.h"

struct log_journal;

/* `cursor` is the journal's own, "" for the first start: from its beginning. */
struct log_journal *log_journal_new(struct span cursor);
void log_journal_free(struct log_journal *journal); /* ends the child */

/* False: none now.  A child that ended is started again, at most once in 5 s. */
bool log_journal_next(struct log_journal *journal, struct span *line);
void log_journal_position(const struct log_journal *journal, struct buffer *out);
const char *log_journal_trouble(const struct log_journal *journal);

#endif
