/*
 * journal_export - entries in the journal's export format to log lines.  Pure.
 *
 *     FIELD=value LF, or FIELD LF length (64 bits, little endian) octets LF; an empty
 * line ends an entry.
 *
 * An entry becomes `STAMP HOST IDENTIFIER[PID]: MESSAGE`, its line ends blanks, what
 * can't stand in its head `?`, with the time at which the journal took it in, in UTC.
 * Entries over 256 KiB are passed over.
 */
#ifndef POLICYD_MAILLOG_JOURNAL_EXPORT_H
#define POLICYD_MAILLOG_JOURNAL_EXPORT_H

#include "shared/base/buffer.h"
#include "shared/base/wire.h"

enum { JOURNAL_ENTRY_MAX = 256 << 10 };

struct journal_entry {
    struct span cursor; /* borrowed from the octets */
    size_t length;      /* octets of the entry */
};

/*
 * Reads the entry at the start of `octets`; its line is appended to `line` (none where it
 * lacks an identifier or a message).  WIRE_MORE: not all of it is there.  WIRE_BAD: this
 * is no export.
 */
enum wire_result journal_export_read(
    struct span octets, struct journal_entry *entry, struct buffer *line);

#endif
