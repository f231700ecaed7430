/*
 * ctl_hold - Postfix's hold queue, beside what the books say of who put a mail there, and
 * what is done with its mails.
 *
 * An id is looked at together with the time at which its mail arrived: Postfix gives ids
 * without `enable_long_queue_ids` again.  Root does all of it by Postfix's own programs;
 * anybody else has the root helper of [ctl] quarantine_command do it, which looks at both
 * once more.
 */
#ifndef POLICYD_CTL_CTL_HOLD_H
#define POLICYD_CTL_CTL_HOLD_H

#include "policyd/books/books_held.h"
#include "policyd/ctl/ctl.h"
#include "shared/base/buffer.h"

enum { CTL_HOLD_MAX = 100000 };

struct hold_mail {
    struct span id;
    int64_t arrival_s;
    uint64_t size;
    struct span from;
    struct span *to;
    size_t to_count;
    const struct held_mail *held; /* by whom and why; NULL: not by us */
    bool is_another;              /* than the one of this id that we held */
};

struct hold_queue {
    struct hold_mail *mails; /* by their arrival */
    size_t count;
    size_t ours;
    const char *books_silent; /* why nobody knows which are ours, or NULL */
};

/* All that is on hold, in ctl's arena. */
bool ctl_hold_read(struct ctl *ctl, struct hold_queue *queue, struct error *error);

/* Of that id, or NULL. */
const struct hold_mail *ctl_hold_find(const struct hold_queue *queue, struct span id);

enum hold_part { HOLD_HEADER, HOLD_ALL };

/* What the queue file has; what is above the ceiling of `out` is left out. */
bool ctl_hold_content(struct ctl *ctl, const struct hold_mail *mail, enum hold_part part,
    struct buffer *out, struct error *error);

/* Whether the file has the Message-ID that the books have of the mail we held; true where
 * either can't be told. */
bool ctl_hold_is_same(struct ctl *ctl, const struct hold_mail *mail);

enum hold_act { HOLD_RELEASE, HOLD_DELETE };

/* Those that are still the same are released or deleted; done[i] tells, by a look at the
 * queue afterwards. */
bool ctl_hold_act(struct ctl *ctl, enum hold_act act,
    const struct hold_mail *const *mails, size_t count, bool *done, struct error *error);

#endif
