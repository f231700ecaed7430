/*
 * ctl_compare_read - one side of a comparison: folders and mails, read over IMAP.
 */
#ifndef POLICYD_CTL_CTL_COMPARE_READ_H
#define POLICYD_CTL_CTL_COMPARE_READ_H

#include "policyd/compare/compare_match.h"
#include "policyd/ctl/ctl_imap.h"
#include "shared/base/hash.h"

enum { COMPARE_FOLDERS_MAX = 10000, COMPARE_MAILS_MAX = 500000 };

struct compare_side {
    struct ctl_imap *imap;
    const char *name; /* "old", "new" */
    struct imap_list *folders;
    size_t folder_count;
    struct compare_mail *mails; /* of the folder that was read last */
    size_t count;
    struct hash_key key; /* of Message-IDs; the same for both sides */
};

bool compare_side_list(struct compare_side *side, struct error *error);

/* All mails of a folder, which stays selected; EXAMINE and BODY.PEEK. */
bool compare_side_read(
    struct compare_side *side, const char *folder, struct error *error);

/* Names by uid; each is told as often as the server has it. */
typedef void compare_side_named(void *argument, uint32_t uid, const char *message_id);
bool compare_side_names(struct compare_side *side, const uint32_t *uids, size_t count,
    compare_side_named *named, void *argument, struct error *error);

void compare_side_clear(struct compare_side *side);

#endif
