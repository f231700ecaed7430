/*
 * compare_folders - which folder of new is the counterpart of one of old.  Pure.
 *
 * INBOX is INBOX; one with a special use (RFC 6154) is the one of that use, where both
 * sides have just one; any other is the one of the same path, whatever separates its
 * parts, and whether a side keeps all below INBOX.
 */
#ifndef POLICYD_COMPARE_COMPARE_FOLDERS_H
#define POLICYD_COMPARE_COMPARE_FOLDERS_H

#include "policyd/compare/imap_answer.h"

/* Its place in `new`, or `count`: new has none. */
size_t compare_folders_find(const struct imap_list *old_folders, size_t old_count,
    size_t folder, const struct imap_list *new_folders, size_t count);

#endif
