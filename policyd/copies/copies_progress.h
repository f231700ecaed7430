/*
 * copies_progress - how far an undo has come, as lines of a file that only grows.  Pure.
 *
 * "begin DIGEST" is on the disk before a message is sent to somebody, "sent DIGEST" once
 * the other side has taken it, "over DIGEST" where it has refused; the digest is that of
 * queue id and recipient, so the file names nobody.  One that has begun and nothing more
 * may have arrived: it is sent again, and is "twice DIGEST" from then on.  A last line
 * without its end was never written.
 */
#ifndef POLICYD_COPIES_COPIES_PROGRESS_H
#define POLICYD_COPIES_COPIES_PROGRESS_H

#include "shared/base/buffer.h"
#include "shared/base/digest.h"

enum copies_step {
    COPIES_BEGUN,
    COPIES_SENT,
    COPIES_TWICE, /* sent, and perhaps before as well, by a run that was ended then */
    COPIES_REFUSED,
    COPIES_FOUND, /* there is a copy: in memory alone, never in the file */
};

struct copies_digest {
    uint8_t octets[DIGEST_SHA256_SIZE];
};

void copies_digest_make(
    struct span queue_id, struct span recipient, struct copies_digest *digest);

void copies_progress_write(
    struct buffer *out, enum copies_step step, const struct copies_digest *digest);

struct copies_progress;

/* What the file says, the last word of each; a line that is none of ours is passed over.
 */
struct copies_progress *copies_progress_read(struct span text);
void copies_progress_free(struct copies_progress *progress);

void copies_progress_put(struct copies_progress *progress,
    const struct copies_digest *digest, enum copies_step step);

/* What was said of it last; false: nothing. */
bool copies_progress_find(const struct copies_progress *progress,
    const struct copies_digest *digest, enum copies_step *step);

#endif
